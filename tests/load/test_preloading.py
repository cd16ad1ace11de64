"""What an index holds before the schedule begins: all of it, or no run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import IndexUnusable, TargetError
from vecgate.load.bodies import key_of
from vecgate.load.data import Pool, synthetic_pool
from vecgate.load.preloading import PoolSource, preload
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import Mishap, ScriptedService, error_of

ADDRESS = IndexAddress("media", "films")
POOL = synthetic_pool(7, dimension=2, clusters=2, spread=0.3, metadata="small", seed=0)


@given(total=st.integers(0, 60), rows=st.integers(1, 20))
def test_the_source_goes_round_the_pool(total: int, rows: int) -> None:
    """Each record once and in order, in blocks no larger than was asked for."""
    blocks = list(PoolSource(POOL, total, 2).blocks(rows=rows))
    assert all(0 < len(block) <= rows for block in blocks)
    found = [
        (position, key, vector.tobytes(), metadata)
        for block in blocks
        for position, key, vector, metadata in zip(
            block.positions.tolist(), block.keys, block.vectors, block.metadata, strict=True
        )
    ]
    assert found == [
        (record, key_of(record), POOL.vectors[record % 7].tobytes(), POOL.metadata[record % 7])
        for record in range(total)
    ]


def test_the_source_says_what_it_is() -> None:
    """For whoever asks."""
    assert PoolSource(POOL, 1_234, 2).describe() == "1,234 vectors of 2 dimensions"


def test_all_that_was_asked_for_is_put() -> None:
    """Through what a batch client gets through."""
    service = ScriptedService([Mishap.THROTTLED, Mishap.ANSWER_LOST])
    preload(service, ADDRESS, POOL, 20)
    assert set(service.stored) == {key_of(record) for record in range(20)}
    values, metadata = service.stored[key_of(9)]
    assert np.array(values, np.float32).tobytes() == POOL.vectors[2].tobytes()
    assert metadata == POOL.metadata[2]


def test_where_nothing_is_wanted_nothing_is_asked() -> None:
    """Not even for the index."""
    preload(ScriptedService(index={}), ADDRESS, POOL, 0)


def test_a_target_that_does_not_take_them_is_no_place_for_a_run() -> None:
    """With how far it came, and why it stopped."""
    with pytest.raises(TargetError, match=r"^0 of 20 vectors could be put beforehand: .*AccessDenied"):
        preload(ScriptedService([error_of("AccessDeniedException")] * 9), ADDRESS, POOL, 20)


def test_nor_is_one_that_refuses_some_of_them() -> None:
    """Searches would look for what is not there."""
    with pytest.raises(TargetError, match=r"^19 of 20 vectors could be put beforehand$"):
        preload(ScriptedService(poisoned=[key_of(3)]), ADDRESS, POOL, 20)


def test_an_index_of_another_dimension_is_told() -> None:
    """Before anything is put."""
    with pytest.raises(IndexUnusable, match="3"):
        preload(ScriptedService(), ADDRESS, Pool(np.ones((2, 3), np.float32), [None] * 2), 5)
