"""The operation of each arrival: weighted, deterministic, and in proportion over every long window.

Arrival i is mapped to the fractional part of i times the golden ratio. These points fill the range from 0 to
1 evenly, and so do the points of every k-th arrival. Each operation owns a part of the range as large as its
weight.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

#: The range from 0 to 1 in integers, so that all workers and machines agree to the last bit.
RANGE = 2**64
#: The golden ratio's fraction of RANGE, and a multiplier that spreads seeds over it.
GOLDEN, SPREAD = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95


@dataclass(frozen=True, slots=True)
class OperationMix:
    """The operations of a run and the part of the range that each one owns.

    To divide one operation further, for example into queries with and without a filter, give each part its
    own name and weight: a second mix over the same arrivals would not be independent of the first.
    """

    names: tuple[str, ...]
    ends: tuple[int, ...]
    offset: int = 0

    @classmethod
    def from_weights(cls, weights: Mapping[str, float], *, seed: int = 0) -> OperationMix:
        """Build the mix of *weights* by name, which may have any sum."""
        names = tuple(sorted(name for name, weight in weights.items() if weight > 0))
        total = sum(weights[name] for name in names)
        ends = [round(end / total * RANGE) for end in accumulate(weights[name] for name in names)]
        return cls(names, (*ends[:-1], RANGE), seed * SPREAD % RANGE)

    def operation_of(self, arrival: int) -> str:
        """Return the name of the operation of *arrival*."""
        return self.names[bisect_right(self.ends, (arrival * GOLDEN + self.offset) % RANGE)]
