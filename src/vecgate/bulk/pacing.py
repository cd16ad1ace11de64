"""When the next request may leave.

Writes are limited per index twice: requests a second and vectors a second. Each is a lane; a request leaves
when both are free and then keeps each busy for as long as its units take at the lane's rate. Idle time
earns no burst, so over *any* stretch, what leaves before the last departure stays within the rate.

When the service throttles, both lanes slow down together: multiplicative decrease at once, additive increase
after. The share that was too much is remembered, so that the way back is quick below it and slow around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: What is left of the rate after a throttle.
DECREASE = 0.7
#: Answers to requests sent before a decrease may still say throttled: no second decrease for so long.
COOL_S = 0.5
#: Recovery a second, as a share of the rate that was too much: quick up to NEAR of it, slow from there.
QUICK, SLOW, NEAR = 0.20, 0.005, 0.95
#: After so long without a throttle what was too much is so no longer: an outage is over.
CALM_S = 20.0
#: However sick the service, so much of the rate is always tried.
SHARE_MIN = 0.001


@dataclass(frozen=True, slots=True)
class Lane:
    """One rate limit."""

    per_s: float
    free_at_s: float = float("-inf")

    def after(self, units: int, *, now_s: float, share: float) -> Lane:
        """The lane once *units* have left at *now_s* and *share* of the rate is in use."""
        return replace(self, free_at_s=max(now_s, self.free_at_s) + units / (self.per_s * share))


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the rate that the user set is in use, from 0 to 1.

    too_much  the share at the last throttle
    """

    value: float = 1.0
    too_much: float = 1.0
    changed_at_s: float = float("-inf")
    throttled_at_s: float = float("-inf")

    def after_throttle(self, *, now_s: float) -> Share:
        """The share once the service has asked for less."""
        if now_s - self.throttled_at_s < COOL_S:
            return self
        return Share(max(SHARE_MIN, self.value * DECREASE), self.value, now_s, now_s)

    def after_success(self, *, now_s: float) -> Share:
        """The share once a request was taken."""
        if self.value >= 1.0:
            return self
        is_near = NEAR * self.too_much <= self.value
        pace = SLOW if is_near and now_s - self.throttled_at_s < CALM_S else QUICK
        step = pace * self.too_much * max(0.0, now_s - max(self.changed_at_s, self.throttled_at_s))
        limit = 1.0 if is_near else NEAR * self.too_much
        value = min(limit, self.value + step, 1.0)
        return replace(self, value=value, too_much=max(self.too_much, value), changed_at_s=now_s)


@dataclass(frozen=True, slots=True)
class Pace:
    """Both lanes, and how much of them is in use."""

    requests: Lane
    vectors: Lane
    share: Share = Share()

    def leave_at_s(self, *, now_s: float) -> float:
        """When the next request may leave: the busier lane decides."""
        return max(now_s, self.requests.free_at_s, self.vectors.free_at_s)

    def after(self, vectors: int, *, now_s: float) -> Pace:
        """The pace once a request of *vectors* has left at *now_s*."""
        share = self.share.value
        return replace(
            self,
            requests=self.requests.after(1, now_s=now_s, share=share),
            vectors=self.vectors.after(vectors, now_s=now_s, share=share),
        )

    def after_throttle(self, *, now_s: float) -> Pace:
        """The pace once the service has asked for less."""
        return replace(self, share=self.share.after_throttle(now_s=now_s))

    def after_success(self, *, now_s: float) -> Pace:
        """The pace once a request was taken."""
        return replace(self, share=self.share.after_success(now_s=now_s))


def pace(*, requests_per_s: float, vectors_per_s: float) -> Pace:
    """A pace that holds both rates, each above 0."""
    return Pace(Lane(requests_per_s), Lane(vectors_per_s))
