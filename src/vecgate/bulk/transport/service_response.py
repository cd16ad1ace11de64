"""Interprets a response of the service: its acknowledgement or error, its Retry-After, and the skew of the
local clock.

`acknowledged_body` is the one rule of acknowledgement. A proxy, a login page or a broken server may answer
with a status of success, and a record that is counted as written must be stored. So a request is acknowledged
by status 200 alone, with a complete body that the service model allows and without an error code. A newer
service may add members to its answers, so a write may have unknown ones in an answer with a request id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.errors import ServiceError, UnexpectedResponse
from vecgate.printable import printable_line
from vecgate.redaction import redact
from vecgate.s3vectors.error_hints import error_hint
from vecgate.s3vectors.model import error_codes, service_model

ERROR_STATUS_MIN = 300
SERVER_ERROR_STATUS_MIN = 500

#: Error codes that a wrong clock may cause. Other SDKs correct their clock on the same codes.
SKEW_CODES = frozenset({
    "AuthFailure",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
})  # fmt: skip
#: Signatures are valid for five minutes: a smaller difference is not the cause.
SKEW_S_MIN = 240.0
#: 2020 and 2100, in epoch seconds: a service that claims another time does not know it.
PLAUSIBLE_FROM_S, PLAUSIBLE_UNTIL_S = 1_577_836_800.0, 4_102_444_800.0

#: Larger bodies are not parsed to judge them, because whoever decodes them does that: reads have megabytes.
PARSED_BYTES_MAX = 4096
#: Characters of a foreign body in a message.
EXCERPT_CHARACTERS = 40
#: What is searched for secrets before that: more than the longest of them, so that none is cut and missed.
EXCERPT_SCANNED = 8192
#: Characters of a message of the service that are kept. Its longest ones name a key of 1,024 characters.
MESSAGE_CHARACTERS_MAX = 4_000
#: The member that only an error of the service has.
ERROR_MEMBER = "__type"
#: Members of errors of other servers, in lower case. They are errors in the answer to a write, which may
#: otherwise be any object.
FOREIGN_ERROR_MEMBERS = frozenset(
    {"code", "error", "errorcode", "errormessage", "errors", "exception", "fault", "message"}
)
#: Names of members, and texts, if a write was not done, or not yet.
UNDONE = re.compile(
    "accepted|denied|error|exception|fail|pending|queue|reject|retr|throttl|unprocessed|unsuccess",
    re.IGNORECASE,
)
#: Members that are false if a write was not done.
SUCCESS_MEMBERS = frozenset({"acknowledged", "ok", "succeeded", "success"})
#: In the answers of local-s3: the keys to delete that were not stored, which is not a failure.
ABSENT_KEYS = ("DeleteVectors", "errorVectorKeys")
#: Start of the reason that a success lacks members which the service model requires.
MISSING_MEMBERS = "status 200 without "
JSON_TYPES: Mapping[str, type] = {"structure": dict, "list": list, "map": dict, "string": str}


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """A complete HTTP response.

    headers  by name; read them through `header`, which ignores case
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_error(self) -> bool:
        """True if the service did not do the request."""
        return self.status >= ERROR_STATUS_MIN

    def header(self, name: str) -> str:
        """Return the header *name*, given in lower case, or an empty string."""
        for found, value in self.headers.items():
            if len(found) == len(name) and found.lower() == name:
                return value
        return ""


def acknowledged_body(operation: str, response: ServiceResponse, *, now_s: float) -> bytes:
    """Return the body of *response*, received at *now_s* in epoch seconds, if it acknowledges *operation*.

    Raises UnexpectedResponse for a response that the service does not give, and ServiceError for an error.
    """
    if response.is_error and not _truncation(response):
        raise service_error(operation, response, now_s=now_s)
    check_acknowledged(operation, response)
    return response.body


def check_acknowledged(
    operation: str, response: ServiceResponse, *, answer: object = None, parse: bool = False
) -> None:
    """Raise UnexpectedResponse unless *response* acknowledges *operation*.

    *answer* is the parsed body, if the caller has parsed it. A body above PARSED_BYTES_MAX is parsed only if
    *parse*; else the bytes must show the members of an answer, and whoever decodes them does the rest.
    """
    if problem := _problem(operation, response, answer, parse=parse):
        raise UnexpectedResponse(operation, problem, request_id=_request_id(response))


