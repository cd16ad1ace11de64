"""Filters: which values match. One index has a value of every type, and each case lists the keys it must
find.
"""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import IndexHandle, MakeIndex

PROBE = sources.probe("filter-validation")

#: Key of a vector to its value of the field `f`.
STORED: dict[str, Any] = {
    "a": "a",
    "b": "b",
    "ab": "ab",
    "A": "A",
    "text-1": "1",
    "text-true": "true",
    "1": 1,
    "2": 2,
    "2.5": 2.5,
    "-1": -1,
    "true": True,
    "false": False,
    "texts": ["a", "c"],
    "numbers": [1, 7],
}
RECORDS: dict[str, dict[str, Any] | None] = {
    **{key: {"f": value} for key, value in STORED.items()},
    "other-field": {"g": "a"},
    "no-metadata": None,
}
ALL = frozenset(RECORDS)
HAVING = frozenset(STORED)
ABSENT = ALL - HAVING
ARRAYS = frozenset({"texts", "numbers"})


def build_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index with `RECORDS`."""
    index = make_index()
    records = [
        {
            "key": key,
            "data": {"float32": [1.0, number / 100]},
            **({} if metadata is None else {"metadata": metadata}),
        }
        for number, (key, metadata) in enumerate(RECORDS.items())
    ]
    index.put(*records)
    return index


@pytest.fixture
def index(share_index: ShareIndex) -> IndexHandle:
    """The index that all of these tests read."""
    return share_index(build_index)


SCALARS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "text": ({"f": "b"}, {"b"}),
    "text-eq": ({"f": {"$eq": "b"}}, {"b"}),
    "text-is-whole": ({"f": "ab"}, {"ab"}),
    "text-case": ({"f": "A"}, {"A"}),
    "text-of-a-number": ({"f": "1"}, {"text-1"}),
    "text-of-a-boolean": ({"f": "true"}, {"text-true"}),
    "number": ({"f": 2}, {"2"}),
    "number-eq": ({"f": {"$eq": 2}}, {"2"}),
    "fraction": ({"f": 2.5}, {"2.5"}),
    "negative": ({"f": -1}, {"-1"}),
    "true": ({"f": True}, {"true"}),
    "false": ({"f": {"$eq": False}}, {"false"}),
    "unknown-value": ({"f": "nowhere"}, set()),
    "unknown-field": ({"nowhere": "a"}, set()),
    "other-field": ({"g": "a"}, {"other-field"}),
    "field-case": ({"F": "b"}, set()),
    "in-texts": ({"f": {"$in": ["b", "ab", "nowhere"]}}, {"b", "ab"}),
    "in-one": ({"f": {"$in": ["b"]}}, {"b"}),
    "in-mixed": ({"f": {"$in": ["b", 2, False]}}, {"b", "2", "false"}),
    "gt": ({"f": {"$gt": 2}}, {"2.5"}),
    "gte": ({"f": {"$gte": 2}}, {"2", "2.5"}),
    "lt": ({"f": {"$lt": 1}}, {"-1"}),
    "lte": ({"f": {"$lte": -1}}, {"-1"}),
    "gt-nothing": ({"f": {"$gt": 2.5}}, set()),
    "gte-fraction": ({"f": {"$gte": 2.25}}, {"2.5"}),
    "between": ({"f": {"$gte": 2, "$lte": 2.5}}, {"2", "2.5"}),
    "between-open": ({"f": {"$gt": 2, "$lt": 2.5}}, set()),
    "never": ({"f": {"$gt": 2.5, "$lt": -1}}, set()),
    "eq-and-exists": ({"f": {"$eq": "b", "$exists": True}}, {"b"}),
    "nan-as-text": ({"f": "NaN"}, set()),
}
#: Filters that are equal to one element of an array.
ELEMENTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "text": ({"f": "a"}, {"a", "texts"}),
    "text-eq": ({"f": {"$eq": "c"}}, {"texts"}),
    "number": ({"f": {"$eq": 7}}, {"numbers"}),
    "number-shorthand": ({"f": 1}, {"1", "numbers"}),
    "other-type": ({"f": "7"}, set()),
}
EXISTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "true": ({"f": {"$exists": True}}, set(HAVING)),
    "false": ({"f": {"$exists": False}}, set(ABSENT)),
    "other-field": ({"g": {"$exists": True}}, {"other-field"}),
    "unknown-true": ({"nowhere": {"$exists": True}}, set()),
    "unknown-false": ({"nowhere": {"$exists": False}}, set(ALL)),
}
BRANCHES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "and": ({"$and": [{"f": {"$gte": 1}}, {"f": {"$lte": 2}}]}, {"1", "2"}),
    "and-of-one": ({"$and": [{"f": "b"}]}, {"b"}),
    "and-of-strangers": ({"$and": [{"f": "b"}, {"f": "ab"}]}, set()),
    "and-of-two-fields": ({"$and": [{"g": "a"}, {"f": {"$exists": False}}]}, {"other-field"}),
    "or": ({"$or": [{"f": "b"}, {"f": 2}]}, {"b", "2"}),
    "or-of-one": ({"$or": [{"f": "b"}]}, {"b"}),
    "or-of-two-fields": ({"$or": [{"f": "b"}, {"g": "a"}]}, {"b", "other-field"}),
    "or-with-nothing": ({"$or": [{"f": "nowhere"}, {"f": "b"}]}, {"b"}),
    "or-of-nothing": ({"$or": [{"f": "nowhere"}, {"nowhere": 1}]}, set()),
    "and-in-or": ({"$or": [{"$and": [{"f": {"$gt": 1}}, {"f": {"$lt": 2.5}}]}, {"f": "b"}]}, {"2", "b"}),
    "or-in-and": ({"$and": [{"$or": [{"f": "b"}, {"f": 2}]}, {"f": {"$exists": True}}]}, {"b", "2"}),
}
#: Negations on fields that exist with a value of the operand's type, and no arrays.
NEGATIVE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "ne": ({"$and": [{"f": {"$ne": 2}}, {"f": {"$gte": 1}}]}, {"1", "2.5"}),
    "ne-unknown-value": ({"$and": [{"f": {"$ne": 99}}, {"f": {"$gte": 2}}]}, {"2", "2.5"}),
    "nin": ({"$and": [{"f": {"$nin": [2, -1]}}, {"f": {"$lte": 2.5}}]}, {"1", "2.5"}),
    "nin-unknown-value": ({"$and": [{"f": {"$nin": [99]}}, {"f": {"$gte": 2}}]}, {"2", "2.5"}),
    "ne-boolean": ({"$and": [{"f": {"$ne": True}}, {"f": {"$in": [True, False]}}]}, {"false"}),
}
#: Negations on stored arrays: every record that these select has an array.
NEGATIVE_ARRAYS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "unlisted": ({"$and": [{"f": {"$nin": ["b", 9]}}, {"f": {"$in": ["c", 7]}}]}, set(ARRAYS)),
    "one-listed": ({"$and": [{"f": {"$nin": ["c"]}}, {"f": {"$in": ["c", 7]}}]}, {"numbers"}),
}
PREFIXES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "one": ({"f": {"$startsWith": "b"}}, {"b"}),
    "longer": ({"f": {"$startsWith": "ab"}}, {"ab"}),
    "case": ({"f": {"$startsWith": "A"}}, {"A"}),
    "in-the-middle": ({"f": {"$startsWith": "rue"}}, set()),
    "of-a-number": ({"f": {"$startsWith": "2"}}, set()),
    "longer-than-all": ({"f": {"$startsWith": "abc"}}, set()),
    "absent": ({"nowhere": {"$startsWith": "a"}}, set()),
}
#: The behaviour of AWS is not known for these.
UNKNOWN: dict[str, tuple[dict[str, Any], set[str]]] = {
    "ne-other-types-and-absent": ({"f": {"$ne": "b"}}, set(ALL) - {"b"}),
    "nin-other-types-and-absent": ({"f": {"$nin": ["b", 2]}}, set(ALL) - {"b", "2"}),
    "ne-array": ({"f": {"$ne": "a"}}, set(ALL) - {"a", "texts"}),
    "in-array": ({"f": {"$in": ["c", 7]}}, set(ARRAYS)),
    "ranges-of-arrays": ({"f": {"$gte": 7}}, set()),
    "ranges-of-text-and-booleans": ({"f": {"$lte": 99}}, {"1", "2", "2.5", "-1"}),
    "whole-number-with-a-point": ({"f": 2.0}, {"2"}),
    "empty-prefix": ({"$and": [{"f": {"$startsWith": ""}}, {"f": {"$in": ["b", 2]}}]}, {"b"}),
}


def each_case(cases: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("filter_", "expected"), cases.values(), ids=cases.keys())


@each_case(SCALARS)
@requirement("filters.scalar", kind="effect", evidence="recorded", source=PROBE, needs="query")
def test_values_match_by_type_and_value(
    index: IndexHandle, filter_: dict[str, Any], expected: set[str]
) -> None:
    """A value matches if it is equal or in range and has the operand's type; other types never match."""
    assert index.found(filter_) == expected


