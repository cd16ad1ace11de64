"""Estimates how many vectors fit a request, before any is sent."""

from __future__ import annotations

from contextlib import closing

import orjson

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.batching import rows_that_fit
from vecgate.bulk.core.body_encoding import put_members
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.sources.source import Source

#: Vectors that are encoded to estimate the size of the others.
ENCODED_SAMPLE = 64


def encoded_sample(block: Block) -> tuple[int, int]:
    """Return the bytes of the first vectors of *block* in a request, and how many they are."""
    sample = put_members(block.slice(0, ENCODED_SAMPLE))
    if not sample:
        return 0, 0
    return len(orjson.dumps(sample, option=orjson.OPT_SERIALIZE_NUMPY)), len(sample)


def vectors_per_request(source: Source, config: BulkConfig) -> int:
    """Return how many vectors of *source* a request takes, by their number and by the size of the first ones.

    Only the number counts for a source that can be read once.
    """
    if not source.is_repeatable:
        return config.batch_vectors
    with closing(source.blocks(dimension=source.dimension, rows=ENCODED_SAMPLE)) as blocks:  # type: ignore[type-var]
        block = next(blocks, None)
    size, count = encoded_sample(block) if block is not None else (0, 0)
    return rows_that_fit(
        config.batch_vectors, config.payload_bytes_max, bytes_per_vector=size / max(count, 1)
    )
