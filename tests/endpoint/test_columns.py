from __future__ import annotations

import operator

import numpy as np
import pytest

from vecgate.endpoint import columns
from vecgate.endpoint.columns import Column, Columns, to_float64
from vecgate.endpoint.table import VectorTable


def test_a_column_is_made_when_it_is_asked_for_and_then_kept_up_to_date() -> None:
    """A write after it costs its own rows, not all of them."""
    table = VectorTable(1)
    table.put(["a", "b"], np.ones((2, 1), np.float32), [{"n": 1}, {"n": 2}])
    column = table.column("n")
    assert column.equal_to_any([2], 2).tolist() == [False, True]
    table.put(["a", "c"], np.ones((2, 1), np.float32), [{"n": 2}, None])
    assert table.column("n") is column
    assert column.equal_to_any([2], 3).tolist() == [True, True, False]
    table.delete(["a"])
    assert table.column("n") is column
    assert column.equal_to_any([2], 2).tolist() == [False, True]


def test_strings_that_are_gone_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is ever new text, such as a date of change, does not fill the memory."""
    monkeypatch.setattr(columns, "STALE_STRINGS_MIN", 3)
    made, metadata = Columns(), [{"t": "first"}]
    column = made.of("t", metadata)
    for number in range(4):
        metadata[0] = {"t": str(number)}
        made.put([0], metadata)
    assert column.is_stale
    anew = made.of("t", metadata)
    assert anew is not column
    assert anew.equal_to_any(["3"], 1).tolist() == [True]
    assert not anew.is_stale


def test_arrays_are_found_by_their_elements_until_they_go() -> None:
    """Also where an array holds an element twice, or integers that floats cannot tell apart."""
    column = Column([["a", "a"], [1, 2**53 + 1], "a"])
    assert column.equal_to_any(["a"], 3).tolist() == [True, False, True]
    assert column.equal_to_any([1.0], 3).tolist() == [False, True, False]
    assert column.equal_to_any([2**53], 3).tolist() == [False, False, False]
    column.put([0, 1], [1, None])
    assert column.equal_to_any(["a"], 3).tolist() == [False, False, True]
    assert column.present(3).tolist() == [True, False, True]
    column.put([0, 1], [["a", "b"], ["a"]])
    column.put([0], ["b"])
    assert column.equal_to_any(["a"], 3).tolist() == [False, True, True]
    assert column.equal_to_any(["b"], 3).tolist() == [True, False, False]


def test_ranges_compare_as_exactly_as_python_does() -> None:
    """Two integers that float64 makes one are still two."""
    column = Column([2**53, 2**53 + 1, float(2**53), "9", True])
    assert column.compared(operator.gt, 2**53, 5).tolist() == [False, True, False, False, False]
    assert column.compared(operator.le, 2**53, 5).tolist() == [True, False, True, False, False]
    assert column.compared(operator.lt, 2**53 + 1, 5).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("number", "rounded"),
    [(1, 1.0), (2**53 + 1, 2.0**53), (10**400, float("inf")), (-(10**400), float("-inf"))],
)
def test_every_integer_has_a_nearest_float(number: int, rounded: float) -> None:
    """Beyond all floats that is infinity."""
    assert to_float64(number) == rounded
