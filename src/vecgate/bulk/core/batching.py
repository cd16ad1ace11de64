"""Splits a stream of records into requests.

A batch never holds a key twice: the service rejects that. The last record of a key wins. The earlier ones
stay in the batch as *earlier*: they count as written when the last one is, or replace it when the service
rejects it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np

from vecgate.bulk.core.record_blocks import Block, Positions, concat

#: Fraction of the byte limit to fill when a batch is sized after the size of earlier vectors.
HEADROOM = 0.97

_KEY_IN_MESSAGE = re.compile(r"Invalid record for key '(.*)': ", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records for one request.

    block    the records to send; no key twice
    earlier  records of the same keys and the same batch, superseded by those in *block*
    """

    block: Block
    earlier: Block

    def __len__(self) -> int:
        return len(self.block)

    @property
    def positions(self) -> Positions:
        """The positions of all records that this batch settles, sent or superseded, ascending."""
        if not len(self.earlier):
            return self.block.positions
        return np.sort(np.concatenate([self.block.positions, self.earlier.positions]))

    def pieces(self, count: int) -> list[Batch]:
        """Split the batch into *count* pieces of nearly equal length, in order."""
        edges = [round(i * len(self) / count) for i in range(count + 1)]
        return [self._part(range(a, b)) for a, b in pairwise(edges) if a < b]

    def without(self, key: str) -> list[Batch]:
        """Split the batch into all records but that of *key*, and that one alone."""
        row = self.block.keys.index(key)
        return [self._part([r for r in range(len(self)) if r != row]), self._part([row])]

    def fallback(self) -> list[Batch]:
        """Return the batches to write after the service rejects the only record of this one."""
        return [batch_of(self.earlier)] if len(self.earlier) else []

    def _part(self, rows: Collection[int]) -> Batch:
        block = self.block.take(list(rows))
        keys = set(block.keys)
        return Batch(block, self.earlier.take([r for r, key in enumerate(self.earlier.keys) if key in keys]))


def batch_of(block: Block) -> Batch:
    """Return *block* as a batch: the last record of each key, the others as *earlier*."""
    if len(set(block.keys)) == len(block):
        return Batch(block.slice(0, len(block)) if block.rejects else block, block.slice(0, 0))
    kept = set({key: row for row, key in enumerate(block.keys)}.values())
    earlier = [row for row in range(len(block)) if row not in kept]
    return Batch(block.take(sorted(kept)), block.take(earlier))


def batches(blocks: Iterable[Block], rows: Callable[[], int]) -> Iterator[Batch]:
    """Yield the records of *blocks* in order, in batches of *rows()* records, the last one smaller.

    *rows* is called before each batch: the run learns from responses how many vectors fit.
    """
    buffer: Block | None = None
    for block in blocks:
        buffer = block if buffer is None else concat(buffer, block)
        start = 0
        while len(buffer) - start >= (n := rows()):
            yield batch_of(buffer.slice(start, start + n))
            start += n
        buffer = buffer.slice(start, len(buffer))
    if buffer is not None and len(buffer):
        yield batch_of(buffer)


def rows_that_fit(vectors_max: int, payload_bytes_max: int, *, bytes_per_vector: float) -> int:
    """Return how many vectors of about *bytes_per_vector* (0 if unknown) to put in a request."""
    if not bytes_per_vector:
        return vectors_max
    return max(1, min(vectors_max, int(payload_bytes_max * HEADROOM / bytes_per_vector)))


def pieces_needed(payload_bytes: int, payload_bytes_max: int) -> int:
    """Return the number of pieces into which to split a body of *payload_bytes*; 1 if it fits."""
    return (
        1
        if payload_bytes <= payload_bytes_max
        else max(2, ceil(payload_bytes / payload_bytes_max / HEADROOM))
    )


def key_named(message: str) -> str | None:
    """Return the key that the error *message* of the service names, or None."""
    match = _KEY_IN_MESSAGE.match(message)
    return match[1] if match else None
