"""The order in which ListVectors returns vectors, and its division into segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HASH_BITS = 64


@dataclass(frozen=True, slots=True, eq=False)
class KeyOrder:
    """Rows sorted by the hash of their key; keys with equal hashes are sorted by key.

    rows    shape (n,): the row of the first key, of the second, ...
    hashes  shape (n,), ascending: their hashes
    """

    rows: npt.NDArray[np.intp]
    hashes: npt.NDArray[np.uint64]

    @classmethod
    def sort(cls, keys: Sequence[str], hashes: npt.NDArray[np.uint64]) -> KeyOrder:
        """Return the order of *keys*. *hashes* are their hashes, in the same positions."""
        rows = np.argsort(hashes, kind="stable")
        ordered = hashes[rows]
        for start, stop in _equal_runs(ordered):
            rows[start:stop] = sorted(rows[start:stop], key=lambda row: keys[row])
        return cls(rows, ordered)

    def segment(self, index: int, count: int) -> tuple[int, int]:
        """Return the start and stop of segment *index* of *count*. Each covers an equal range of hashes."""
        return self._first_at(index, count), self._first_at(index + 1, count)

    def position_after(self, key: str, hash_: int, keys: Sequence[str]) -> int:
        """Return the position right after *key*, whether or not the key still exists."""
        at = int(np.searchsorted(self.hashes, np.uint64(hash_)))
        while at < len(self.rows) and int(self.hashes[at]) == hash_ and keys[self.rows[at]] <= key:
            at += 1
        return at

    def _first_at(self, index: int, count: int) -> int:
        if index == count:
            return len(self.rows)
        return int(np.searchsorted(self.hashes, np.uint64((index << HASH_BITS) // count)))


def _equal_runs(ordered: npt.NDArray[np.uint64]) -> list[tuple[int, int]]:
    """Return the runs of equal values as (start, stop)."""
    equal = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(equal):
        return []
    gaps = np.flatnonzero(np.diff(equal) != 1)
    starts = equal[np.concatenate(([0], gaps + 1))]
    stops = equal[np.concatenate((gaps, [len(equal) - 1]))] + 2
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
