"""Answers: what was found, or what went wrong without anything that is not the caller's to see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.aws_lambda.place import OutOfTime
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
#: Access keys; request ids; accounts in ARNs; hashes and signatures; tokens, which unlike names have letters
#: of both cases; arrays of numbers.
_PRIVATE = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{8,}",
        r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
        r"(?<=:)\d{12}(?=[:/])",
        r"\b[0-9a-f]{40,}\b",
        r"(?=[a-z0-9+/=_-]*[A-Z])(?=[A-Z0-9+/=_-]*[a-z])[A-Za-z0-9+/=_-]{40,}",
        r"\[\s*-?\d[^\]]*\]?",
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


def answer_of(action: str, done: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """What *action* found; its `ok` says whether that is as it should be."""
    return _answer(HTTPStatus.OK, {"action": action, "request_id": request_id, **done})


def failure_of(error: Exception, request_id: str) -> dict[str, Any]:
    """Why nothing was done."""
    return _answer(status_of(error), {"ok": False, "request_id": request_id, "error": told(error)})


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
    return {**details, "hint": error.hint} if error.hint else details


def sanitised(text: str) -> str:
    """*text* without credentials, signatures, accounts, request ids and vector values, and not long."""
    for private in _PRIVATE:
        text = private.sub(HIDDEN, text)
    return text if len(text) <= MESSAGE_LENGTH_MAX else text[: MESSAGE_LENGTH_MAX - 1] + HIDDEN


def _answer(status: HTTPStatus, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": int(status),
        "headers": {"content-type": "application/json"},
        "body": orjson.dumps(body).decode(),
    }
