"""Python iterables are sources too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.sources import ColumnChoice, source_from_records
from vecgate.errors import SourceError


@pytest.mark.parametrize(
    "record",
    [
        {"key": "a", "data": {"float32": [1.0, 2.0]}, "metadata": {"m": 1}},
        {"key": "a", "vector": [1, 2], "metadata": {"m": 1}},
        {"key": "a", "vector": (1, 2.0), "m": 1},
        {"id": "a", "embedding": np.array([1, 2], dtype=np.int64), "metadata": {"m": np.int8(1)}},
        {"id": "a", "embedding": [np.float32(1), Decimal(2)], "m": np.array(1)},
        ("a", [1, 2], {"m": 1}),
        ("a", np.array([1.0, 2.0], dtype=np.float16), {"m": 1}),
    ],
)
def test_records_of_several_forms_are_understood(record: object, gather: Callable[..., Any]) -> None:
    """Dicts and tuples; vectors as lists, arrays, or in the service's form."""
    source = source_from_records([record])
    got = gather(source)
    assert (got.keys, got.vectors, got.metadata) == (["a"], [[1.0, 2.0]], [{"m": 1}])
    assert (source.total, source.dimension) == (1, 2)
    assert source.describe().startswith('key ← "')


def test_tuples_may_lack_metadata_or_have_other_keys(gather: Callable[..., Any]) -> None:
    """UUIDs and integers of any type become text."""
    records: list[object] = [(UUID(int=1), [1.0]), (np.int64(5), [1.0], None), (7, [2.0], {})]
    got = gather(source_from_records(iter(records)))
    assert got.keys == ["00000000-0000-0000-0000-000000000001", "5", "7"]
    assert got.metadata == [None, None, {}]


@pytest.mark.parametrize(
    ("vector", "problem"),
    [
        (np.ones((2, 2)), "vector must be an array of numbers, but is one of 2 axes and type float64"),
        (np.array(5.0), "vector must be an array of numbers, but is one of 0 axes and type float64"),
        (np.array(["x"]), "vector must be an array of numbers, but is one of 1 axes and type <U1"),
        ({1.0}, "vector must be an array of numbers, but is a set"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), "vector cannot be read: it has masked values"),
        ([1.0, np.bool_(1)], "vector must hold numbers only, but element 1 is a bool"),
    ],
)
def test_invalid_vectors_are_rejects(vector: object, problem: str, gather: Callable[..., Any]) -> None:
    """The message has their Python type."""
    records: list[object] = [("a", [1.0, 2.0]), ("b", vector), 5, ("c", [3.0, 4.0])]
    got = gather(source_from_records(records))
    assert got.keys == ["a", "c"]
    assert got.problems == [
        (1, "b", problem),
        (2, "", "record must be a dict or a tuple, but is a int"),
    ]


@given(
    values=st.lists(
        st.floats()
        | st.integers(-(10**40), 10**40)
        | st.decimals(allow_nan=False, allow_infinity=False, places=3)
        | st.floats(width=32).map(np.float32)
        | st.booleans()
        | st.text(max_size=1)
        | st.none(),
        min_size=1,
        max_size=6,
    )
)
@example(values=[0.1, 2, 1e300, -1e300])
@example(values=[2**63 + 1, -(2**70)])
@example(values=[True, 1.0])
@example(values=[Fraction(1, 3), 1.0])
def test_a_list_of_numbers_becomes_the_nearest_float32(values: list[Any], gather: Callable[..., Any]) -> None:
    """Numbers of Python, numpy and `decimal` are converted one by one; anything else is a reject."""
    got = gather(source_from_records([("good", [1.0] * len(values)), ("a", values)]))
    are_numbers = all(
        isinstance(value, int | float | Decimal | np.floating) and not isinstance(value, bool)
        for value in values
    )
    if are_numbers:
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(got.vectors[1], [float(np.float32(float(v))) for v in values])
    else:
        assert [(position, key) for position, key, _ in got.problems] == [(1, "a")]


def test_integers_beyond_a_double_are_infinite(gather: Callable[..., Any]) -> None:
    """Validation rejects them."""
    assert gather(source_from_records([("a", [10**400, -(10**400), 1])])).vectors == [
        [float("inf"), float("-inf"), 1.0]
    ]


