"""Signature Version 4, judged as the service judges it.

The order: the form of the header, who signs, the scope, the time, the signature. Codes and texts are those
that AWS services share; that this service uses them is inferred. No message repeats a signature or a header.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
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

from vecgate.endpoint.answers import Refused

ALGORITHM, SERVICE, TERMINATOR = b"AWS4-HMAC-SHA256", "s3vectors", "aws4_request"
#: How long a signature is good, and how far ahead a clock may be.
SKEW_MIN = 15
AMZ_DATE = "%Y%m%dT%H%M%SZ"
#: Signing keys that are kept; each serves one access key for one day.
SIGNING_KEYS_MAX = 1000

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Credentials that open the endpoint; *session_token* is empty for those that last."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers.

    path, query  as they came, still percent-encoded
    headers      as they came, names in lower case; a name may come more than once
    body_sha256  of the body that came, in hex
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]]
    body_sha256: str


@dataclass(frozen=True, slots=True)
class _Authorization:
    """The parts of the header Authorization."""

    access_key: str
    day: str
    region: str
    service: str
    terminator: str
    signed: Sequence[bytes]
    signature: bytes

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{self.terminator}"


class Verifier:
    """Knows the key pairs of an endpoint in *region*, and who signed a request."""

    def __init__(self, pairs: Iterable[KeyPair], *, region: str) -> None:
        self._pairs = {pair.access_key: pair for pair in pairs}
        self._region = region
        self._signing_keys: dict[tuple[str, str], bytes] = {}

    def access_key_of(self, request: SignedRequest, *, now: float) -> str:
        """The access key that signed *request*, *now* in epoch seconds. Raises Refused where none has."""
        headers = _joined(request.headers)
        given = _authorization(headers.get(b"authorization"))
        date, at_s = _date(headers)
        pair = self._pair(given.access_key, headers.get(b"x-amz-security-token", b""))
        _check_scope(given, date=date, region=self._region)
        _check_time(at_s, now)
        if headers.get(b"x-amz-content-sha256", request.body_sha256.encode()) != request.body_sha256.encode():
            raise _bad("The provided 'x-amz-content-sha256' header does not match what was computed.")
        text = b"\n".join((ALGORITHM, date, given.scope.encode(), _canonical_sha256(request, headers, given)))
        signature = hmac.digest(self._signing_key(pair, given.day), text, "sha256").hex()
        if not hmac.compare_digest(signature.encode(), given.signature):
            raise _bad(MISMATCH)
        return pair.access_key

    def _pair(self, access_key: str, token: bytes) -> KeyPair:
        pair = self._pairs.get(access_key)
        if pair is None or not hmac.compare_digest(pair.session_token.encode(), token):
            raise Refused(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        return pair

    def _signing_key(self, pair: KeyPair, day: str) -> bytes:
        kept = self._signing_keys.get((pair.access_key, day))
        if kept is not None:
            return kept
        if len(self._signing_keys) >= SIGNING_KEYS_MAX:
            self._signing_keys.clear()
        key = f"AWS4{pair.secret_key}".encode()
        for part in (day, self._region, SERVICE, TERMINATOR):
            key = hmac.digest(key, part.encode(), "sha256")
        self._signing_keys[pair.access_key, day] = key
        return key


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Headers by name; values of one name are joined, as they are for signing."""
    joined = dict(headers)
    if len(joined) < len(headers):
        for name in joined:
            joined[name] = b",".join([value.strip() for each, value in headers if each == name])
    return joined


def _authorization(header: bytes | None) -> _Authorization:
    if not header:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
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
    signed = parts[b"SignedHeaders"].split(b";")
    if b"host" not in signed:
        raise _bad("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return _Authorization(access_key, day, region, service, terminator, signed, parts[b"Signature"])


def _date(headers: Mapping[bytes, bytes]) -> tuple[bytes, float]:
    """When the request was signed: as it stands in what is signed, and in epoch seconds."""
    date = headers.get(b"x-amz-date") or _basic(headers.get(b"date", b""))
    if not date:
        raise _incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    try:
        return date, _epoch_s(date)
    except ValueError:
        raise _incomplete("Date must be in ISO-8601 'basic format'.") from None


@lru_cache(maxsize=64)
def _epoch_s(date: bytes) -> float:
    """Kept: all requests of a second carry the same date."""
    return datetime.strptime(date.decode(), AMZ_DATE).replace(tzinfo=UTC).timestamp()


def _basic(date: bytes) -> bytes:
    """An HTTP date in the basic format of ISO 8601; what is none stays as it is."""
    try:
        at = parsedate_to_datetime(date.decode("latin-1"))
    except ValueError:
        return date
    return at.astimezone(UTC).strftime(AMZ_DATE).encode()


def _check_scope(given: _Authorization, *, date: bytes, region: str) -> None:
    if given.service != SERVICE:
        raise _bad(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if given.region != region:
        raise _bad(f"Credential should be scoped to a valid region, which is '{region}' here.")
    if given.terminator != TERMINATOR:
        raise _bad(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    if given.day.encode() != date[:8]:
        raise _bad(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
        )


def _check_time(at_s: float, now: float) -> None:
    if abs(at_s - now) <= SKEW_MIN * 60:
        return
    problem, sign = ("expired", "-") if at_s < now else ("not yet current", "+")
    relation = "now earlier" if at_s < now else "still later"
    limit = now - SKEW_MIN * 60 if at_s < now else now + SKEW_MIN * 60
    signed, bound, ours = (_amz_date(each) for each in (at_s, limit, now))
    raise _bad(f"Signature {problem}: {signed} is {relation} than {bound} ({ours} {sign} {SKEW_MIN} min.)")


def _amz_date(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime(AMZ_DATE)


def _canonical_sha256(request: SignedRequest, headers: Mapping[bytes, bytes], given: _Authorization) -> bytes:
    lines = [name + b":" + b" ".join(headers.get(name, b"").split()) for name in given.signed]
    first = f"{request.method}\n{_canonical_path(request.path)}\n{_canonical_query(request.query)}".encode()
    last = request.body_sha256.encode()
    canonical = b"\n".join((first, *lines, b"", b";".join(given.signed), last))
    return hashlib.sha256(canonical).hexdigest().encode()


def _canonical_path(path: str) -> str:
    """The path encoded once more, with `.` and `..` resolved and slashes made one."""
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
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, v in pairs))


def _encoded(part: str) -> str:
    return quote(unquote_to_bytes(part.encode("latin-1")), safe="~")


def _bad(message: str) -> Refused:
    return Refused("InvalidSignatureException", message)


def _incomplete(message: str) -> Refused:
    return Refused("IncompleteSignatureException", message)
