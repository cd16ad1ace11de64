"""The requests that the adapters receive, the responses that they send, and the errors of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from vecgate.errors import VecgateError
from vecgate.s3vectors.model import error_codes

#: Error codes that the model does not declare. The first was observed on AWS (2026-09); the rest is inferred.
UNDECLARED_STATUSES = {
    "SerializationException": 400,
    "UnknownOperationException": 404,
    "MethodNotAllowedException": 405,
    # The signature errors that AWS services share.
    "MissingAuthenticationTokenException": 403,
    "IncompleteSignatureException": 400,
    "UnrecognizedClientException": 403,
    "InvalidSignatureException": 403,
    "NotImplementedException": 501,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received.

    method  such as POST
    path    still percent-encoded, without the query: an ARN in it is one label
    body    as sent, at most `PAYLOAD_BYTES_MAX` long: the adapters check that
    query   still percent-encoded, without the question mark
    """

    method: str
    path: str
    body: bytes = b""
    query: str = ""

    @classmethod
    def from_url(cls, method: str, url: str, body: bytes) -> Request:
        """Return the request for *url*, which is still percent-encoded."""
        parts = urlsplit(url)
        return cls(method, parts.path, body, parts.query)


@dataclass(frozen=True, slots=True)
class Response:
    """A response to send.

    status      the HTTP status
    body        JSON
    request_id  for the header of that name; empty for none
    error       the error code; empty for a success
    """

    status: int
    body: bytes
    request_id: str
    error: str = ""

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers, the content length included."""
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(self.body))),
            ("x-amzn-requestid", self.request_id),
            ("x-amzn-errortype", self.error),
        ]
        return [(name, value) for name, value in headers if value]


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of the `fieldList` of a ValidationException."""

    path: str
    message: str


class ApiError(VecgateError):
    """Ends an operation with an error response. It never leaves the endpoint as an exception.

    code     the error code
    message  the service's own sentence
    fields   the `fieldList` of a ValidationException
    """

    code: str
    message: str
    fields: tuple[Field, ...]

    def __init__(self, code: str, message: str, fields: Sequence[Field] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, tuple(fields)

    def response(self, request_id: str) -> Response:
        """Return this error as a response."""
        body: dict[str, object] = {"message": self.message}
        if self.fields:
            body["fieldList"] = [{"path": field.path, "message": field.message} for field in self.fields]
        return Response(status_of(self.code), orjson.dumps(body), request_id, self.code)


def status_of(code: str) -> int:
    """Return the HTTP status of an error code."""
    return UNDECLARED_STATUSES.get(code) or error_codes()[code].status


def invalid(message: str, *, path: str = "", field_message: str = "") -> ApiError:
    """Return a ValidationException. *path* is the entry of its `fieldList`, if any."""
    fields = [Field(path, field_message or message)] if path else []
    return ApiError("ValidationException", message, fields)


def malformed(message: str = "The request body is not the JSON that this operation accepts") -> ApiError:
    """Return a SerializationException: the body cannot be deserialized."""
    return ApiError("SerializationException", message)


def not_found(what: str) -> ApiError:
    """Return a NotFoundException for *what*, such as `vector bucket`."""
    return ApiError("NotFoundException", f"The specified {what} could not be found")


def conflict(message: str) -> ApiError:
    """Return a ConflictException."""
    return ApiError("ConflictException", message)


def not_implemented(what: str) -> ApiError:
    """Return the error for anything that the service does and this endpoint does not."""
    return ApiError("NotImplementedException", f"The vecgate endpoint does not implement {what} yet")
