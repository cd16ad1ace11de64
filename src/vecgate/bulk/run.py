"""Where one run stands, and what it learns: acknowledged + set aside + pending = read, at every moment.

A `Run` is told the time and never waits, so that threads can drive it under one lock and a test can drive
it in any order. It is not thread-safe by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from vecgate.bulk.batching import rows_that_fit
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.delivery import Departure, Failed, Refused, Taken
from vecgate.bulk.ordering import KeysInFlight
from vecgate.bulk.pacing import pace
from vecgate.bulk.progress import (
    BatchMetric,
    Cause,
    Event,
    Meter,
    Progress,
    RecordsSetAside,
    Retrying,
    Subscriber,
    tell,
)
from vecgate.bulk.ranges import Ranges
from vecgate.bulk.records import Block, Positions, Reject, reject_row
from vecgate.bulk.retry import Again, Failure, RetryBudget, Stop, Verdict, verdict
from vecgate.errors import BadRecord, ServiceError, VecgateError

#: A batch is sized after the largest vectors of late; one that was larger is forgotten at this rate.
FORGET = 0.99
PROGRESS_S = 0.5


class SettledBefore(Protocol):
    """What a journal knows and keeps; see `journal.Journal`."""

    acknowledged: Ranges
    aside: Ranges

    def acknowledge(self, positions: Positions) -> None:
        """Keep that *positions* are taken."""
        ...

    def set_aside(self, positions: Positions, file: Path, *, file_bytes: int) -> None:
        """Keep that *positions* are in *file*."""
        ...


class RejectsFile(Protocol):
    """Where records that are not written go; see `aside.SetAsideFile`."""

    path: Path

    def write(self, rejects: Sequence[Reject]) -> int:
        """Append *rejects* and give the length of the file."""
        ...


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What came of a run.

    total           records in the input, None where unknown
    read            records read from it
    acknowledged    of these, taken by the service, in earlier runs too
    set_aside       of these, not written and in the set-aside file, from earlier runs too
    pending         of these, neither: a resumed run sends them, with what was not read
    superseded      of the acknowledged, never sent, since a later record of the same key came along
    resumed         of the acknowledged and set aside, settled by earlier runs
    requests        requests that were taken
    payload_bytes   of their bodies
    retries         requests sent again
    throttles       attempts that the service throttled
    elapsed_s       from the first record read to the end
    vectors_per_s   records acknowledged a second, from the first answer to the last; 0 where one was enough
    metrics         the latest requests, one by one
    causes          why records were set aside
    failed_attempts attempts that failed, by error code or kind of failure
    stopped_by      what ended the run early, None where nothing did
    interrupted     the caller asked for the end
    """

    total: int | None
    read: int
    acknowledged: int
    set_aside: int
    pending: int
    superseded: int
    resumed: int
    requests: int
    payload_bytes: int
    retries: int
    throttles: int
    elapsed_s: float
    vectors_per_s: float
    metrics: tuple[BatchMetric, ...]
    causes: dict[str, Cause]
    failed_attempts: dict[str, int]
    stopped_by: VecgateError | None
    interrupted: bool

    @property
    def is_complete(self) -> bool:
        """Everything was read, and nothing is pending."""
        return not (self.pending or self.stopped_by or self.interrupted)

    def latency_ms(self, percentile: float) -> float:
        """Latency of the latest requests at *percentile* (0 to 100); NaN where there were none."""
        latencies = [metric.latency_s for metric in self.metrics]
        return float(np.percentile(latencies, percentile)) * 1_000 if latencies else float("nan")