def test_metadata_values_are_converted(gather: Callable[..., Any]) -> None:
    """Values that the service rejects, and unknown types, are left to validation."""
    odd = object()
    values = {
        "day": dt.date(2026, 1, 2),
        "span": dt.timedelta(seconds=2),
        "price": Decimal("1.5"),
        "raw": b"\xff",
        "t": ("a",),
        "odd": odd,
    }
    assert gather(source_from_records([("a", [1.0], values)])).metadata == [
        {"day": "2026-01-02", "span": 2.0, "price": 1.5, "raw": "ff", "t": ["a"], "odd": odd}
    ]


def test_an_iterator_is_read_once_and_lazily(gather: Callable[..., Any]) -> None:
    """The sample of first records is not lost, and nothing is read ahead of its block."""
    drawn: list[int] = []

    def records() -> Any:
        for i in range(100):
            drawn.append(i)
            yield (str(i), [float(i)])

    source = source_from_records(records())
    assert (source.total, source.is_repeatable, source.is_identified) == (None, False, False)
    blocks = source.blocks(rows=20)
    assert next(blocks).keys[-1] == "19"
    assert len(drawn) == 20
    assert sum(len(block) for block in blocks) == 80
    with pytest.raises(SourceError, match="an iterable was read already"):
        gather(source)


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_a_producer_may_use_its_objects_again(dtype: Any, gather: Callable[..., Any]) -> None:
    """No record is held by reference once the next is drawn: neither of the sample, nor of a block."""

    def records() -> Iterator[Any]:
        vector: Any = [0.0, 1.0] if dtype is None else np.zeros(2, dtype)
        tags: list[str] = [""]
        wrong: list[object] = [0, "x"]
        record: dict[str, Any] = {"key": "", "vector": vector, "metadata": {"n": 0, "tags": tags}}
        for number in range(30):
            vector[:] = [number, 1]
            tags[0] = str(number)
            record["key"] = str(number)
            record["metadata"]["n"] = number
            yield record
            wrong[0] = number
            yield {"key": "wrong", "vector": wrong}

    got = gather(source_from_records(records()))
    numbers = list(range(30))
    assert got.keys == list(map(str, numbers))
    assert got.vectors == [[number, 1] for number in numbers]
    assert got.metadata == [{"n": number, "tags": [str(number)]} for number in numbers]
    assert [reject.vector[0] for reject in got.rejects] == numbers


def test_an_array_that_cannot_be_copied_is_read(gather: Callable[..., Any]) -> None:
    """Such as a tensor with a gradient."""

    class Tensor:
        dtype = "float32"

        def __array__(self, *_: object, **__: object) -> Any:
            return np.ones(2)

        def __deepcopy__(self, memo: object) -> Any:
            raise RuntimeError

    assert gather(source_from_records(iter([("a", Tensor())]))).vectors == [[1.0, 1.0]]


def test_a_list_can_be_read_again(gather: Callable[..., Any]) -> None:
    """Any number of times, with the chosen columns."""
    source = source_from_records([{"a": "x", "b": [1.0]}], columns=ColumnChoice(key="a"))
    assert (source.is_repeatable, source.is_identified) == (True, False)
    assert gather(source).keys == gather(source).keys == ["x"]
    assert gather(source_from_records(["x", {"key": "k"}, 7], keys_only=True)).keys == ["x", "k", "7"]


def test_an_empty_iterable_is_an_error() -> None:
    """An input without records is not a success."""
    with pytest.raises(SourceError, match="an iterable holds no records"):
        source_from_records([])


@pytest.mark.parametrize("records", ["doc-1", b"doc-1", {"key": "a", "vector": [1.0]}, 5])
def test_what_is_not_a_list_of_records_is_an_error(records: Any) -> None:
    """A text is no list of characters, and one record is no list of its members."""
    with pytest.raises(
        SourceError, match="the records must be a list or another iterable, but are a "
    ) as caught:
        source_from_records(records)
    assert caught.value.hint


def test_the_first_records_identify_an_iterable() -> None:
    """An iterable in another order is another one, as far as they show."""
    rows = [(f"k{i}", [float(i)]) for i in range(20)]
    first, again = source_from_records(iter(rows)), source_from_records(list(rows))
    assert first.fingerprint == again.fingerprint
    assert source_from_records(rows[::-1]).fingerprint != first.fingerprint
    changed = [(key, [-value[0]]) for key, value in rows]
    assert source_from_records(changed).fingerprint != first.fingerprint


def test_endless_nesting_is_cut_off(gather: Callable[..., Any]) -> None:
    """Validation rejects such a value; converting it must not fail."""
    nested: list[object] = []
    nested.append(nested)
    metadata = gather(source_from_records([("a", [1.0], {"n": nested})])).metadata
    assert str(metadata[0]["n"]).count("[") == 101
