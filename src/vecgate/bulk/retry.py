"""What to do about a request that failed: a decision from attributes, never from text.

A throttled request is tried again until its deadline: pacing has slowed down meanwhile. Any other retryable
failure has a number of attempts too. Retries are drawn from a budget that successes refill, so that a sick
service is not hammered. A refusal that one record may have caused leads to that record; one that concerns
every record (no permission, no such index, quota spent) stops the run with nothing lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from vecgate.errors import ServiceError, TransportError

Failure: TypeAlias = ServiceError | TransportError

#: A 503 is also the model's answer to a batch beyond what the service can handle: after so many, halve it.
HALVE_AFTER_503S = 3

#: Refusals that one record of the request may have caused.
BLAMES_A_RECORD = frozenset({"ValidationException", "SerializationException"})
#: What a proxy on the way says to a body that it finds too large; the service itself says
#: ValidationException.
PAYLOAD_TOO_LARGE = 413
UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to insist.

    attempts_max  of one request, throttled ones not counted
    base_s        upper bound of the first wait; it doubles from attempt to attempt
    cap_s         upper bound of any wait that we choose
    deadline_s    from the first attempt on; beyond it there is no further one
    """

    attempts_max: int = 10
    base_s: float = 0.1
    cap_s: float = 20.0
    deadline_s: float = 300.0


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Retries that may still be made: a few to begin with, some for each success, and a trickle with time."""

    tokens: float = 100.0
    tokens_max: float = 100.0
    per_success: float = 0.5
    per_s: float = 2.0
    updated_at_s: float = 0.0

    def at(self, now_s: float) -> RetryBudget:
        """The budget at *now_s*."""
        grown = self.tokens + self.per_s * max(0.0, now_s - self.updated_at_s)
        return replace(self, tokens=min(self.tokens_max, grown), updated_at_s=max(now_s, self.updated_at_s))

    def after_success(self) -> RetryBudget:
        """The budget once a request was taken."""
        return replace(self, tokens=min(self.tokens_max, self.tokens + self.per_success))

    def spend(self, now_s: float) -> tuple[RetryBudget, float]:
        """One retry less, and how long that retry must wait for it: 0 while there are tokens."""
        budget = self.at(now_s)
        return replace(budget, tokens=budget.tokens - 1), max(0.0, 1 - budget.tokens) / self.per_s


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that failed.

    number    of the attempt, from 1
    counted   those of them that were not throttled
    records   in the request
    since_s   seconds since its first attempt
    others_do some other request was taken since then
    """

    number: int
    counted: int
    records: int
    since_s: float
    others_do: bool


@dataclass(frozen=True, slots=True)
class Again:
    """Send it again after *wait_s*."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class Narrow:
    """Find the record that is to blame: by its name where the service gave one, else by halving."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """This one record cannot be written."""

    problem: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing more can be written now; what is left stays pending."""


Verdict: TypeAlias = Again | Narrow | SetAside | Stop


def jittered_wait_s(attempt: int, policy: RetryPolicy, *, chance: float) -> float:
    """Full jitter: anything from 0 to the doubled bound, by *chance* from 0 to 1."""
    return float(chance * min(policy.cap_s, policy.base_s * 2.0 ** min(attempt - 1, 60)))


def verdict(
    failure: Failure, attempt: Attempt, policy: RetryPolicy, *, chance: float, wait_least_s: float = 0.0
) -> Verdict:
    """What to do about *failure*; a further attempt waits at least *wait_least_s*."""
    if isinstance(failure, ServiceError) and not failure.is_retryable:
        return _refused(failure, attempt)
    jittered_s = jittered_wait_s(attempt.number, policy, chance=chance)
    wait_s = max(jittered_s, _asked_for_s(failure), wait_least_s)
    if attempt.since_s + wait_s > policy.deadline_s:
        return _given_up(failure, attempt)
    # Before the attempts are counted: where only three are allowed, a batch is halved all the same.
    if _is_overload(failure) and attempt.records > 1 and attempt.number % HALVE_AFTER_503S == 0:
        return Narrow()
    if attempt.counted >= policy.attempts_max and not _is_throttled(failure):
        return _given_up(failure, attempt)
    return Again(wait_s)


def _asked_for_s(failure: Failure) -> float:
    return (failure.retry_after_s or 0.0) if isinstance(failure, ServiceError) else 0.0


def _refused(failure: ServiceError, attempt: Attempt) -> Verdict:
    if failure.code not in BLAMES_A_RECORD and failure.status != PAYLOAD_TOO_LARGE:
        return Stop()
    return Narrow() if attempt.records > 1 else SetAside(failure.message)


def _is_throttled(failure: Failure) -> bool:
    return isinstance(failure, ServiceError) and failure.is_throttling


def _given_up(failure: Failure, attempt: Attempt) -> Verdict:
    # While others get through, the trouble is in this batch; while none does, it is the service.
    if not attempt.others_do or not isinstance(failure, ServiceError) or failure.is_throttling:
        return Stop()
    return (
        Narrow() if attempt.records > 1 else SetAside(f"still {failure.code} after {attempt.number} attempts")
    )


def _is_overload(failure: Failure) -> bool:
    return isinstance(failure, ServiceError) and failure.status == UNAVAILABLE
