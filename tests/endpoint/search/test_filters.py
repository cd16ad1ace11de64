from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.search.filters import parse_filter
from vecgate.endpoint.storage.vector_table import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def matches(document: object, metadata: dict[str, Any]) -> bool:
    return parse_filter(document).matches(metadata)


def table_of(metadata: Sequence[dict[str, Any] | None]) -> VectorTable:
    table = VectorTable(1)
    table.put([str(row) for row in range(len(metadata))], np.ones((len(metadata), 1), np.float32), metadata)
    return table


def selected(
    document: object, metadata: Sequence[dict[str, Any] | None], *, ne_matches_absent: bool = True
) -> list[bool]:
    parsed = parse_filter(document, ne_matches_absent=ne_matches_absent)
    chosen: list[bool] = parsed.select(table_of(metadata)).tolist()
    return chosen


#: Filter, metadata, and the result. Observed on AWS or documented, except those marked inferred.
MATCHING: list[tuple[object, dict[str, Any], bool]] = [
    ({"a": "x"}, {"a": "x"}, True),
    ({"a": "x"}, {"a": "X"}, False),
    ({"a": {"$eq": 1}}, {"a": 1}, True),
    ({"a": {"$eq": 1}}, {"a": 1.0}, True),
    ({"a": 1}, {"a": "1"}, False),
    ({"a": True}, {"a": "true"}, False),
    ({"a": True}, {"a": 1}, False),
    ({"a": 1}, {"a": True}, False),
    ({"a": False}, {"a": 0}, False),
    ({"a": False}, {"a": False}, True),
    ({"a": 1}, {}, False),
    ({"a": 1}, {"a": [3, 1]}, True),
    ({"a": "x"}, {"a": ["y"]}, False),
    ({"a": True}, {"a": [1]}, False),
    ({"a": {"$ne": 1}}, {"a": 2}, True),
    ({"a": {"$ne": 1}}, {"a": 1}, False),
    ({"a": {"$ne": 1}}, {"a": "1"}, True),  # inferred
    ({"a": {"$ne": 1}}, {}, True),  # inferred
    ({"a": {"$ne": 1}}, {"a": [1, 2]}, False),  # inferred
    ({"a": {"$ne": 1}}, {"a": [2, 3]}, True),  # inferred
    ({"a": {"$in": [1, "x", True]}}, {"a": "x"}, True),
    ({"a": {"$in": [1, "x", True]}}, {"a": True}, True),
    ({"a": {"$in": [1, "x"]}}, {"a": True}, False),
    ({"a": {"$in": [True]}}, {"a": 1}, False),
    ({"a": {"$in": [1]}}, {}, False),
    ({"a": {"$in": [1]}}, {"a": [2, 1]}, True),  # inferred
    ({"a": {"$nin": [1]}}, {"a": 2}, True),
    ({"a": {"$nin": [1]}}, {"a": 1}, False),
    ({"a": {"$nin": [1]}}, {}, True),  # inferred
    ({"a": {"$nin": [1]}}, {"a": [2, 1]}, False),  # inferred
    ({"a": {"$gt": 1}}, {"a": 1}, False),
    ({"a": {"$gt": 1}}, {"a": 1.5}, True),
    ({"a": {"$gte": 1}}, {"a": 1}, True),
    ({"a": {"$lt": 1}}, {"a": 0.5}, True),
    ({"a": {"$lt": 1}}, {"a": 1}, False),
    ({"a": {"$lte": 1}}, {"a": 1}, True),
    ({"a": {"$gt": 0}}, {"a": "5"}, False),  # inferred
    ({"a": {"$gt": 0}}, {"a": True}, False),  # inferred
    ({"a": {"$gt": 0}}, {"a": [5]}, False),  # inferred
    ({"a": {"$gt": 0}}, {}, False),
    ({"a": {"$gte": 0, "$lte": 5}}, {"a": 5}, True),
    ({"a": {"$gte": 0, "$lte": 5}}, {"a": 6}, False),
    ({"a": {"$exists": True}}, {"a": False}, True),
    ({"a": {"$exists": True}}, {}, False),
    ({"a": {"$exists": False}}, {}, True),
    ({"a": {"$exists": False}}, {"a": [1]}, False),
    ({"a": {"$startsWith": "ab"}}, {"a": "abc"}, True),
    ({"a": {"$startsWith": "ab"}}, {"a": "ba"}, False),
    ({"a": {"$startsWith": "1"}}, {"a": 1}, False),
    ({"a": {"$startsWith": "a"}}, {"a": ["a"]}, False),  # inferred
    ({"$and": [{"a": 1}, {"b": 2}]}, {"a": 1, "b": 2}, True),
    ({"$and": [{"a": 1}, {"b": 2}]}, {"a": 1}, False),
    ({"$or": [{"a": 1}, {"b": 2}]}, {"b": 2}, True),
    ({"$or": [{"a": 1}, {"b": 2}]}, {"c": 2}, False),
    ({"$or": [{"$and": [{"a": 1}, {"b": 1}]}, {"c": 1}]}, {"c": 1}, True),
    ({"": 1}, {"": 1}, True),
    ({"a.b": 1}, {"a.b": 1}, True),
    ({"a.b": 1}, {"a": 1}, False),
    ({"n": "NaN"}, {"n": 1}, False),
]


