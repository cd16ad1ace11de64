"""What happens in a run, told as it happens.

A subscriber has one method, `on_event`. Events come one at a time, from whichever thread made them; a
subscriber that raises is logged and does not harm the run.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from vecgate.bulk.records import Reject

logger = logging.getLogger(__name__)

#: The current rate is taken over so many seconds.
WINDOW_S = 5.0
#: Metrics of so many batches are kept, the latest; totals are of all.
METRICS_KEPT = 100_000
#: So many keys are named for each cause of failure.
EXAMPLES_KEPT = 3
#: Problems with a number in them come in many wordings: beyond so many they are counted together.
CAUSES_KEPT = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is.

    elapsed_s      since it began
    read           records read from the input
    acknowledged   of these, taken by the service, in earlier runs too
    set_aside      of these, not written and in the set-aside file
    pending        of these, neither yet
    total          records in the input, None where unknown
    vectors_per_s  acknowledged lately, and *mean_per_s* since the beginning
    eta_s          seconds until the end at the mean rate, None where unknown
    retries        requests sent again, *throttles* of them because the service asked for less
    pace_share     how much of the rate that was set is in use, 0 to 1
    """

    elapsed_s: float
    read: int
    acknowledged: int
    set_aside: int
    pending: int
    total: int | None
    vectors_per_s: float
    mean_per_s: float
    eta_s: float | None
    retries: int
    throttles: int
    pace_share: float


@dataclass(frozen=True, slots=True)
class BatchMetric:
    """One request that was taken: vectors, bytes of its body, attempts, seconds of the last attempt."""

    vectors: int
    payload_bytes: int
    attempts: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request of *records* failed because of *cause* and is tried again after *wait_s*."""

    cause: str
    records: int
    attempt: int
    wait_s: float
    is_throttling: bool


@dataclass(frozen=True, slots=True)
class RecordsSetAside:
    """These records are not written and stand in the set-aside file."""

    rejects: tuple[Reject, ...]


Event: TypeAlias = Progress | BatchMetric | Retrying | RecordsSetAside


class Subscriber(Protocol):
    """Is told what happens."""

    def on_event(self, event: Event) -> None:
        """Take notice of *event*; quickly, since the run waits."""
        ...


@dataclass(slots=True)
class Cause:
    """Why records were not written: how many, and the first few keys."""

    count: int = 0
    keys: list[str] = field(default_factory=list)


class Meter:
    """Counts what a run does. Not thread-safe: its owner holds a lock."""

    def __init__(self, *, begun_s: float) -> None:
        self.begun_s = begun_s
        self.requests = self.retries = self.throttles = self.payload_bytes = self.vectors = 0
        self.metrics: deque[BatchMetric] = deque(maxlen=METRICS_KEPT)
        self.causes: dict[str, Cause] = {}
        self.failed_attempts: Counter[str] = Counter()
        self._lately: deque[tuple[float, int]] = deque()
        self._first: tuple[float, int] | None = None
        self._last_s = begun_s

    def taken(self, metric: BatchMetric, *, records: int, now_s: float) -> None:
        """A request was taken and settled *records*."""
        self.metrics.append(metric)
        self.requests += 1
        self.payload_bytes += metric.payload_bytes
        self.vectors += records
        self._first = self._first or (now_s, records)
        self._last_s = now_s
        self._lately.append((now_s, records))
        while self._lately[0][0] < now_s - WINDOW_S:
            self._lately.popleft()

    def failed(self, cause: str, *, is_throttling: bool) -> None:
        """An attempt failed because of *cause*."""
        self.failed_attempts[cause] += 1
        self.throttles += is_throttling

    def set_aside(self, rejects: Iterable[Reject]) -> None:
        """These records will not be written."""
        for reject in rejects:
            known = reject.problem in self.causes or len(self.causes) < CAUSES_KEPT
            cause = self.causes.setdefault(reject.problem if known else "other problems", Cause())
            cause.count += 1
            if len(cause.keys) < EXAMPLES_KEPT:
                cause.keys.append(reject.key)

    def rate_now(self, *, now_s: float) -> float:
        """Records settled a second over the last WINDOW_S, or since the beginning where that is shorter."""
        span_s = min(WINDOW_S, now_s - self.begun_s)
        lately = sum(records for at_s, records in self._lately if at_s >= now_s - WINDOW_S)
        return lately / span_s if span_s > 0 else 0.0

    def rate_held(self) -> float:
        """Records settled a second from the first answer to the last, without those of the first; 0 for one
        answer.

        So it can be held against the rate that was set, which is one between departures.
        """
        if self._first is None or self._last_s <= self._first[0]:
            return 0.0
        return (self.vectors - self._first[1]) / (self._last_s - self._first[0])

    def rate_mean(self, *, now_s: float) -> float:
        """Records settled a second since the beginning."""
        return self.vectors / (now_s - self.begun_s) if now_s > self.begun_s else 0.0


def tell(subscribers: Iterable[Subscriber], event: Event) -> None:
    """Give *event* to every subscriber."""
    for subscriber in subscribers:
        try:
            subscriber.on_event(event)
        except Exception:  # one bad subscriber must cost nobody a vector
            logger.exception("a progress subscriber failed")
