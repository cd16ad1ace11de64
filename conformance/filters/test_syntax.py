"""Filters: the shapes that are none. Each must be refused, not taken for another filter or for no filter."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

PROBE = sources.probe("filter-validation")
QUERY: dict[str, Any] = {"topK": 5, "queryVector": {"float32": [1.0, 0.0]}}

#: Refused on AWS.
BROKEN: dict[str, Any] = {
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
#: Not in any record, but in the grammar of no filter.
NO_FILTER: dict[str, Any] = {
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


@pytest.fixture
def index(make_index: MakeIndex) -> Index:
    """An index with one vector, which a lenient server would find."""
    made = make_index()
    made.put(("a", [1, 0], {"a": 1, "b": 2}))
    return made


@pytest.mark.parametrize("filter_", BROKEN.values(), ids=BROKEN.keys())
@requirement("filters.broken", level="must", evidence="recorded", source=PROBE, needs="query")
def test_a_broken_filter_is_refused(index: Index, refused: Refused, filter_: Any) -> None:
    """A filter that breaks the grammar is refused with ValidationException."""
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@pytest.mark.parametrize("filter_", BROKEN.values(), ids=BROKEN.keys())
@requirement("filters.broken-message", level="should", evidence="recorded", source=PROBE, needs="query")
def test_a_broken_filter_is_blamed(index: Index, refused: Refused, filter_: Any) -> None:
    """The refusal of a broken filter reads `Invalid filter`, in the message and under the field `filter`."""
    asked = {**index.address, **QUERY, "filter": filter_}
    refusal = refused("QueryVectors", asked, code="ValidationException", message="Invalid filter")
    assert refusal.fields == {"filter": "Invalid filter"}


@pytest.mark.parametrize("filter_", NO_FILTER.values(), ids=NO_FILTER.keys())
@requirement("filters.no-filter", level="may", evidence="inferred", source=sources.FILTERS, needs="query")
def test_what_is_no_filter_is_refused(index: Index, refused: Refused, filter_: Any) -> None:
    """What the grammar does not make is refused with ValidationException."""
    refused("QueryVectors", {**index.address, **QUERY, "filter": filter_}, code="ValidationException")


@requirement(
    "filters.broken-beside-no-vectors", level="may", evidence="inferred", source=PROBE, needs="query"
)
def test_a_broken_filter_is_refused_though_nothing_is_stored(make_index: MakeIndex, refused: Refused) -> None:
    """A broken filter is refused on an empty index too: it is read before anything is looked for."""
    asked = {**make_index().address, **QUERY, "filter": {"a": {"$eg": 1}}}
    refused("QueryVectors", asked, code="ValidationException")
