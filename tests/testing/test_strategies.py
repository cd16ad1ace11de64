"""The strategies give valid values by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
from block_rows import rows_of
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core.record_blocks import Block
from vecgate.testing.strategies import (
    block_of,
    blocks_of_records,
    float32_values,
    lists_of_blocks,
    metadata_objects,
    vector_keys,
)


@given(key=vector_keys(), value=float32_values(), metadata=metadata_objects())
def test_values_are_valid(key: str, value: float, metadata: dict[str, Any]) -> None:
    """Keys are within both limits, numbers are finite float32 values, and metadata is small."""
    assert 1 <= len(key) <= len(key.encode()) <= 1024
    assert np.isfinite(value)
    assert float(np.float32(value)) == value
    assert len(metadata) <= 5


@given(blocks=lists_of_blocks(keys=st.sampled_from("ab"), blocks_max=3))
def test_blocks_of_one_source_are_consecutive(blocks: list[Block]) -> None:
    """Positions continue from block to block, and each vector contains its own."""
    assert len(blocks) <= 3
    positions = [position for block in blocks for position in block.positions.tolist()]
    assert positions == list(range(len(positions)))
    assert [values[0] for block in blocks for values in block.vectors.tolist()] == positions
    assert {key for block in blocks for key in block.keys} <= {"a", "b"}


@given(block=blocks_of_records(rows_max=4, dimension=3))
def test_records_of_a_block_are_aligned(block: Block) -> None:
    """Positions ascend, the columns are aligned, and the dimension is the requested one."""
    assert len(block) <= 4
    assert block.vectors.shape == (len(block), 3)
    assert (np.diff(block.positions) > 0).all()
    assert [row[1] for row in rows_of(block)] == list(block.keys)


def test_the_first_value_identifies_a_record() -> None:
    """The first value of each vector is its position."""
    block = block_of(["a", "b"], first=7, dimension=3)
    assert rows_of(block) == [
        (7, "a", np.array([7, 1, 1], dtype=np.float32).tobytes(), None),
        (8, "b", np.array([8, 1, 1], dtype=np.float32).tobytes(), None),
    ]