@each_case(ELEMENTS)
@requirement("filters.element", kind="effect", evidence="recorded", source=sources.DUVA_SEARCH, needs="query")
def test_an_array_matches_by_any_element(
    index: IndexHandle, filter_: dict[str, Any], expected: set[str]
) -> None:
    """A stored array equals a value if any of its elements does."""
    assert index.found(filter_) == expected


@each_case(EXISTS)
@requirement("filters.exists", kind="effect", evidence="documented", source=sources.FILTERS, needs="query")
def test_a_field_exists_or_not(index: IndexHandle, filter_: dict[str, Any], expected: set[str]) -> None:
    """$exists checks whether a field has a value of any type."""
    assert index.found(filter_) == expected


@each_case(BRANCHES)
@requirement("filters.branches", kind="effect", evidence="documented", source=sources.FILTERS, needs="query")
def test_conditions_are_combined(index: IndexHandle, filter_: dict[str, Any], expected: set[str]) -> None:
    """$and matches if all conditions match, $or if any does."""
    assert index.found(filter_) == expected


@each_case(NEGATIVE)
@requirement("filters.negative", kind="effect", evidence="documented", source=sources.FILTERS, needs="query")
def test_a_value_differs(index: IndexHandle, filter_: dict[str, Any], expected: set[str]) -> None:
    """Of values of one type, $ne matches those that differ, and $nin those that are not listed."""
    assert index.found(filter_) == expected


