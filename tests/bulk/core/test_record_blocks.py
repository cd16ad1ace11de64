"""Columns stay aligned in every operation."""

from __future__ import annotations

import dataclasses

import numpy as np
from block_rows import rows_of
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core.record_blocks import Block, RejectedRecord, concat, reject_row
from vecgate.testing.strategies import blocks_of_records

REJECT = RejectedRecord(7, "r", "problem")


@given(block=blocks_of_records(), data=st.data())
def test_selected_rows_come_in_the_order_given(block: Block, data: st.DataObject) -> None:
    """Every column of a row is selected; rejects are not."""
    block = dataclasses.replace(block, rejects=(REJECT,))
    picked = data.draw(st.lists(st.integers(0, len(block) - 1), max_size=8) if len(block) else st.just([]))
    selected = block.take(picked)
    rows = rows_of(block)
    assert rows_of(selected) == [rows[row] for row in picked]
    assert selected.rejects == ()
    assert selected.vectors.shape == (len(picked), block.vectors.shape[1])


@given(block=blocks_of_records(), start=st.integers(0, 12), stop=st.integers(0, 12))
def test_a_slice_shares_memory(block: Block, start: int, stop: int) -> None:
    """Splitting a stream copies no vectors."""
    part = dataclasses.replace(block, rejects=(REJECT,)).slice(start, stop)
    assert rows_of(part) == rows_of(block)[start:stop]
    assert part.rejects == ()
    assert not len(part) or np.shares_memory(part.vectors, block.vectors)


@given(first=blocks_of_records(), second=blocks_of_records())
def test_concatenated_blocks_have_the_rows_of_both(first: Block, second: Block) -> None:
    """First the rows of one, then those of the other, without rejects."""
    joined = concat(dataclasses.replace(first, rejects=(REJECT,)), second)
    assert rows_of(joined) == rows_of(first) + rows_of(second)
    assert joined.rejects == ()


def test_an_empty_block_of_another_width_adds_nothing() -> None:
    """A block whose vectors all had a wrong dimension has no rows, but a width."""
    rows = Block(np.array([3]), ["a"], np.ones((1, 2), dtype=np.float32), [None])
    empty = Block(np.empty(0, dtype=np.int64), [], np.empty((0, 5), dtype=np.float32), [])
    assert rows_of(concat(rows, empty)) == rows_of(concat(empty, rows)) == rows_of(rows)


def test_a_row_becomes_a_reject_with_all_its_values() -> None:
    """So the rejects file can be put."""
    block = Block(
        np.array([4, 9]), ["a", "b"], np.array([[1, 2], [3, 4]], dtype=np.float32), [None, {"y": 1}]
    )
    assert reject_row(block, 1, "why") == RejectedRecord(9, "b", "why", [3.0, 4.0], {"y": 1})
    assert reject_row(block, 0, "why") == RejectedRecord(4, "a", "why", [1.0, 2.0], None)