class Run:
    """The state of one run."""

    def __init__(
        self,
        config: BulkConfig,
        *,
        aside: RejectsFile,
        journal: SettledBefore | None = None,
        subscribers: Sequence[Subscriber] = (),
        total: int | None = None,
        strict: bool = False,
        now_s: float,
    ) -> None:
        self.config, self.total = config, total
        self.keys = KeysInFlight()
        self.stopped_by: VecgateError | None = None
        self.read = self.acknowledged = self.set_aside = self.pending = self.superseded = self.resumed = 0
        self._aside, self._journal, self._subscribers, self._strict = aside, journal, subscribers, strict
        self._meter = Meter(begun_s=now_s)
        self._pace = pace(requests_per_s=config.requests_per_s, vectors_per_s=config.vectors_per_s)
        self._budget = RetryBudget(updated_at_s=now_s)
        self._bytes_per_vector = 0.0
        self._told_at_s, self._told_of = now_s, 0

    # What comes in.

    def admit(self, block: Block, rejects: Sequence[Reject]) -> Block:
        """Count what was read, put new *rejects* aside, and give what is still to be sent."""
        self.read += len(block) + len(rejects)
        known = self._settled(block.positions)
        rejected_before = self._settled(np.array([r.position for r in rejects], dtype=np.int64))
        fresh = [r for r, before in zip(rejects, rejected_before, strict=True) if not before]
        left = block.take(np.flatnonzero(~known)) if known.any() else block
        self.pending += len(left) + len(fresh)
        if fresh:
            self._put_aside(fresh)
        return left

    def rows(self) -> int:
        """How many records the next batch should have."""
        limits = self.config
        return rows_that_fit(
            limits.batch_vectors, limits.payload_bytes_max, bytes_per_vector=self._bytes_per_vector
        )

    # What a delivery asks and tells.

    def try_leave(self, vectors: int, *, now_s: float) -> Departure | float:
        """The departure of a request of *vectors*, or how many seconds it is too early for it."""
        at_s = self._pace.leave_at_s(now_s=now_s)
        if at_s > now_s:
            return at_s - now_s
        self._pace = self._pace.after(vectors, now_s=now_s)
        return Departure(now_s, self._meter.requests)

    def judge(self, failed: Failed, *, now_s: float, chance: float) -> Verdict:
        """What to do about a failed attempt; a Stop ends the run."""
        cause, is_throttling = _cause(failed.failure)
        self._meter.failed(cause, is_throttling=is_throttling)
        if is_throttling:
            self._pace = self._pace.after_throttle(now_s=now_s)
        attempt = failed.attempt(now_s=now_s, successes=self._meter.requests)
        budget, budget_wait_s = self._budget.spend(now_s)
        decided = verdict(
            failed.failure, attempt, self.config.retry, chance=chance, wait_least_s=budget_wait_s
        )
        match decided:
            case Stop():
                self.stop(failed.failure)
            case Again(wait_s):
                self._budget = budget
                self._meter.retries += 1
                self._tell(Retrying(cause, len(failed.batch), failed.number, wait_s, is_throttling))
        return decided

    def taken(self, taken: Taken, *, now_s: float) -> None:
        """The service has taken a batch.

        Raises JournalError where that cannot be kept: then it stays pending.
        """
        positions = taken.batch.positions
        if self._journal is not None:
            self._journal.acknowledge(positions)
        self.acknowledged += len(positions)
        self.pending -= len(positions)
        self.superseded += len(taken.batch.earlier)
        self._budget = self._budget.at(now_s).after_success()
        self._pace = self._pace.after_success(now_s=now_s)
        per_vector = taken.payload_bytes / len(taken.batch)
        self._bytes_per_vector = max(per_vector, self._bytes_per_vector * FORGET)
        metric = BatchMetric(len(taken.batch), taken.payload_bytes, taken.attempts, taken.latency_s)
        self._meter.taken(metric, records=len(positions), now_s=now_s)
        self._tell(metric)
        self._tell_progress(now_s)

    def refused(self, refused: Refused) -> None:
        """The service will not take the one record of a batch."""
        self._put_aside([reject_row(refused.batch.block, 0, refused.problem)])

    def stop(self, reason: VecgateError) -> None:
        """End the run because of *reason*; the first one counts."""
        self.stopped_by = self.stopped_by or reason

    # What is told of it.

    def progress(self, *, now_s: float) -> Progress:
        """How far the run is at *now_s*."""
        mean = self._meter.rate_mean(now_s=now_s)
        left = None if self.total is None else self.total - self.acknowledged - self.set_aside
        return Progress(
            elapsed_s=now_s - self._meter.begun_s,
            read=self.read,
            acknowledged=self.acknowledged,
            set_aside=self.set_aside,
            pending=self.pending,
            total=self.total,
            vectors_per_s=self._meter.rate_now(now_s=now_s),
            mean_per_s=mean,
            eta_s=None if left is None or not mean else left / mean,
            retries=self._meter.retries,
            throttles=self._meter.throttles,
            pace_share=self._pace.share.value,
        )

    def outcome(self, *, now_s: float, interrupted: bool = False) -> BulkOutcome:
        """What came of the run, which is over."""
        meter = self._meter
        self._tell(self.progress(now_s=now_s))
        return BulkOutcome(
            total=self.total,
            read=self.read,
            acknowledged=self.acknowledged,
            set_aside=self.set_aside,
            pending=self.pending,
            superseded=self.superseded,
            resumed=self.resumed,
            requests=meter.requests,
            payload_bytes=meter.payload_bytes,
            retries=meter.retries,
            throttles=meter.throttles,
            elapsed_s=now_s - meter.begun_s,
            vectors_per_s=meter.rate_held(),
            metrics=tuple(meter.metrics),
            causes=meter.causes,
            failed_attempts=dict(meter.failed_attempts),
            stopped_by=self.stopped_by,
            interrupted=interrupted,
        )

    def _settled(self, positions: Positions) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which of *positions* earlier runs have settled; they are counted here."""
        if self._journal is None:
            return np.zeros(len(positions), dtype=np.bool_)
        acknowledged = self._journal.acknowledged.holds(positions)
        aside = self._journal.aside.holds(positions)
        self.acknowledged += int(acknowledged.sum())
        self.set_aside += int(aside.sum())
        self.resumed += int(acknowledged.sum() + aside.sum())
        return np.asarray(acknowledged | aside)

    def _put_aside(self, rejects: Sequence[Reject]) -> None:
        file_bytes = self._aside.write(rejects)
        if self._journal is not None:
            positions = np.array([reject.position for reject in rejects], dtype=np.int64)
            self._journal.set_aside(np.sort(positions), self._aside.path, file_bytes=file_bytes)
        self.set_aside += len(rejects)
        self.pending -= len(rejects)
        self._meter.set_aside(rejects)
        self._tell(RecordsSetAside(tuple(rejects)))
        if self._strict:
            self.stop(BadRecord(rejects[0].key, rejects[0].problem))

    def _tell_progress(self, now_s: float) -> None:
        settled = self.acknowledged + self.set_aside
        if settled - self._told_of >= self.config.progress_every or now_s - self._told_at_s >= PROGRESS_S:
            self._told_at_s, self._told_of = now_s, settled
            self._tell(self.progress(now_s=now_s))

    def _tell(self, event: Event) -> None:
        tell(self._subscribers, event)


def _cause(failure: Failure) -> tuple[str, bool]:
    if isinstance(failure, ServiceError):
        return failure.code, failure.is_throttling
    return "no connection" if failure.is_connect else "no answer", False
