"""Sets of positions as ranges, so that millions of positions need little memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecgate.bulk.core.record_blocks import Positions


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """Disjoint half-open ranges, ascending: `starts[i] <= position < stops[i]`."""

    starts: Positions
    stops: Positions

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Ranges:
        """Return the union of *pairs* (start, stop), in any order, overlapping or not."""
        merged: list[list[int]] = []
        for start, stop in sorted(pairs):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], stop)
            else:
                merged.append([start, stop])
        edges = np.array(merged, dtype=np.int64).reshape(-1, 2)
        return cls(edges[:, 0], edges[:, 1])

    def __len__(self) -> int:
        """Return the number of positions."""
        return int((self.stops - self.starts).sum())

    def pairs(self) -> list[tuple[int, int]]:
        """Return the ranges as (start, stop) pairs."""
        return list(zip(self.starts.tolist(), self.stops.tolist(), strict=True))

    def contains(self, positions: Positions) -> npt.NDArray[np.bool_]:
        """Return for each of *positions* whether one of the ranges contains it."""
        if not len(self.starts):
            return np.zeros(len(positions), dtype=np.bool_)
        before = np.searchsorted(self.starts, positions, side="right") - 1
        return np.asarray((before >= 0) & (positions < self.stops[before]), dtype=np.bool_)


def runs(positions: Positions) -> list[tuple[int, int]]:
    """Return ascending *positions* as (start, stop) pairs."""
    if not len(positions):
        return []
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    starts = positions[np.concatenate([[0], breaks])]
    stops = positions[np.concatenate([breaks - 1, [len(positions) - 1]])] + 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
