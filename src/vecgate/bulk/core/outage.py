"""Notices that the target is unavailable for every request, and then lets one request at a time find out.

An outage begins when several attempts in a row find the target unavailable, or when a request has used up its
own attempts while no other one succeeds. It ends with the first request that is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vecgate.bulk.core.delivery import Failed
from vecgate.bulk.core.retry import Failure, Retry, RetryPolicy
from vecgate.errors import ServiceError

#: Attempts in a row that find the target unavailable before requests are held back.
FAILURES_MIN = 3
#: Longest time between two probes: the end of an outage is noticed that soon.
PROBE_WAIT_MAX_S = 5.0
#: Upper bound of the first wait, in units of `RetryPolicy.base_s`. It doubles from probe to probe.
FIRST_WAIT_UNITS = 5
#: The other requests look this often whether the probe was answered.
PROBE_POLL_S = 0.1
#: A request that was the probe waits this much longer than the others.
PROBE_YIELD = 1.25
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Outage:
    """The attempts that failed since the last answer.

    failures      of these, found the target unavailable
    probes        of these, were sent alone
    since_s       the first failure; None after an answer
    is_active     requests are held back, except for one at a time
    is_probing    that one is in flight
    next_probe_s  the next one may depart
    """

    failures: int = 0
    probes: int = 0
    since_s: float | None = None
    is_active: bool = False
    is_probing: bool = False
    next_probe_s: float = 0.0

    def elapsed_s(self, *, now_s: float) -> float:
        """Return the seconds since the first failure."""
        return 0.0 if self.since_s is None else now_s - self.since_s

    def hold_s(self, *, now_s: float) -> float:
        """Return how long a request must wait before it asks again; 0 if it may depart."""
        if not self.is_active:
            return 0.0
        return PROBE_POLL_S if self.is_probing else max(0.0, self.next_probe_s - now_s)

    def after_departure(self) -> Outage:
        """Return the state after a request departed: during an outage, it is the probe."""
        return replace(self, is_probing=True) if self.is_active else self

    def after_failure(
        self, failure: Failure, *, is_probe: bool, gives_up: bool, wait_s: float, now_s: float
    ) -> Outage:
        """Return the state after *failure*, which another attempt may get over.

        *gives_up* is true if the request has used up its attempts while no other succeeds. *wait_s* is the
        time until the next probe.
        """
        failures = self.failures + is_unavailable(failure)
        is_active = self.is_active or gives_up or failures >= FAILURES_MIN
        is_due = is_probe or (is_active and not self.is_active)
        return Outage(
            failures=failures,
            probes=self.probes + is_probe,
            since_s=now_s if self.since_s is None else self.since_s,
            is_active=is_active,
            is_probing=self.is_probing and not is_probe,
            next_probe_s=now_s + wait_s if is_due else self.next_probe_s,
        )

    def retry(self, failed: Failed, *, now_s: float) -> Retry:
        """Return the decision to send the request again during this outage."""
        wait_s = max(0.0, self.next_probe_s - now_s)
        # The other requests come first: the target may refuse only this one.
        return Retry(wait_s * (PROBE_YIELD if failed.is_probe else 1), restarts=True)

    def probe_wait_s(self, failure: Failure, policy: RetryPolicy, *, random_value: float) -> float:
        """Return the time until the next probe: half of a doubling bound, and the other half by chance."""
        doubled_s = policy.base_s * FIRST_WAIT_UNITS * 2.0 ** min(self.probes, 60)
        bound_s = min(PROBE_WAIT_MAX_S, policy.cap_s, doubled_s)
        asked_s = (failure.retry_after_s or 0.0) if isinstance(failure, ServiceError) else 0.0
        return max(bound_s * (1 + random_value) / 2, min(asked_s, policy.retry_after_max_s))


def is_unavailable(failure: Failure) -> bool:
    """Return true if *failure* says nothing about the request, only that the target is not available."""
    if isinstance(failure, ServiceError):
        return failure.is_retryable and not failure.is_throttling and failure.status >= SERVER_ERROR
    return True
