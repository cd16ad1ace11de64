"""Verification of Signature Version 4.

The checks run in this order: form of the header, access key, scope, time, signature. All but the last need
only the headers, so they come before the body is read. Codes and texts are those that AWS services share;
that this service uses them is inferred. No message repeats a signature or a
header. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from vecgate.endpoint.requests.messages import ApiError

ALGORITHM, SERVICE, TERMINATOR = b"AWS4-HMAC-SHA256", "s3vectors", "aws4_request"
#: Minutes that a signing time may differ from the clock, in both directions.
SKEW_MIN = 15
AMZ_DATE = "%Y%m%dT%H%M%SZ"
#: An HTTP date has 29 characters.
DATE_LENGTH_MAX = 64
#: Size of the cache of signing keys. Each is for one access key and one day.
SIGNING_KEYS_MAX = 1000

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Credentials; *session_token* is empty unless they are temporary."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that a signature covers.

    path, query  as received, still percent-encoded
    headers      as received, names in lower case; a name may repeat
    body_sha256  of the received body, in hex
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]]
    body_sha256: str


@dataclass(frozen=True, slots=True)
class _Authorization:
    """The parts of the Authorization header."""

    access_key: str
    day: str
    region: str
    service: str
    terminator: str
    signed_headers: Sequence[bytes]
    signature: bytes

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{self.terminator}"


@dataclass(frozen=True, slots=True)
class Signer:
    """The key pair that signed a request according to its headers; the signature is not yet verified.

    headers        by name, repeated ones joined
    authorization  the parts of the Authorization header
    date           the signing time as it was signed
    """

    pair: KeyPair
    headers: Mapping[bytes, bytes]
    authorization: _Authorization
    date: bytes


class SignatureVerifier:
    """Verifies signatures of known key pairs for one *region*."""

    def __init__(self, pairs: Iterable[KeyPair], *, region: str) -> None:
        self._pairs = {pair.access_key: pair for pair in pairs}
        self._region = region
        self._signing_keys: dict[tuple[str, str], bytes] = {}

    def identify(self, headers: Sequence[tuple[bytes, bytes]], *, now: float) -> Signer:
        """Return who claims to have signed a request with these *headers*, as received. *now* is in epoch
        seconds. Raises ApiError if no body could make the signature valid.
        """
        joined = _join_headers(headers)
        authorization = _parse_authorization(joined.get(b"authorization"))
        date, signed_at_s = _signing_date(joined)
        pair = self._find_pair(authorization.access_key, joined.get(b"x-amz-security-token", b""))
        _check_scope(authorization, date=date, region=self._region)
        _check_time(signed_at_s, now)
        return Signer(pair, joined, authorization, date)

    def verify(self, request: SignedRequest, *, now: float) -> str:
        """Return the access key that signed *request*. *now* is in epoch seconds. Raises ApiError if it is
        not valid.
        """
        return self.check_signature(self.identify(request.headers, now=now), request)

    def check_signature(self, signer: Signer, request: SignedRequest) -> str:
        """Return the access key of *signer*, whom the headers of *request* name. Raises ApiError if the
        signature is not valid.
        """
        headers, authorization, body_sha256 = (
            signer.headers,
            signer.authorization,
            request.body_sha256.encode(),
        )
        if headers.get(b"x-amz-content-sha256", body_sha256) != body_sha256:
            raise _invalid("The provided 'x-amz-content-sha256' header does not match what was computed.")
        digest = _canonical_sha256(request, headers, authorization)
        text = b"\n".join((ALGORITHM, signer.date, authorization.scope.encode(), digest))
        signature = hmac.digest(self._signing_key(signer.pair, authorization.day), text, "sha256").hex()
        if not hmac.compare_digest(signature.encode(), authorization.signature):
            raise _invalid(MISMATCH)
        return signer.pair.access_key

    def _find_pair(self, access_key: str, token: bytes) -> KeyPair:
        pair = self._pairs.get(access_key)
        if pair is None or not hmac.compare_digest(pair.session_token.encode(), token):
            raise ApiError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        return pair

    def _signing_key(self, pair: KeyPair, day: str) -> bytes:
        cached = self._signing_keys.get((pair.access_key, day))
        if cached is not None:
            return cached
        if len(self._signing_keys) >= SIGNING_KEYS_MAX:
            self._signing_keys.clear()
        key = f"AWS4{pair.secret_key}".encode()
        for part in (day, self._region, SERVICE, TERMINATOR):
            key = hmac.digest(key, part.encode(), "sha256")
        self._signing_keys[pair.access_key, day] = key
        return key


def _join_headers(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Return headers by name. Values of a repeated name are joined, as for signing."""
    joined = dict(headers)
    if len(joined) == len(headers):
        return joined
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value.strip())
    return {name: b",".join(each) for name, each in values.items()}


