"""A metadata filter on the command line: checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from vecgate.errors import ServiceError, UsageError

if TYPE_CHECKING:
    from vecgate.s3vectors.filter_grammar import FilterProblem


def parse_filter(text: str, option: str, *, allow_unknown: bool = True) -> dict[str, Any]:
    """Return the filter in *text*. Raises UsageError, with the part that is wrong and how to write it.

    allow_unknown  leave operators to the service that are not known here
    """
    from vecgate.s3vectors.filter_grammar import find_filter_problem

    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(
            f"{option} is not JSON: {error}", hint='Such as \'{"year": {"$gte": 2020}}\'.'
        ) from error
    if problem := find_filter_problem(document, allow_unknown=allow_unknown):
        raise _wrong(problem, option)
    assert isinstance(document, dict)
    return document


@contextmanager
def explain_refusal(document: object, option: str) -> Iterator[None]:
    """Say which operator is not known if the service refuses the filter *document*."""
    from vecgate.s3vectors.filter_grammar import find_filter_problem

    try:
        yield
    except ServiceError as error:
        problem = find_filter_problem(document, allow_unknown=False)
        if error.status == HTTPStatus.BAD_REQUEST and problem is not None:
            raise _wrong(problem, option) from error
        raise


def _wrong(problem: FilterProblem, option: str) -> UsageError:
    return UsageError(f"{option}: {problem}", hint=problem.hint)
