"""The order in which ListVectors walks an index, and the segments that it is cut into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HASH_BITS = 64


@dataclass(frozen=True, slots=True, eq=False)
class KeyOrder:
    """Rows sorted by the hash of their key, keys with an equal hash by key.

    rows    shape (n,): the row that comes first, second, ...
    hashes  shape (n,), ascending: the hash of each
    """

    rows: npt.NDArray[np.intp]
    hashes: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, keys: Sequence[str], hashes: npt.NDArray[np.uint64]) -> KeyOrder:
        """The order of *keys*, whose *hashes* stand beside them."""
        rows = np.argsort(hashes, kind="stable")
        ordered = hashes[rows]
        for start, stop in _runs(ordered):
            rows[start:stop] = sorted(rows[start:stop], key=lambda row: keys[row])
        return cls(rows, ordered)

    def segment(self, index: int, count: int) -> tuple[int, int]:
        """Where segment *index* of *count* starts and stops: equal shares of the space of hashes."""
        return self._first_at(index, count), self._first_at(index + 1, count)

    def after(self, key: str, hash_: int, keys: Sequence[str]) -> int:
        """The place right after *key*, whether or not it is still there."""
        place = int(np.searchsorted(self.hashes, np.uint64(hash_)))
        while place < len(self.rows) and int(self.hashes[place]) == hash_ and keys[self.rows[place]] <= key:
            place += 1
        return place

    def _first_at(self, index: int, count: int) -> int:
        if index == count:
            return len(self.rows)
        return int(np.searchsorted(self.hashes, np.uint64((index << HASH_BITS) // count)))


def _runs(ordered: npt.NDArray[np.uint64]) -> list[tuple[int, int]]:
    """Where equal values stand together, as (start, stop)."""
    equal = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(equal):
        return []
    cuts = np.flatnonzero(np.diff(equal) != 1)
    starts = equal[np.concatenate(([0], cuts + 1))]
    stops = equal[np.concatenate((cuts, [len(equal) - 1]))] + 2
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