def _parse_authorization(header: bytes | None) -> _Authorization:
    if not header:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    algorithm, _, rest = header.partition(b" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"Authorization header requires the algorithm {ALGORITHM.decode()}.")
    parts = dict[bytes, bytes](pair.strip().partition(b"=")[::2] for pair in rest.split(b","))
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name.encode())]
    if missing:
        raise _incomplete(" ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    match parts[b"Credential"].decode("latin-1").rsplit("/", 4):
        case [access_key, day, region, service, terminator]:
            pass
        case _:
            raise _incomplete(
                "Credential must have exactly 5 slash-delimited elements: keyid/date/region/service/term"
            )
    signed_headers = parts[b"SignedHeaders"].split(b";")
    if len(set(signed_headers)) < len(signed_headers):
        raise _invalid("'SignedHeaders' must not repeat a header.")
    if b"host" not in signed_headers:
        raise _invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return _Authorization(access_key, day, region, service, terminator, signed_headers, parts[b"Signature"])


def _signing_date(headers: Mapping[bytes, bytes]) -> tuple[bytes, float]:
    """Return the signing time as the signed text and in epoch seconds."""
    date = headers.get(b"x-amz-date") or _to_basic_format(headers.get(b"date", b""))
    if not date:
        raise _incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    try:
        return date, _epoch_s(date[:DATE_LENGTH_MAX])
    except (ValueError, OverflowError):
        raise _incomplete("Date must be in ISO-8601 'basic format'.") from None


@lru_cache(maxsize=64)
def _epoch_s(date: bytes) -> float:
    """Cached, because all requests of one second carry the same date."""
    return datetime.strptime(date.decode(), AMZ_DATE).replace(tzinfo=UTC).timestamp()


def _to_basic_format(date: bytes) -> bytes:
    """Return an HTTP date in the basic format of ISO 8601. Anything else is returned unchanged."""
    if len(date) > DATE_LENGTH_MAX:
        return date
    try:
        at = parsedate_to_datetime(date.decode("latin-1"))
        # `-0000` is UTC too, but parsed without a time zone.
        return (at.astimezone(UTC) if at.tzinfo else at).strftime(AMZ_DATE).encode()
    except (ValueError, OverflowError, TypeError, IndexError):  # such as an offset beyond the year 9999
        return date


def _check_scope(authorization: _Authorization, *, date: bytes, region: str) -> None:
    if authorization.service != SERVICE:
        raise _invalid(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if authorization.region != region:
        raise _invalid(f"Credential should be scoped to a valid region, which is '{region}' here.")
    if authorization.terminator != TERMINATOR:
        raise _invalid(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    if authorization.day.encode() != date[:8]:
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
        )


def _check_time(signed_at_s: float, now: float) -> None:
    if abs(signed_at_s - now) <= SKEW_MIN * 60:
        return
    is_expired = signed_at_s < now
    problem, relation, sign = (
        ("expired", "now earlier", "-") if is_expired else ("not yet current", "still later", "+")
    )
    limit_s = now - SKEW_MIN * 60 if is_expired else now + SKEW_MIN * 60
    signed, limit, clock = (_amz_date(each) for each in (signed_at_s, limit_s, now))
    raise _invalid(
        f"Signature {problem}: {signed} is {relation} than {limit} ({clock} {sign} {SKEW_MIN} min.)"
    )


def _amz_date(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime(AMZ_DATE)


def _canonical_sha256(
    request: SignedRequest, headers: Mapping[bytes, bytes], authorization: _Authorization
) -> bytes:
    names = authorization.signed_headers
    lines = [name + b":" + b" ".join(headers.get(name, b"").split()) for name in names]
    first = f"{request.method}\n{_canonical_path(request.path)}\n{_canonical_query(request.query)}".encode()
    last = request.body_sha256.encode()
    canonical = b"\n".join((first, *lines, b"", b";".join(names), last))
    return hashlib.sha256(canonical).hexdigest().encode()


def _canonical_path(path: str) -> str:
    """Return the path, percent-encoded once more, with `.` and `..` resolved and repeated slashes merged."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    end = "/" if parts and path.endswith("/") else ""
    return quote(f"/{'/'.join(parts)}{end}", safe="/~", encoding="latin-1")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = [pair.partition("=")[::2] for pair in query.split("&")]
    return "&".join(f"{name}={value}" for name, value in sorted((_encode(n), _encode(v)) for n, v in pairs))


def _encode(part: str) -> str:
    return quote(unquote_to_bytes(part.encode("latin-1")), safe="~")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidSignatureException", message)


def _incomplete(message: str) -> ApiError:
    return ApiError("IncompleteSignatureException", message)
