"""The client refuses what the service refuses, says which part, and what it proposes is accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.search.filters import parse_filter
from vecgate.s3vectors.filter_grammar import OPERATORS, find_filter_problem

#: A filter, the part that is wrong, and how to write it; the last one in words if it is no filter.
WRONG = [
    ({"a": 1, "b": 2}, "", {"$and": [{"a": 1}, {"b": 2}]}),
    ({"$and": [{"a": 1}], "b": 2}, "", {"$and": [{"a": 1}, {"b": 2}]}),
    ({"$or": [{"a": 1, "b": 2}]}, "$or[0]", {"$and": [{"a": 1}, {"b": 2}]}),
    ({}, "", "Leave the filter out to match every vector."),
    ({"$and": [{"a": 1}, {}]}, "$and[1]", "Leave the condition out."),
    ({"$and": []}, "$and", "Leave it out."),
    ({"$and": {"a": 1}}, "$and", {"$and": [{"a": 1}]}),
    ([{"a": 1}], "", {"$and": [{"a": 1}]}),
    ({"$not": {"a": 1}}, "$not", {"a": {"$ne": 1}}),
    ({"$not": {"a": {"$exists": True}}}, "$not", {"a": {"$exists": False}}),
    ({"$not": {"$or": [{"a": 1}]}}, "$not", "Write the opposite operator, such as $ne for $eq or $lt for $gte."),
    ({"a": {"$not": {"$gte": 3}}}, "a.$not", {"a": {"$lt": 3}}),
    ({"$nor": [{"a": 1}]}, "$nor", "Write the opposite of each condition in one $and."),
    ({"a": {"$regex": "^x"}}, "a.$regex", "There are no patterns; $startsWith compares the beginning of a text."),
    ({"a": [1, "b"]}, "a", {"a": {"$in": [1, "b"]}}),
    ({"a": {"$ne": ["b"]}}, "a.$ne", {"a": {"$nin": ["b"]}}),
    ({"a": None}, "a", {"a": {"$exists": False}}),
    ({"a": {"$ne": None}}, "a.$ne", {"a": {"$exists": True}}),
    ({"a": {"$gt": "5.5"}}, "a.$gt", {"a": {"$gt": 5.5}}),
    ({"a": {"$gt": "2020-01-01"}}, "a.$gt", "Only numbers have an order: store dates as seconds since 1970, and compare these."),
    ({"a": {"$lte": "Infinity"}}, "a.$lte", "Only numbers have an order: store dates as seconds since 1970, and compare these."),
    ({"a": {"$in": "x"}}, "a.$in", {"a": {"$in": ["x"]}}),
    ({"a": {"$in": [None, 1]}}, "a.$in", {"a": {"$in": [1]}}),
    ({"a": {"$exists": "true"}}, "a.$exists", {"a": {"$exists": True}}),
    ({"a": {"$exists": []}}, "a.$exists", {"a": {"$exists": True}}),
    ({"a": {"$startsWith": 1}}, "a.$startsWith", {"a": {"$startsWith": "text"}}),
    ({"a": {"gte": 1}}, "a.gte", {"a": {"$gte": 1}}),
    ({"a": {">=": 1}}, "a.>=", {"a": {"$gte": 1}}),
    ({"a": {"city": "Rome"}}, "a.city", 'Metadata is flat: a dot is part of a key\'s name, as in {"address.city": "Rome"}.'),
    ({"a": {"$and": [{"$gt": 1}, {"$lt": 3}]}}, "a.$and", {"$and": [{"a": {"$gt": 1}}, {"a": {"$lt": 3}}]}),
    ({"a": {"$or": {"$gt": 1}}}, "a.$or", {"$or": [{"a": {"$gt": 1}}]}),
    ({"a": {}}, "a", {"a": {"$exists": True}}),
    ({"$gte": 5}, "$gte", {"KEY": {"$gte": 5}}),
    ({"$gte": 5, "$lt": 7}, "", {"KEY": {"$gte": 5, "$lt": 7}}),
    ({"a": {"$greater": 5}}, "a.$greater", None),
    ("x", "", ""),
]  # fmt: skip
SCALARS = st.sampled_from([1, 0, 2.5, True, False, "x", ""])
VALUES = SCALARS | st.none() | st.lists(SCALARS | st.none(), max_size=2) | st.just({"$gt": 1}) | st.just({})
OPERANDS = VALUES | st.dictionaries(st.sampled_from(["$eq", "$gt", "$in", "$exists", "$and", "x", "$not"]), VALUES, max_size=2)  # fmt: skip
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(st.sampled_from(["a", "b.c", "", "$eq", "$not"]), OPERANDS, max_size=2) | VALUES,
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or", "$nor", "a"]), st.lists(inner, max_size=3) | inner, max_size=2
    ),
    max_leaves=6,
)


def is_accepted(document: object) -> bool:
    """Return whether the endpoint accepts a filter."""
    try:
        parse_filter(document)
    except ApiError:
        return False
    return True


@pytest.mark.parametrize(("document", "path", "written"), WRONG, ids=json.dumps)
def test_a_wrong_filter_is_answered_with_the_part_and_the_way_to_write_it(
    document: object, path: str, written: object
) -> None:
    """The service says "Invalid filter" only."""
    found = find_filter_problem(document, allow_unknown=False)
    assert found is not None
    assert found.path == path
    assert str(found).startswith(f"{path}: " if path else found.problem)
    if written is not None:
        assert found.hint == (f"Write {json.dumps(written)}" if isinstance(written, dict) else written)
    if isinstance(written, dict) and "KEY" not in written:
        assert is_accepted(written)
    assert not is_accepted(document)


@given(document=CONDITIONS)
@example(document={"a": {"$eq": 1, "$gt": 0}})
@example(document={"$and": [{"$or": [{"a.b": True}]}, {"": "x"}]})
def test_a_problem_is_found_exactly_in_the_filters_that_the_endpoint_refuses(document: object) -> None:
    """Also in nested ones."""
    assert (find_filter_problem(document, allow_unknown=False) is None) is is_accepted(document)


@given(document=CONDITIONS)
def test_a_proposed_filter_comes_nearer_to_one_that_is_accepted(document: object) -> None:
    """Following the proposals for the whole filter ends with an accepted one, or with a hint in words."""
    for _ in range(8):
        found = find_filter_problem(document, allow_unknown=False)
        if found is None or found.path or not found.hint.startswith("Write {"):
            return
        document = json.loads(found.hint.removeprefix("Write "))
    pytest.fail(f"no end: {document}")


def test_an_operator_that_the_service_may_have_learned_is_left_to_it() -> None:
    """Unless it resembles a known one, or the filter is evaluated here."""
    document = {"$and": [{"a": {"$within_radius": 1}}]}
    assert find_filter_problem(document) is None
    found = find_filter_problem(document, allow_unknown=False)
    assert found is not None
    assert all(name in found.hint for name in OPERATORS)
    similar = find_filter_problem({"a": {"$startswith": "x"}})
    assert similar is not None
    assert similar.hint == "Did you mean $startsWith?"


def test_a_deep_filter_is_left_to_the_service_and_a_long_proposal_is_cut() -> None:
    """Neither ends in an error of vecgate."""
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"$and": [deep]}
    assert find_filter_problem(deep) is None
    long = find_filter_problem({f"key {number}": 10**400 for number in range(50)})
    assert long is not None
    assert long.hint.endswith("…")
    assert len(long.hint) < 400
    not_json = find_filter_problem({"a": float("nan")})
    assert not_json is not None
    assert not_json.hint == "JSON has no NaN and no infinity."
    unusual = find_filter_problem({"a": object()})
    assert unusual is not None
    assert "a object" in unusual.problem
