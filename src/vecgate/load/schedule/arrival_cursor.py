"""The position of one worker in the schedule: its next arrival and when that is due.

The cursor reads no clock: all times are seconds since the schedule began.
"""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.load.schedule.partition import NO_ARRIVAL, Partition, PartitionSequence

#: Due times are fetched from the schedule in chunks of this many.
CHUNK = 1_024


class ArrivalCursor:
    """Walks through the arrivals of *schedule* that belong to one worker.

    partitions    the worker's arrivals, by where each partition begins
    next_arrival  the worker's first arrival that was not passed yet, or NO_ARRIVAL
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.partitions: PartitionSequence = PartitionSequence(())
        self.next_arrival: int = NO_ARRIVAL
        # All arrivals of this worker below this number are passed.
        self._passed = 0
        self._end = schedule.total
        self._chunk_first = 0
        self._chunk: tuple[float, ...] = ()

    @property
    def is_exhausted(self) -> bool:
        """True if the worker has no further arrival."""
        return self.next_arrival >= self._end

    @property
    def is_stopped(self) -> bool:
        """True if `stop` ended the schedule early."""
        return self._end < self._schedule.total

    @property
    def next_due_s(self) -> float:
        """When the next arrival is due. Only valid while the cursor is not exhausted."""
        index = self.next_arrival - self._chunk_first
        if not 0 <= index < len(self._chunk):
            self._chunk_first, index = self.next_arrival, 0
            self._chunk = tuple(self._schedule.due_s(self.next_arrival, self.next_arrival + CHUNK).tolist())
        return self._chunk[index]

    def advance(self) -> int:
        """Pass the next arrival and return it."""
        arrival = self.next_arrival
        self._pass_below(arrival + 1)
        return arrival

    def repartition(self, partition: Partition) -> int:
        """Use *partition* from its first arrival on, and return how many of its arrivals come too late.

        That is the number of arrivals that the worker gains before its current position.
        """
        before, self.partitions = self.partitions, self.partitions.followed_by(partition)
        passed = partition.from_arrival, self._passed
        self._pass_below(self._passed)
        return max(0, self.partitions.count(*passed) - before.count(*passed))

    def gained(self, before: PartitionSequence, number: int) -> list[int]:
        """Return the first *number* arrivals that the worker has passed and did not have *before*."""
        found, arrival = list[int](), self.partitions.all[-1].from_arrival
        while len(found) < number and (arrival := self.partitions.next_from(arrival)) < self._passed:
            if before.next_from(arrival) != arrival:
                found.append(arrival)
            arrival += 1
        return found

    def remaining(self) -> Iterator[int]:
        """Yield the worker's arrivals that were not passed yet."""
        arrival = self.partitions.next_from(self._passed)
        while arrival < self._end:
            yield arrival
            arrival = self.partitions.next_from(arrival + 1)

    def due_s(self, arrival: int) -> float:
        """Return when *arrival* is due."""
        return float(self._schedule.due_s(arrival, arrival + 1)[0])

    def stop(self) -> None:
        """End the schedule here: the cursor is exhausted from now on."""
        self._end = min(self._end, self._passed)

    def skip_remaining(self) -> int:
        """Pass all remaining arrivals, and return their number."""
        skipped = self.partitions.count(self._passed, self._end)
        self._passed, self.next_arrival = self._end, NO_ARRIVAL
        return skipped

    def count_due(self, from_s: float, to_s: float) -> int:
        """Return how many of the worker's arrivals are due from *from_s* up to but not including *to_s*."""
        first, last = (min(self._schedule.due_before(at_s), self._end) for at_s in (from_s, to_s))
        return self.partitions.count(first, last)

    def _pass_below(self, arrival: int) -> None:
        self._passed = arrival
        self.next_arrival = self.partitions.next_from(arrival)
