"""What is evaluated on the client agrees with the endpoint wherever the client is certain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vecgate.endpoint.search.filters import parse_filter
from vecgate.s3vectors.filter_evaluation import matches

METADATA = {"year": 2020, "genre": "horror", "seen": True, "tags": ["a", "b"], "sizes": [1, 2]}
CASES = [
    ({"year": 2020}, True),
    ({"year": 2020.0}, True),
    ({"year": "2020"}, False),
    ({"seen": 1}, False),
    ({"seen": True}, True),
    ({"none": 1}, False),
    ({"tags": "a"}, True),
    ({"tags": "c"}, False),
    ({"year": {"$gte": 2020, "$lt": 2021}}, True),
    ({"year": {"$gt": 2020}}, False),
    ({"year": {"$lte": 2020}}, True),
    ({"none": {"$gt": 1}}, False),
    ({"genre": {"$gt": 1}}, None),
    ({"tags": {"$gt": 1}}, None),
    ({"genre": {"$in": ["drama", "horror"]}}, True),
    ({"genre": {"$in": ["drama", 1]}}, False),
    ({"tags": {"$in": ["a", "c"]}}, None),
    ({"tags": {"$in": ["c"]}}, False),
    ({"genre": {"$ne": "drama"}}, True),
    ({"genre": {"$ne": "horror"}}, False),
    ({"genre": {"$ne": 5}}, None),
    ({"none": {"$ne": 5}}, None),
    ({"tags": {"$ne": "c"}}, None),
    ({"year": {"$nin": [1, 2]}}, True),
    ({"year": {"$nin": [1, "x"]}}, None),
    ({"year": {"$nin": ["x", 2020]}}, False),
    ({"none": {"$exists": False}}, True),
    ({"tags": {"$exists": True}}, True),
    ({"genre": {"$startsWith": "hor"}}, True),
    ({"year": {"$startsWith": "2"}}, False),
    ({"tags": {"$startsWith": "a"}}, None),
    # A condition of $exists makes a negation certain, either way.
    ({"$and": [{"none": {"$ne": 5}}, {"none": {"$exists": True}}]}, False),
    ({"$or": [{"none": {"$ne": 5}}, {"none": {"$exists": False}}]}, True),
    ({"$or": [{"year": 1}, {"none": {"$ne": 5}}]}, None),
    ({"$or": [{"year": 1}, {"genre": "drama"}]}, False),
    ({"$and": [{"year": 2020}, {"none": {"$ne": 5}}]}, None),
]
SCALARS = st.sampled_from([0, 1, 1.5, True, False, "a", "ab", ""])
NAMES = st.sampled_from(["a", "b"])
OPERATORS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), st.sampled_from([0, 1, 1.5])),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$startsWith"), st.sampled_from(["", "a"])),
)
CONDITIONS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(NAMES, SCALARS | st.lists(OPERATORS, min_size=1, max_size=2).map(dict), min_size=1, max_size=1),
    lambda inner: st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=1),
    max_leaves=5,
)  # fmt: skip
DOCUMENTS = st.dictionaries(NAMES, SCALARS | st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2))


@pytest.mark.parametrize(("condition", "expected"), CASES, ids=str)
def test_a_condition_matches_or_not_or_is_unclear(
    condition: dict[str, Any], *, expected: bool | None
) -> None:
    """As AWS documents it, or else None."""
    assert matches(condition, METADATA) is expected


def test_a_vector_without_metadata_lacks_every_key() -> None:
    """None and an empty object are the same."""
    condition = {"a": {"$exists": False}}
    assert (matches(condition, None), matches(condition, {})) == (True, True)


@given(condition=CONDITIONS, metadata=DOCUMENTS, ne_matches_absent=st.booleans())
def test_a_certain_result_is_that_of_every_server(
    condition: dict[str, Any], metadata: dict[str, Any], *, ne_matches_absent: bool
) -> None:
    """Servers differ in `$ne` without the key."""
    found = matches(condition, metadata)
    assume(found is not None)
    assert parse_filter(condition, ne_matches_absent=ne_matches_absent).matches(metadata) is found
