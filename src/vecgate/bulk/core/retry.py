"""Decides what to do about a request that failed, from attributes of the failure, never from its text.

A throttled request is retried until its deadline: pacing has slowed down meanwhile. Any other retryable
failure, and a response of something else than the service, also has a maximum number of attempts. Retries are
drawn from a budget that successes refill, so that an unhealthy service is not flooded. An error that one
record may have caused leads to that record; one that concerns every record (no permission, no such index,
quota spent) stops the run with nothing lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from vecgate.errors import ServiceError, TransportError

Failure: TypeAlias = ServiceError | TransportError

#: The model also answers 503 to a batch beyond what the service can handle: split it after this many
#: attempts.
SPLIT_AFTER_503S = 3

#: Error codes that one record of the request may have caused.
RECORD_ERROR_CODES = frozenset({"ValidationException", "SerializationException"})
#: The status that a proxy on the way gives to a body that it finds too large; the service itself gives a
#: ValidationException.
PAYLOAD_TOO_LARGE = 413
UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits on the attempts of one request.

    attempts_max       attempts that were not throttled
    base_s             upper bound of the first wait; it doubles from attempt to attempt
    cap_s              upper bound of any wait that the client chooses
    deadline_s         seconds after the first attempt; no attempt starts later
    retry_after_max_s  upper bound of a wait that the service asks for
    """

    attempts_max: int = 10
    base_s: float = 0.1
    cap_s: float = 20.0
    deadline_s: float = 300.0
    retry_after_max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Retries left: an initial number, a fraction of one for each success, and some per second."""

    tokens: float = 100.0
    tokens_max: float = 100.0
    per_success: float = 0.5
    per_s: float = 2.0
    updated_at_s: float = 0.0

    def at(self, now_s: float) -> RetryBudget:
        """Return the budget at *now_s*."""
        grown = self.tokens + self.per_s * max(0.0, now_s - self.updated_at_s)
        return replace(self, tokens=min(self.tokens_max, grown), updated_at_s=max(now_s, self.updated_at_s))

    def after_success(self, now_s: float) -> RetryBudget:
        """Return the budget after a request was acknowledged at *now_s*."""
        if self.tokens >= self.tokens_max:
            return self
        grown = self.at(now_s)
        return replace(grown, tokens=min(self.tokens_max, grown.tokens + self.per_success))

    def spend(self, now_s: float) -> tuple[RetryBudget, float]:
        """Return the budget less one retry, and how long that retry must wait: 0 while there are tokens."""
        budget = self.at(now_s)
        return replace(budget, tokens=budget.tokens - 1), max(0.0, 1 - budget.tokens) / self.per_s


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that failed.

    number          of the attempt, from 1
    counted         attempts so far that were not throttled
    records         in the request
    since_s         seconds since the first attempt
    others_succeed  another request was acknowledged since then
    """

    number: int
    counted: int
    records: int
    since_s: float
    others_succeed: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the request again after *wait_s*.

    restarts  the attempts so far do not count, because the target was unavailable for every request
    """

    wait_s: float
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """Find the record to blame: by its key if the service names one, else by halving the batch."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The only record of the request cannot be written, because of *problem*."""

    problem: str


@dataclass(frozen=True, slots=True)
class Stop:
    """No record can be written now. End the run; everything unsettled stays pending."""


RetryDecision: TypeAlias = Retry | Split | Reject | Stop


def jittered_wait_s(attempt: int, policy: RetryPolicy, *, random_value: float) -> float:
    """Return a wait with full jitter: *random_value*, from 0 to 1, times the doubled bound."""
    return float(random_value * min(policy.cap_s, policy.base_s * 2.0 ** min(attempt - 1, 60)))


def decide_retry(
    failure: Failure, attempt: Attempt, policy: RetryPolicy, *, random_value: float, wait_min_s: float = 0.0
) -> RetryDecision:
    """Return what to do about *failure*. A retry waits at least *wait_min_s*."""
    if isinstance(failure, ServiceError) and not failure.is_retryable:
        return _decide_rejection(failure, attempt)
    jittered_s = jittered_wait_s(attempt.number, policy, random_value=random_value)
    wait_s = max(jittered_s, min(_retry_after_s(failure), policy.retry_after_max_s), wait_min_s)
    if attempt.since_s + wait_s > policy.deadline_s:
        return _give_up(failure, attempt)
    # Checked before the number of attempts: a batch is split even if only three attempts are allowed.
    if _is_overload(failure) and attempt.records > 1 and attempt.number % SPLIT_AFTER_503S == 0:
        return Split()
    if attempt.counted >= policy.attempts_max and not _is_throttled(failure):
        return _give_up(failure, attempt)
    return Retry(wait_s)


def _retry_after_s(failure: Failure) -> float:
    return (failure.retry_after_s or 0.0) if isinstance(failure, ServiceError) else 0.0


def _decide_rejection(failure: ServiceError, attempt: Attempt) -> RetryDecision:
    if failure.code not in RECORD_ERROR_CODES and failure.status != PAYLOAD_TOO_LARGE:
        return Stop()
    return Split() if attempt.records > 1 else Reject(failure.message)


def _is_throttled(failure: Failure) -> bool:
    return isinstance(failure, ServiceError) and failure.is_throttling


def _give_up(failure: Failure, attempt: Attempt) -> RetryDecision:
    # If other requests succeed, this batch causes the failure; if none does, the service does.
    if not attempt.others_succeed or not isinstance(failure, ServiceError) or failure.is_throttling:
        return Stop()
    return Split() if attempt.records > 1 else Reject(f"still {failure.code} after {attempt.number} attempts")


def _is_overload(failure: Failure) -> bool:
    return isinstance(failure, ServiceError) and failure.status == UNAVAILABLE
