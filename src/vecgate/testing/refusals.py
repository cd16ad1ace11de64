"""What a target must refuse, and how: the error code, the status, the sentence, the member to blame."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from botocore import xform_name
from botocore.exceptions import ClientError

from vecgate.s3vectors.model import error_codes

Call: TypeAlias = Callable[..., Any]
Wording: TypeAlias = str | re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a request was refused.

    code     such as ValidationException
    status   the HTTP status
    message  the service's sentence
    fields   path to message, from the answer's fieldList
    """

    code: str
    status: int
    message: str
    fields: Mapping[str, str]


class Refused:
    """Calls an operation that must be refused, and holds the refusal against what is expected.

    >>> refused("GetIndex", {"indexName": "films"}, code="ValidationException")  # doctest: +SKIP
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
    ) -> Refusal:
        """The refusal, where it is as expected.

        *operation* is a name such as PutVectors or any callable; *status* is by default the one that the
        service model gives *code*; *message* a sentence to equal or a pattern to find; *field* a path that
        the answer's fieldList must hold. Raises AssertionError where it is answered otherwise.
        """
        __tracebackhide__ = True
        call = getattr(self._client, xform_name(operation)) if isinstance(operation, str) else operation
        expected = _expectation(code, _status_of(code, status), message, field)
        try:
            answer = call(**{**(members or {}), **more})
        except ClientError as error:
            refusal = refusal_of(error)
        else:
            raise AssertionError(f"expected {expected}\ngot      an answer: {_without_meta(answer)!r:.300}")
        if problems := mismatches(refusal, code, _status_of(code, status), message, field):
            raise AssertionError(
                f"expected {expected}\ngot      {_told(refusal)}\ndiffers  {'; '.join(problems)}"
            )
        return refusal


def refusal_of(error: ClientError) -> Refusal:
    """The refusal that botocore made *error* of."""
    answer: Mapping[str, Any] = error.response
    said = answer.get("Error", {})
    fields = answer.get("fieldList") or said.get("fieldList") or []
    return Refusal(
        code=said.get("Code", ""),
        status=answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        message=said.get("Message", ""),
        fields={each.get("path", ""): each.get("message", "") for each in fields},
    )


def mismatches(
    refusal: Refusal, code: str, status: int, message: Wording | None, field: str | None
) -> list[str]:
    """In what *refusal* is not as expected, a word each."""
    return [
        *(["code"] if refusal.code != code else []),
        *(["status"] if refusal.status != status else []),
        *(["message"] if message is not None and not _says(refusal.message, message) else []),
        *(["field"] if field is not None and field not in refusal.fields else []),
    ]


def _says(message: str, wording: Wording) -> bool:
    return message == wording if isinstance(wording, str) else wording.search(message) is not None


def _status_of(code: str, status: int | None) -> int:
    if status is not None:
        return status
    known = error_codes().get(code)
    return known.status if known else 400


def _expectation(code: str, status: int, message: Wording | None, field: str | None) -> str:
    wording = message.pattern if isinstance(message, re.Pattern) else message
    parts = [f"{status} {code}", *([f"message {wording!r}"] if wording is not None else [])]
    return ", ".join([*parts, *([f"fieldList with {field!r}"] if field is not None else [])])


def _told(refusal: Refusal) -> str:
    fields = f", fieldList {dict(refusal.fields)!r}" if refusal.fields else ""
    return f"{refusal.status} {refusal.code}, message {refusal.message!r}{fields}"


def _without_meta(answer: object) -> object:
    if isinstance(answer, Mapping):
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    return answer
