from __future__ import annotations

import operator

import numpy as np
import pytest

from vecgate.endpoint.search import metadata_columns as columns
from vecgate.endpoint.search.metadata_columns import MetadataColumn, MetadataColumns, to_float64
from vecgate.endpoint.storage.vector_table import VectorTable


def test_a_column_is_built_on_first_use_and_then_updated() -> None:
    """A later write updates only its own rows."""
    table = VectorTable(1)
    table.put(["a", "b"], np.ones((2, 1), np.float32), [{"n": 1}, {"n": 2}])
    column = table.column("n")
    assert column.equals_any([2], 2).tolist() == [False, True]
    table.put(["a", "c"], np.ones((2, 1), np.float32), [{"n": 2}, None])
    assert table.column("n") is column
    assert column.equals_any([2], 3).tolist() == [True, True, False]
    table.delete(["a"])
    assert table.column("n") is column
    assert column.equals_any([2], 2).tolist() == [False, True]


def test_a_column_with_many_old_strings_is_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose text always changes, such as a modification date, does not fill the memory."""
    monkeypatch.setattr(columns, "STALE_STRINGS_MIN", 3)
    columns_, metadata = MetadataColumns(), [{"t": "first"}]
    column = columns_.get("t", metadata)
    for number in range(4):
        metadata[0] = {"t": str(number)}
        columns_.put([0], metadata)
    assert column.is_stale
    rebuilt = columns_.get("t", metadata)
    assert rebuilt is not column
    assert rebuilt.equals_any(["3"], 1).tolist() == [True]
    assert not rebuilt.is_stale


def test_arrays_are_found_by_their_elements_until_they_are_removed() -> None:
    """Also arrays with repeated elements, or with integers that floats cannot distinguish."""
    column = MetadataColumn([["a", "a"], [1, 2**53 + 1], "a"])
    assert column.equals_any(["a"], 3).tolist() == [True, False, True]
    assert column.equals_any([1.0], 3).tolist() == [False, True, False]
    assert column.equals_any([2**53], 3).tolist() == [False, False, False]
    column.put([0, 1], [1, None])
    assert column.equals_any(["a"], 3).tolist() == [False, False, True]
    assert column.is_present(3).tolist() == [True, False, True]
    column.put([0, 1], [["a", "b"], ["a"]])
    column.put([0], ["b"])
    assert column.equals_any(["a"], 3).tolist() == [False, True, True]
    assert column.equals_any(["b"], 3).tolist() == [True, False, False]


def test_ranges_compare_exactly() -> None:
    """Two integers with the same float64 stay different."""
    column = MetadataColumn([2**53, 2**53 + 1, float(2**53), "9", True])
    assert column.compare(operator.gt, 2**53, 5).tolist() == [False, True, False, False, False]
    assert column.compare(operator.le, 2**53, 5).tolist() == [True, False, True, False, False]
    assert column.compare(operator.lt, 2**53 + 1, 5).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("number", "rounded"),
    [(1, 1.0), (2**53 + 1, 2.0**53), (10**400, float("inf")), (-(10**400), float("-inf"))],
)
def test_every_integer_has_a_nearest_float(number: int, rounded: float) -> None:
    """Infinity if it exceeds all floats."""
    assert to_float64(number) == rounded


def test_the_least_recently_used_columns_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters on ever more keys must not fill the memory, nor make writes slower and slower."""
    monkeypatch.setattr(columns, "COLUMNS_MAX", 3)
    columns_, metadata = MetadataColumns(), [{"a": 1}]
    first = columns_.get("a", metadata)
    for number in range(10):
        columns_.get(f"n{number}", metadata)
        assert columns_.get("a", metadata) is first
    assert list(columns_._columns) == ["n8", "n9", "a"]


def test_columns_are_limited_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In proportion to the rows; the newest is kept whatever its size."""
    monkeypatch.setattr(columns, "COLUMNS_BYTES_MIN", 20_000)
    monkeypatch.setattr(columns, "BYTES_PER_ROW", 0)
    columns_, metadata = MetadataColumns(), [{"n": row} for row in range(1_000)]
    for number in range(10):
        columns_.get(f"n{number}", metadata)
        assert columns_.memory_bytes <= 20_000
    assert len(columns_._columns) == 2
    large = [{"t": str(row) * 10} for row in range(1_000)]
    assert columns_.get("t", large).memory_bytes > 20_000
    assert list(columns_._columns) == ["t"]


def test_the_memory_of_a_column_grows_and_shrinks_with_its_content() -> None:
    """Strings, arrays and integers that floats cannot hold."""
    column = MetadataColumn([None] * 10)
    empty = column.memory_bytes
    column.put([0, 1], [["a", "b"], 2**63 + 1])
    grown = column.memory_bytes
    assert grown > empty + 500
    column.put([0, 1], [None, None])
    assert column.memory_bytes == empty
    column.put([0, 1, 2], ["text", "text", "x" * 1_000])
    assert column.memory_bytes > empty + 1_000
