from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.endpoint.answers import Refused
from vecgate.endpoint.filters import parse_filter
from vecgate.endpoint.table import VectorTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def matches(document: object, metadata: dict[str, Any]) -> bool:
    return parse_filter(document).matches(metadata)


def table_of(metadata: Sequence[dict[str, Any] | None]) -> VectorTable:
    table = VectorTable(1)
    table.put([str(row) for row in range(len(metadata))], np.ones((len(metadata), 1), np.float32), metadata)
    return table


def selected(
    document: object, metadata: Sequence[dict[str, Any] | None], *, absent_differs: bool = True
) -> list[bool]:
    parsed = parse_filter(document, absent_differs=absent_differs)
    chosen: list[bool] = parsed.select(table_of(metadata)).tolist()
    return chosen


#: Filter, metadata, whether it lets it through. Observed on AWS or documented, but for those marked inferred.
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
def test_a_filter_lets_through_what_the_table_says(
    document: object, metadata: dict[str, Any], *, expected: bool
) -> None:
    """One row of the matching table, asked alone and among others."""
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
    """Every error of syntax has the same text and path. Observed on AWS, 2026-09."""
    with pytest.raises(Refused, match=r"^Invalid filter$") as refused:
        parse_filter(document)
    assert [(field.path, field.message) for field in refused.value.fields] == [("filter", "Invalid filter")]


@pytest.mark.parametrize(
    "document", [{"n": 1}, {"n": {"$exists": True}}, {"$or": [{"a": 1}, {"$and": [{"n": 1}]}]}]
)
def test_a_non_filterable_key_is_refused(document: object) -> None:
    """Wherever it stands in the filter. Observed on AWS, 2026-09."""
    with pytest.raises(Refused, match=r"^Invalid use of non-filterable metadata in filter$"):
        parse_filter(document, non_filterable={"n"})


@pytest.mark.parametrize("sign", ["$ne", "$nin"])
def test_whether_an_absent_key_differs_can_be_switched(sign: str) -> None:
    """Servers disagree, and no source tells what AWS does."""
    document = {"a": {sign: [1] if sign == "$nin" else 1}}
    for differs in (True, False):
        parsed = parse_filter(document, absent_differs=differs)
        assert [parsed.matches({}), parsed.matches({"a": 2}), parsed.matches({"a": 1})] == [
            differs,
            True,
            False,
        ]
        assert selected(document, [{}, {"a": 2}, {"a": 1}], absent_differs=differs) == [differs, True, False]


def test_classic_queries_know_no_prefixes_and_no_limit_of_constraints() -> None:
    """`$startsWith` came with ENHANCED, and so did the limit. The guide, 2026-09-30."""
    many = {"a": {"$in": list(range(101))}}
    assert parse_filter(many, classic=True).constraints == 101
    with pytest.raises(Refused, match=r"^Invalid filter$"):
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
    """One for each value compared with; what wraps them is free."""
    assert parse_filter(document).constraints == count


def test_100_constraints_are_taken_and_101_refused() -> None:
    """The limit of ENHANCED indexes. Observed on AWS, 2026-10."""
    assert parse_filter({"a": {"$in": list(range(100))}}).constraints == 100
    with pytest.raises(Refused):
        parse_filter({"a": {"$in": list(range(101))}})
    with pytest.raises(Refused):
        parse_filter({"$or": [{"a": 1}, {"a": {"$in": list(range(100))}}]})


def test_wrappers_nest_a_hundred_deep_and_no_deeper() -> None:
    """Ours: an end to it, well before Python's stack has one."""
    document: dict[str, Any] = {"a": 1}
    for _ in range(99):
        document = {"$and": [document]}
    assert matches(document, {"a": 1})
    with pytest.raises(Refused, match="Invalid filter"):
        parse_filter({"$or": [document]})


# --- against a second, naive reading of the language ---

#: About 2**53 floats begin to skip integers, about 2**63 integers leave what most programs can hold.
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


def naively(document: dict[str, Any], metadata: dict[str, Any]) -> bool:
    """The language, read from the guide one operator at a time."""
    name = next(iter(document))
    if name == "$and":
        return False not in [naively(part, metadata) for part in document[name]]
    if name == "$or":
        return True in [naively(part, metadata) for part in document[name]]
    operand = document[name]
    if not isinstance(operand, dict):
        operand = {"$eq": operand}
    return all(naively_one(sign, wanted, name, metadata) for sign, wanted in operand.items())


def naively_one(sign: str, wanted: Any, name: str, metadata: dict[str, Any]) -> bool:  # noqa: PLR0911 - JSON
    present = name in metadata
    stored = metadata.get(name)
    if sign == "$exists":
        return present == bool(wanted)
    if sign == "$startsWith":
        return isinstance(stored, str) and stored[: len(wanted)] == str(wanted)
    if sign == "$eq":
        return present and has_any(stored, [wanted])
    if sign == "$ne":
        return not (present and has_any(stored, [wanted]))
    if sign == "$in":
        return present and has_any(stored, wanted)
    if sign == "$nin":
        return not (present and has_any(stored, wanted))
    if type(stored) not in {int, float}:
        return False
    compared = {"$gt": stored > wanted, "$gte": stored >= wanted, "$lt": stored < wanted}
    return bool(compared.get(sign, stored <= wanted))


def has_any(stored: Any, wanted: Iterable[Any]) -> bool:
    elements = stored if isinstance(stored, list) else [stored]
    return any(kind(one) == kind(other) and one == other for one in elements for other in wanted)


def kind(value: Any) -> str:
    return "number" if type(value) in {int, float} else type(value).__name__


@given(document=filters, metadata=metadatas)
@example(document={"a": {"$in": [True]}}, metadata={"a": 1})
@example(document={"a": {"$nin": [1]}}, metadata={"a": [True, 1]})
@example(document={"a": 2**53 + 1}, metadata={"a": float(2**53)})
def test_filters_agree_with_a_naive_evaluation(document: dict[str, Any], metadata: dict[str, Any]) -> None:
    """The compiled filter and the naive reading say the same of every metadata."""
    assert matches(document, metadata) == naively(document, metadata)


@given(
    document=filters,
    rows=st.lists(st.none() | metadatas, max_size=12),
    absent_differs=st.booleans(),
)
@example(document={"a": {"$gt": 2**53}}, rows=[{"a": 2**53 + 1}, {"a": 2**53}], absent_differs=True)
@example(document={"a": {"$lt": 10**400}}, rows=[{"a": 10**400}, {"a": 10**401}], absent_differs=True)
@example(document={"a": {"$ne": True}}, rows=[{"a": [1]}, {"a": 1}, {"a": True}], absent_differs=True)
def test_all_rows_at_once_are_as_one_by_one(
    document: dict[str, Any], rows: list[dict[str, Any] | None], *, absent_differs: bool
) -> None:
    """Columns, single records and the naive reading agree, whatever types stand under a key."""
    parsed = parse_filter(document, absent_differs=absent_differs)
    one_by_one = [parsed.matches(each or {}) for each in rows]
    assert parsed.select(table_of(rows)).tolist() == one_by_one
    if absent_differs:
        assert one_by_one == [naively(document, each or {}) for each in rows]


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
    """Between queries vectors come, change and go; rows move, and the columns follow."""
    table, parsed = VectorTable(1), parse_filter(document)
    for is_put, batch in writes:
        keys = [str(number) for number in batch]
        if is_put:
            table.put(keys, np.ones((len(keys), 1), np.float32), list(batch.values()))
        else:
            table.delete(keys)
        assert parsed.select(table).tolist() == [
            naively(document, dict(each or {})) for each in table.metadata
        ]
