"""Filters: number of constraints, nesting, and non-filterable keys."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import IndexHandle, MakeIndex

QUERY: dict[str, Any] = {"topK": 5, "queryVector": {"float32": [1.0, 0.0]}}
NON_FILTERABLE = "Invalid use of non-filterable metadata in filter"


def equalities(count: int) -> list[dict[str, Any]]:
    return [{"f": number} for number in range(count)]


def build_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index with two vectors and the non-filterable key `body`."""
    index = make_index(non_filterable=["body"])
    index.put(("a", [1, 0], {"f": 1, "body": "x"}), ("b", [0, 1], {"f": 200, "body": "y"}))
    return index


@pytest.fixture
def index(share_index: ShareIndex) -> IndexHandle:
    """The index that most of these tests read."""
    return share_index(build_index)


@pytest.fixture
def own_index(make_index: MakeIndex) -> IndexHandle:
    """The same for a test that writes."""
    return build_index(make_index)


#: As the guide counts: one constraint for each value that is compared. $and and $or do not count.
FILTERS_OF_100: dict[str, dict[str, Any]] = {
    "or": {"$or": equalities(100)},
    "or-of-in": {"$or": [{"f": {"$in": list(range(50))}}, {"f": {"$in": list(range(50))}}]},
    "nested": {"$or": [{"$and": [{"$or": equalities(60)}]}, {"$or": equalities(40)}]},
    "in-and-equality": {"$or": [{"f": {"$in": list(range(99))}}, {"f": 1}]},
}
FILTERS_OF_101: dict[str, dict[str, Any]] = {
    "or": {"$or": equalities(101)},
    "or-of-in": {"$or": [{"f": {"$in": list(range(51))}}, {"f": {"$in": list(range(50))}}]},
    "nested": {"$or": [{"$and": [{"$or": equalities(60)}]}, {"$or": equalities(41)}]},
    "in-and-equality": {"$or": [{"f": {"$in": list(range(100))}}, {"f": 1}]},
}
#: It is not known how these are counted. Under any count they are at most 100.
FILTERS_OF_100_OTHERS: dict[str, dict[str, Any]] = {
    "exists": {"$or": [{f"f{number}": {"$exists": True}} for number in range(99)] + [{"f": 1}]},
    "ne": {"$and": [{"f": {"$ne": number}} for number in range(2, 102)]},
    "two-operators": {"$or": [{"f": {"$gte": number, "$lte": number}} for number in range(50)]},
    "starts-with": {"$or": [{"f": {"$startsWith": f"x{number}"}} for number in range(99)] + [{"f": 1}]},
}


@pytest.mark.parametrize("filter_", FILTERS_OF_100.values(), ids=FILTERS_OF_100.keys())
@requirement(
    "filters.constraints", kind="effect", evidence="documented", source=sources.FILTERS, needs="query modes"
)
def test_100_constraints_are_accepted(index: IndexHandle, filter_: dict[str, Any]) -> None:
    """A filter of 100 constraints is accepted and applied."""
    assert index.found(filter_) == {"a"}


@pytest.mark.parametrize("filter_", FILTERS_OF_101.values(), ids=FILTERS_OF_101.keys())
@requirement(
    "filters.too-many-constraints",
    kind="refusal",
    evidence="documented",
    source=sources.FILTERS,
    needs="query modes",
)
def test_101_constraints_are_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: dict[str, Any]
) -> None:
    """A filter of 101 constraints is rejected on an ENHANCED index."""
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement(
    "filters.listed-values",
    kind="effect",
    evidence="recorded",
    source=sources.PROBE_TABLES,
    needs="query modes",
)
def test_100_listed_values_are_accepted(index: IndexHandle) -> None:
    """A list of 100 values under $in is accepted, and its first and its last value count."""
    assert index.found({"f": {"$in": list(range(100))}}) == {"a"}
    assert index.found({"f": {"$in": list(range(100))[::-1]}}) == {"a"}


@requirement(
    "filters.too-many-listed-values",
    kind="refusal",
    evidence="recorded",
    source=sources.PROBE_TABLES,
    needs="query modes",
)
def test_101_listed_values_are_rejected(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A list of 101 values under $in is rejected on an ENHANCED index."""
    members = {**index.address, **QUERY, "filter": {"f": {"$in": list(range(101))}}}
    expect_error("QueryVectors", members, code="ValidationException")


@pytest.mark.parametrize("filter_", FILTERS_OF_100_OTHERS.values(), ids=FILTERS_OF_100_OTHERS.keys())
@requirement(
    "filters.constraints-of-others",
    kind="open",
    evidence="inferred",
    source=sources.FILTERS,
    needs="query modes",
)
def test_100_constraints_of_other_operators(index: IndexHandle, filter_: dict[str, Any]) -> None:
    """A filter of 100 constraints is accepted, whatever its operators."""
    assert index.found(filter_) == {"a"} | ({"b"} if "$and" in filter_ else set())


@pytest.mark.parametrize("depth", [1, 2, 5, 10, 20])
@requirement("filters.nesting", kind="detail", evidence="documented", source=sources.FILTERS, needs="query")
def test_branches_nest(index: IndexHandle, depth: int) -> None:
    """$and and $or can be nested, with their usual meaning."""
    filter_: dict[str, Any] = {"f": 1}
    for level in range(depth):
        filter_ = {"$and": [filter_]} if level % 2 else {"$or": [{"f": "nowhere"}, filter_]}
    assert index.found(filter_) == {"a"}


NON_FILTERABLE_FILTERS: dict[str, dict[str, Any]] = {
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


@pytest.mark.parametrize("filter_", NON_FILTERABLE_FILTERS.values(), ids=NON_FILTERABLE_FILTERS.keys())
@requirement(
    "filters.non-filterable", kind="refusal", evidence="recorded", source=sources.NEIGHBOR, needs="query"
)
def test_a_filter_on_a_non_filterable_key_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: dict[str, Any]
) -> None:
    """A filter that names a non-filterable key anywhere is rejected."""
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@pytest.mark.parametrize("filter_", NON_FILTERABLE_FILTERS.values(), ids=NON_FILTERABLE_FILTERS.keys())
@requirement(
    "filters.non-filterable-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("filter-validation"),
    needs="query",
)
def test_the_error_of_a_non_filterable_key(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: dict[str, Any]
) -> None:
    """The error message says that the filter uses non-filterable metadata."""
    members = {**index.address, **QUERY, "filter": filter_}
    expect_error("QueryVectors", members, code="ValidationException", message=NON_FILTERABLE)


@requirement(
    "filters.non-filterable-unused",
    kind="refusal",
    evidence="inferred",
    source=sources.NEIGHBOR,
    needs="query",
)
def test_a_non_filterable_key_need_not_be_stored(
    make_index: MakeIndex, expect_error: ErrorExpectation
) -> None:
    """A filter on a non-filterable key is rejected even if no vector has this key."""
    index = make_index(non_filterable=["body"])
    index.put(("a", [1, 0]))
    expect_error(
        "QueryVectors", {**index.address, **QUERY, "filter": {"body": "x"}}, code="ValidationException"
    )


@pytest.mark.parametrize("name", ["Body", "body2", "bod", "body.x", " body"])
@requirement(
    "filters.filterable", kind="effect", evidence="documented", source=sources.FILTERS, needs="query"
)
def test_every_other_key_is_filterable(own_index: IndexHandle, name: str) -> None:
    """Only exactly the configured keys are non-filterable."""
    own_index.put(("c", [1, 1], {name: "x"}))
    assert own_index.found({name: "x"}) == {"c"}