def service_error(operation: str, response: ServiceResponse, *, now_s: float) -> ServiceError:
    """Return the error in *response*, received at *now_s*, in epoch seconds.

    The service model says whether a code may be retried. For a code that is not in the model the status
    decides.
    """
    details = _details(response.body)
    code, status = _code(response, details), response.status
    known = error_codes().get(code)
    is_throttling = status == HTTPStatus.TOO_MANY_REQUESTS
    is_temporary = is_throttling or status >= SERVER_ERROR_STATUS_MIN or status == HTTPStatus.REQUEST_TIMEOUT
    error = ServiceError(
        operation,
        redact(code),
        status,
        # Redacted before it is shortened: a part of a secret would not be recognised.
        redact(_message(details, status))[:MESSAGE_CHARACTERS_MAX],
        is_retryable=known.is_retryable if known else is_temporary,
        is_throttling=known.is_throttling if known else is_throttling,
        retry_after_s=retry_after_s(response.header("retry-after"), now_s=now_s),
        request_id=_request_id(response),
    )
    error.hint = error_hint(operation, code, status)
    return error


def _request_id(response: ServiceResponse) -> str:
    return response.header("x-amzn-requestid") or response.header("x-amz-request-id")


def retry_after_s(header: str, *, now_s: float) -> float | None:
    """Return the seconds to wait by a Retry-After *header*, which holds seconds or an HTTP date, or None."""
    if header.strip().isdecimal():
        return float(header)
    at_s = http_date_s(header)
    return None if at_s is None else max(0.0, at_s - now_s)


def clock_skew_s(response: ServiceResponse, *, now_s: float) -> float | None:
    """Return how far the service's clock is ahead of *now_s*, or None if that did not cause the error."""
    if not response.is_error or _code(response, _details(response.body)) not in SKEW_CODES:
        return None
    at_s = http_date_s(response.header("date"))
    if at_s is None or not PLAUSIBLE_FROM_S < at_s < PLAUSIBLE_UNTIL_S:
        return None
    return None if abs(at_s - now_s) < SKEW_S_MIN else at_s - now_s


def http_date_s(header: str) -> float | None:
    """Return an HTTP date in epoch seconds, or None if *header* is not one."""
    try:
        date: datetime = parsedate_to_datetime(header)
        # A time zone may lead beyond the years that Python knows.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None


def _problem(operation: str, response: ServiceResponse, answer: object, *, parse: bool) -> str:
    """Return why *response* does not acknowledge *operation*, or an empty string."""
    if truncation := _truncation(response):
        return truncation
    if response.status != HTTPStatus.OK:
        return f"status {response.status} instead of 200"
    if code := response.header("x-amzn-errortype"):
        return f"status 200 with the error {_excerpt(code)}"
    if (encoding := response.header("content-encoding").strip().lower()) not in {"", "identity"}:
        return f"status 200 in the encoding {_excerpt(encoding)}, which was not asked for"
    return _body_problem(operation, response, answer, parse=parse)


def _body_problem(operation: str, response: ServiceResponse, answer: object, *, parse: bool) -> str:
    body, required = response.body, _required(operation)
    if not body.strip():
        return _emptiness_problem(response) if required is None else "status 200 with an empty body"
    if answer is None and not parse and required and _looks_like_answer(body, required):
        return ""
    answer = _parse(body, is_strict=not required) if answer is None else answer
    if not isinstance(answer, dict):
        return f"status 200 with {_media_type(response)} that starts with {_excerpt(body)}"
    if ERROR_MEMBER in answer:
        return f"status 200 with the error {_excerpt(str(answer[ERROR_MEMBER]))}"
    return _missing_members(answer, required) if required else _unknown_members(operation, response, answer)


def _emptiness_problem(response: ServiceResponse) -> str:
    if (media_type := _media_type(response)).startswith("text/") and not _request_id(response):
        return f"status 200 with empty {media_type}"
    # Without a length, it ends where the connection does: nothing shows that it is complete.
    has_length = response.header("content-length") or response.header("transfer-encoding")
    return "" if has_length else "status 200 with an empty body of unknown length"


