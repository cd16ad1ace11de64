"""Filters: the complete table of operators and the types of their operands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import IndexHandle, MakeIndex

PROBE = sources.probe("filter-validation")
QUERY: dict[str, Any] = {"topK": 5, "queryVector": {"float32": [1.0, 0.0]}}

SCALARS: dict[str, Any] = {
    "string": "a",
    "empty-string": "",
    "integer": 1,
    "fraction": -1.5,
    "zero": 0,
    "true": True,
    "false": False,
}
NUMBERS = ("integer", "fraction", "zero")
ARRAYS: dict[str, Any] = {
    "strings": ["a", "b"],
    "numbers": [1, 2.5],
    "booleans": [True, False],
    "mixed-scalars": ["a", 1, True],
    "one": ["a"],
}
NEVER_ACCEPTED: dict[str, Any] = {"null": None, "object": {"x": 1}, "empty-array": []}
INVALID_ELEMENTS: dict[str, Any] = {
    "null-in-array": ["a", None],
    "array-in-array": [["a"]],
    "object-in-array": [{}],
}
ALL: dict[str, Any] = {**SCALARS, **ARRAYS, **NEVER_ACCEPTED, **INVALID_ELEMENTS, "nan-as-text": "NaN"}

#: Operator to the operands that it accepts; it rejects all others. The empty name is the shorthand.
ACCEPTED: dict[str, tuple[str, ...]] = {
    "": (*SCALARS, "nan-as-text"),
    "$eq": (*SCALARS, "nan-as-text"),
    "$ne": (*SCALARS, "nan-as-text"),
    "$gt": NUMBERS,
    "$gte": NUMBERS,
    "$lt": NUMBERS,
    "$lte": NUMBERS,
    "$in": tuple(ARRAYS),
    "$nin": tuple(ARRAYS),
    "$exists": ("true", "false"),
}


def condition(operator: str, name: str) -> dict[str, Any]:
    return {"a": {operator: ALL[name]} if operator else ALL[name]}


def cases(*, accepted: bool, names: Iterable[str] = ALL) -> list[Any]:
    return [
        pytest.param(condition(operator, name), id=f"{operator.removeprefix('$') or 'shorthand'}-{name}")
        for operator, names_accepted in ACCEPTED.items()
        for name in names
        if (name in names_accepted) is accepted
    ]


def starts_with(names: tuple[str, ...]) -> list[Any]:
    return [pytest.param(condition("$startsWith", name), id=name) for name in names]


def build_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index with a vector that has some metadata."""
    index = make_index()
    index.put(("a", [1, 0], {"a": "a"}))
    return index


@pytest.fixture
def index(share_index: ShareIndex) -> IndexHandle:
    """The index that all of these tests read."""
    return share_index(build_index)


@pytest.mark.parametrize("filter_", cases(accepted=True))
@requirement("filters.operand", kind="effect", evidence="recorded", source=PROBE, needs="query")
def test_an_operand_of_the_right_type_is_accepted(index: IndexHandle, filter_: dict[str, Any]) -> None:
    """An operator accepts operands of its types."""
    assert "vectors" in index.call("QueryVectors", **QUERY, filter=filter_)


@pytest.mark.parametrize("filter_", cases(accepted=False))
@requirement("filters.wrong-operand", kind="refusal", evidence="recorded", source=PROBE, needs="query")
def test_an_operand_of_a_wrong_type_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: dict[str, Any]
) -> None:
    """An operator rejects operands of other types, whatever types are stored."""
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@pytest.mark.parametrize("filter_", cases(accepted=False, names=("string", "true", "null", "empty-array")))
@requirement("filters.wrong-operand-message", kind="detail", evidence="recorded", source=PROBE, needs="query")
def test_the_error_of_a_wrong_operand(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: dict[str, Any]
) -> None:
    """The error message for a wrong operand is `Invalid filter`, and the field is `filter`."""
    members = {**index.address, **QUERY, "filter": filter_}
    expect_error(
        "QueryVectors", members, code="ValidationException", message="Invalid filter", field="filter"
    )


@pytest.mark.parametrize("filter_", starts_with(("string", "empty-string")))
@requirement(
    "filters.starts-with-operand",
    kind="effect",
    evidence="documented",
    source=sources.FILTERS,
    needs="query modes",
)
def test_a_prefix_may_be_a_string(index: IndexHandle, filter_: dict[str, Any]) -> None:
    """$startsWith accepts a string."""
    assert "vectors" in index.call("QueryVectors", **QUERY, filter=filter_)


@pytest.mark.parametrize(
    "filter_", starts_with(("integer", "fraction", "true", "null", "strings", "empty-array", "object"))
)
@requirement(
    "filters.starts-with-wrong-operand",
    kind="refusal",
    evidence="documented",
    source=sources.FILTERS,
    needs="query modes",
)
def test_a_prefix_must_be_a_string(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: dict[str, Any]
) -> None:
    """$startsWith rejects other types than strings."""
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement(
    "filters.wrong-operand-in-branch", kind="refusal", evidence="recorded", source=PROBE, needs="query"
)
def test_every_branch_is_checked(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """An operand of a wrong type is rejected in every branch, even in one that cannot change the result."""
    filter_ = {"$or": [{"a": "a"}, {"$and": [{"b": 1}, {"a": {"$gt": "x"}}]}]}
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement("filters.wrong-operand-beside", kind="refusal", evidence="recorded", source=PROBE, needs="query")
def test_every_operator_is_checked(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """An operand of a wrong type is rejected even next to a valid one."""
    filter_ = {"a": {"$gte": 1, "$lt": "x"}}
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")
