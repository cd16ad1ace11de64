"""When the next request may depart.

Writes to an index are limited twice: requests per second and vectors per second. Each limit is a lane. A
request departs when both lanes are free, then keeps each busy for as long as its units take at the lane's
rate. Idle time earns no burst, so over *any* window, the units that depart before the last departure stay
within the rate.

When the service throttles, both lanes slow down together: multiplicative decrease at once, additive increase
after. The scale at which the service throttled is remembered: recovery is fast below it and slow around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

#: Factor on the rate after a throttle.
DECREASE = 0.7
#: Responses to requests sent before a decrease may still say throttled: no second decrease within this time.
COOLDOWN_S = 0.5
#: Recovery per second, as a fraction of the throttled scale: fast up to NEAR_LIMIT of it, slow from there.
FAST_RECOVERY, SLOW_RECOVERY, NEAR_LIMIT = 0.20, 0.005, 0.95
#: After this time without a throttle the throttled scale no longer slows recovery: an outage is over.
LIMIT_EXPIRES_S = 20.0
#: Lowest scale, so that some requests always probe the service.
SCALE_MIN = 0.001


@dataclass(frozen=True, slots=True)
class Lane:
    """One rate limit."""

    per_s: float
    free_at_s: float = float("-inf")

    def consume(self, units: int, *, now_s: float, scale: float) -> Lane:
        """Return the lane after *units* depart at *now_s*, with *scale* times the rate in use."""
        return Lane(self.per_s, max(now_s, self.free_at_s) + units / (self.per_s * scale))


@dataclass(frozen=True, slots=True)
class RateScale:
    """The fraction of the configured rate in use, from 0 to 1.

    throttled_value  the fraction at the last throttle
    """

    value: float = 1.0
    throttled_value: float = 1.0
    changed_at_s: float = float("-inf")
    throttled_at_s: float = float("-inf")

    def after_throttle(self, *, now_s: float) -> RateScale:
        """Return the scale after the service throttled a request."""
        if now_s - self.throttled_at_s < COOLDOWN_S:
            return self
        return RateScale(max(SCALE_MIN, self.value * DECREASE), self.value, now_s, now_s)

    def after_success(self, *, now_s: float) -> RateScale:
        """Return the scale after the service acknowledged a request."""
        if self.value >= 1.0:
            return self
        is_near = NEAR_LIMIT * self.throttled_value <= self.value
        is_slow = is_near and now_s - self.throttled_at_s < LIMIT_EXPIRES_S
        per_s = (SLOW_RECOVERY if is_slow else FAST_RECOVERY) * self.throttled_value
        step = per_s * max(0.0, now_s - max(self.changed_at_s, self.throttled_at_s))
        limit = 1.0 if is_near else NEAR_LIMIT * self.throttled_value
        value = min(limit, self.value + step, 1.0)
        throttled_value = max(self.throttled_value, value)
        return replace(self, value=value, throttled_value=throttled_value, changed_at_s=now_s)


@dataclass(frozen=True, slots=True)
class Pace:
    """Both lanes, and the fraction of their rates in use."""

    requests: Lane
    vectors: Lane
    scale: RateScale = RateScale()

    def next_departure_s(self, *, now_s: float) -> float:
        """Return the earliest time for the next request: the busier lane decides."""
        return max(now_s, self.requests.free_at_s, self.vectors.free_at_s)

    def consume(self, vectors: int, *, now_s: float) -> Pace:
        """Return the pace after a request of *vectors* departs at *now_s*."""
        scale = self.scale.value
        return Pace(
            self.requests.consume(1, now_s=now_s, scale=scale),
            self.vectors.consume(vectors, now_s=now_s, scale=scale),
            self.scale,
        )

    def after_throttle(self, *, now_s: float) -> Pace:
        """Return the pace after the service throttled a request."""
        return replace(self, scale=self.scale.after_throttle(now_s=now_s))

    def after_success(self, *, now_s: float) -> Pace:
        """Return the pace after the service acknowledged a request."""
        scale = self.scale.after_success(now_s=now_s)
        # Usually the full rate is in use.
        return self if scale is self.scale else replace(self, scale=scale)


def new_pace(*, requests_per_s: float, vectors_per_s: float) -> Pace:
    """Return a pace with both rates, each above 0."""
    return Pace(Lane(requests_per_s), Lane(vectors_per_s))


class DepartureSource(Protocol):
    """Lets the requests of a run depart. Its run holds a lock whenever it calls a method."""

    @property
    def scale(self) -> float:
        """The fraction of the configured rates in use, from 0 to 1."""
        ...

    def try_acquire(self, vectors: int, *, now_s: float) -> float:
        """Let a request of *vectors* depart now and return 0, or return the seconds after which to ask again.

        Raises VecgateError if no request can ever depart.
        """
        ...

    def record_throttle(self, *, now_s: float) -> None:
        """Note that the service throttled a request."""
        ...

    def record_success(self, *, now_s: float) -> None:
        """Note that the service acknowledged a request."""
        ...


class PacedDepartures:
    """The `DepartureSource` of a run that has the rates of its index for itself."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    @property
    def scale(self) -> float:
        """The fraction of the configured rates in use, from 0 to 1."""
        return self._pace.scale.value

    def try_acquire(self, vectors: int, *, now_s: float) -> float:
        """Let a request of *vectors* depart now and return 0, or return the seconds until it may."""
        at_s = self._pace.next_departure_s(now_s=now_s)
        if at_s > now_s:
            return at_s - now_s
        self._pace = self._pace.consume(vectors, now_s=now_s)
        return 0.0

    def record_throttle(self, *, now_s: float) -> None:
        """Lower the rates."""
        self._pace = self._pace.after_throttle(now_s=now_s)

    def record_success(self, *, now_s: float) -> None:
        """Raise the rates again."""
        self._pace = self._pace.after_success(now_s=now_s)
