"""What the workers of a run have told, and which of its seconds are complete.

A second is complete when every worker that serves has told of it. A worker that stays silent too long is
lost, and what was due on it since counts as lost too: the schedule's own count of each second says how much.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from msgspec.structs import replace

from vecgate.load.arrivals import Schedule
from vecgate.load.recall import together
from vecgate.load.recorder import merged_second
from vecgate.results.load import Recall, Second, WorkerTotals
from vecgate.s3vectors.pricing import processed_usd

#: A worker may be so late with a second.
GRACE_S = 2.5


@dataclass(slots=True)
class Ledger:
    """The account of one run; times are seconds since the schedule began.

    schedule             of all workers; *vectors_per_arrival*, in a request of it
    held                 vectors in the index, of *vector_bytes* each; every query processes them all
    usd                  the price so far, at first that of what was put beforehand
    serving              worker to the first second that it is to tell of, by when it joined
    """

    schedule: Schedule
    vectors_per_arrival: float
    held: int = 0
    vector_bytes: int = 0
    usd: float = 0.0
    serving: dict[str, int] = field(default_factory=dict)
    totals: list[WorkerTotals] = field(default_factory=list)
    recalls: list[Recall] = field(default_factory=list)
    _told: dict[int, list[Second]] = field(default_factory=dict)
    _heard: dict[str, int] = field(default_factory=dict)
    # Of each worker, what was due and has neither started nor been dropped yet.
    _open: dict[str, int] = field(default_factory=dict)
    _lost: int = 0
    _next: int = 0
    # Closed, and not given: nothing happens in them, and perhaps nothing does any more.
    _idle: list[Second] = field(default_factory=list)
    _is_stopped: bool = False

    def joined(self, worker: str, *, at_s: float) -> None:
        """*worker* serves from *at_s* on."""
        self.serving[worker] = max(0, int(at_s))
        self._heard.pop(worker, None)

    def told(self, worker: str, second: Second) -> bool:
        """Take what *worker* tells; False where it was given up, or that second is closed or was told."""
        if worker not in self.serving or second.at_s < max(self._next, self._heard.get(worker, -1) + 1):
            return False
        self._heard[worker] = second.at_s
        still = second.due - second.started - second.dropped
        self._open[worker] = self._open.get(worker, 0) + still
        self._told.setdefault(second.at_s, []).append(second)
        return True

    def done(self, worker: str, totals: WorkerTotals, recall: Recall | None) -> None:
        """*worker* has brought its share to an end, and told of each of its seconds. Once, if it serves."""
        if self.serving.pop(worker, None) is None:
            return
        self.totals.append(totals)
        if recall is not None:
            self.recalls.append(recall)

    def stopped(self) -> None:
        """The run ends early: what is due from now on is not lost."""
        self._is_stopped = True

    def overdue(self, *, now_s: float, ended: Collection[str] = ()) -> list[str]:
        """The workers that have *ended*, or are silent for too long at *now_s*; they serve no more."""
        gone = [
            worker
            for worker, first in self.serving.items()
            if worker in ended or now_s > self._heard.get(worker, first - 1) + 2 + GRACE_S
        ]
        for worker in gone:
            del self.serving[worker]
            # It had them on its list when it was last heard of.
            self._lost += self._open.pop(worker, 0)
        return gone

    def closed(self) -> Iterator[Second]:
        """The seconds that are complete and were not given before, in order.

        Workers go on telling while they judge answers: the idle seconds at the end are not given.
        """
        while self._told and all(self._has_told(worker) for worker in self.serving):
            self._idle.append(self._close())
            if not self._is_idle(self._idle[-1]):
                known, self._idle = self._idle, []
                yield from known

    @property
    def is_over(self) -> bool:
        """Nobody serves any more."""
        return not self.serving

    @property
    def recall(self) -> Recall | None:
        """Of all workers."""
        return together(self.recalls)

    def _has_told(self, worker: str) -> bool:
        return self._heard.get(worker, self.serving[worker] - 1) >= self._next

    def _is_idle(self, second: Second) -> bool:
        is_behind = self._is_stopped or second.at_s >= self.schedule.duration_s
        happened = second.due, second.started, second.dropped, second.lost, second.in_flight
        return is_behind and not any(happened) and not second.operations

    def _close(self) -> Second:
        at_s, told = self._next, self._told.pop(self._next, [])
        bounds = self.schedule.bounds_in(at_s)
        second = self._with_lost(merged_second(told, at_s=at_s, usd=self.usd), bounds[0], bounds[-1])
        parts = zip(second.parts, pairwise(bounds), strict=False)
        second = replace(second, parts=tuple(self._with_lost(part, *between) for part, between in parts))
        # These were counted as due when they were.
        second, self._lost = replace(second, lost=second.lost + self._lost), 0
        second = replace(second, usd=second.usd + self._processed_usd(second))
        self.usd, self._next = second.usd, at_s + 1
        return second

    def _with_lost(self, second: Second, start_s: float, end_s: float) -> Second:
        """*second*, or a part, with what was due from *start_s* to *end_s* on workers that are gone."""
        due = self.schedule.due_before(end_s) - self.schedule.due_before(start_s)
        lost = 0 if self._is_stopped else max(0, due - second.due)
        return replace(
            second,
            due=second.due + lost,
            due_vectors=second.due_vectors + round(lost * self.vectors_per_arrival),
            lost=second.lost + lost,
        )

    def _processed_usd(self, second: Second) -> float:
        """The price of the data that the queries of *second* process, with what was put until its end."""
        puts, queries = (second.operations.get(name) for name in ("PutVectors", "QueryVectors"))
        self.held += puts.vectors if puts else 0
        asked = queries.ok + sum(queries.errors.values()) if queries else 0
        return processed_usd(asked, vectors=self.held, vector_bytes=self.vector_bytes)