def _unknown_members(operation: str, response: ServiceResponse, answer: Mapping[str, object]) -> str:
    """Return which member of *answer* shows that a write was not done, or not by the service."""
    for name in [name for name in answer if name not in _output_members(operation)]:
        if name.lower() in FOREIGN_ERROR_MEMBERS or _says_undone(operation, name, answer[name]):
            return f"status 200 with the member {_excerpt(name)}"
        if not _request_id(response):
            return f"status 200 with the unknown member {_excerpt(name)}, and without a request id"
    return ""


def _says_undone(operation: str, name: str, value: object) -> bool:
    if not value:
        return name.lower() in SUCCESS_MEMBERS
    if isinstance(value, str) and UNDONE.search(value):
        return True
    return (operation, name) != ABSENT_KEYS and UNDONE.search(name) is not None


def _missing_members(answer: Mapping[str, object], required: Mapping[str, type]) -> str:
    wrong = [name for name, kind in required.items() if not isinstance(answer.get(name), kind)]
    return f"{MISSING_MEMBERS}{' and '.join(wrong)}" if wrong else ""


def _truncation(response: ServiceResponse) -> str:
    length, found = response.header("content-length").strip(), len(response.body)
    if length in {"", str(found)}:
        return ""
    if re.fullmatch("[0-9]{1,20}", length) and int(length) > found:
        return f"the response was cut off after {found:,} of {int(length):,} bytes"
    return f"{found:,} bytes with the Content-Length {_excerpt(length)}"


@cache
def _output_members(operation: str) -> frozenset[str]:
    shape = service_model().operation_model(operation).output_shape
    return frozenset(shape.members if shape else ())


@cache
def _required(operation: str) -> Mapping[str, type] | None:
    """Return the members that an answer to a read must have, with their types; None if it may be empty."""
    shape = service_model().operation_model(operation).output_shape
    if shape is None or not shape.members:
        return None
    if not operation.startswith(("Get", "List", "Query")):
        # Servers answer CreateIndex as the first version of the service did, without the ARN.
        return {}
    return {name: JSON_TYPES.get(shape.members[name].type_name, object) for name in shape.required_members}


def _looks_like_answer(body: bytes, required: Mapping[str, type]) -> bool:
    if len(body) <= PARSED_BYTES_MAX:
        return False
    # The vectors are one member, so the others are near an end. Searching the whole takes as long as parsing.
    ends = body[: PARSED_BYTES_MAX // 2] + body[-PARSED_BYTES_MAX:]
    is_object = ends.lstrip().startswith(b"{") and ends.rstrip().endswith(b"}")
    shown = all(f'"{name}"'.encode() in ends for name in required)
    return is_object and shown and ERROR_MEMBER.encode() not in ends


def _parse(body: bytes, *, is_strict: bool) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        # botocore parses with the standard library, which also accepts NaN and lone surrogates.
        return json.loads(body, parse_constant=_reject_constant if is_strict else None)
    except (ValueError, RecursionError):
        return None


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _media_type(response: ServiceResponse) -> str:
    found = response.header("content-type").partition(";")[0].strip().lower()
    if found == "application/json":
        return "a body that is no JSON object,"
    return (
        found if re.fullmatch(r"[\w.+-]{1,40}/[\w.+-]{1,40}", found, re.ASCII) else "a body of no known type"
    )


def _excerpt(text: bytes | str) -> str:
    """Return the start of *text* in quotes, printable and without secrets."""
    text = text[:EXCERPT_SCANNED]
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    text = redact(" ".join(text.split()))
    return f"'{printable_line(text[:EXCERPT_CHARACTERS])}{'…' if len(text) > EXCERPT_CHARACTERS else ''}'"


def _details(body: bytes) -> dict[str, Any]:
    try:
        details = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return details if isinstance(details, dict) else {}


def _code(response: ServiceResponse, details: Mapping[str, Any]) -> str:
    found = (
        response.header("x-amzn-errortype")
        or details.get("__type")
        or details.get("code")
        or details.get("Code")
    )
    code = str(found or "").split(":", 1)[0].rsplit("#", 1)[-1]
    return code or str(response.status)


def _message(details: Mapping[str, Any], status: int) -> str:
    return str(details.get("message") or details.get("Message") or _phrase(status))


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "no reason given"
