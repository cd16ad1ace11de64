"""The state of one run: acknowledged + rejected + pending = read, at every moment.

A `BulkRun` is given the time and never waits, so that threads can drive it under one lock and a test can
drive it in any order. It is not thread-safe by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.batching import rows_that_fit
from vecgate.bulk.core.delivery import Acknowledged, Departure, Failed, Rejected
from vecgate.bulk.core.keys_in_flight import KeysInFlight
from vecgate.bulk.core.outage import Outage
from vecgate.bulk.core.pacing import DepartureSource, PacedDepartures, new_pace
from vecgate.bulk.core.position_ranges import Ranges
from vecgate.bulk.core.record_blocks import Block, Positions, RejectedRecord, reject_row
from vecgate.bulk.core.repeated_keys import RepeatedKeys
from vecgate.bulk.core.retry import (
    Attempt,
    Failure,
    Retry,
    RetryBudget,
    RetryDecision,
    Split,
    Stop,
    decide_retry,
)
from vecgate.bulk.progress import (
    BatchMetric,
    Event,
    Progress,
    RecordsRejected,
    RejectCause,
    Retrying,
    RunCounters,
    Subscriber,
    TargetUnavailable,
    publish,
)
from vecgate.errors import InvalidRecord, ServiceError, TooManyRejects, UnexpectedResponse, VecgateError
from vecgate.formatting import format_duration

#: Batches are sized after the largest recent vectors: the estimate decays by this factor from batch to batch.
DECAY = 0.99
PROGRESS_S = 0.5
#: Wait before a request to an index that the service does not find yet.
NOT_FOUND = 404
NOT_FOUND_WAIT_S = 0.5
OUTAGE_HINT = "Continue with --resume when the target is available, or wait longer with --retry-for."


class RunJournal(Protocol):
    """The part of `journal.Journal` that a run uses.

    acknowledged, rejected  positions that earlier runs settled
    """

    acknowledged: Ranges
    rejected: Ranges

    def record_acknowledged(self, positions: Positions) -> None:
        """Store that the service acknowledged *positions*."""
        ...

    def record_rejected(self, positions: Positions, file: Path, *, file_bytes: int) -> None:
        """Store that *positions* are in *file*, which then has *file_bytes*."""
        ...


class RejectSink(Protocol):
    """The part of `rejects_file.RejectsFile` that a run uses."""

    path: Path

    def write(self, rejects: Sequence[RejectedRecord]) -> int:
        """Append *rejects* and return the length of the file in bytes."""
        ...


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The result of a run.

    total           records in the input, None if unknown
    read            records read from it
    acknowledged    of these, acknowledged by the service, in this run or an earlier one
    rejected        of these, not written and in the rejects file, from this run or an earlier one
    pending         of these, neither: a resumed run sends them, with the records that were not read
    superseded      acknowledged records that were never sent because a later record has the same key
    resumed         acknowledged and rejected records that earlier runs settled
    requests        requests that the service acknowledged
    payload_bytes   bytes of their bodies
    retries         requests sent again
    throttles       attempts that the service throttled
    elapsed_s       from the first record read to the end
    vectors_per_s   records acknowledged per second, from the first response to the last, of one response
                    since the start
    metrics         the latest requests, one by one
    reject_causes   why records were rejected
    failed_attempts attempts that failed, by error code or kind of failure
    stopped_by      the error that ended the run early, or None
    interrupted     the caller ended the run
    rejects_file    the file that has the rejected records of this run, None without any
    refused         positions of records that the service rejected in this run, and of all rejected ones of
                    earlier runs: `validate` does not find them again
    repeated        valid records of the input whose key a later one has too, which replaces them; None if
                    unknown
    """

    total: int | None
    read: int
    acknowledged: int
    rejected: int
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
    reject_causes: dict[str, RejectCause]
    failed_attempts: dict[str, int]
    stopped_by: VecgateError | None
    interrupted: bool
    rejects_file: Path | None = None
    refused: Ranges = field(default_factory=lambda: Ranges.of(()))
    repeated: int | None = None

    @property
    def is_complete(self) -> bool:
        """True if everything was read and nothing is pending."""
        return not (self.pending or self.stopped_by or self.interrupted)

    def latency_ms(self, percentile: float) -> float:
        """Return the latency of the latest requests at *percentile* (0 to 100), NaN if there were none."""
        latencies = [metric.latency_s for metric in self.metrics]
        return float(np.percentile(latencies, percentile)) * 1_000 if latencies else float("nan")


