"""Preloads an index with vectors before the schedule begins, through the batch client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source
from vecgate.bulk.transport.sender import Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import TargetError
from vecgate.load.traffic.request_bodies import record_key
from vecgate.load.traffic.vector_pool import VectorPool
from vecgate.s3vectors.arn import IndexAddress


@dataclass(frozen=True, slots=True)
class PoolSource(Source):
    """Records 0 to *total*, whose vectors repeat those of *pool*."""

    pool: VectorPool
    total: int
    dimension: int
    name: str = "the pool"
    fingerprint: str = "pool"
    is_repeatable: bool = True
    is_identified: bool = False

    def describe(self) -> str:
        """Return the source in one line."""
        return f"{self.total:,} vectors of {self.dimension} dimensions"

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the records in blocks of at most *rows*."""
        del dimension, first
        for start in range(0, self.total, rows):
            count = min(rows, self.total - start)
            pool_rows = self.pool.rows(start, count)
            yield Block(
                np.arange(start, start + count),
                [record_key(record) for record in range(start, start + count)],
                self.pool.vectors[pool_rows],
                [self.pool.metadata[row] for row in pool_rows],
            )


def preload(sender: Sender, address: IndexAddress, pool: VectorPool, total: int) -> None:
    """Put records 0 to *total*. Raises TargetError unless the target accepts all of them."""
    if not total:
        return
    # An unavailable target fails the run at once.
    config = BulkConfig(in_flight=2, retry_for_s=0.0)
    writer = BulkWriter(sender, bucket=address.bucket, index=address.index, config=config)
    with TemporaryDirectory() as folder:
        outcome = writer.put(PoolSource(pool, total, pool.dimension), rejects=Path(folder) / "rejected.jsonl")
    if not outcome.is_complete or outcome.rejected:
        reason = f": {outcome.stopped_by}" if outcome.stopped_by else ""
        raise TargetError(f"only {outcome.acknowledged:,} of {total:,} vectors could be preloaded{reason}")