@each_case(NEGATIVE_ARRAYS)
@requirement(
    "filters.negative-array",
    kind="effect",
    evidence="recorded",
    source=sources.DUVA_SEARCH,
    needs="query modes",
)
def test_an_array_has_none_of_the_values(
    index: IndexHandle, filter_: dict[str, Any], expected: set[str]
) -> None:
    """Of arrays, $nin matches those without any of the values, and $in those with one of them."""
    assert index.found(filter_) == expected


@each_case(PREFIXES)
@requirement(
    "filters.starts-with", kind="effect", evidence="documented", source=sources.FILTERS, needs="query modes"
)
def test_a_text_starts_with_another(index: IndexHandle, filter_: dict[str, Any], expected: set[str]) -> None:
    """$startsWith matches texts that start with the operand, compared character by character."""
    assert index.found(filter_) == expected


@each_case(UNKNOWN)
@requirement("filters.unseen", kind="open", evidence="inferred", source=sources.FILTERS, needs="query modes")
def test_undocumented_cases(index: IndexHandle, filter_: dict[str, Any], expected: set[str]) -> None:
    """$ne and $nin are the opposites of $eq and $in, any element of an array may match, and ranges match
    numbers only.
    """
    assert index.found(filter_) == expected


FIELDS = {
    "dotted": "a.b",
    "hyphenated": "a-b",
    "spaced": "a b",
    "empty": "",
    "unicode": "größe",
    "long": "n" * 200,
    "digits": "2024",
}


