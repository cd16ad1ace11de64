from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.redaction import (
    MARK,
    SECRETS_MAX,
    forget_secrets,
    holds_secret,
    redact,
    redact_own,
    redact_values,
    register_environment,
    register_headers,
    register_secrets,
    without_user,
)

TOKEN = "IQoJb3JpZ2luX2VjE/token+with=signs=="
HASH = "0123456789abcdef" * 4
SCOPE = "20261124/us-east-1/s3vectors/aws4_request"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential=AKIDNOTREGISTERED/{SCOPE}, SignedHeaders=host;x-amz-date, Signature={HASH}"
)
CANONICAL = (
    "POST\n/PutVectors\n\ncontent-type:application/json\nhost:a.example\nx-amz-date:20261124T100000Z\n"
    f"x-amz-security-token:NotRegistered\n\ncontent-type;host;x-amz-date;x-amz-security-token\n{HASH}"
)
STRING_TO_SIGN = f"AWS4-HMAC-SHA256\n20261124T100000Z\n{SCOPE}\n{HASH}"


@pytest.mark.parametrize(
    "shown",
    [
        TOKEN,
        quote(TOKEN, safe=""),
        quote(TOKEN, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d"),
        TOKEN.replace("/", "\\/"),
        json.dumps(TOKEN),
        repr(TOKEN.encode()),
    ],
    ids=["plain", "percent", "percent-lower", "json-slash", "json", "bytes"],
)
def test_a_secret_in_use_is_replaced_in_every_form(shown: str) -> None:
    """A server may repeat it in a URL, in JSON or in a message."""
    register_secrets(TOKEN)
    assert MARK in redact(f"you sent {shown}!")
    assert "token" not in redact(f"you sent {shown}!")


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: {AUTHORIZATION}",
        f"authorization={AUTHORIZATION} | Host: a",
        json.dumps({"headers": {"Authorization": AUTHORIZATION}}),
        json.dumps(json.dumps({"headers": {"Authorization": AUTHORIZATION}})),
        str({"Authorization": AUTHORIZATION.encode()}),
        f"The Canonical String for this request should have been\n'{CANONICAL}'\n",
        json.dumps({"message": CANONICAL}),
        f"The String-to-Sign should have been\n'{STRING_TO_SIGN}'",
        json.dumps({"message": STRING_TO_SIGN}),
        f"https://a.example/?X-Amz-Credential=AKIDNOTREGISTERED%2F{SCOPE}&X-Amz-Signature={HASH}",
        f"the signature was {HASH}",
        "X-Amz-Security-Token: NotRegistered",
        "[('x-amz-security-token', 'NotRegistered')]",
        "Authorization: Bearer NotRegistered",
        "http://NotRegistered:pw@a.example/",
    ],
)
def test_parts_of_a_signed_request_are_replaced(text: str) -> None:
    """They are recognised by their form, whoever signed the request."""
    found = redact(text)
    assert MARK in found
    for secret in ("NotRegistered", "NOTREGISTERED", "AWS4-", "Signature=", HASH):
        assert secret not in found


@pytest.mark.parametrize(
    "text",
    [
        "GetIndex failed with 403 AccessDeniedException: User: arn:aws:iam::1:user/a may not call s3vectors",
        "Authorization: an unsigned request was not refused",
        "authorization, authentication and misconfiguration",
        "The request signature we calculated does not match the signature you provided.",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html, https://a.example/@scope/b",
        "somebody@a.example; 12.5 ms; p(99) < 250ms",
        f"x-amz-content-sha256: {HASH}",
    ],
)
def test_other_text_stays(text: str) -> None:
    """Messages about signatures are no secrets, and neither is the hash of a body."""
    assert redact(text) == text


def test_words_are_not_secrets() -> None:
    """Servers for tests accept `test` as a key, which appears in other text."""
    register_secrets("test", None, "", "testing")
    assert redact("the latest test, testing") == "the latest test, testing"