@pytest.mark.parametrize(("document", "metadata", "expected"), MATCHING)
def test_a_filter_matches_as_in_the_table(
    document: object, metadata: dict[str, Any], *, expected: bool
) -> None:
    """Both for one vector and for all rows of a table."""
    assert matches(document, metadata) is expected
    assert selected(document, [{"z": 1}, metadata, None])[1] is expected


REFUSED: list[object] = [
    None,
    [],
    "a",
    1,
    {},
    {"a": 1, "b": 2},
    {"$and": [{"a": 1}], "a": 1},
    {"$and": [{"a": 1}], "$or": [{"a": 1}]},
    {"$and": [{"a": 1, "b": 2}]},
    {"$and": []},
    {"$or": []},
    {"$and": {}},
    {"$and": {"a": 1}},
    {"$and": [{}]},
    {"$and": ["a"]},
    {"$or": [None]},
    {"$not": [{"a": 1}]},
    {"$nor": [{"a": 1}]},
    {"$eq": 1},
    {"$eg": 1},
    {"$schema": "x"},
    {"a": {}},
    {"a": {"$eg": 1}},
    {"a": {"$regex": "x"}},
    {"a": {"b": 1}},
    {"a": {"$eq": 1, "b": 1}},
    {"a": {"$and": [{"a": 1}]}},
    {"a": None},
    {"a": [1]},
    {"a": {"$eq": None}},
    {"a": {"$eq": [1]}},
    {"a": {"$eq": {}}},
    {"a": {"$ne": None}},
    {"a": {"$ne": [1]}},
    {"a": {"$in": []}},
    {"a": {"$in": 1}},
    {"a": {"$in": [None]}},
    {"a": {"$in": [[1]]}},
    {"a": {"$nin": []}},
    {"a": {"$nin": [{}]}},
    {"a": {"$gt": "1"}},
    {"a": {"$gt": "NaN"}},
    {"a": {"$gte": True}},
    {"a": {"$lt": None}},
    {"a": {"$lte": [1]}},
    {"a": {"$lte": {}}},
    {"a": {"$exists": "true"}},
    {"a": {"$exists": 1}},
    {"a": {"$exists": None}},
    {"a": {"$startsWith": 1}},
    {"a": {"$startsWith": ["a"]}},
]


@pytest.mark.parametrize("document", REFUSED, ids=str)
def test_a_filter_outside_the_grammar_is_refused(document: object) -> None:
    """Every syntax error has the same text and path. Observed on AWS, 2026-09."""
    with pytest.raises(ApiError, match=r"^Invalid filter$") as refused:
        parse_filter(document)
    assert [(field.path, field.message) for field in refused.value.fields] == [("filter", "Invalid filter")]


@pytest.mark.parametrize(
    "document", [{"n": 1}, {"n": {"$exists": True}}, {"$or": [{"a": 1}, {"$and": [{"n": 1}]}]}]
)
def test_a_non_filterable_key_is_refused(document: object) -> None:
    """At any position in the filter. Observed on AWS, 2026-09."""
    with pytest.raises(ApiError, match=r"^Invalid use of non-filterable metadata in filter$"):
        parse_filter(document, non_filterable={"n"})


@pytest.mark.parametrize("sign", ["$ne", "$nin"])
def test_a_switch_decides_whether_negations_match_an_absent_key(sign: str) -> None:
    """Servers disagree, and no source says what AWS does."""
    document = {"a": {sign: [1] if sign == "$nin" else 1}}
    for differs in (True, False):
        parsed = parse_filter(document, ne_matches_absent=differs)
        assert [parsed.matches({}), parsed.matches({"a": 2}), parsed.matches({"a": 1})] == [
            differs,
            True,
            False,
        ]
        assert selected(document, [{}, {"a": 2}, {"a": 1}], ne_matches_absent=differs) == [
            differs,
            True,
            False,
        ]


def test_classic_queries_have_no_prefix_operator_and_no_limit_of_constraints() -> None:
    """`$startsWith` and the limit were introduced with ENHANCED. The guide, 2026-09-30."""
    many = {"a": {"$in": list(range(101))}}
    assert parse_filter(many, classic=True).constraints == 101
    with pytest.raises(ApiError, match=r"^Invalid filter$"):
        parse_filter({"a": {"$startsWith": "x"}}, classic=True)


