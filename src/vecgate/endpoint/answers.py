"""What comes in at a door, and what goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from vecgate.errors import VecgateError
from vecgate.s3vectors.model import error_codes

#: Codes that the model does not declare. The first was observed on AWS (2026-09); the others are inferred.
UNDECLARED_STATUSES = {
    "SerializationException": 400,
    "UnknownOperationException": 404,
    "MethodNotAllowedException": 405,
    # AWS's common errors of signatures.
    "MissingAuthenticationTokenException": 403,
    "IncompleteSignatureException": 400,
    "UnrecognizedClientException": 403,
    "InvalidSignatureException": 403,
    "NotImplementedException": 501,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    method  such as POST
    path    still percent-encoded, without the query: an ARN in it is one label
    body    as sent, at most `PAYLOAD_BYTES_MAX` long: the doors see to that
    query   still percent-encoded, without the question mark
    """

    method: str
    path: str
    body: bytes = b""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it leaves.

    status      the HTTP status
    body        JSON
    request_id  for the header of that name, empty for none
    error       the error code, empty for a success
    """

    status: int
    body: bytes
    request_id: str
    error: str = ""

    def headers(self) -> list[tuple[str, str]]:
        """The headers, length included."""
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


class Refused(VecgateError):
    """The service's answer is an error. It ends the operation and never leaves the endpoint as an exception.

    code     the error code
    message  the service's own sentence
    fields   what a ValidationException lists
    """

    def __init__(self, code: str, message: str, fields: Sequence[Field] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.fields = code, message, tuple(fields)

    def answer(self, request_id: str) -> Answer:
        """This refusal as an answer."""
        body: dict[str, object] = {"message": self.message}
        if self.fields:
            body["fieldList"] = [{"path": field.path, "message": field.message} for field in self.fields]
        return Answer(status_of(self.code), orjson.dumps(body), request_id, self.code)


def status_of(code: str) -> int:
    """The HTTP status of an error code."""
    return UNDECLARED_STATUSES.get(code) or error_codes()[code].status


def invalid(message: str, *, path: str = "", field_message: str = "") -> Refused:
    """A ValidationException; *path* is what its `fieldList` names."""
    fields = [Field(path, field_message or message)] if path else []
    return Refused("ValidationException", message, fields)


def malformed(message: str = "The request body is not the JSON that this operation takes") -> Refused:
    """A SerializationException: the deserialiser could make nothing of the body."""
    return Refused("SerializationException", message)


def not_found(what: str) -> Refused:
    """A NotFoundException for *what*, such as `vector bucket`."""
    return Refused("NotFoundException", f"The specified {what} could not be found")


def conflict(message: str) -> Refused:
    """A ConflictException."""
    return Refused("ConflictException", message)


def not_built(what: str) -> Refused:
    """The loud answer where the real service would do something that this endpoint does not do yet."""
    return Refused("NotImplementedException", f"The vecgate endpoint does not implement {what} yet")
