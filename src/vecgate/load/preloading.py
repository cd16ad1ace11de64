"""The vectors that an index holds before a schedule begins, put by the batch client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.records import Block
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source
from vecgate.bulk.wire import Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import TargetError
from vecgate.load.bodies import key_of
from vecgate.load.data import Pool
from vecgate.s3vectors.arn import IndexAddress


@dataclass(frozen=True, slots=True)
class PoolSource(Source):
    """Records 0 to *total* of *pool*, round and round."""

    pool: Pool
    total: int
    dimension: int
    name: str = "the pool"
    fingerprint: str = "pool"
    is_repeatable: bool = True
    is_identified: bool = False

    def describe(self) -> str:
        """What it is."""
        return f"{self.total:,} vectors of {self.dimension} dimensions"

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, at most *rows* at a time."""
        del dimension, first
        for start in range(0, self.total, rows):
            count = min(rows, self.total - start)
            picked = self.pool.rows(start, count)
            yield Block(
                np.arange(start, start + count),
                [key_of(record) for record in range(start, start + count)],
                self.pool.vectors[picked],
                [self.pool.metadata[row] for row in picked],
            )


def preload(sender: Sender, address: IndexAddress, pool: Pool, total: int) -> None:
    """Put records 0 to *total*. Raises TargetError where the target does not take them all."""
    if not total:
        return
    writer = BulkWriter(sender, bucket=address.bucket, index=address.index, config=BulkConfig(in_flight=2))
    with TemporaryDirectory() as folder:
        outcome = writer.put(
            PoolSource(pool, total, pool.dimension), set_aside=Path(folder) / "set-aside.jsonl"
        )
    if not outcome.is_complete or outcome.set_aside:
        why = f": {outcome.stopped_by}" if outcome.stopped_by else ""
        raise TargetError(f"{outcome.acknowledged:,} of {total:,} vectors could be put beforehand{why}")