COUNTS: list[tuple[object, int]] = [
    ({"a": 1}, 1),
    ({"a": {"$in": [1, 2, 3]}}, 3),
    ({"$and": [{"a": 1}, {"b": 2}]}, 2),
    ({"$or": [{"$and": [{"a": 1}]}]}, 1),
    ({"a": {"$gte": 1, "$lte": 2}}, 2),
    ({"a": {"$exists": True}}, 1),
    ({"a": {"$startsWith": "x"}}, 1),
]


@pytest.mark.parametrize(("document", "count"), COUNTS)
def test_each_value_counts_as_a_constraint(document: object, count: int) -> None:
    """Each compared value counts once; combinations do not count."""
    assert parse_filter(document).constraints == count


def test_100_constraints_are_accepted_and_101_refused() -> None:
    """The limit of ENHANCED indexes. Observed on AWS, 2026-10."""
    assert parse_filter({"a": {"$in": list(range(100))}}).constraints == 100
    with pytest.raises(ApiError):
        parse_filter({"a": {"$in": list(range(101))}})
    with pytest.raises(ApiError):
        parse_filter({"$or": [{"a": 1}, {"a": {"$in": list(range(100))}}]})


def test_combinations_nest_at_most_a_hundred_deep() -> None:
    """AWS documents no limit; this one is far below that of Python's stack."""
    document: dict[str, Any] = {"a": 1}
    for _ in range(99):
        document = {"$and": [document]}
    assert matches(document, {"a": 1})
    with pytest.raises(ApiError, match="Invalid filter"):
        parse_filter({"$or": [document]})


# --- comparison with a naive evaluation ---

