"""Requests that must fail, and the error that a target must answer: code, status, message and field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from botocore import xform_name
from botocore.exceptions import ClientError

from vecgate.errors import UnexpectedResponse
from vecgate.s3vectors.model import error_codes

Call: TypeAlias = Callable[..., Any]
Wording: TypeAlias = str | re.Pattern[str]
TEMPORARY_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as the service answered it.

    code     such as ValidationException
    status   the HTTP status
    message  the service's sentence
    fields   path to message, from the answer's fieldList
    """

    code: str
    status: int
    message: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """The error that a request must be answered with.

    message  the whole message, or a pattern to find in it; None if any message will do
    field    a path that the answer's fieldList must contain; None if none is required
    """

    code: str
    status: int
    message: Wording | None = None
    field: str | None = None

    def differences(self, answer: ErrorAnswer) -> list[str]:
        """Return the names of the parts in which *answer* is not as expected.

        If only code and status are expected, a code that the service does not have counts as expected: a
        server that names its errors differently fails the requirements `wire.error-code` about that, and not
        every requirement that an invalid request is refused.
        """
        is_foreign = answer.code not in error_codes() and not answer.code.isdigit() and bool(answer.code)
        is_tolerated = is_foreign and answer.status == self.status and self.message is self.field is None
        return [
            *(["code"] if answer.code != self.code and not is_tolerated else []),
            *(["status"] if answer.status != self.status else []),
            *(["message"] if not self._accepts(answer.message) else []),
            *(["field"] if self.field is not None and self.field not in answer.fields else []),
        ]

    def _accepts(self, message: str) -> bool:
        if isinstance(self.message, re.Pattern):
            return self.message.search(message) is not None
        return self.message is None or self.message == message

    def __str__(self) -> str:
        wording = self.message.pattern if isinstance(self.message, re.Pattern) else self.message
        parts = [
            f"{self.status} {self.code}",
            *([f"message {wording!r}"] if wording is not None else []),
            *([f"fieldList with {self.field!r}"] if self.field is not None else []),
        ]
        return ", ".join(parts)


class ErrorExpectation:
    """Calls an operation that must fail, and checks the error.

    >>> expect_error("GetIndex", {"indexName": "films"}, code="ValidationException")  # doctest: +SKIP
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
        self._client = client

    def __call__(
        self,
        operation: str | Call,
        members: Mapping[str, Any] | None = None,
        /,
        *,
        code: str,
        status: int | None = None,
        message: Wording | None = None,
        field: str | None = None,
        **more: Any,  # noqa: ANN401 - members of a request, of any type
    ) -> ErrorAnswer:
        """Return the error, if it is as expected. Raises AssertionError if it differs or the call succeeds.

        *operation* is a name such as PutVectors, or any callable. *status* defaults to the one that the
        service model gives for *code*.
        """
        __tracebackhide__ = True
        call = getattr(self._client, xform_name(operation)) if isinstance(operation, str) else operation
        expected = ExpectedError(code, _status_of(code) if status is None else status, message, field)
        try:
            answer = call(**{**(members or {}), **more})
        except ClientError as raised:
            error = parse_error(raised)
        else:
            raise AssertionError(f"expected {expected}\ngot      an answer: {_without_meta(answer)!r:.300}")
        if differences := expected.differences(error):
            raise AssertionError(
                f"expected {expected}\ngot      {_format_error(error)}\ndiffers  {'; '.join(differences)}"
            )
        return error

    def is_refused(
        self,
        operation: str,
        members: Mapping[str, Any] | None = None,
        /,
        **more: Any,  # noqa: ANN401 - members of a request, of any type
    ) -> bool:
        """Send an invalid request and return whether it is refused. That it must be is another matter."""
        try:
            getattr(self._client, xform_name(operation))(**{**(members or {}), **more})
        except ClientError:
            return True
        except UnexpectedResponse:
            # Such as status 200 with a list of the records that were not stored.
            return False
        return False


def parse_error(error: ClientError) -> ErrorAnswer:
    """Return the answer that botocore raised as *error*."""
    answer: Mapping[str, Any] = error.response
    details = answer.get("Error", {})
    fields = answer.get("fieldList") or details.get("fieldList") or []
    named = [each for each in fields if isinstance(each, Mapping)] if isinstance(fields, list) else []
    return ErrorAnswer(
        code=details.get("Code", ""),
        status=answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        message=str(details.get("Message", "")),
        fields={str(each.get("path", "")): str(each.get("message", "")) for each in named},
    )


def refusal_reason(error: ClientError) -> str:
    """Return why a target refuses the request that failed with *error*.

    Empty if *error* is not a refusal: throttling, a timeout or a fault of the target says nothing about it.
    """
    answer = parse_error(error)
    known = error_codes().get(answer.code)
    is_temporary = answer.status in TEMPORARY_STATUSES or (known is not None and known.is_retryable)
    is_refusal = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return (answer.message or answer.code) if is_refusal and not is_temporary else ""


def _status_of(code: str) -> int:
    known = error_codes().get(code)
    return known.status if known else 400


def _format_error(error: ErrorAnswer) -> str:
    fields = f", fieldList {dict(error.fields)!r}" if error.fields else ""
    return f"{error.status} {error.code}, message {error.message!r}{fields}"


def _without_meta(answer: object) -> object:
    if isinstance(answer, Mapping):
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    return answer
