"""Answers: what was found, or what went wrong without anything that is not the caller's to see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.aws_lambda.deadline import OutOfTime
from vecgate.errors import (
    IndexUnusable,
    NoCredentials,
    ProtocolError,
    ServiceError,
    TargetError,
    TransportError,
    UsageError,
    VecgateError,
)

#: Statuses of the service that say the same of the event.
PASSED_ON = frozenset({
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS,
})  # fmt: skip
MESSAGE_LENGTH_MAX = 500
HIDDEN = "…"
NO_TIME = "there was no time left"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+|nan|inf(?:inity)?)(?:e[-+]?\d+)?"
#: Access keys; request ids; accounts; hashes and signatures; tokens, as they are and as a URL has them, which
#: unlike names have letters of both cases; arrays of numbers, which 1,000 is not.
_PRIVATE = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{8,}",
        r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
        r"(?<![\d.])\d{12}(?!\d)",
        r"(?<![\d-])\d{4}-\d{4}-\d{4}(?![\d-])",
        r"\b[0-9a-f]{40,}\b",
        r"(?=[a-z0-9+/=_%-]*[A-Z])(?=[A-Z0-9+/=_%-]*[a-z])[A-Za-z0-9+/=_%-]{40,}",
        rf"\[\s*(?i:{_NUMBER})[^\]]*\]?",
        rf"\(\s*(?!\d{{1,3}}(?:,\d{{3}})+\b)(?i:{_NUMBER})(?:\s*,\s*(?i:{_NUMBER}))+[^)]*\)?",
    )
)
#: The exact kinds first: the first that fits counts.
_STATUS: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (OutOfTime, HTTPStatus.GATEWAY_TIMEOUT),
    (IndexUnusable, HTTPStatus.NOT_FOUND),
    (UsageError, HTTPStatus.BAD_REQUEST),
    (NoCredentials, HTTPStatus.FORBIDDEN),
    (TargetError, HTTPStatus.BAD_GATEWAY),
    (TransportError, HTTPStatus.BAD_GATEWAY),
    (ProtocolError, HTTPStatus.BAD_GATEWAY),
)


def answer_of(
    action: str, done: Mapping[str, Any], request_id: str, leaks: Sequence[str] = ()
) -> dict[str, Any]:
    """What *action* found; its `ok` says whether that is as it should be. *leaks* could not be removed."""
    return _answer(HTTPStatus.OK, {"action": action, "request_id": request_id, **done}, leaks)


def failure_of(error: Exception, request_id: str, leaks: Sequence[str] = ()) -> dict[str, Any]:
    """Why nothing was done, and what could not be removed all the same."""
    return _answer(status_of(error), {"ok": False, "request_id": request_id, "error": told(error)}, leaks)


def status_of(error: Exception) -> HTTPStatus:
    """The HTTP status that says whose fault *error* is."""
    if isinstance(error, ServiceError):
        return HTTPStatus(error.status) if error.status in PASSED_ON else HTTPStatus.BAD_GATEWAY
    fitting = (status for kind, status in _STATUS if isinstance(error, kind))
    return next(fitting, HTTPStatus.INTERNAL_SERVER_ERROR)


def told(error: Exception) -> dict[str, str]:
    """*error* for whoever asked: of one that we did not foresee, its kind alone."""
    if not isinstance(error, VecgateError):
        return {"type": type(error).__name__, "message": "vecgate itself failed"}
    details = {"type": type(error).__name__, "message": sanitised(str(error))}
    if isinstance(error, ServiceError):
        details |= {"code": sanitised(error.code), "operation": error.operation}
    return {**details, "hint": sanitised(error.hint)} if error.hint else details


def stopped_by(error: VecgateError) -> object:
    """What ended an action that had begun."""
    return NO_TIME if isinstance(error, OutOfTime) else told(error)


def sanitised(text: str) -> str:
    """*text* without credentials, signatures, accounts, request ids and vector values, and not long."""
    for private in _PRIVATE:
        text = private.sub(HIDDEN, text)
    return text if len(text) <= MESSAGE_LENGTH_MAX else text[: MESSAGE_LENGTH_MAX - 1] + HIDDEN


def _answer(status: HTTPStatus, body: Mapping[str, Any], leaks: Sequence[str]) -> dict[str, Any]:
    if leaks:
        body = {**body, "left_behind": [sanitised(leak) for leak in leaks]}
    return {
        "statusCode": int(status),
        "headers": {"content-type": "application/json"},
        "body": orjson.dumps(body).decode(),
    }
