"""The partition of the schedule's arrivals among workers. The schedule is the same on every worker.

From some arrival on, worker *part* of *parts* sends every arrival with that remainder. When a worker joins
or is lost, the arrivals from a later point on are partitioned again. Workers that learn of this before that
point leave no gap and send nothing twice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: The next arrival of a worker that has none; larger than any arrival.
NO_ARRIVAL = sys.maxsize


@dataclass(frozen=True, slots=True)
class Partition:
    """The arrivals of one worker from *from_arrival* on: those with remainder *part* modulo *parts*.

    *parts* is 0 for a worker that sends nothing.
    """

    from_arrival: int
    part: int
    parts: int

    def next_from(self, arrival: int) -> int:
        """Return the worker's first arrival that is not below *arrival*; NO_ARRIVAL if it has none."""
        if not self.parts:
            return NO_ARRIVAL
        first = max(arrival, self.from_arrival)
        return first + (self.part - first) % self.parts

    def count(self, first: int, last: int) -> int:
        """Return how many of the worker's arrivals are from *first* up to but not including *last*."""
        least = self.next_from(first)
        return max(0, (last - 1 - least) // self.parts + 1) if self.parts and least < last else 0


@dataclass(frozen=True, slots=True)
class PartitionSequence:
    """The partitions of one worker by ascending *from_arrival*; each is valid until the next one begins."""

    all: tuple[Partition, ...]

    def followed_by(self, partition: Partition) -> PartitionSequence:
        """Return the sequence in which *partition* replaces everything from its first arrival on."""
        return PartitionSequence(
            (*(each for each in self.all if each.from_arrival < partition.from_arrival), partition)
        )

    def next_from(self, arrival: int) -> int:
        """Return the worker's first arrival that is not below *arrival*; NO_ARRIVAL if it has none."""
        for partition, end in self._with_ends():
            if arrival < end and (found := partition.next_from(arrival)) < end:
                return found
        return NO_ARRIVAL

    def count(self, first: int, last: int) -> int:
        """Return how many of the worker's arrivals are from *first* up to but not including *last*."""
        return sum(partition.count(first, min(last, end)) for partition, end in self._with_ends())

    def _with_ends(self) -> Iterator[tuple[Partition, int]]:
        """Yield each partition with the first arrival that it no longer covers."""
        ends = [partition.from_arrival for partition in self.all[1:]]
        return zip(self.all, [*ends, NO_ARRIVAL], strict=False)


def partition_arrivals(workers: Sequence[str], from_arrival: int) -> dict[str, Partition]:
    """Divide all arrivals from *from_arrival* on among *workers*, and return the partition of each."""
    names = list(dict.fromkeys(workers))
    return {name: Partition(from_arrival, part, len(names)) for part, name in enumerate(names)}