@pytest.mark.parametrize("name", FIELDS.values(), ids=FIELDS.keys())
@requirement("filters.field-name", kind="effect", evidence="recorded", source=PROBE, needs="query")
def test_a_field_may_have_any_name(make_index: MakeIndex, name: str) -> None:
    """A filter can name any field, even one with an empty name."""
    index = make_index()
    index.put(("yes", [1, 0], {name: 1}), ("no", [0, 1], {name: 2}), ("other", [1, 1], {"x": 1}))
    assert index.found({name: 1}) == {"yes"}


@requirement("filters.dots", kind="effect", evidence="recorded", source=PROBE, needs="query")
def test_a_dot_is_a_character(make_index: MakeIndex) -> None:
    """A dot in a field name does not mean nesting: `a.b` is neither `a` nor `b`."""
    index = make_index()
    index.put(("dotted", [1, 0], {"a.b": 1}), ("a", [0, 1], {"a": 1}), ("b", [1, 1], {"b": 1}))
    assert index.found({"a.b": 1}) == {"dotted"}


TEXTS = {"unicode": "naïve ☕ 日本", "quotes": 'a "b" \\c', "spaces": "  a  ", "dollar": "$eq", "empty": ""}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@requirement("filters.text", kind="effect", evidence="recorded", source=PROBE, needs="query")
def test_any_text_is_compared_exactly(make_index: MakeIndex, text: str) -> None:
    """Texts are compared exactly, whatever their characters."""
    index = make_index()
    index.put(("yes", [1, 0], {"f": text}), ("no", [0, 1], {"f": f"{text}x"}))
    assert index.found({"f": text}) == {"yes"}


@requirement(
    "filters.after-overwrite", kind="effect", evidence="documented", source=sources.LIST, needs="query"
)
def test_a_filter_sees_the_current_metadata(make_index: MakeIndex) -> None:
    """After an overwrite, filters see the new metadata and not the old."""
    index = make_index()
    index.put(("k", [1, 0], {"f": "old", "g": 1}))
    assert index.found({"f": "old"}) == index.found({"g": 1}) == {"k"}
    index.put(("k", [1, 0], {"f": "new"}))
    assert index.found({"f": "new"}) == {"k"}
    assert index.found({"f": "old"}) == set()
    assert index.found({"g": {"$exists": True}}) == set()


@requirement(
    "filters.after-overwrite-of-array",
    kind="effect",
    evidence="documented",
    source=sources.LIST,
    needs="query",
)
def test_a_filter_sees_the_current_elements(make_index: MakeIndex) -> None:
    """After an overwrite of an array, filters see its new elements and not the removed ones."""
    index = make_index()
    index.put(("k", [1, 0], {"f": ["x", "y"]}))
    assert index.found({"f": "x"}) == index.found({"f": "y"}) == {"k"}
    index.put(("k", [1, 0], {"f": ["y", "z"]}))
    assert index.found({"f": "x"}) == set()
    assert index.found({"f": "y"}) == index.found({"f": "z"}) == {"k"}


@requirement("filters.after-delete", kind="effect", evidence="documented", source=sources.LIST, needs="query")
def test_a_filter_does_not_find_deleted_vectors(make_index: MakeIndex) -> None:
    """After a deletion, no filter finds the vector."""
    index = make_index()
    index.put(("gone", [1, 0], {"f": 1}), ("here", [1, 0], {"f": 1}))
    assert index.found({"f": 1}) == {"gone", "here"}
    index.delete("gone")
    assert index.found({"f": 1}) == {"here"}


@requirement("filters.distances", kind="effect", evidence="documented", source=sources.FILTERS, needs="query")
def test_a_filter_changes_no_distance(make_index: MakeIndex) -> None:
    """Filtered results have the same order and distances as without a filter."""
    index = make_index(metric="euclidean")
    index.put(("a", [1, 0], {"f": 1}), ("b", [2, 0], {"f": 2}), ("c", [3, 0], {"f": 1}))
    found = index.query([0, 0], filter={"f": 1})
    assert [(each["key"], each["distance"]) for each in found] == [("a", 1), ("c", 9)]
