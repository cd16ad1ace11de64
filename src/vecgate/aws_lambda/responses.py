"""The responses of the function: the result or the error, without any private data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from vecgate.aws_lambda.deadline import OutOfTime
from vecgate.errors import ServiceError, VecgateError
from vecgate.exit_codes import http_status_of
from vecgate.redaction import redact as redact_secrets

MESSAGE_LENGTH_MAX = 500
HIDDEN = "…"
OUT_OF_TIME = "out of time"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+|nan|inf(?:inity)?)(?:e[-+]?\d+)?"
#: Access keys; request ids; accounts; hashes and signatures; tokens, also URL-encoded (unlike names they have
#: letters of both cases); arrays of numbers (1,000 is not one).
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


def success_response(
    action: str, result: Mapping[str, Any], request_id: str, orphaned: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the response with the *result* of *action*. *orphaned* lists what could not be removed."""
    return _response(HTTPStatus.OK, {"action": action, "request_id": request_id, **result}, orphaned)


def error_response(error: Exception, request_id: str, orphaned: Sequence[str] = ()) -> dict[str, Any]:
    """Return the response for *error*. *orphaned* lists what could not be removed."""
    body = {"ok": False, "request_id": request_id, "error": describe_error(error)}
    return _response(status_of(error), body, orphaned)


def status_of(error: Exception) -> HTTPStatus:
    """Return the HTTP status for *error*."""
    return HTTPStatus.GATEWAY_TIMEOUT if isinstance(error, OutOfTime) else http_status_of(error)


def describe_error(error: Exception) -> dict[str, str]:
    """Return *error* as JSON values. Only the type of an unexpected error is shown."""
    if not isinstance(error, VecgateError):
        return {"type": type(error).__name__, "message": "vecgate itself failed"}
    details = {"type": type(error).__name__, "message": redact(str(error))}
    if isinstance(error, ServiceError):
        details |= {"code": redact(error.code), "operation": error.operation}
    return {**details, "hint": redact(error.hint)} if error.hint else details


def describe_stop(error: VecgateError) -> object:
    """Return as JSON values why an action ended early."""
    return OUT_OF_TIME if isinstance(error, OutOfTime) else describe_error(error)


def redact(text: str) -> str:
    """Return *text*, shortened and without credentials, signatures, accounts, request ids, vector values."""
    text = redact_secrets(text)
    for private in _PRIVATE:
        text = private.sub(HIDDEN, text)
    return text if len(text) <= MESSAGE_LENGTH_MAX else text[: MESSAGE_LENGTH_MAX - 1] + HIDDEN


def _response(status: HTTPStatus, body: Mapping[str, Any], orphaned: Sequence[str]) -> dict[str, Any]:
    if orphaned:
        body = {**body, "orphaned": [redact(line) for line in orphaned]}
    return {
        "statusCode": int(status),
        "headers": {"content-type": "application/json"},
        "body": orjson.dumps(body).decode(),
    }
