"""What an answer means: the service's error, when to ask again, and how far our clock is off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.errors import ServiceError
from vecgate.s3vectors.model import error_codes

ERROR_STATUS_MIN = 300
SERVER_ERROR_STATUS_MIN = 500

#: Codes that a clock which is off may cause. Other SDKs correct theirs on the same ones.
SKEW_CODES = frozenset({
    "AuthFailure",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
})  # fmt: skip
#: Signatures are good for five minutes: a smaller difference is not the cause.
SKEW_S_MIN = 240.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end.

    headers  by name; ask through `header`, whose case does not matter
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_error(self) -> bool:
        """Whether the request was not done."""
        return self.status >= ERROR_STATUS_MIN

    def header(self, name: str) -> str:
        """The header *name*, given in lower case, or an empty string."""
        return next((value for found, value in self.headers.items() if found.lower() == name), "")


def service_error(operation: str, answer: Answer, *, now_s: float) -> ServiceError:
    """The error that *answer* is, received at *now_s*, in epoch seconds.

    Whether to retry is what the model says of the code; of a code that it does not know, the status decides.
    """
    details = _details(answer.body)
    code, status = _code(answer, details), answer.status
    known = error_codes().get(code)
    throttling = status == HTTPStatus.TOO_MANY_REQUESTS
    passing = throttling or status >= SERVER_ERROR_STATUS_MIN or status == HTTPStatus.REQUEST_TIMEOUT
    return ServiceError(
        operation,
        code,
        status,
        str(details.get("message") or details.get("Message") or _phrase(status)),
        is_retryable=known.is_retryable if known else passing,
        is_throttling=known.is_throttling if known else throttling,
        retry_after_s=retry_after_s(answer.header("retry-after"), now_s=now_s),
        request_id=answer.header("x-amzn-requestid") or answer.header("x-amz-request-id"),
    )


def retry_after_s(header: str, *, now_s: float) -> float | None:
    """How long the Retry-After *header*, seconds or an HTTP date, asks to wait, or None."""
    if header.strip().isdecimal():
        return float(header)
    at_s = http_date_s(header)
    return None if at_s is None else max(0.0, at_s - now_s)


def clock_skew_s(answer: Answer, *, now_s: float) -> float | None:
    """How far the service's clock is ahead of *now_s*, where that is why it refused; None where it is not."""
    if not answer.is_error or _code(answer, _details(answer.body)) not in SKEW_CODES:
        return None
    at_s = http_date_s(answer.header("date"))
    return None if at_s is None or abs(at_s - now_s) < SKEW_S_MIN else at_s - now_s


def http_date_s(header: str) -> float | None:
    """An HTTP date in epoch seconds, or None where *header* is none."""
    try:
        date: datetime = parsedate_to_datetime(header)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _details(body: bytes) -> dict[str, Any]:
    try:
        details = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return details if isinstance(details, dict) else {}


def _code(answer: Answer, details: Mapping[str, Any]) -> str:
    found = (
        answer.header("x-amzn-errortype")
        or details.get("__type")
        or details.get("code")
        or details.get("Code")
    )
    code = str(found or "").split(":", 1)[0].rsplit("#", 1)[-1]
    return code or str(answer.status)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "no reason given"
