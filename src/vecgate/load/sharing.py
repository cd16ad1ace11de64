"""Which arrivals are whose: the schedule is the same on every worker, and each takes its part of it.

From an arrival on, worker *part* of *parts* takes each one with that remainder. When a worker joins or is
lost, the arrivals from some point on are divided anew; whoever is told before that point leaves no gap and
does nothing twice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: The next arrival of who has none.
NEVER = sys.maxsize


@dataclass(frozen=True, slots=True)
class Share:
    """A worker's arrivals from *from_arrival* on: those with remainder *part* modulo *parts*, 0 for none."""

    from_arrival: int
    part: int
    parts: int

    def next_from(self, arrival: int) -> int:
        """The least of them that is not below *arrival*."""
        if not self.parts:
            return NEVER
        first = max(arrival, self.from_arrival)
        return first + (self.part - first) % self.parts

    def count(self, first: int, last: int) -> int:
        """How many of them are from *first* until before *last*."""
        least = self.next_from(first)
        return max(0, (last - 1 - least) // self.parts + 1) if self.parts and least < last else 0


@dataclass(frozen=True, slots=True)
class Shares:
    """A worker's shares by ascending *from_arrival*; each holds until the next begins."""

    all: tuple[Share, ...]

    def then(self, share: Share) -> Shares:
        """These, with *share* in place of whatever would hold from its first arrival on."""
        return Shares((*(each for each in self.all if each.from_arrival < share.from_arrival), share))

    def next_mine(self, arrival: int) -> int:
        """The least own arrival that is not below *arrival*; NEVER where there is none."""
        for share, end in self._stretches():
            if arrival < end and (mine := share.next_from(arrival)) < end:
                return mine
        return NEVER

    def count(self, first: int, last: int) -> int:
        """How many arrivals from *first* until before *last* are own ones."""
        return sum(share.count(first, min(last, end)) for share, end in self._stretches())

    def _stretches(self) -> Iterator[tuple[Share, int]]:
        """Each share, and the arrival before which it ends."""
        ends = [share.from_arrival for share in self.all[1:]]
        return zip(self.all, [*ends, NEVER], strict=False)


def divided(workers: Sequence[str], from_arrival: int) -> dict[str, Share]:
    """The share of each of *workers* of all arrivals from *from_arrival* on."""
    names = list(dict.fromkeys(workers))
    return {name: Share(from_arrival, part, len(names)) for part, name in enumerate(names)}
