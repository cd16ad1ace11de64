"""Filters: how large they may be, how deep, and which metadata they may not name."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

QUERY: dict[str, Any] = {"topK": 5, "queryVector": {"float32": [1.0, 0.0]}}
NON_FILTERABLE = "Invalid use of non-filterable metadata in filter"


def equalities(count: int) -> list[dict[str, Any]]:
    return [{"f": number} for number in range(count)]


@pytest.fixture
def index(make_index: MakeIndex) -> Index:
    """An index with two vectors, and `body` non-filterable."""
    made = make_index(non_filterable=["body"])
    made.put(("a", [1, 0], {"f": 1, "body": "x"}), ("b", [0, 1], {"f": 200, "body": "y"}))
    return made


#: As the guide counts: one for each value that is compared; what joins conditions is free.
A_HUNDRED: dict[str, dict[str, Any]] = {
    "or": {"$or": equalities(100)},
    "or-of-in": {"$or": [{"f": {"$in": list(range(50))}}, {"f": {"$in": list(range(50))}}]},
    "nested": {"$or": [{"$and": [{"$or": equalities(60)}]}, {"$or": equalities(40)}]},
    "in-and-equality": {"$or": [{"f": {"$in": list(range(99))}}, {"f": 1}]},
}
ONE_MORE: dict[str, dict[str, Any]] = {
    "or": {"$or": equalities(101)},
    "or-of-in": {"$or": [{"f": {"$in": list(range(51))}}, {"f": {"$in": list(range(50))}}]},
    "nested": {"$or": [{"$and": [{"$or": equalities(60)}]}, {"$or": equalities(41)}]},
    "in-and-equality": {"$or": [{"f": {"$in": list(range(100))}}, {"f": 1}]},
}
#: How these are counted nobody has seen; no count makes more of a hundred.
A_HUNDRED_OTHERS: dict[str, dict[str, Any]] = {
    "exists": {"$or": [{f"f{number}": {"$exists": True}} for number in range(99)] + [{"f": 1}]},
    "ne": {"$and": [{"f": {"$ne": number}} for number in range(2, 102)]},
    "two-operators": {"$or": [{"f": {"$gte": number, "$lte": number}} for number in range(50)]},
    "starts-with": {"$or": [{"f": {"$startsWith": f"x{number}"}} for number in range(99)] + [{"f": 1}]},
}


@pytest.mark.parametrize("filter_", A_HUNDRED.values(), ids=A_HUNDRED.keys())
@requirement(
    "filters.constraints", level="must", evidence="documented", source=sources.FILTERS, needs="query modes"
)
def test_a_hundred_constraints_are_taken(index: Index, filter_: dict[str, Any]) -> None:
    """A filter of 100 constraints is taken, and filters."""
    assert index.found(filter_) == {"a"}


@pytest.mark.parametrize("filter_", ONE_MORE.values(), ids=ONE_MORE.keys())
@requirement(
    "filters.too-many-constraints",
    level="must",
    evidence="documented",
    source=sources.FILTERS,
    needs="query modes",
)
def test_one_constraint_more_is_refused(index: Index, refused: Refused, filter_: dict[str, Any]) -> None:
    """A filter of 101 constraints is refused on an ENHANCED index."""
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement(
    "filters.listed-values",
    level="must",
    evidence="recorded",
    source=sources.PROBE_TABLES,
    needs="query modes",
)
def test_a_hundred_values_may_be_listed(index: Index) -> None:
    """A list of 100 values under $in is taken, and filters."""
    assert index.found({"f": {"$in": list(range(100))}}) == {"a"}


@requirement(
    "filters.too-many-listed-values",
    level="must",
    evidence="recorded",
    source=sources.PROBE_TABLES,
    needs="query modes",
)
def test_one_value_more_is_refused(index: Index, refused: Refused) -> None:
    """A list of 101 values under $in is refused on an ENHANCED index."""
    asked = {**index.address, **QUERY, "filter": {"f": {"$in": list(range(101))}}}
    refused("QueryVectors", asked, code="ValidationException")


@pytest.mark.parametrize("filter_", A_HUNDRED_OTHERS.values(), ids=A_HUNDRED_OTHERS.keys())
@requirement(
    "filters.constraints-of-others",
    level="may",
    evidence="inferred",
    source=sources.FILTERS,
    needs="query modes",
)
def test_a_hundred_constraints_of_other_operators(index: Index, filter_: dict[str, Any]) -> None:
    """A filter of 100 constraints is taken, whatever operators it has."""
    assert index.found(filter_) == {"a"} | ({"b"} if "$and" in filter_ else set())


@pytest.mark.parametrize("depth", [1, 2, 5, 10, 20])
@requirement("filters.nesting", level="should", evidence="documented", source=sources.FILTERS, needs="query")
def test_branches_nest(index: Index, depth: int) -> None:
    """Branches nest in one another, and mean what they mean."""
    filter_: dict[str, Any] = {"f": 1}
    for level in range(depth):
        filter_ = {"$and": [filter_]} if level % 2 else {"$or": [{"f": "nowhere"}, filter_]}
    assert index.found(filter_) == {"a"}


UNFILTERABLE: dict[str, dict[str, Any]] = {
    "shorthand": {"body": "x"},
    "eq": {"body": {"$eq": "x"}},
    "ne": {"body": {"$ne": "x"}},
    "in": {"body": {"$in": ["x"]}},
    "range": {"body": {"$gt": 1}},
    "exists": {"body": {"$exists": True}},
    "in-and": {"$and": [{"f": 1}, {"body": "x"}]},
    "in-or": {"$or": [{"f": 1}, {"body": "x"}]},
    "deep": {"$or": [{"$and": [{"f": 1}, {"$or": [{"body": "x"}]}]}]},
}


@pytest.mark.parametrize("filter_", UNFILTERABLE.values(), ids=UNFILTERABLE.keys())
@requirement(
    "filters.non-filterable", level="must", evidence="recorded", source=sources.NEIGHBOR, needs="query"
)
def test_a_non_filterable_key_is_no_filter(index: Index, refused: Refused, filter_: dict[str, Any]) -> None:
    """A filter that names a non-filterable key anywhere is refused."""
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@pytest.mark.parametrize("filter_", UNFILTERABLE.values(), ids=UNFILTERABLE.keys())
@requirement(
    "filters.non-filterable-message",
    level="should",
    evidence="recorded",
    source=sources.probe("filter-validation"),
    needs="query",
)
def test_a_non_filterable_key_is_blamed(index: Index, refused: Refused, filter_: dict[str, Any]) -> None:
    """The refusal says that it is for non-filterable metadata."""
    asked = {**index.address, **QUERY, "filter": filter_}
    refused("QueryVectors", asked, code="ValidationException", message=NON_FILTERABLE)


@requirement(
    "filters.non-filterable-unused",
    level="should",
    evidence="inferred",
    source=sources.NEIGHBOR,
    needs="query",
)
def test_a_non_filterable_key_need_not_be_stored(make_index: MakeIndex, refused: Refused) -> None:
    """A filter by a non-filterable key is refused though no vector has it."""
    index = make_index(non_filterable=["body"])
    index.put(("a", [1, 0]))
    refused("QueryVectors", {**index.address, **QUERY, "filter": {"body": "x"}}, code="ValidationException")


@pytest.mark.parametrize("name", ["Body", "body2", "bod", "body.x", " body"])
@requirement("filters.filterable", level="must", evidence="documented", source=sources.FILTERS, needs="query")
def test_every_other_key_is_filterable(index: Index, name: str) -> None:
    """Only the very keys that were configured are non-filterable."""
    index.put(("c", [1, 1], {name: "x"}))
    assert index.found({name: "x"}) == {"c"}