class BulkRun:
    """The state of one run."""

    config: BulkConfig
    total: int | None
    keys: KeysInFlight
    read: int
    acknowledged: int
    rejected: int
    pending: int
    superseded: int
    resumed: int

    def __init__(
        self,
        config: BulkConfig,
        *,
        rejects: RejectSink,
        journal: RunJournal | None = None,
        subscribers: Sequence[Subscriber] = (),
        total: int | None = None,
        strict: bool = False,
        departures: DepartureSource | None = None,
        now_s: float,
    ) -> None:
        self.config, self.total = config, total
        self.keys = KeysInFlight()
        self.stopped_by: VecgateError | None = None
        self.read = self.acknowledged = self.rejected = self.pending = self.superseded = self.resumed = 0
        self._rejects, self._journal, self._subscribers, self._strict = rejects, journal, subscribers, strict
        self._counters = RunCounters(begun_s=now_s)
        self._departures = departures or PacedDepartures(
            new_pace(requests_per_s=config.requests_per_s, vectors_per_s=config.vectors_per_s)
        )
        self._budget = RetryBudget(updated_at_s=now_s)
        self._outage, self._outage_cause, self._outage_published_at_s = Outage(), "", float("-inf")
        self._bytes_per_vector = 0.0
        self._published_at_s, self._published_settled = now_s, 0
        self._refused: list[int] = []
        self._repeated = RepeatedKeys()

    # Records that come in.

    def admit(self, block: Block, rejects: Sequence[RejectedRecord]) -> Block:
        """Count the records read, store new *rejects*, and return the records that remain to be sent."""
        self.read += len(block) + len(rejects)
        self._repeated.add(block.keys)
        is_settled = self._settled(block.positions)
        was_rejected = self._settled(np.array([r.position for r in rejects], dtype=np.int64))
        new_rejects = [r for r, known in zip(rejects, was_rejected, strict=True) if not known]
        unsettled = block.take(np.flatnonzero(~is_settled)) if is_settled.any() else block
        self.pending += len(unsettled) + len(new_rejects)
        if new_rejects:
            self._reject(new_rejects)
        return unsettled

    def batch_rows(self) -> int:
        """Return how many records the next batch should have."""
        limits = self.config
        return rows_that_fit(
            limits.batch_vectors, limits.payload_bytes_max, bytes_per_vector=self._bytes_per_vector
        )

    # Effects of a delivery.

    def try_acquire(self, vectors: int, *, now_s: float) -> Departure | float:
        """Return the departure of a request of *vectors*, or the seconds until it may depart."""
        if hold_s := self._outage.hold_s(now_s=now_s):
            self._publish_outage(now_s)
            return min(hold_s, PROGRESS_S)
        if wait_s := self._departures.try_acquire(vectors, now_s=now_s):
            return wait_s
        self._outage = self._outage.after_departure()
        return Departure(now_s, self._counters.requests, is_probe=self._outage.is_active)

    def decide_retry(self, failed: Failed, *, now_s: float, random_value: float) -> RetryDecision:
        """Record a failed attempt and return what to do about it. A Stop ends the run."""
        cause, is_throttling = _cause(failed.failure)
        self._counters.record_failure(cause, is_throttling=is_throttling)
        if is_throttling:
            self._departures.record_throttle(now_s=now_s)
        attempt = failed.attempt(now_s=now_s, successes=self._counters.requests)
        budget, budget_wait_s = self._budget.spend(now_s)
        decision = decide_retry(
            failed.failure, attempt, self.config.retry, random_value=random_value, wait_min_s=budget_wait_s
        )
        self._record_outage(failed, decision, attempt, now_s=now_s, random_value=random_value)
        if _is_not_found_yet(failed.failure):
            # Not an attempt that counts: the index was just created.
            decision = Retry(max(NOT_FOUND_WAIT_S, budget_wait_s), restarts=True)
        elif self._outage.is_active:
            decision = self._decide_in_outage(failed, decision, cause, now_s=now_s)
        match decision:
            case Stop():
                self.stop(failed.failure)
            case Retry(wait_s, restarts):
                self._budget = self._budget if restarts else budget
                self._counters.retries += 1
                self._publish(Retrying(cause, len(failed.batch), failed.number, wait_s, is_throttling))
        return decision

    def record_acknowledged(self, acknowledged: Acknowledged, *, now_s: float) -> None:
        """Record that the service acknowledged a batch.

        Raises JournalError if that cannot be stored; the batch then stays pending.
        """
        batch, positions = acknowledged.batch, acknowledged.batch.positions
        if self._journal is not None:
            self._journal.record_acknowledged(positions)
        self.acknowledged += len(positions)
        self.pending -= len(positions)
        self.superseded += len(batch.earlier)
        self._outage = Outage()
        self._budget = self._budget.after_success(now_s)
        self._departures.record_success(now_s=now_s)
        per_vector = acknowledged.payload_bytes / len(batch)
        self._bytes_per_vector = max(per_vector, self._bytes_per_vector * DECAY)
        metric = BatchMetric(
            len(batch), acknowledged.payload_bytes, acknowledged.attempts, acknowledged.latency_s
        )
        self._counters.record_acknowledged(metric, records=len(positions), now_s=now_s)
        self._publish(metric)
        self._publish_progress(now_s)

    def record_rejected(self, rejected: Rejected) -> None:
        """Record that the service rejected the only record of a batch."""
        self._refused.append(int(rejected.batch.block.positions[0]))
        self._reject([reject_row(rejected.batch.block, 0, rejected.problem)])

    def stop(self, reason: VecgateError) -> None:
        """End the run because of *reason*. The first reason counts."""
        self.stopped_by = self.stopped_by or reason

    # Reports.

    def progress(self, *, now_s: float) -> Progress:
        """Return how far the run is at *now_s*."""
        mean = self._counters.mean_rate(now_s=now_s)
        unsettled = None if self.total is None else self.total - self.acknowledged - self.rejected
        return Progress(
            elapsed_s=now_s - self._counters.begun_s,
            read=self.read,
            acknowledged=self.acknowledged,
            rejected=self.rejected,
            pending=self.pending,
            total=self.total,
            vectors_per_s=self._counters.current_rate(now_s=now_s),
            mean_per_s=mean,
            eta_s=None if unsettled is None or not mean else unsettled / mean,
            retries=self._counters.retries,
            throttles=self._counters.throttles,
            rate_scale=self._departures.scale,
        )

    def outcome(self, *, now_s: float, interrupted: bool = False) -> BulkOutcome:
        """Publish the last progress and return the result of the run, which has ended."""
        counters = self._counters
        self._publish(self.progress(now_s=now_s))
        return BulkOutcome(
            total=self.total,
            read=self.read,
            acknowledged=self.acknowledged,
            rejected=self.rejected,
            pending=self.pending,
            superseded=self.superseded,
            resumed=self.resumed,
            requests=counters.requests,
            payload_bytes=counters.payload_bytes,
            retries=counters.retries,
            throttles=counters.throttles,
            elapsed_s=now_s - counters.begun_s,
            vectors_per_s=counters.sustained_rate(),
            metrics=tuple(counters.metrics),
            reject_causes=counters.reject_causes,
            failed_attempts=dict(counters.failed_attempts),
            stopped_by=self.stopped_by,
            interrupted=interrupted,
            rejects_file=self._rejects.path if self.rejected else None,
            refused=self._refused_positions(),
            repeated=self._repeated.count(),
        )

    def _record_outage(
        self,
        failed: Failed,
        decision: RetryDecision,
        attempt: Attempt,
        *,
        now_s: float,
        random_value: float,
    ) -> None:
        failure = failed.failure
        if not self.config.retry_for_s:
            return
        if isinstance(failure, ServiceError) and not failure.is_retryable:
            self._outage = Outage()  # it is an answer
            return
        self._outage = self._outage.after_failure(
            failure,
            is_probe=failed.is_probe,
            gives_up=isinstance(decision, Stop) and not attempt.others_succeed,
            wait_s=self._outage.probe_wait_s(failure, self.config.retry, random_value=random_value),
            now_s=now_s,
        )

    def _decide_in_outage(
        self, failed: Failed, decision: RetryDecision, cause: str, *, now_s: float
    ) -> RetryDecision:
        """Return *decision*, but wait for the target instead of giving up, until `retry_for_s` is over."""
        for_s, wait_s = self._outage.elapsed_s(now_s=now_s), self._outage.next_probe_s - now_s
        if for_s + wait_s > self.config.retry_for_s:
            failure = failed.failure
            # The hint of an error code is about one request, this one about the run.
            if isinstance(failure, ServiceError) or not failure.hint:
                failure.hint = f"No request succeeded for {format_duration(for_s)}. {OUTAGE_HINT}"
            return Stop()
        self._outage_cause = cause
        self._publish_outage(now_s)
        # A large request may be the reason for a 503, so it is split; but nothing is rejected.
        return decision if isinstance(decision, Split) else self._outage.retry(failed, now_s=now_s)

    def _refused_positions(self) -> Ranges:
        earlier = self._journal.rejected.pairs() if self._journal is not None else []
        return Ranges.of([*earlier, *((position, position + 1) for position in self._refused)])

    def _settled(self, positions: Positions) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return for each of *positions* whether an earlier run settled it, and count those."""
        if self._journal is None:
            return np.zeros(len(positions), dtype=np.bool_)
        acknowledged = self._journal.acknowledged.contains(positions)
        rejected = self._journal.rejected.contains(positions)
        self.acknowledged += int(acknowledged.sum())
        self.rejected += int(rejected.sum())
        self.resumed += int(acknowledged.sum() + rejected.sum())
        return np.asarray(acknowledged | rejected)

    def _reject(self, rejects: Sequence[RejectedRecord]) -> None:
        file_bytes = self._rejects.write(rejects)
        if self._journal is not None:
            positions = np.array([reject.position for reject in rejects], dtype=np.int64)
            self._journal.record_rejected(np.sort(positions), self._rejects.path, file_bytes=file_bytes)
        self.rejected += len(rejects)
        self.pending -= len(rejects)
        self._counters.record_rejects(rejects)
        self._publish(RecordsRejected(tuple(rejects)))
        if self._strict:
            self.stop(InvalidRecord(rejects[0].key, rejects[0].problem))
        if self.config.rejects_max.is_exceeded(self.rejected, read=self.read):
            self.stop(self._too_many_rejects())

    def _too_many_rejects(self) -> TooManyRejects:
        causes = sorted(self._counters.reject_causes.items(), key=lambda item: -item[1].count)
        most = f"; most often: {causes[0][0]}" if causes else ""
        return TooManyRejects(
            f"{self.rejected:,} of {self.read:,} records were rejected, "
            f"more than the limit of {self.config.rejects_max}{most}",
            hint="Check the input with `vecgate put --check`, or raise --max-rejects.",
        )

    def _publish_progress(self, now_s: float) -> None:
        settled = self.acknowledged + self.rejected
        is_due = settled - self._published_settled >= self.config.progress_every
        if is_due or now_s - self._published_at_s >= PROGRESS_S:
            self._published_at_s, self._published_settled = now_s, settled
            self._publish(self.progress(now_s=now_s))

    def _publish_outage(self, now_s: float) -> None:
        if now_s - self._outage_published_at_s < PROGRESS_S:
            return
        self._outage_published_at_s = now_s
        self._publish(
            TargetUnavailable(
                cause=self._outage_cause,
                for_s=self._outage.elapsed_s(now_s=now_s),
                next_attempt_s=max(0.0, self._outage.next_probe_s - now_s),
                stops_after_s=self.config.retry_for_s,
            )
        )

    def _publish(self, event: Event) -> None:
        publish(self._subscribers, event)


def _is_not_found_yet(failure: Failure) -> bool:
    return isinstance(failure, ServiceError) and failure.is_retryable and failure.status == NOT_FOUND


def _cause(failure: Failure) -> tuple[str, bool]:
    if isinstance(failure, ServiceError):
        return failure.code, failure.is_throttling
    if isinstance(failure, UnexpectedResponse):
        return "not an S3 Vectors response", False
    return "no connection" if failure.is_connect else "no answer", False
