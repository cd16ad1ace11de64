"""Events of a run, published while it runs.

A subscriber has one method, `on_event`. Events come one at a time, from the thread that caused them. A
subscriber that raises is logged and does not harm the run.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from vecgate.bulk.core.record_blocks import RejectedRecord

logger: logging.Logger = logging.getLogger(__name__)

#: Seconds over which the current rate is measured.
WINDOW_S = 5.0
#: Number of batches whose metrics are kept, the latest ones. Totals cover all batches.
METRICS_KEPT = 100_000
#: Number of keys that are named for each reject cause.
EXAMPLES_KEPT = 3
#: Problems that contain a number come in many wordings: more distinct ones than this are counted together.
CAUSES_KEPT = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run.

    elapsed_s      seconds since the start
    read           records read from the input
    acknowledged   of these, acknowledged by the service, in this run or an earlier one
    rejected       of these, not written and in the rejects file
    pending        of these, neither yet
    total          records in the input, None if unknown
    vectors_per_s  records acknowledged per second recently, and *mean_per_s* since the start
    eta_s          seconds until the end at the mean rate, None if unknown
    retries        requests sent again; *throttles* counts attempts that the service throttled
    rate_scale     fraction of the configured rate in use, 0 to 1
    """

    elapsed_s: float
    read: int
    acknowledged: int
    rejected: int
    pending: int
    total: int | None
    vectors_per_s: float
    mean_per_s: float
    eta_s: float | None
    retries: int
    throttles: int
    rate_scale: float


@dataclass(frozen=True, slots=True)
class BatchMetric:
    """One acknowledged request: vectors, bytes of its body, attempts, seconds of the last attempt."""

    vectors: int
    payload_bytes: int
    attempts: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request of *records* failed because of *cause* and is sent again after *wait_s*."""

    cause: str
    records: int
    attempt: int
    wait_s: float
    is_throttling: bool


@dataclass(frozen=True, slots=True)
class TargetUnavailable:
    """No request has succeeded for *for_s*, lately because of *cause*.

    next_attempt_s  seconds until the next attempt, 0 if it is in flight
    stops_after_s   the run stops when no request has succeeded for this long
    """

    cause: str
    for_s: float
    next_attempt_s: float
    stops_after_s: float


@dataclass(frozen=True, slots=True)
class RecordsRejected:
    """These records are not written; they are in the rejects file."""

    rejects: tuple[RejectedRecord, ...]


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """The progress of a comparison with an index, which has *read* of *total* records (None if unknown).

    differences  records that are missing or stored with other values; a later record of the same key may be
                 stored as it is
    """

    elapsed_s: float
    read: int
    total: int | None
    differences: int


@dataclass(frozen=True, slots=True)
class ReadRetried:
    """A read of a comparison failed, and is sent again after *wait_s*."""

    wait_s: float


Event: TypeAlias = (
    Progress | BatchMetric | Retrying | TargetUnavailable | RecordsRejected | ComparisonProgress | ReadRetried
)


class Subscriber(Protocol):
    """Receives the events of a run."""

    def on_event(self, event: Event) -> None:
        """Handle *event* quickly: the run waits."""
        ...


@dataclass(slots=True)
class RejectCause:
    """Why records were rejected: how many, and the first few keys."""

    count: int = 0
    keys: list[str] = field(default_factory=list)


class RunCounters:
    """Counts requests, records and failures of a run. Not thread-safe: its owner holds a lock."""

    requests: int
    throttles: int
    payload_bytes: int
    vectors: int

    def __init__(self, *, begun_s: float) -> None:
        self.begun_s = begun_s
        self.requests = self.retries = self.throttles = self.payload_bytes = self.vectors = 0
        self.metrics: deque[BatchMetric] = deque(maxlen=METRICS_KEPT)
        self.reject_causes: dict[str, RejectCause] = {}
        self.failed_attempts: Counter[str] = Counter()
        self._recent: deque[tuple[float, int]] = deque()
        self._first: tuple[float, int] | None = None
        self._last_s = begun_s

    def record_acknowledged(self, metric: BatchMetric, *, records: int, now_s: float) -> None:
        """Count an acknowledged request, which settled *records*."""
        self.metrics.append(metric)
        self.requests += 1
        self.payload_bytes += metric.payload_bytes
        self.vectors += records
        self._first = self._first or (now_s, records)
        self._last_s = now_s
        self._recent.append((now_s, records))
        while self._recent[0][0] < now_s - WINDOW_S:
            self._recent.popleft()

    def record_failure(self, cause: str, *, is_throttling: bool) -> None:
        """Count an attempt that failed because of *cause*."""
        self.failed_attempts[cause] += 1
        self.throttles += is_throttling

    def record_rejects(self, rejects: Iterable[RejectedRecord]) -> None:
        """Count rejected records by cause."""
        for reject in rejects:
            known = reject.problem in self.reject_causes or len(self.reject_causes) < CAUSES_KEPT
            cause = self.reject_causes.setdefault(
                reject.problem if known else "other problems", RejectCause()
            )
            cause.count += 1
            if len(cause.keys) < EXAMPLES_KEPT:
                cause.keys.append(reject.key)

    def current_rate(self, *, now_s: float) -> float:
        """Return the records settled per second over the last WINDOW_S, or since a later start."""
        span_s = min(WINDOW_S, now_s - self.begun_s)
        recent = sum(records for at_s, records in self._recent if at_s >= now_s - WINDOW_S)
        return recent / span_s if span_s > 0 else 0.0

    def sustained_rate(self) -> float:
        """Return the records settled per second from the first response to the last, without the first batch.

        The result compares with the configured rate, which is a rate between departures. After one response
        it is the rate since the start.
        """
        if self._first is None:
            return 0.0
        if self._last_s <= self._first[0]:
            return self.mean_rate(now_s=self._last_s)
        return (self.vectors - self._first[1]) / (self._last_s - self._first[0])

    def mean_rate(self, *, now_s: float) -> float:
        """Return the records settled per second since the start."""
        return self.vectors / (now_s - self.begun_s) if now_s > self.begun_s else 0.0


def publish(subscribers: Iterable[Subscriber], event: Event) -> None:
    """Pass *event* to every subscriber."""
    for subscriber in subscribers:
        try:
            subscriber.on_event(event)
        except Exception:  # a failing subscriber must not cost a vector
            logger.exception("a progress subscriber failed")
