"""Synthetic vectors as a source, limited by number or time."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vecgate.load.traffic.synthetic_source import SyntheticSource
from vecgate.load.traffic.vector_pool import generate_pool
from vecgate.testing.clock import FakeClock

POOL = generate_pool(7, dimension=3, clusters=1, spread=1.0, metadata="none", seed=5)


@given(total=st.integers(0, 50), batch=st.integers(1, 12), rows=st.integers(1, 20), first=st.integers(0, 9))
def test_every_record_is_yielded_once_and_in_order(total: int, batch: int, rows: int, first: int) -> None:
    """In blocks of at most a batch, the requested rows, and the number of distinct vectors."""
    blocks = list(SyntheticSource(POOL, batch, total=total).blocks(rows=rows, first=first))
    assert [int(at) for block in blocks for at in block.positions] == list(range(first, first + total))
    assert all(0 < len(block) <= min(batch, rows, 7) for block in blocks)
    assert all(block.vectors.shape == (len(block), 3) for block in blocks)
    assert all((np.linalg.norm(block.vectors, axis=1) > 0.99).all() for block in blocks)


def test_a_source_without_a_total_ends_with_its_time() -> None:
    """Measured from its first block; a block that has begun is complete."""
    clock = FakeClock(100.0)
    blocks = SyntheticSource(POOL, 2, seconds=3.0, now_s=clock.now_s).blocks()
    clock.wait(50)
    given_out = []
    for block in blocks:
        given_out.append(len(block))
        clock.wait(1)
    assert given_out == [2, 2, 2]


def test_keys_repeat_after_the_given_number() -> None:
    """A target that keeps vectors in memory does not grow."""
    source = SyntheticSource(POOL, 2, prefix="a-", keys=3)
    keys = [key for block in islice(source.blocks(), 3) for key in block.keys]
    assert keys == ["a-000000000", "a-000000001", "a-000000002", "a-000000000", "a-000000001", "a-000000002"]
    assert source.key(4) == "a-000000001"


def test_the_source_describes_itself() -> None:
    """In one line."""
    assert SyntheticSource(POOL, 2).describe() == "synthetic vectors of 3 dimensions"
