"""The positions of a stage's arrivals on the integral of its rate: uniform, or a Poisson process."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vecgate.load.schedule.rate_curves import Times

#: Random positions are generated in chunks of this many.
CHUNK = 16_384


class ArrivalProcess(Protocol):
    """The positions of a stage's arrivals. Arrivals are numbered from 0 within the stage."""

    @property
    def count(self) -> int:
        """The number of arrivals."""

    def positions(self, first: int, last: int) -> Times:
        """Return the positions of the arrivals from *first* up to but not including *last*."""

    def count_bounds(self, position: float) -> tuple[int, int]:
        """Return a lower and an upper bound of the number of arrivals before *position*.

        The bounds allow for rounding errors in *position*.
        """


@dataclass(frozen=True, slots=True)
class UniformArrivals:
    """Arrivals at the whole numbers from *start* up to but not including *end*."""

    start: float
    end: float

    @property
    def count(self) -> int:
        """The number of arrivals."""
        return math.ceil(self.end) - math.ceil(self.start)

    def positions(self, first: int, last: int) -> Times:
        """Return the positions of the arrivals from *first* up to but not including *last*."""
        return math.ceil(self.start) + np.arange(first, last, dtype=np.float64)

    def count_bounds(self, position: float) -> tuple[int, int]:
        """Return a lower and an upper bound of the number of arrivals before *position*."""
        near = math.ceil(position) - math.ceil(self.start)
        return max(near - 1, 0), min(near + 1, self.count)


class PoissonArrivals:
    """A Poisson process of rate 1 between *start* and *end*: exponential distances, 1 on average.

    Only the start of each chunk is kept in memory; a chunk is generated again from its own seed when needed.
    """

    def __init__(self, start: float, end: float, seed: Sequence[int]) -> None:
        self._seed, self._starts = tuple(seed), [start]
        while (points := self._chunk(len(self._starts) - 1))[-1] < end:
            self._starts.append(float(points[-1]))
        self.count: int = (len(self._starts) - 1) * CHUNK + int(np.searchsorted(points, end))

    def positions(self, first: int, last: int) -> Times:
        """Return the positions of the arrivals from *first* up to but not including *last*."""
        numbers = range(first // CHUNK, -(-last // CHUNK))
        points = np.concatenate([self._chunk(number) for number in numbers])
        return points[first - numbers.start * CHUNK : last - numbers.start * CHUNK]

    def count_bounds(self, position: float) -> tuple[int, int]:
        """Return a lower and an upper bound of the number of arrivals before *position*."""
        chunk = bisect_right(self._starts, position) - 1
        return max(chunk * CHUNK - 1, 0), min((chunk + 1) * CHUNK + 1, self.count)

    def _chunk(self, number: int) -> Times:
        # NumPy keeps the raw output of a bit generator stable across versions, but not its distributions.
        bits = np.random.PCG64(np.random.SeedSequence([*self._seed, number])).random_raw(CHUNK)
        distances = -np.log1p(-((bits >> np.uint64(11)) * 2.0**-53))
        points: Times = self._starts[number] + np.cumsum(distances)
        return points
