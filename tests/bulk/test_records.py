"""Columns stay aligned, whatever is taken from them."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.records import Block, Reject, concat, reject_row
from vecgate.testing.strategies import blocks_of_records, rows_of

NONE_LEFT = Reject(7, "r", "problem")


@given(block=blocks_of_records(), data=st.data())
def test_taken_rows_are_the_rows_in_the_order_given(block: Block, data: st.DataObject) -> None:
    """Every column of a row comes along; rejects stay behind."""
    block = dataclasses.replace(block, rejects=(NONE_LEFT,))
    picked = data.draw(st.lists(st.integers(0, len(block) - 1), max_size=8) if len(block) else st.just([]))
    taken = block.take(picked)
    rows = rows_of(block)
    assert rows_of(taken) == [rows[row] for row in picked]
    assert taken.rejects == ()
    assert taken.vectors.shape == (len(picked), block.vectors.shape[1])


@given(block=blocks_of_records(), start=st.integers(0, 12), stop=st.integers(0, 12))
def test_a_slice_shares_memory(block: Block, start: int, stop: int) -> None:
    """Cutting a stream copies no vectors."""
    cut = dataclasses.replace(block, rejects=(NONE_LEFT,)).slice(start, stop)
    assert rows_of(cut) == rows_of(block)[start:stop]
    assert cut.rejects == ()
    assert not len(cut) or np.shares_memory(cut.vectors, block.vectors)


@given(first=blocks_of_records(), second=blocks_of_records())
def test_concatenated_blocks_hold_the_rows_of_both(first: Block, second: Block) -> None:
    """First the one, then the other, without rejects."""
    both = concat(dataclasses.replace(first, rejects=(NONE_LEFT,)), second)
    assert rows_of(both) == rows_of(first) + rows_of(second)
    assert both.rejects == ()


def test_an_empty_block_of_another_width_adds_nothing() -> None:
    """A block whose every record had a wrong dimension leaves no rows, but a width."""
    rows = Block(np.array([3]), ["a"], np.ones((1, 2), dtype=np.float32), [None])
    empty = Block(np.empty(0, dtype=np.int64), [], np.empty((0, 5), dtype=np.float32), [])
    assert rows_of(concat(rows, empty)) == rows_of(concat(empty, rows)) == rows_of(rows)


def test_a_row_becomes_a_reject_with_all_it_holds() -> None:
    """So that the set-aside file can be put again."""
    block = Block(
        np.array([4, 9]), ["a", "b"], np.array([[1, 2], [3, 4]], dtype=np.float32), [None, {"y": 1}]
    )
    assert reject_row(block, 1, "why") == Reject(9, "b", "why", [3.0, 4.0], {"y": 1})
    assert reject_row(block, 0, "why") == Reject(4, "a", "why", [1.0, 2.0], None)
