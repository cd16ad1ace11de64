"""Cutting a stream of records into requests.

A batch never holds a key twice: the service refuses that. The last record of a key wins; the earlier ones
travel along as *earlier* and count as written when the winner is, or take its place when the service
refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np

from vecgate.bulk.records import Block, Positions, concat

#: Room left below the byte limit when a batch is sized from what earlier ones came to.
HEADROOM = 0.97

_KEY_IN_MESSAGE = re.compile(r"Invalid record for key '(.*)': ", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records for one request.

    block    what is sent; no key twice
    earlier  records of the same keys from the same stretch, superseded by those in block
    """

    block: Block
    earlier: Block

    def __len__(self) -> int:
        return len(self.block)

    @property
    def positions(self) -> Positions:
        """Every record that this batch settles, sent or superseded, ascending."""
        return np.sort(np.concatenate([self.block.positions, self.earlier.positions]))

    def pieces(self, count: int) -> list[Batch]:
        """The batch in *count* pieces of nearly equal length, in order."""
        edges = [round(i * len(self) / count) for i in range(count + 1)]
        return [self._part(range(a, b)) for a, b in pairwise(edges) if a < b]

    def without(self, key: str) -> list[Batch]:
        """The batch without *key*, and *key* alone."""
        row = self.block.keys.index(key)
        return [self._part([r for r in range(len(self)) if r != row]), self._part([row])]

    def fallback(self) -> list[Batch]:
        """What a batch of one leaves to be written when the service refuses its record."""
        return [batch_of(self.earlier)] if len(self.earlier) else []

    def _part(self, rows: Collection[int]) -> Batch:
        block = self.block.take(list(rows))
        keys = set(block.keys)
        return Batch(block, self.earlier.take([r for r, key in enumerate(self.earlier.keys) if key in keys]))


def batch_of(block: Block) -> Batch:
    """*block* as a batch: of equal keys the last stays."""
    last = {key: row for row, key in enumerate(block.keys)}
    if len(last) == len(block):
        return Batch(block.slice(0, len(block)), block.slice(0, 0))
    keep = set(last.values())
    rest = [row for row in range(len(block)) if row not in keep]
    return Batch(block.take(sorted(keep)), block.take(rest))


def batches(blocks: Iterable[Block], rows: Callable[[], int]) -> Iterator[Batch]:
    """The records of *blocks* in order, in batches of *rows()* records, the last one smaller.

    *rows* is asked before each cut, since what fits is learned on the way.
    """
    rest: Block | None = None
    for block in blocks:
        rest = block if rest is None else concat(rest, block)
        start = 0
        while len(rest) - start >= (n := rows()):
            yield batch_of(rest.slice(start, start + n))
            start += n
        rest = rest.slice(start, len(rest))
    if rest is not None and len(rest):
        yield batch_of(rest)


def rows_that_fit(vectors_max: int, payload_bytes_max: int, *, bytes_per_vector: float) -> int:
    """How many vectors to put in a request when each comes to about *bytes_per_vector* (0 where unknown)."""
    if not bytes_per_vector:
        return vectors_max
    return max(1, min(vectors_max, int(payload_bytes_max * HEADROOM / bytes_per_vector)))


def pieces_needed(payload_bytes: int, payload_bytes_max: int) -> int:
    """In how many pieces a body of *payload_bytes* must be cut; 1 where it fits."""
    return (
        1
        if payload_bytes <= payload_bytes_max
        else max(2, ceil(payload_bytes / payload_bytes_max / HEADROOM))
    )


def key_named(message: str) -> str | None:
    """The key that the service blames in *message*, or None."""
    match = _KEY_IN_MESSAGE.match(message)
    return match[1] if match else None
