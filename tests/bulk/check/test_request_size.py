"""The number of vectors of a request is estimated by their size before anything is sent."""

from __future__ import annotations

import numpy as np
import pytest

from vecgate.bulk.check.request_size import vectors_per_request
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.sources import source_from_records


@pytest.mark.parametrize(("dimension", "low", "high"), [(8, 500, 500), (4096, 400, 499)])
def test_wide_vectors_make_smaller_requests(dimension: int, low: int, high: int) -> None:
    """500 vectors of 4,096 dimensions exceed 20 MiB."""
    rows = np.random.default_rng(1).standard_normal((5, dimension)).astype(np.float32)
    source = source_from_records([(str(i), row) for i, row in enumerate(rows)])
    assert low <= vectors_per_request(source, BulkConfig()) <= high


def test_without_a_vector_or_a_second_reading_only_the_number_counts() -> None:
    """Standard input cannot be read twice."""
    records = [(str(i), [1.0] * 4096) for i in range(3)]
    assert vectors_per_request(source_from_records(iter(records)), BulkConfig(batch_vectors=7)) == 7
    invalid = source_from_records([{"key": "a", "vector": None}, {"key": "b", "vector": []}])
    assert vectors_per_request(invalid, BulkConfig(batch_vectors=7)) == 7