def test_the_longest_secret_is_replaced_first() -> None:
    """No part of a secret remains because another one is contained in it."""
    register_secrets("abcdefgh", "abcdefgh-and-more")
    assert redact("abcdefgh-and-more abcdefgh") == f"{MARK} {MARK}"


def test_forgotten_secrets_are_shown_again() -> None:
    """The registry of a process can be emptied."""
    register_secrets(TOKEN)
    forget_secrets()
    assert redact(TOKEN) == TOKEN
    assert not holds_secret(TOKEN.encode())


def test_renewed_credentials_do_not_fill_the_memory() -> None:
    """The oldest are forgotten, the newest replaced."""
    for number in range(SECRETS_MAX + 1):
        register_secrets(f"secret-number-{number:04}")
    assert redact("secret-number-0000") == "secret-number-0000"
    assert redact(f"secret-number-{SECRETS_MAX:04}") == MARK


def test_headers_of_a_target_are_secret() -> None:
    """Their values, and what they encode; a content type is none."""
    basic = base64.b64encode(b"somebody:a-password").decode()
    register_headers({
        "x-api-key": "key-of-the-gateway",
        "Proxy-Authorization": f"Basic {basic}",
        "Content-Type": "application/json",
    })  # fmt: skip
    assert redact(f"key-of-the-gateway a-password somebody {basic}") == " ".join([MARK] * 4)
    assert redact("application/json") == "application/json"


def test_a_url_loses_its_user() -> None:
    """User and password are secrets from then on, also as they are encoded."""
    assert without_user("https://somebody:pass%2Fword@a.example:8443/b?c") == "https://a.example:8443/b?c"
    encoded = base64.b64encode(b"somebody:pass/word").decode()
    assert redact(f"pass%2Fword pass/word {encoded}") == " ".join([MARK] * 3)
    assert without_user("http://[") == "http://["


def test_the_environment_names_secrets() -> None:
    """The variables of AWS, and the password of a proxy."""
    register_environment({
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
        "AWS_SESSION_TOKEN": TOKEN,
        "HTTPS_PROXY": "http://puser:proxy-password@10.0.0.1:3128",
        "PATH": "/usr/local/bin",
    })  # fmt: skip
    assert redact("wJalrXUtnFEMI/K7MDENG proxy-password /usr/local/bin") == f"{MARK} {MARK} /usr/local/bin"


def test_data_of_the_user_keep_what_is_not_a_secret_of_this_process() -> None:
    """An export of documents about HTTP is not changed; a repeated request of this process is."""
    register_secrets("AKIDREGISTERED")
    assert redact_own(AUTHORIZATION) == AUTHORIZATION
    own = redact_own(AUTHORIZATION.replace("AKIDNOTREGISTERED", "AKIDREGISTERED"))
    assert "Signature" not in own
    assert HASH not in own


secrets = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="()"), min_size=8, max_size=40
).filter(lambda text: text not in MARK)


@given(secret=secrets, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_registered_secret_is_left(secret: str, before: str, after: str) -> None:
    """Whatever is around it, in text and in JSON."""
    forget_secrets()
    register_secrets(secret)
    assert secret not in redact(before + secret + after)
    value = redact_values({"a": [before + secret + after, {secret: 1}], "b": None})
    assert secret not in str(value["a"][0])
    assert secret not in value["a"][1]
    line = json.dumps({"a": before + secret + after}, ensure_ascii=False)
    assert holds_secret(line.encode(errors="surrogatepass"))


@given(st.text(st.sampled_from("AWS4-HCredentialSignature=\n\\ ,/:@a0"), max_size=60))
def test_redaction_is_idempotent_and_keeps_json_valid(text: str) -> None:
    """A line of JSON may be redacted after it was encoded, and once more when it is printed."""
    line = redact(json.dumps({"message": text}))
    json.loads(line)
    assert redact(line) == line
    assert urlsplit("http://(redacted)@a.example/").hostname == "a.example"
