"""Collects the per-second reports of all workers, and closes each second once it is complete.

A second is complete when every active worker has reported it. A worker that is silent for too long is lost,
and what was due on it since has no result: the schedule says how much that is in each second. It may have
sent these requests until it ended, or until others took its part if it was only silent, as behind a cut link.
Their result is unknown, and they count at the mean price of a request. The others were not sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from msgspec.structs import replace

from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.load.traffic.recall import merge_recalls
from vecgate.load.traffic.request_recorder import merge_seconds
from vecgate.results.load.load_records import Recall, Second, WorkerTotals
from vecgate.s3vectors.pricing import processed_usd

#: Maximum delay of the report of a second.
GRACE_S = 2.5
#: A new partition takes effect this long after it is sent, so that all workers know it by then.
TAKEOVER_S = 1.0


@dataclass(slots=True)
class IntervalLedger:
    """The per-second accounting of one run. Times are seconds since the schedule began.

    schedule             schedule of all workers together
    vectors_per_arrival  average number of vectors in a request
    stored_vectors       vectors in the index; every query processes all of them
    vector_bytes         bytes of one vector that a query processes
    usd                  price so far, initially that of the preloaded vectors
    active               first second that each active worker reports
    totals               totals of the workers that finished
    recalls              recall measured by the workers that finished
    lost_totals          what each worker that was lost had reported
    """

    schedule: Schedule
    vectors_per_arrival: float
    stored_vectors: int = 0
    vector_bytes: int = 0
    usd: float = 0.0
    active: dict[str, int] = field(default_factory=dict)
    totals: list[WorkerTotals] = field(default_factory=list)
    recalls: list[Recall] = field(default_factory=list)
    lost_totals: dict[str, WorkerTotals] = field(default_factory=dict)
    # The numbers that each worker reported so far.
    _sums: dict[str, WorkerTotals] = field(default_factory=dict)
    _reports: dict[int, list[Second]] = field(default_factory=dict)
    # The last second that each worker reported.
    _reported: dict[str, int] = field(default_factory=dict)
    # The requests of each worker that were due, and neither started nor dropped yet.
    _waiting: dict[str, int] = field(default_factory=dict)
    # Those and the ones that were in flight when it last reported.
    _pending: dict[str, int] = field(default_factory=dict)
    # Until when the workers that were lost may have sent requests.
    _may_have_sent_until_s: float = 0.0
    _unknown: int = 0
    _sent: int = 0
    _sent_usd: float = 0.0
    _next: int = 0
    # Closed seconds in which nothing happened. They are held back in case nothing follows.
    _idle: list[Second] = field(default_factory=list)
    _is_stopped: bool = False

    def add_worker(self, worker: str, *, at_s: float) -> None:
        """Expect reports from *worker* from *at_s* on."""
        self.active[worker] = max(0, int(at_s))
        self._reported.pop(worker, None)

    def add_report(self, worker: str, second: Second) -> bool:
        """Add a report of *worker*.

        Return False if it is ignored: the worker is not active, or the second is closed, reported already, or
        from before the worker joined. A lost worker that joins again may report what others got.
        """
        if worker not in self.active:
            return False
        if second.at_s < max(self._next, self._reported.get(worker, self.active[worker] - 1) + 1):
            return False
        self._reported[worker] = second.at_s
        waiting = second.due - second.started - second.dropped - second.lost
        self._waiting[worker] = self._waiting.get(worker, 0) + waiting
        self._pending[worker] = self._waiting[worker] + second.in_flight
        self._add_to_sums(worker, second)
        self._reports.setdefault(second.at_s, []).append(second)
        return True

    def finish_worker(self, worker: str, totals: WorkerTotals, recall: Recall | None) -> None:
        """Record that *worker* finished its arrivals and reported every second; no effect if not active."""
        if self.active.pop(worker, None) is None:
            return
        self.totals.append(totals)
        if recall is not None:
            self.recalls.append(recall)

    def stop(self) -> None:
        """Record that the run ends early: requests that are due from now on are not lost."""
        self._is_stopped = True

    def remove_lost(self, *, now_s: float, ended: Collection[str] = ()) -> list[str]:
        """Remove and return the workers that have *ended*, or that are silent for too long at *now_s*."""
        lost = [
            worker
            for worker, first in self.active.items()
            if worker in ended or now_s > self._reported.get(worker, first - 1) + 2 + GRACE_S
        ]
        for worker in lost:
            del self.active[worker]
            if worker in self._sums:
                self.lost_totals[worker] = self._sums.pop(worker)
            self._waiting.pop(worker, None)
            self._unknown += self._pending.pop(worker, 0)
            # A busy master sends the new partition a little later.
            until_s = now_s if worker in ended else now_s + 2 * TAKEOVER_S
            self._may_have_sent_until_s = max(self._may_have_sent_until_s, until_s)
        return lost

    def _add_to_sums(self, worker: str, second: Second) -> None:
        before = self._sums.get(worker) or WorkerTotals(worker=worker)
        self._sums[worker] = WorkerTotals(
            worker=worker,
            started=before.started + second.started,
            dropped=before.dropped + second.dropped,
            cpu_s=round(before.cpu_s + second.generator_cores, 3),
            loop_lag_ms=max(before.loop_lag_ms, second.loop_lag_ms),
            lost_at_s=second.at_s + 1.0,
        )

    def take_closed(self) -> Iterator[Second]:
        """Yield the complete seconds that were not yielded before, in order.

        Workers keep reporting while they compute recall: idle seconds at the end of the run are left out.
        What the last worker took with it has a second of its own, if no report is left to add it to.
        """
        while self._has_content and all(self._has_reported(worker) for worker in self.active):
            self._idle.append(self._close())
            if not self._is_idle(self._idle[-1]):
                closed, self._idle = self._idle, []
                yield from closed

    @property
    def is_over(self) -> bool:
        """True if no worker is active any more."""
        return not self.active

    @property
    def recall(self) -> Recall | None:
        """The recall of all workers together."""
        return merge_recalls(self.recalls)

    @property
    def _has_content(self) -> bool:
        """Whether there is anything for the next second."""
        return bool(self._reports or (self.is_over and self._unknown))

    def _has_reported(self, worker: str) -> bool:
        return self._reported.get(worker, self.active[worker] - 1) >= self._next

    def _is_idle(self, second: Second) -> bool:
        is_after_schedule = self._is_stopped or second.at_s >= self.schedule.duration_s
        counts = second.due, second.started, second.dropped, second.lost, second.unknown, second.in_flight
        return is_after_schedule and not any(counts) and not second.operations

    def _close(self) -> Second:
        at_s, reports = self._next, self._reports.pop(self._next, [])
        bounds = self.schedule.split_second(at_s)
        reported = merge_seconds(reports, at_s=at_s, usd=self.usd)
        pieces = zip(reported.parts, pairwise(bounds), strict=False)
        parts = [self._add_missing(part, *between) for part, between in pieces]
        # These requests were counted as due in an earlier second.
        parts[-1:] = [self._add_pending(part) for part in parts[-1:]]
        second = self._add_pending(self._add_missing(reported, bounds[0], bounds[-1]))
        second = replace(second, parts=tuple(parts))
        unknown_usd = self._mean_usd(reported) * (second.unknown - reported.unknown)
        self._unknown = 0
        second = replace(second, usd=second.usd + unknown_usd + self._processed_usd(second))
        self.usd, self._next = second.usd, at_s + 1
        return second

    def _add_missing(self, second: Second, start_s: float, end_s: float) -> Second:
        """Add to *second*, or a part of it, what was due between *start_s* and *end_s* on lost workers."""
        due_before = self.schedule.due_before
        due = due_before(end_s) - due_before(start_s)
        missing = 0 if self._is_stopped else max(0, due - second.due)
        until_s = min(max(self._may_have_sent_until_s, start_s), end_s)
        may_have_sent = due_before(until_s) - due_before(start_s)
        unknown = round(missing * may_have_sent / due) if missing else 0
        return replace(
            second,
            due=second.due + missing,
            due_vectors=second.due_vectors + round(missing * self.vectors_per_arrival),
            lost=second.lost + missing - unknown,
            unknown=second.unknown + unknown,
        )

    def _add_pending(self, second: Second) -> Second:
        """Add to *second*, or a part of it, what workers that ended since the last one had not finished."""
        return replace(second, unknown=second.unknown + self._unknown)

    def _mean_usd(self, second: Second) -> float:
        """Return the mean price of a request so far, up to *second*."""
        self._sent += sum(each.ok + sum(each.errors.values()) for each in second.operations.values())
        self._sent_usd += second.usd - self.usd
        return self._sent_usd / self._sent if self._sent else 0.0

    def _processed_usd(self, second: Second) -> float:
        """Return the price of the data that the queries of *second* process, in the index at its end."""
        puts, queries = (second.operations.get(name) for name in ("PutVectors", "QueryVectors"))
        self.stored_vectors += puts.vectors if puts else 0
        sent = queries.ok + sum(queries.errors.values()) if queries else 0
        return processed_usd(sent, vectors=self.stored_vectors, vector_bytes=self.vector_bytes)
