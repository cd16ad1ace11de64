"""The strategies give what they say, valid by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.records import Block
from vecgate.testing.strategies import (
    block_of,
    blocks_of_records,
    float32_values,
    lists_of_blocks,
    metadata_objects,
    rows_of,
    vector_keys,
)


@given(key=vector_keys(), value=float32_values(), metadata=metadata_objects())
def test_values_are_valid(key: str, value: float, metadata: dict[str, Any]) -> None:
    """Keys within both bounds, finite float32 numbers, few metadata."""
    assert 1 <= len(key) <= len(key.encode()) <= 1024
    assert np.isfinite(value)
    assert float(np.float32(value)) == value
    assert len(metadata) <= 5


@given(blocks=lists_of_blocks(keys=st.sampled_from("ab"), blocks_max=3))
def test_blocks_of_one_source_follow_one_another(blocks: list[Block]) -> None:
    """Positions count on from block to block, and each vector tells its own."""
    assert len(blocks) <= 3
    positions = [position for block in blocks for position in block.positions.tolist()]
    assert positions == list(range(len(positions)))
    assert [values[0] for block in blocks for values in block.vectors.tolist()] == positions
    assert {key for block in blocks for key in block.keys} <= {"a", "b"}


@given(block=blocks_of_records(rows_max=4, dimension=3))
def test_records_of_a_block_come_one_by_one(block: Block) -> None:
    """Ascending positions, aligned columns, the dimension asked for."""
    assert len(block) <= 4
    assert block.vectors.shape == (len(block), 3)
    assert (np.diff(block.positions) > 0).all()
    assert [row[1] for row in rows_of(block)] == list(block.keys)


def test_a_block_tells_its_records_apart() -> None:
    """By the first value of each vector."""
    block = block_of(["a", "b"], first=7, dimension=3)
    assert rows_of(block) == [
        (7, "a", np.array([7, 1, 1], dtype=np.float32).tobytes(), None),
        (8, "b", np.array([8, 1, 1], dtype=np.float32).tobytes(), None),
    ]
