from __future__ import annotations

import hashlib
import hmac
import time
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

from vecgate.bulk.transport.signing import SigningKey, authorization
from vecgate.endpoint.auth import sigv4
from vecgate.endpoint.auth.sigv4 import KeyPair, SignatureVerifier, SignedRequest, _join_headers
from vecgate.endpoint.requests.messages import ApiError, status_of

Headers = list[tuple[bytes, bytes]]

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SIGNED_AT, NOW = "20261124T120000Z", datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
HOST = "http://127.0.0.1:7333"
BODY = b'{"vectorBucketName":"bucket"}'
VERIFIER = SignatureVerifier([KeyPair(ACCESS, SECRET), KeyPair("TEMP", "other", "token")], region="us-east-1")
AS_SIGNED = NOW.timestamp()


@pytest.fixture(autouse=True)
def signing_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that botocore signs with."""
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


def replace_parts(signed_request: SignedRequest, **parts: Any) -> SignedRequest:
    fields = {name: getattr(signed_request, name) for name in SignedRequest.__slots__}
    return SignedRequest(**{**fields, **parts})


def with_header(
    signed_request: SignedRequest, name: bytes, change: Callable[[bytes], bytes]
) -> SignedRequest:
    headers = [(each, change(value) if each == name else value) for each, value in signed_request.headers]
    return replace_parts(signed_request, headers=headers)


def with_authorization(signed_request: SignedRequest, old: bytes, new: bytes) -> SignedRequest:
    return with_header(signed_request, b"authorization", lambda value: value.replace(old, new))


def verification_error(
    signed_request: SignedRequest, *, now: float = AS_SIGNED, verifier: SignatureVerifier = VERIFIER
) -> ApiError:
    with pytest.raises(ApiError) as refused:
        verifier.verify(signed_request, now=now)
    assert SECRET not in str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    "build",
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
def test_signatures_of_botocore_are_accepted(build: Callable[[], SignedRequest]) -> None:
    """With any path, query and headers."""
    assert VERIFIER.verify(build(), now=AS_SIGNED) in {ACCESS, "TEMP"}


def test_signatures_of_the_direct_sender_are_accepted() -> None:
    """The direct sender signs without botocore."""
    key = SigningKey.derive(ACCESS, SECRET, day="20261124", region="us-east-1")
    headers = {"host": "127.0.0.1", "x-amz-date": "20261124T120000Z", "content-type": "application/json"}
    sent = {
        **headers,
        "authorization": authorization(key, path="/PutVectors", headers=headers, body_sha256=sha256(b"{}")),
    }
    arrived = [(name.encode(), value.encode()) for name, value in sent.items()]
    assert VERIFIER.verify(SignedRequest("POST", "/PutVectors", "", arrived, sha256(b"{}")), now=AS_SIGNED)


paths = st.text(st.characters(codec="ascii", exclude_characters="?#"), max_size=20).map(
    lambda text: "/" + quote(text)
)
queries = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
)
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(path=paths, query=queries, body=st.binary(max_size=50), value=header_values, data=st.data())
def test_a_signature_is_valid_for_one_request_only(
    path: str, query: str, body: bytes, value: str, data: st.DataObject
) -> None:
    """A changed body, header, path, method or query invalidates it."""
    signed_request = request(path, query=query, body=body, headers={"x-amz-meta": value})
    assert VERIFIER.verify(signed_request, now=AS_SIGNED) == ACCESS
    position = data.draw(st.integers(0, len(body)))
    altered = body[:position] + b"x" + body[position:]
    assert (
        verification_error(replace_parts(signed_request, body_sha256=sha256(altered))).code
        == "InvalidSignatureException"
    )
    longer = with_header(signed_request, b"x-amz-meta", lambda old: old + b"!")
    assert verification_error(longer).code == "InvalidSignatureException"
    assert (
        verification_error(replace_parts(signed_request, path=path + "x")).code == "InvalidSignatureException"
    )
    assert verification_error(replace_parts(signed_request, method="PUT")).code == "InvalidSignatureException"
    assert (
        verification_error(replace_parts(signed_request, query=query + "&x=")).code
        == "InvalidSignatureException"
    )


def test_a_repeated_header_is_signed_as_one() -> None:
    """Its values are joined by a comma, in their order."""
    signed = request(headers={"x-amz-meta": "a,b"})
    twice = [header for header in signed.headers if header[0] != b"x-amz-meta"]
    twice += [(b"x-amz-meta", b"a"), (b"x-amz-meta", b" b ")]
    assert VERIFIER.verify(replace_parts(signed, headers=twice), now=AS_SIGNED) == ACCESS
    verification_error(replace_parts(signed, headers=twice[::-1]))


@pytest.mark.parametrize("date", [format_datetime(NOW, usegmt=True), "20261124T120000Z"])
def test_the_date_header_is_used_without_x_amz_date(date: str) -> None:
    """In both of its formats."""
    key = SigningKey.derive(ACCESS, SECRET, day="20261124", region="us-east-1")
    headers = {"date": date, "host": "x"}
    lines = f"date:{date}\nhost:x\n"
    canonical = hashlib.sha256(f"POST\n/\n\n{lines}\ndate;host\n{sha256(b'')}".encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n20261124T120000Z\n{key.scope}\n{canonical}"
    signature = hmac.new(key.key, text.encode(), "sha256").hexdigest()
    # Some clients write no spaces after the commas.
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS}/{key.scope},SignedHeaders=date;host,Signature={signature}"
    )
    arrived = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert VERIFIER.verify(SignedRequest("POST", "/", "", arrived, sha256(b"")), now=AS_SIGNED)


@pytest.mark.parametrize(
    ("change", "code", "status", "words"),
    [
        (
            lambda signed_request: replace_parts(
                signed_request, headers=[h for h in signed_request.headers if h[0] != b"authorization"]
            ),
            "MissingAuthenticationTokenException",
            403,
            "Missing Authentication Token",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"),
            "IncompleteSignatureException",
            400,
            "AWS4-HMAC-SHA256",
        ),
        (
            lambda signed_request: with_header(signed_request, b"authorization", lambda _: b"Bearer x"),
            "IncompleteSignatureException",
            400,
            "AWS4-HMAC-SHA256",
        ),
        (
            lambda signed_request: with_header(
                signed_request, b"authorization", lambda _: b"AWS4-HMAC-SHA256 \xff=,,="
            ),
            "IncompleteSignatureException",
            400,
            "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"Signature=", b"Other="),
            "IncompleteSignatureException",
            400,
            "requires 'Signature' parameter",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"/s3vectors/aws4_request", b""),
            "IncompleteSignatureException",
            400,
            "exactly 5 slash-delimited elements",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"host;", b""),
            "InvalidSignatureException",
            403,
            "'Host' must be a 'SignedHeader'",
        ),
        (
            lambda signed_request: replace_parts(
                signed_request, headers=[h for h in signed_request.headers if h[0] != b"x-amz-date"]
            ),
            "IncompleteSignatureException",
            400,
            "'X-Amz-Date' or a 'Date' header",
        ),
        (
            lambda signed_request: with_header(signed_request, b"x-amz-date", lambda _: b"yesterday"),
            "IncompleteSignatureException",
            400,
            "ISO-8601 'basic format'",
        ),
        (
            lambda signed_request: with_header(signed_request, b"x-amz-date", lambda _: b"20261124T996000Z"),
            "IncompleteSignatureException",
            400,
            "ISO-8601 'basic format'",
        ),
        (
            lambda signed_request: with_header(signed_request, b"x-amz-date", lambda _: "é".encode()),
            "IncompleteSignatureException",
            400,
            "ISO-8601 'basic format'",
        ),
        (
            lambda signed_request: with_authorization(signed_request, ACCESS.encode(), b"AKIDOTHER"),
            "UnrecognizedClientException",
            403,
            "The security token included in the request is invalid.",
        ),
        (
            lambda signed_request: replace_parts(
                signed_request, headers=[*signed_request.headers, (b"x-amz-security-token", b"t")]
            ),
            "UnrecognizedClientException",
            403,
            "security token",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"/s3vectors/", b"/s3/"),
            "InvalidSignatureException",
            403,
            "correct service: 's3vectors'",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"/us-east-1/", b"/eu-west-1/"),
            "InvalidSignatureException",
            403,
            "valid region, which is 'us-east-1' here",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"aws4_request", b"aws5_request"),
            "InvalidSignatureException",
            403,
            "valid terminator: 'aws4_request'",
        ),
        (
            lambda signed_request: with_authorization(signed_request, b"/20261124/", b"/20261123/"),
            "InvalidSignatureException",
            403,
            "Date in Credential scope does not match",
        ),
        (
            lambda signed_request: with_header(
                signed_request, b"authorization", lambda value: value[:-1] + b"?"
            ),
            "InvalidSignatureException",
            403,
            "The request signature we calculated does not match the signature you provided.",
        ),
        (
            lambda signed_request: replace_parts(
                signed_request, headers=[*signed_request.headers, (b"x-amz-content-sha256", b"0" * 64)]
            ),
            "InvalidSignatureException",
            403,
            "'x-amz-content-sha256' header does not match",
        ),
        (
            lambda signed_request: replace_parts(
                signed_request,
                headers=[*signed_request.headers, (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")],
            ),
            "InvalidSignatureException",
            403,
            "'x-amz-content-sha256' header does not match",
        ),
    ],
)
def test_an_invalid_signature_is_refused(
    change: Callable[[SignedRequest], SignedRequest], code: str, status: int, words: str
) -> None:
    """With the code and the text that AWS services share."""
    refused = verification_error(change(request()))
    assert (refused.code, status_of(refused.code)) == (code, status)
    assert words in refused.message


def test_a_wrong_secret_is_refused() -> None:
    """The message is the same as for an altered request."""
    refused = verification_error(request(credentials=Credentials(ACCESS, "guess")))
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
def test_a_signature_is_valid_for_fifteen_minutes(off: timedelta, words: str) -> None:
    """In both directions, inclusive."""
    now = (NOW + off).timestamp()
    if not words:
        assert VERIFIER.verify(request(), now=now) == ACCESS
        return
    refused = verification_error(request(), now=now)
    assert (refused.code, refused.message) == ("InvalidSignatureException", f"Signature {words}")


@pytest.mark.parametrize("token", ["", "other"])
def test_temporary_credentials_need_their_token(token: str) -> None:
    """Without it, or with another one, the response is that for an unknown key."""
    refused = verification_error(request(credentials=Credentials("TEMP", "other", token or None)))
    assert refused.code == "UnrecognizedClientException"


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the response time would show how much of a guess is correct."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(expected: bytes, given: bytes) -> bool:
        compared.append((expected, given))
        return expected == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    verification_error(request(credentials=Credentials(ACCESS, "guess")))
    assert [len(expected) for expected, _ in compared] == [0, 64]


def test_signing_keys_are_cached_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one for each access key and day; others are derived again."""
    verifier = SignatureVerifier([KeyPair(ACCESS, SECRET)], region="us-east-1")
    for _ in range(3):
        verifier.verify(request(), now=AS_SIGNED)
    assert list(verifier._signing_keys) == [(ACCESS, "20261124")]
    monkeypatch.setattr(sigv4, "SIGNING_KEYS_MAX", 1)
    tomorrow = NOW + timedelta(days=1)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: tomorrow)
    verifier.verify(request(), now=tomorrow.timestamp())
    assert list(verifier._signing_keys) == [(ACCESS, "20261125")]