#: Near 2**53 floats begin to skip integers; near 2**63 integers exceed the range of most programs.
big_numbers = st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2.0**53, 2**63, 2**63 + 1, -(2**53) - 1, 10**400])
scalars = (
    st.sampled_from(["", "a", "ab", "b", "1", 0, 1, 1.0, 2, 2.5, -1, True, False])
    | st.integers()
    | st.text()
    | big_numbers
)
numbers = (
    st.sampled_from([0, 1, 1.0, 2.5, -1]) | st.floats(allow_nan=False, allow_infinity=False) | big_numbers
)
names = st.sampled_from(["a", "b", "c.d", ""])
values = (
    scalars
    | st.lists(st.sampled_from([0, 1, 2.5]) | big_numbers, min_size=1, max_size=3)
    | st.lists(st.sampled_from(["a", "ab"]), min_size=1, max_size=3)
)
metadatas = st.dictionaries(names, values, max_size=4)
operands = {
    "$eq": scalars,
    "$ne": scalars,
    "$in": st.lists(scalars, min_size=1, max_size=4),
    "$nin": st.lists(scalars, min_size=1, max_size=4),
    "$gt": numbers,
    "$gte": numbers,
    "$lt": numbers,
    "$lte": numbers,
    "$exists": st.booleans(),
    "$startsWith": st.sampled_from(["", "a", "ab"]),
}
operator_objects = st.lists(st.sampled_from(sorted(operands)), min_size=1, max_size=3, unique=True).flatmap(
    lambda signs: st.fixed_dictionaries({sign: operands[sign] for sign in signs})
)
fields = st.builds(lambda name, operand: {name: operand}, names, scalars | operator_objects)
filters = st.recursive(
    fields,
    lambda inner: st.builds(
        lambda join, parts: {join: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def evaluate_naively(document: dict[str, Any], metadata: dict[str, Any]) -> bool:
    """Evaluate a filter as the guide describes it, one operator at a time."""
    name = next(iter(document))
    if name == "$and":
        return False not in [evaluate_naively(part, metadata) for part in document[name]]
    if name == "$or":
        return True in [evaluate_naively(part, metadata) for part in document[name]]
    operand = document[name]
    if not isinstance(operand, dict):
        operand = {"$eq": operand}
    return all(evaluate_operator(sign, value, name, metadata) for sign, value in operand.items())


def evaluate_operator(sign: str, operand: Any, name: str, metadata: dict[str, Any]) -> bool:  # noqa: PLR0911 - JSON
    present = name in metadata
    stored = metadata.get(name)
    if sign == "$exists":
        return present == bool(operand)
    if sign == "$startsWith":
        return isinstance(stored, str) and stored[: len(operand)] == str(operand)
    if sign == "$eq":
        return present and has_any(stored, [operand])
    if sign == "$ne":
        return not (present and has_any(stored, [operand]))
    if sign == "$in":
        return present and has_any(stored, operand)
    if sign == "$nin":
        return not (present and has_any(stored, operand))
    if type(stored) not in {int, float}:
        return False
    compared = {"$gt": stored > operand, "$gte": stored >= operand, "$lt": stored < operand}
    return bool(compared.get(sign, stored <= operand))


def has_any(stored: Any, operands: Iterable[Any]) -> bool:
    elements = stored if isinstance(stored, list) else [stored]
    return any(json_type(one) == json_type(other) and one == other for one in elements for other in operands)


def json_type(value: Any) -> str:
    return "number" if type(value) in {int, float} else type(value).__name__


@given(document=filters, metadata=metadatas)
@example(document={"a": {"$in": [True]}}, metadata={"a": 1})
@example(document={"a": {"$nin": [1]}}, metadata={"a": [True, 1]})
@example(document={"a": 2**53 + 1}, metadata={"a": float(2**53)})
def test_filters_agree_with_a_naive_evaluation(document: dict[str, Any], metadata: dict[str, Any]) -> None:
    """For any filter and metadata."""
    assert matches(document, metadata) == evaluate_naively(document, metadata)


@given(
    document=filters,
    rows=st.lists(st.none() | metadatas, max_size=12),
    ne_matches_absent=st.booleans(),
)
@example(document={"a": {"$gt": 2**53}}, rows=[{"a": 2**53 + 1}, {"a": 2**53}], ne_matches_absent=True)
@example(document={"a": {"$lt": 10**400}}, rows=[{"a": 10**400}, {"a": 10**401}], ne_matches_absent=True)
@example(document={"a": {"$ne": True}}, rows=[{"a": [1]}, {"a": 1}, {"a": True}], ne_matches_absent=True)
def test_selecting_rows_agrees_with_matching_one_by_one(
    document: dict[str, Any], rows: list[dict[str, Any] | None], *, ne_matches_absent: bool
) -> None:
    """Columns, single records and the naive evaluation agree for values of any type."""
    parsed = parse_filter(document, ne_matches_absent=ne_matches_absent)
    one_by_one = [parsed.matches(each or {}) for each in rows]
    assert parsed.select(table_of(rows)).tolist() == one_by_one
    if ne_matches_absent:
        assert one_by_one == [evaluate_naively(document, each or {}) for each in rows]


steps = st.lists(
    st.tuples(
        st.booleans(), st.dictionaries(st.integers(0, 9), st.none() | metadatas, min_size=1, max_size=6)
    ),
    max_size=8,
)


@given(document=filters, writes=steps)
def test_a_filter_sees_every_write(
    document: dict[str, Any], writes: list[tuple[bool, dict[int, dict[str, Any] | None]]]
) -> None:
    """Puts and deletes between queries move rows, and the columns are updated."""
    table, parsed = VectorTable(1), parse_filter(document)
    for is_put, batch in writes:
        keys = [str(number) for number in batch]
        if is_put:
            table.put(keys, np.ones((len(keys), 1), np.float32), list(batch.values()))
        else:
            table.delete(keys)
        assert parsed.select(table).tolist() == [
            evaluate_naively(document, dict(each or {})) for each in table.metadata
        ]


# --- extent ---


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize(
    "document",
    [
        {"$or": [{"a": 1}] * 10_001},
        {"$or": [{"a": 1}] * 1_000_000},
        {"a": {"$in": list(range(1_000_000))}},
        {"$and": [{"$or": [{"a": {"$in": [1] * 100}}] * 100}] * 100},
        {"$or": [[[]] * 100_000]},
        {"a": {str(number): number for number in range(100_000)}},
    ],
)
def test_a_filter_is_bounded_before_it_is_parsed(document: object, *, classic: bool) -> None:
    """A million parts took 25 seconds."""
    began_s = time.process_time()
    with pytest.raises(ApiError, match="Filter must have at most 10000 values" if classic else "at most 100"):
        parse_filter(document, classic=classic)
    assert time.process_time() - began_s < 1


@pytest.mark.parametrize("kind", ["condition", "list", "object"])
def test_a_deep_filter_is_refused(kind: str) -> None:
    """Before it is walked: Python's stack is limited."""
    document: Any = {"a": 1}
    for _ in range(100_000):
        document = (
            {"$and": [document]} if kind == "condition" else [document] if kind == "list" else {"a": document}
        )
    with pytest.raises(ApiError):
        parse_filter(document)


def test_a_classic_filter_may_name_a_hundred_keys() -> None:
    """Each needs a column of all vectors. Other constraints are not limited there."""
    names = [{f"k{number}": 1} for number in range(101)]
    assert len(parse_filter({"$or": names[:100] * 2}, classic=True).fields) == 100
    with pytest.raises(ApiError, match="at most 100 metadata keys"):
        parse_filter({"$or": names}, classic=True)
