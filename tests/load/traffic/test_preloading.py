"""Preloading an index: all records, or no run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import IndexUnusable, TargetError
from vecgate.load.traffic.preloading import PoolSource, preload
from vecgate.load.traffic.request_bodies import record_key
from vecgate.load.traffic.vector_pool import VectorPool, generate_pool
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error

ADDRESS = IndexAddress("media", "films")
POOL = generate_pool(7, dimension=2, clusters=2, spread=0.3, metadata="small", seed=0)


@given(total=st.integers(0, 60), rows=st.integers(1, 20))
def test_the_source_repeats_the_pool(total: int, rows: int) -> None:
    """Each record once and in order, in blocks of at most the requested size."""
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
        (record, record_key(record), POOL.vectors[record % 7].tobytes(), POOL.metadata[record % 7])
        for record in range(total)
    ]


def test_the_source_describes_itself() -> None:
    """In one line."""
    assert PoolSource(POOL, 1_234, 2).describe() == "1,234 vectors of 2 dimensions"


def test_all_records_are_put() -> None:
    """With the retries of the batch client."""
    service = ScriptedService([ServiceFault.THROTTLED, ServiceFault.ANSWER_LOST])
    preload(service, ADDRESS, POOL, 20)
    assert set(service.stored) == {record_key(record) for record in range(20)}
    values, metadata = service.stored[record_key(9)]
    assert np.array(values, np.float32).tobytes() == POOL.vectors[2].tobytes()
    assert metadata == POOL.metadata[2]


def test_an_empty_preload_sends_no_request() -> None:
    """Not even for the index."""
    preload(ScriptedService(index={}), ADDRESS, POOL, 0)


def test_a_target_that_stops_the_preload_is_an_error() -> None:
    """With the number of vectors so far and the reason."""
    with pytest.raises(TargetError, match=r"^only 0 of 20 vectors could be preloaded: .*AccessDenied"):
        preload(ScriptedService([modelled_error("AccessDeniedException")] * 9), ADDRESS, POOL, 20)


def test_a_target_that_rejects_a_record_is_an_error() -> None:
    """Searches would expect a record that is missing."""
    with pytest.raises(TargetError, match=r"^only 19 of 20 vectors could be preloaded$"):
        preload(ScriptedService(poisoned=[record_key(3)]), ADDRESS, POOL, 20)


def test_an_index_of_another_dimension_is_an_error() -> None:
    """Before anything is put."""
    with pytest.raises(IndexUnusable, match="3"):
        preload(ScriptedService(), ADDRESS, VectorPool(np.ones((2, 3), np.float32), [None] * 2), 5)