def test_the_repr_of_a_key_pair_hides_its_secrets() -> None:
    """A key pair may be printed by mistake."""
    assert "token" not in repr(KeyPair(ACCESS, SECRET, "token")).replace("session_token", "")
    assert SECRET not in repr(KeyPair(ACCESS, SECRET))


# --- before the body ---


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 -0100",
        "Mon, 01 Jan 0001 00:00:00 +0100",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 99999999999999999999:00:00 GMT",
        "1 Jan 2026 00:00:00 +99999999999999999999999",
        "Mon, 01 Jan 2026 00:00:00 +9999",
        "Mon, 01 Jan 2026 00:00 -",
        "Mon, 1-Jan-1:1:1",
        "Mon, 01 Jan 2026",
        "Mon Mon Mon Mon Mon",
        ", , , ,",
        "0",
        "20261301T000000Z",
        "99991231T235959Z",
        "00010101T000000Z",
        "\xe9",
        "9" * 60_000,
        "Mon, 01 Jan 2026 00:00:00 " + "0" * 60_000,
    ],
)
@pytest.mark.parametrize("name", [b"date", b"x-amz-date"])
def test_a_date_of_any_kind_is_a_refusal(date: str, name: bytes) -> None:
    """400 or 403, never an exception."""
    error = dated_error(date, name)
    assert error.code in {"IncompleteSignatureException", "InvalidSignatureException"}


