"""Synthetic vectors as a source of the batch client: so many of them, or for so long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from vecgate.bulk.records import Block
from vecgate.bulk.sources import Source
from vecgate.bulk.sources.source import ROWS_DEFAULT
from vecgate.load.data import Pool

#: Distinct keys: beyond so many, vectors are written over, so that a target in memory need not grow.
KEYS = 50_000


@dataclass(frozen=True, slots=True)
class Supply(Source):
    """Records with the vectors of *pool*, in blocks of *batch*.

    total    of records, None for as many as are taken in *seconds* from the first on
    seconds  None for no end in time
    keys     distinct ones, *prefix* and a number
    """

    pool: Pool
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
        """One line that says what they are."""
        return f"synthetic vectors of {self.pool.dimension} dimensions"

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, made as they are needed."""
        del dimension  # they have that of the pool
        until_s = float("inf") if self.seconds is None else self.now_s() + self.seconds
        step = min(rows, self.batch, len(self.pool))
        for start in count(0, step) if self.total is None else range(0, self.total, step):
            if self.now_s() >= until_s:
                return
            size = step if self.total is None else min(step, self.total - start)
            yield self._block(first + start, size)

    def key(self, record: int) -> str:
        """The key of a record."""
        return f"{self.prefix}{record % self.keys:09d}"

    def _block(self, start: int, size: int) -> Block:
        # A stretch of the matrix, never a copy of it.
        row = start % (len(self.pool) - size + 1)
        return Block(
            np.arange(start, start + size, dtype=np.int64),
            [self.key(record) for record in range(start, start + size)],
            self.pool.vectors[row : row + size],
            [None] * size,
        )
