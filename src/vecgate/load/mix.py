"""Which operation an arrival is: in exact proportion over every long window, and not by chance.

Arrival i stands at the fraction of i times the golden ratio. These points fill the range from 0 to 1 as
evenly as any do, and so do those of every k-th arrival; of the range, an operation has its share.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

#: The range from 0 to 1 in whole numbers, so that all workers and machines agree to the last bit.
RANGE = 2**64
#: The golden ratio's fraction of it, and what spreads seeds over it.
GOLDEN, SPREAD = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95


@dataclass(frozen=True, slots=True)
class Mix:
    """The operations of a run by share.

    To divide one operation further, as queries with and without a filter, give each part a name and a share:
    a second mix over the same arrivals would not be independent of the first.
    """

    names: tuple[str, ...]
    ends: tuple[int, ...]
    offset: int = 0

    @classmethod
    def of(cls, shares: Mapping[str, float], *, seed: int = 0) -> Mix:
        """The mix in which each name has its share of *shares*, whatever they add up to."""
        names = tuple(sorted(name for name, share in shares.items() if share > 0))
        total = sum(shares[name] for name in names)
        ends = [round(end / total * RANGE) for end in accumulate(shares[name] for name in names)]
        return cls(names, (*ends[:-1], RANGE), seed * SPREAD % RANGE)

    def operation_of(self, arrival: int) -> str:
        """The name whose turn it is at *arrival*."""
        return self.names[bisect_right(self.ends, (arrival * GOLDEN + self.offset) % RANGE)]
