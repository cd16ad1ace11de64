from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import pytest
from botocore import auth
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from serving import signed_headers

from vecgate.bulk.signing import SigningKey, authorization
from vecgate.endpoint import sigv4
from vecgate.endpoint.answers import Refused, status_of
from vecgate.endpoint.sigv4 import KeyPair, SignedRequest, Verifier

Headers = list[tuple[bytes, bytes]]

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SIGNED_AT, NOW = "20261124T120000Z", datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
HOST = "http://127.0.0.1:7333"
BODY = b'{"vectorBucketName":"bucket"}'
VERIFIER = Verifier([KeyPair(ACCESS, SECRET), KeyPair("TEMP", "other", "token")], region="us-east-1")
AS_SIGNED = NOW.timestamp()


@pytest.fixture(autouse=True)
def signing_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What botocore takes for now."""
    monkeypatch.setattr(auth, "get_current_datetime", lambda: NOW)


def request(
    path: str = "/GetVectorBucket",
    *,
    query: str = "",
    body: bytes = BODY,
    method: str = "POST",
    credentials: Credentials | None = None,
    headers: Mapping[str, str] | None = None,
) -> SignedRequest:
    url = f"{HOST}{path}{'?' if query else ''}{query}"
    signed = signed_headers(credentials or Credentials(ACCESS, SECRET), method, url, body, **(headers or {}))
    return SignedRequest(method, path, query, signed, sha256(body))


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def changed(asked: SignedRequest, **parts: Any) -> SignedRequest:
    fields = {name: getattr(asked, name) for name in SignedRequest.__slots__}
    return SignedRequest(**{**fields, **parts})


def with_header(asked: SignedRequest, name: bytes, change: Callable[[bytes], bytes]) -> SignedRequest:
    headers = [(each, change(value) if each == name else value) for each, value in asked.headers]
    return changed(asked, headers=headers)


def with_authorization(asked: SignedRequest, old: bytes, new: bytes) -> SignedRequest:
    return with_header(asked, b"authorization", lambda value: value.replace(old, new))


def refusal(asked: SignedRequest, *, now: float = AS_SIGNED, verifier: Verifier = VERIFIER) -> Refused:
    with pytest.raises(Refused) as refused:
        verifier.access_key_of(asked, now=now)
    assert SECRET not in str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    "asked",
    [
        request,
        lambda: request(body=b""),
        lambda: request("/"),
        lambda: request("//a/../GetIndex/./x/"),
        lambda: request("/tags/arn%3Aaws%3As3vectors%3Aus-east-1%3A0%3Abucket%2Fb", method="GET", body=b""),
        lambda: request("/tags/arn%3Aaws", query="tagKeys=b&tagKeys=a%20c&tagKeys=", method="DELETE"),
        lambda: request("/x%2Fy z~!*'()", query="b=%C3%A9&a=%2F~"),
        lambda: request(headers={"content-type": "application/json", "x-empty": "", "x-spaces": "  a   b  "}),
        lambda: request(credentials=Credentials("TEMP", "other", "token")),
        lambda: request(headers={"X-Amz-Content-SHA256": sha256(BODY)}),
    ],
)
def test_what_botocore_signs_is_taken(asked: Callable[[], SignedRequest]) -> None:
    """By whatever path, query and headers."""
    assert VERIFIER.access_key_of(asked(), now=AS_SIGNED) in {ACCESS, "TEMP"}


def test_what_our_own_sender_signs_is_taken() -> None:
    """It signs without botocore."""
    key = SigningKey.derive(ACCESS, SECRET, day="20261124", region="us-east-1")
    headers = {"host": "127.0.0.1", "x-amz-date": "20261124T120000Z", "content-type": "application/json"}
    sent = {
        **headers,
        "authorization": authorization(key, path="/PutVectors", headers=headers, body_sha256=sha256(b"{}")),
    }
    arrived = [(name.encode(), value.encode()) for name, value in sent.items()]
    assert VERIFIER.access_key_of(
        SignedRequest("POST", "/PutVectors", "", arrived, sha256(b"{}")), now=AS_SIGNED
    )


paths = st.text(st.characters(codec="ascii", exclude_characters="?#"), max_size=20).map(
    lambda text: "/" + quote(text)
)
queries = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
)
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(path=paths, query=queries, body=st.binary(max_size=50), value=header_values, place=st.data())
def test_a_signature_holds_for_one_request_alone(
    path: str, query: str, body: bytes, value: str, place: st.DataObject
) -> None:
    """It is taken as it was signed; with a bit of the body or of a header changed, it is not."""
    asked = request(path, query=query, body=body, headers={"x-amz-meta": value})
    assert VERIFIER.access_key_of(asked, now=AS_SIGNED) == ACCESS
    position = place.draw(st.integers(0, len(body)))
    altered = body[:position] + b"x" + body[position:]
    assert refusal(changed(asked, body_sha256=sha256(altered))).code == "InvalidSignatureException"
    longer = with_header(asked, b"x-amz-meta", lambda old: old + b"!")
    assert refusal(longer).code == "InvalidSignatureException"
    assert refusal(changed(asked, path=path + "x")).code == "InvalidSignatureException"
    assert refusal(changed(asked, method="PUT")).code == "InvalidSignatureException"
    assert refusal(changed(asked, query=query + "&x=")).code == "InvalidSignatureException"


def test_a_header_that_comes_twice_is_signed_as_one() -> None:
    """Its values are joined by a comma, in their order."""
    signed = request(headers={"x-amz-meta": "a,b"})
    twice = [header for header in signed.headers if header[0] != b"x-amz-meta"]
    twice += [(b"x-amz-meta", b"a"), (b"x-amz-meta", b" b ")]
    assert VERIFIER.access_key_of(changed(signed, headers=twice), now=AS_SIGNED) == ACCESS
    refusal(changed(signed, headers=twice[::-1]))


@pytest.mark.parametrize("date", [format_datetime(NOW, usegmt=True), "20261124T120000Z"])
def test_the_header_date_serves_where_there_is_no_other(date: str) -> None:
    """In either of its forms."""
    key = SigningKey.derive(ACCESS, SECRET, day="20261124", region="us-east-1")
    headers = {"date": date, "host": "x"}
    lines = f"date:{date}\nhost:x\n"
    canonical = hashlib.sha256(f"POST\n/\n\n{lines}\ndate;host\n{sha256(b'')}".encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n20261124T120000Z\n{key.scope}\n{canonical}"
    signature = hmac.new(key.key, text.encode(), "sha256").hexdigest()
    # Without blanks after the commas, as some clients have it.
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS}/{key.scope},SignedHeaders=date;host,Signature={signature}"
    )
    arrived = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert VERIFIER.access_key_of(SignedRequest("POST", "/", "", arrived, sha256(b"")), now=AS_SIGNED)


@pytest.mark.parametrize(
    ("change", "code", "status", "words"),
    [
        (
            lambda asked: changed(asked, headers=[h for h in asked.headers if h[0] != b"authorization"]),
            "MissingAuthenticationTokenException",
            403,
            "Missing Authentication Token",
        ),
        (
            lambda asked: with_authorization(asked, b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"),
            "IncompleteSignatureException",
            400,
            "AWS4-HMAC-SHA256",
        ),
        (
            lambda asked: with_header(asked, b"authorization", lambda _: b"Bearer x"),
            "IncompleteSignatureException",
            400,
            "AWS4-HMAC-SHA256",
        ),
        (
            lambda asked: with_header(asked, b"authorization", lambda _: b"AWS4-HMAC-SHA256 \xff=,,="),
            "IncompleteSignatureException",
            400,
            "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            lambda asked: with_authorization(asked, b"Signature=", b"Other="),
            "IncompleteSignatureException",
            400,
            "requires 'Signature' parameter",
        ),
        (
            lambda asked: with_authorization(asked, b"/s3vectors/aws4_request", b""),
            "IncompleteSignatureException",
            400,
            "exactly 5 slash-delimited elements",
        ),
        (
            lambda asked: with_authorization(asked, b"host;", b""),
            "InvalidSignatureException",
            403,
            "'Host' must be a 'SignedHeader'",
        ),
        (
            lambda asked: changed(asked, headers=[h for h in asked.headers if h[0] != b"x-amz-date"]),
            "IncompleteSignatureException",
            400,
            "'X-Amz-Date' or a 'Date' header",
        ),
        (
            lambda asked: with_header(asked, b"x-amz-date", lambda _: b"yesterday"),
            "IncompleteSignatureException",
            400,
            "ISO-8601 'basic format'",
        ),
        (
            lambda asked: with_header(asked, b"x-amz-date", lambda _: b"20261124T996000Z"),
            "IncompleteSignatureException",
            400,
            "ISO-8601 'basic format'",
        ),
        (
            lambda asked: with_header(asked, b"x-amz-date", lambda _: "é".encode()),
            "IncompleteSignatureException",
            400,
            "ISO-8601 'basic format'",
        ),
        (
            lambda asked: with_authorization(asked, ACCESS.encode(), b"AKIDOTHER"),
            "UnrecognizedClientException",
            403,
            "The security token included in the request is invalid.",
        ),
        (
            lambda asked: changed(asked, headers=[*asked.headers, (b"x-amz-security-token", b"t")]),
            "UnrecognizedClientException",
            403,
            "security token",
        ),
        (
            lambda asked: with_authorization(asked, b"/s3vectors/", b"/s3/"),
            "InvalidSignatureException",
            403,
            "correct service: 's3vectors'",
        ),
        (
            lambda asked: with_authorization(asked, b"/us-east-1/", b"/eu-west-1/"),
            "InvalidSignatureException",
            403,
            "valid region, which is 'us-east-1' here",
        ),
        (
            lambda asked: with_authorization(asked, b"aws4_request", b"aws5_request"),
            "InvalidSignatureException",
            403,
            "valid terminator: 'aws4_request'",
        ),
        (
            lambda asked: with_authorization(asked, b"/20261124/", b"/20261123/"),
            "InvalidSignatureException",
            403,
            "Date in Credential scope does not match",
        ),
        (
            lambda asked: with_header(asked, b"authorization", lambda value: value[:-1] + b"?"),
            "InvalidSignatureException",
            403,
            "The request signature we calculated does not match the signature you provided.",
        ),
        (
            lambda asked: changed(asked, headers=[*asked.headers, (b"x-amz-content-sha256", b"0" * 64)]),
            "InvalidSignatureException",
            403,
            "'x-amz-content-sha256' header does not match",
        ),
        (
            lambda asked: changed(
                asked, headers=[*asked.headers, (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")]
            ),
            "InvalidSignatureException",
            403,
            "'x-amz-content-sha256' header does not match",
        ),
    ],
)
def test_what_is_not_signed_right_is_refused(
    change: Callable[[SignedRequest], SignedRequest], code: str, status: int, words: str
) -> None:
    """With the code and the text that AWS services share."""
    refused = refusal(change(request()))
    assert (refused.code, status_of(refused.code)) == (code, status)
    assert words in refused.message


def test_a_wrong_secret_is_refused() -> None:
    """The message does not tell it from an altered request."""
    refused = refusal(request(credentials=Credentials(ACCESS, "guess")))
    assert refused.code == "InvalidSignatureException"
    assert "does not match the signature you provided" in refused.message


@pytest.mark.parametrize(
    ("off", "words"),
    [
        (timedelta(minutes=15), ""),
        (timedelta(minutes=-15), ""),
        (
            timedelta(minutes=15, seconds=1),
            "expired: 20261124T120000Z is now earlier than 20261124T120001Z (20261124T121501Z - 15 min.)",
        ),
        (
            timedelta(minutes=-15, seconds=-1),
            f"not yet current: {SIGNED_AT} is still later than 20261124T115959Z (20261124T114459Z + 15 min.)",
        ),
    ],
)
def test_a_signature_is_good_for_fifteen_minutes(off: timedelta, words: str) -> None:
    """Before and after, inclusive."""
    now = (NOW + off).timestamp()
    if not words:
        assert VERIFIER.access_key_of(request(), now=now) == ACCESS
        return
    refused = refusal(request(), now=now)
    assert (refused.code, refused.message) == ("InvalidSignatureException", f"Signature {words}")


@pytest.mark.parametrize("token", ["", "other"])
def test_temporary_credentials_need_their_token(token: str) -> None:
    """None, or another, is as good as an unknown key."""
    refused = refusal(request(credentials=Credentials("TEMP", "other", token or None)))
    assert refused.code == "UnrecognizedClientException"


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its time tells nothing of how much was right."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(ours: bytes, given: bytes) -> bool:
        compared.append((ours, given))
        return ours == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    refusal(request(credentials=Credentials(ACCESS, "guess")))
    assert [len(ours) for ours, _ in compared] == [0, 64]


def test_signing_keys_are_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each key and day; the rest is derived anew."""
    verifier = Verifier([KeyPair(ACCESS, SECRET)], region="us-east-1")
    for _ in range(3):
        verifier.access_key_of(request(), now=AS_SIGNED)
    assert list(verifier._signing_keys) == [(ACCESS, "20261124")]
    monkeypatch.setattr(sigv4, "SIGNING_KEYS_MAX", 1)
    tomorrow = NOW + timedelta(days=1)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: tomorrow)
    verifier.access_key_of(request(), now=tomorrow.timestamp())
    assert list(verifier._signing_keys) == [(ACCESS, "20261125")]


def test_secrets_are_not_shown() -> None:
    """Where a key pair is printed by mistake."""
    assert "token" not in repr(KeyPair(ACCESS, SECRET, "token")).replace("session_token", "")
    assert SECRET not in repr(KeyPair(ACCESS, SECRET))
