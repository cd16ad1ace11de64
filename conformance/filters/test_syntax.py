"""Filters: invalid syntax. It must be rejected, not interpreted as another filter or as none."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import IndexHandle, MakeIndex

PROBE = sources.probe("filter-validation")
QUERY: dict[str, Any] = {"topK": 5, "queryVector": {"float32": [1.0, 0.0]}}

#: Filters that AWS has been seen to reject.
INVALID: dict[str, Any] = {
    "empty": {},
    "two-fields": {"a": 1, "b": 2},
    "three-fields": {"a": 1, "b": 2, "c": 3},
    "and-beside-a-field": {"$and": [{"a": 1}], "b": 2},
    "field-beside-or": {"a": 1, "$or": [{"b": 2}]},
    "and-beside-or": {"$and": [{"a": 1}], "$or": [{"b": 2}]},
    "two-fields-in-and": {"$and": [{"a": 1, "b": 2}]},
    "two-fields-in-or": {"$or": [{"a": 1}, {"a": 1, "b": 2}]},
    "two-fields-deep": {"$and": [{"$or": [{"a": 1, "b": 2}]}]},
    "and-of-nothing": {"$and": []},
    "or-of-nothing": {"$or": []},
    "and-of-nothing-deep": {"$or": [{"a": 1}, {"$and": []}]},
    "empty-element-of-and": {"$and": [{}]},
    "empty-element-of-or": {"$or": [{"a": 1}, {}]},
    "text-in-and": {"$and": ["a"]},
    "text-in-or": {"$or": [{"a": 1}, "b"]},
    "unknown-operator": {"a": {"$eg": 1}},
    "unknown-beside-known": {"a": {"$eq": 1, "$eg": 1}},
    "unknown-at-the-top": {"$schema": "a"},
    "operator-at-the-top": {"$eq": 1},
    "not": {"$not": {"a": 1}},
    "not-below-a-field": {"a": {"$not": {"$eq": 1}}},
    "nor": {"$nor": [{"a": 1}]},
    "regex": {"a": {"$regex": "x"}},
    "no-operator": {"a": {}},
    "plain-key-below-a-field": {"a": {"b": 1}},
    "plain-key-beside-an-operator": {"a": {"$gte": 1, "b": 1}},
    "and-below-a-field": {"a": {"$and": [{"$gt": 1}]}},
    "or-below-a-field": {"a": {"$or": [{"$eq": 1}]}},
    "in-nothing": {"a": {"$in": []}},
}
#: Filters that the documented grammar does not allow.
UNDOCUMENTED: dict[str, Any] = {
    "and-of-an-object": {"$and": {"a": 1}},
    "or-of-a-text": {"$or": "a"},
    "and-of-null": {"$and": None},
    "number-in-and": {"$and": [1]},
    "null-in-or": {"$or": [None]},
    "array-in-and": {"$and": [[{"a": 1}]]},
    "array": [{"a": 1}],
    "text": "a",
    "number": 1,
    "boolean": True,
    "operator-in-capitals": {"a": {"$EQ": 1}},
    "branch-in-capitals": {"$AND": [{"a": 1}]},
    "operator-without-dollar": {"a": {"eq": 1}},
    "bare-dollar": {"a": {"$": 1}},
}


def build_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index with one vector, which a lenient server would find."""
    index = make_index()
    index.put(("a", [1, 0], {"a": 1, "b": 2}))
    return index


@pytest.fixture
def index(share_index: ShareIndex) -> IndexHandle:
    """The index that all of these tests read."""
    return share_index(build_index)


@pytest.mark.parametrize("filter_", INVALID.values(), ids=INVALID.keys())
@requirement("filters.broken", kind="refusal", evidence="recorded", source=PROBE, needs="query")
def test_an_invalid_filter_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: Any
) -> None:
    """A filter that violates the grammar is rejected with ValidationException."""
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@pytest.mark.parametrize("filter_", INVALID.values(), ids=INVALID.keys())
@requirement("filters.broken-message", kind="detail", evidence="recorded", source=PROBE, needs="query")
def test_the_error_of_an_invalid_filter(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: Any
) -> None:
    """The error for an invalid filter is `Invalid filter`, in the message and in the field `filter`."""
    members = {**index.address, **QUERY, "filter": filter_}
    error = expect_error("QueryVectors", members, code="ValidationException", message="Invalid filter")
    assert error.fields == {"filter": "Invalid filter"}


@pytest.mark.parametrize("filter_", UNDOCUMENTED.values(), ids=UNDOCUMENTED.keys())
@requirement("filters.no-filter", kind="open", evidence="inferred", source=sources.FILTERS, needs="query")
def test_an_undocumented_filter_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, filter_: Any
) -> None:
    """A filter that the documented grammar does not allow is rejected with ValidationException."""
    expect_error("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement(
    "filters.broken-beside-no-vectors", kind="open", evidence="inferred", source=PROBE, needs="query"
)
def test_an_invalid_filter_is_rejected_in_an_empty_index(
    make_index: MakeIndex, expect_error: ErrorExpectation
) -> None:
    """An invalid filter is rejected in an empty index, too."""
    members = {**make_index().address, **QUERY, "filter": {"a": {"$eg": 1}}}
    expect_error("QueryVectors", members, code="ValidationException")
