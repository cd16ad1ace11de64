"""Filters: which operator takes what. The whole table of operators and types of operands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

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
NEVER: dict[str, Any] = {"null": None, "object": {"x": 1}, "empty-array": []}
LISTED_WITH: dict[str, Any] = {
    "null-in-array": ["a", None],
    "array-in-array": [["a"]],
    "object-in-array": [{}],
}
ALL = {**SCALARS, **ARRAYS, **NEVER, **LISTED_WITH, "nan-as-text": "NaN"}

#: Operator to the operands that it takes; it refuses all others. An empty one is the shorthand.
TAKES = {
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


def cases(*, taken: bool, names: Iterable[str] = ALL) -> list[Any]:
    return [
        pytest.param(condition(operator, name), id=f"{operator.removeprefix('$') or 'shorthand'}-{name}")
        for operator, takes in TAKES.items()
        for name in names
        if (name in takes) is taken
    ]


def starts_with(names: tuple[str, ...]) -> list[Any]:
    return [pytest.param(condition("$startsWith", name), id=name) for name in names]


@pytest.fixture
def index(make_index: MakeIndex) -> Index:
    """An index with a vector that has some metadata."""
    made = make_index()
    made.put(("a", [1, 0], {"a": "a"}))
    return made


@pytest.mark.parametrize("filter_", cases(taken=True))
@requirement("filters.operand", level="must", evidence="recorded", source=PROBE, needs="query")
def test_an_operand_of_the_right_type_is_taken(index: Index, filter_: dict[str, Any]) -> None:
    """An operator takes operands of the types that it is for."""
    assert "vectors" in index.call("QueryVectors", **QUERY, filter=filter_)


@pytest.mark.parametrize("filter_", cases(taken=False))
@requirement("filters.wrong-operand", level="must", evidence="recorded", source=PROBE, needs="query")
def test_an_operand_of_a_wrong_type_is_refused(
    index: Index, refused: Refused, filter_: dict[str, Any]
) -> None:
    """An operator refuses operands of other types, whatever types are stored."""
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@pytest.mark.parametrize("filter_", cases(taken=False, names=("string", "true", "null", "empty-array")))
@requirement(
    "filters.wrong-operand-message", level="should", evidence="recorded", source=PROBE, needs="query"
)
def test_an_operand_of_a_wrong_type_is_blamed(
    index: Index, refused: Refused, filter_: dict[str, Any]
) -> None:
    """The refusal of an operand reads `Invalid filter` and blames the field `filter`."""
    asked = {**index.address, **QUERY, "filter": filter_}
    refused("QueryVectors", asked, code="ValidationException", message="Invalid filter", field="filter")


@pytest.mark.parametrize("filter_", starts_with(("string", "empty-string")))
@requirement(
    "filters.starts-with-operand",
    level="must",
    evidence="documented",
    source=sources.FILTERS,
    needs="query modes",
)
def test_a_prefix_is_a_string(index: Index, filter_: dict[str, Any]) -> None:
    """The operator $startsWith takes a string."""
    assert "vectors" in index.call("QueryVectors", **QUERY, filter=filter_)


@pytest.mark.parametrize(
    "filter_", starts_with(("integer", "fraction", "true", "null", "strings", "empty-array", "object"))
)
@requirement(
    "filters.starts-with-wrong-operand",
    level="should",
    evidence="documented",
    source=sources.FILTERS,
    needs="query modes",
)
def test_a_prefix_is_nothing_else(index: Index, refused: Refused, filter_: dict[str, Any]) -> None:
    """The operator $startsWith refuses what is no string."""
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement(
    "filters.wrong-operand-in-branch", level="must", evidence="recorded", source=PROBE, needs="query"
)
def test_every_branch_is_checked(index: Index, refused: Refused) -> None:
    """An operand of a wrong type is refused in every branch, even one that could not change the result."""
    filter_ = {"$or": [{"a": "a"}, {"$and": [{"b": 1}, {"a": {"$gt": "x"}}]}]}
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement("filters.wrong-operand-beside", level="must", evidence="recorded", source=PROBE, needs="query")
def test_every_operator_is_checked(index: Index, refused: Refused) -> None:
    """An operand of a wrong type is refused beside a good one."""
    filter_ = {"a": {"$gte": 1, "$lt": "x"}}
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")
