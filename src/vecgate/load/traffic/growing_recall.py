"""The recall of queries while vectors are written: a lower bound that is exact but for the writes in flight.

Which records an index holds when it answers is not known to the last write. So every record counts as stored
that may have been: those of all writes that were due when the answer arrived. The true nearest vectors of
that larger set are at least as near as those of the index, so no answer gets more credit than it deserves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from vecgate.load.traffic.recall import Copies, IndexContents, Snapshot


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer to a sampled query.

    query     number of the query; *filtered* if it had a filter
    records   the records in the answer
    arrivals  number of arrivals that were due when the answer arrived
    """

    query: int
    filtered: bool
    records: list[int]
    arrivals: int


@dataclass(slots=True)
class SpreadAnswers:
    """Samples the answers to queries evenly over the schedule.

    total        number of answers over all workers
    scheduled    number of arrivals of the schedule
    due_by_now   returns how many of them are due
    part, parts  worker *part* of *parts*; each worker samples another part of the schedule
    kept         answers by their slot, of which the schedule has *total*
    """

    total: int
    scheduled: int
    due_by_now: Callable[[], int]
    part: int = 0
    parts: int = 1
    kept: dict[int, KeptAnswer] = field(default_factory=dict)

    def collector(self, arrival: int, query: int, *, filtered: bool) -> Callable[[list[int]], None] | None:
        """Return a function that keeps the records in the answer to *arrival*; None if it is not needed."""
        slot = arrival * self.total // max(self.scheduled, 1)
        if slot in self.kept or slot % self.parts != self.part or slot >= self.total:
            return None

        def keep(records: list[int]) -> None:
            self.kept.setdefault(slot, KeptAnswer(query, filtered, records, self.due_by_now()))

        return keep

    def in_order(self) -> list[KeptAnswer]:
        """Return the kept answers in the order in which they arrived."""
        return sorted(self.kept.values(), key=lambda each: each.arrivals)


def growing_snapshots(
    contents: IndexContents,
    answers: Sequence[KeptAnswer],
    records_of: Callable[[int], range],
    per_request: int,
) -> Iterator[Snapshot]:
    """Yield what the index may have held when each of *answers*, which are in order, arrived.

    contents     the index before the first write
    records_of   returns the records that an arrival writes; empty if it writes none
    per_request  records of a write, which are numbered by their arrival
    """
    copies, seen, first = contents.copies(), 0, contents.total

    def is_stored(record: int, arrivals: int) -> bool:
        if record < first:
            return record >= 0
        arrival = (record - first) // per_request
        return arrival < arrivals and record in records_of(arrival)

    for answer in answers:
        written = [record for each in range(seen, answer.arrivals) for record in records_of(each)]
        copies, seen = _add(copies, written), max(seen, answer.arrivals)
        arrivals = answer.arrivals
        yield Snapshot(copies, lambda record, arrivals=arrivals: is_stored(record, arrivals))  # type: ignore[misc]


def _add(copies: Copies, records: Sequence[int]) -> Copies:
    rows = np.array(records, dtype=np.int64) % len(copies)
    return np.asarray(copies + np.bincount(rows, minlength=len(copies)))
