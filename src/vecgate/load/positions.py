"""Where the arrivals of a stage stand on the schedule's own clock, the integral of its rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vecgate.load.curves import Times

#: Points at random are drawn so many at once.
CHUNK = 16_384


class Positions(Protocol):
    """Where the arrivals of a stage stand on the schedule's clock, numbered within it."""

    @property
    def count(self) -> int:
        """How many there are."""

    def between(self, first: int, last: int) -> Times:
        """Where arrivals *first* to before *last* stand."""

    def around(self, position: float) -> tuple[int, int]:
        """The least and the most that may stand before *position*, rounding allowed for."""


@dataclass(frozen=True, slots=True)
class Even:
    """The whole numbers from *start* to before *end*."""

    start: float
    end: float

    @property
    def count(self) -> int:
        """How many there are."""
        return math.ceil(self.end) - math.ceil(self.start)

    def between(self, first: int, last: int) -> Times:
        """Where arrivals *first* to before *last* stand."""
        return math.ceil(self.start) + np.arange(first, last, dtype=np.float64)

    def around(self, position: float) -> tuple[int, int]:
        """The least and the most that may stand before *position*."""
        near = math.ceil(position) - math.ceil(self.start)
        return max(near - 1, 0), min(near + 1, self.count)


class AtRandom:
    """Points between *start* and *end* at exponential distances, 1 on average: a Poisson process.

    What is kept is where each chunk of them begins; a chunk is drawn anew, from a seed of its own.
    """

    def __init__(self, start: float, end: float, seed: Sequence[int]) -> None:
        self._seed, self._starts = tuple(seed), [start]
        while (points := self._chunk(len(self._starts) - 1))[-1] < end:
            self._starts.append(float(points[-1]))
        self.count = (len(self._starts) - 1) * CHUNK + int(np.searchsorted(points, end))

    def between(self, first: int, last: int) -> Times:
        """Where arrivals *first* to before *last* stand."""
        numbers = range(first // CHUNK, -(-last // CHUNK))
        points = np.concatenate([self._chunk(number) for number in numbers])
        return points[first - numbers.start * CHUNK : last - numbers.start * CHUNK]

    def around(self, position: float) -> tuple[int, int]:
        """The least and the most that may stand before *position*."""
        chunk = bisect_right(self._starts, position) - 1
        return max(chunk * CHUNK - 1, 0), min((chunk + 1) * CHUNK + 1, self.count)

    def _chunk(self, number: int) -> Times:
        # Raw bits of a bit generator stay the same in all versions of numpy; its distributions need not.
        bits = np.random.PCG64(np.random.SeedSequence([*self._seed, number])).random_raw(CHUNK)
        distances = -np.log1p(-((bits >> np.uint64(11)) * 2.0**-53))
        points: Times = self._starts[number] + np.cumsum(distances)
        return points