@given(
    date=st.text(st.characters(codec="latin-1"), max_size=40), name=st.sampled_from([b"date", b"x-amz-date"])
)
def test_any_text_as_a_date_is_a_refusal(date: str, name: bytes) -> None:
    dated_error(date, name)


@given(
    day=st.integers(1, 31),
    year=st.integers(0, 10_000),
    clock=st.from_regex(r"[0-9]{1,3}:[0-9]{2}(:[0-9]{2})?", fullmatch=True),
    zone=st.from_regex(r"(GMT|EST|[+-][0-9]{2,5})?", fullmatch=True),
)
def test_any_http_date_is_a_refusal(day: int, year: int, clock: str, zone: str) -> None:
    """With any year and any offset."""
    dated_error(f"Mon, {day:02} Dec {year:04} {clock} {zone}", b"date")


def dated_error(date: str, name: bytes) -> ApiError:
    scope = b"20200101/us-east-1/s3vectors/aws4_request"
    authorization_header = b"AWS4-HMAC-SHA256 Credential=%b/%b, SignedHeaders=host, Signature=00" % (
        ACCESS.encode(),
        scope,
    )
    headers = [(b"host", b"x"), (b"authorization", authorization_header), (name, date.encode("latin-1"))]
    with pytest.raises(ApiError) as refused:
        VERIFIER.identify(headers, now=AS_SIGNED)
    return refused.value


def test_a_date_without_a_known_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-0000` does not mean the zone of this machine."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert "20200101T000000Z" in str(dated_error("Wed, 01 Jan 2020 00:00:00 -0000", b"date"))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_repeated_signed_header_is_refused() -> None:
    """Each repetition would add its value to what is hashed."""
    repeated = with_authorization(request(), b"SignedHeaders=", b"SignedHeaders=host;")
    assert "must not repeat" in verification_error(repeated).message


def test_joining_headers_takes_linear_time() -> None:
    """Forty thousand names took half a minute of processor time."""
    headers = [(b"h%d" % number, b"") for number in range(40_000)]
    began_s = time.process_time()
    assert _join_headers([*headers, (b"h0", b" x ")])[b"h0"] == b",x"
    assert time.process_time() - began_s < 2
