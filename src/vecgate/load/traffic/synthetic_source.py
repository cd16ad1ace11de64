"""Synthetic vectors as a source for the batch client, limited by number or by time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.sources import Source
from vecgate.bulk.sources.source import ROWS_DEFAULT
from vecgate.load.traffic.vector_pool import VectorPool

#: Distinct keys. Later vectors overwrite earlier ones, so that a target in memory does not grow.
KEYS = 50_000


@dataclass(frozen=True, slots=True)
class SyntheticSource(Source):
    """Records with the vectors of *pool*, in blocks of at most *batch*.

    total    number of records; None for no limit
    seconds  time from the first block after which no further block begins; None for no limit
    prefix   start of each key
    keys     number of distinct keys
    now_s    clock
    """

    pool: VectorPool
    batch: int
    total: int | None = None
    seconds: float | None = None
    prefix: str = "v"
    keys: int = KEYS
    now_s: Callable[[], float] = time.monotonic
    name: str = "synthetic vectors"
    fingerprint: str = ""
    dimension: int | None = None
    is_repeatable: bool = True
    is_identified: bool = False

    def describe(self) -> str:
        """Return the source in one line."""
        return f"synthetic vectors of {self.pool.dimension} dimensions"

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the records, generated on demand."""
        del dimension  # that of the pool applies
        until_s = float("inf") if self.seconds is None else self.now_s() + self.seconds
        step = min(rows, self.batch, len(self.pool))
        for start in count(0, step) if self.total is None else range(0, self.total, step):
            if self.now_s() >= until_s:
                return
            size = step if self.total is None else min(step, self.total - start)
            yield self._block(first + start, size)

    def key(self, record: int) -> str:
        """Return the key of a record."""
        return f"{self.prefix}{record % self.keys:09d}"

    def _block(self, start: int, size: int) -> Block:
        # A slice of the matrix, not a copy.
        row = start % (len(self.pool) - size + 1)
        return Block(
            np.arange(start, start + size, dtype=np.int64),
            [self.key(record) for record in range(start, start + size)],
            self.pool.vectors[row : row + size],
            [None] * size,
        )
