"""One budget of writes for all writers of an index, wherever they run.

The owner of the budget divides time instead of rates. A lease is a slice of the timeline of the index in
which the requests of one writer depart, each of which then keeps the lanes busy for as long as its units take
at the rate. The slices are disjoint, so the requests of all writers together depart as those of one process
do (`bulk.core.pacing`): over *any* window, the units that depart before the last departure stay within the
rate.

Shortly before its last departure, a writer says when its lease ends. The next one begins there. A lease of
which nothing is heard ends by itself: a writer that dies costs one lease.

Writers have clocks of their own. A writer knows the clock of the owner between two bounds, begins when a
lease has begun by any clock between them, and ends when it has ended by none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from vecgate.bulk.core.pacing import RateScale
from vecgate.errors import ConfigError
from vecgate.s3vectors.limits import VECTORS_PER_PUT_MAX, WRITE_REQUESTS_PER_S, WRITE_VECTORS_PER_S

#: Departures in one lease take at most this long, unless a single one takes longer.
LEASE_S = 0.2
#: A writer may begin this much later than its lease.
LATENESS_S = 0.25
#: The end of a lease is fixed this long before it: enough for the next writer to learn of its turn.
HANDOVER_S = 0.05
#: Departures after that may be late by this much, all together.
JITTER_S = 0.002
#: A lease is granted at most this long before it begins.
LEAD_S = 1.0
#: The fraction of the rate with which the owner begins again after it was lost.
RESTART_SCALE = 0.5
#: Exchanges with the owner that bound its clock: few enough that the clocks do not drift apart meanwhile.
EXCHANGES_KEPT = 8


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of an index, each above 0."""

    requests_per_s: float = WRITE_REQUESTS_PER_S
    vectors_per_s: float = WRITE_VECTORS_PER_S

    def __post_init__(self) -> None:
        for name in ("requests_per_s", "vectors_per_s"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ConfigError(f"{name} is {value}, allowed is a number above 0")

    def busy_s(self, vectors: int, *, scale: float = 1.0) -> float:
        """Return how long a request of *vectors* keeps the lanes busy."""
        return max(1 / self.requests_per_s, vectors / self.vectors_per_s) / scale

    def divided(self, parts: int) -> Rates:
        """Return the rates of each of *parts* writers that cannot share a budget."""
        return Rates(self.requests_per_s / parts, self.vectors_per_s / parts)

    def __str__(self) -> str:
        return f"{self.vectors_per_s:,g} vectors/s and {self.requests_per_s:,g} requests/s"


@dataclass(frozen=True, slots=True)
class Lease:
    """A slice of the timeline of an index, in seconds of the owner's clock.

    number            of the lease; no other one has it
    start_s           the first request departs at this time or later
    end_s             the lanes are free again at this time
    requests          that depart at most
    rates, scale      in use
    """

    number: int
    start_s: float
    end_s: float
    requests: int
    rates: Rates
    scale: float


class SharedBudget:
    """The owner's side. It is given the time of its clock and never waits. Not thread-safe by itself.

    rates         of the index
    is_restart    an owner before this one was lost, with its leases
    first_number  number of the first lease, so that those of an earlier owner are not mistaken
    """

    rates: Rates

    def __init__(
        self, rates: Rates, *, now_s: float, is_restart: bool = False, first_number: int = 0
    ) -> None:
        self.rates, self._number = rates, first_number
        self._scale = RateScale()
        self._open: Lease | None = None
        self._free_s = now_s
        if is_restart:
            # No lease of the lost owner is used any longer than this.
            self._free_s += LEAD_S + LATENESS_S + LEASE_S + rates.busy_s(VECTORS_PER_PUT_MAX)
            self._scale = RateScale(RESTART_SCALE, changed_at_s=now_s)

    @property
    def scale(self) -> float:
        """The fraction of the rates in use, from 0 to 1."""
        return self._scale.value

    def try_lease(self, *, requests: int, vectors: int, now_s: float) -> Lease | float:
        """Return a lease for *requests* of *vectors* each, or fewer of them, or the seconds after which to
        ask again. A `commit` may make it possible earlier.
        """
        if self._open is not None and now_s < self._open.end_s:
            return self._open.end_s - now_s
        start_s = max(now_s, self._free_s)
        if start_s - now_s > LEAD_S:
            return start_s - now_s - LEAD_S
        busy_s = self.rates.busy_s(vectors, scale=self.scale)
        count = max(1, min(requests, int(LEASE_S / busy_s)))
        self._number += 1
        self._free_s = start_s + LATENESS_S + count * busy_s
        self._open = Lease(self._number, start_s, self._free_s, count, self.rates, self.scale)
        return self._open

    def commit(self, number: int, free_s: float) -> None:
        """Note that the lanes are free again at *free_s*, as far as the lease *number* is concerned."""
        if self._open is not None and self._open.number == number:
            self._free_s = min(max(free_s, self._open.start_s), self._open.end_s)
            self._open = None

    def record_throttle(self, *, now_s: float) -> None:
        """Lower the rates of all writers: the service throttled one of them."""
        self._scale = self._scale.after_throttle(now_s=now_s)

    def record_success(self, *, now_s: float) -> None:
        """Raise the rates again: the service acknowledged a request."""
        self._scale = self._scale.after_success(now_s=now_s)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request to the owner and its reply: the times at which they were sent and arrived.

    asked_s, received_s    of the writer's clock
    arrived_s, replied_s   of the owner's clock
    """

    asked_s: float
    arrived_s: float
    replied_s: float
    received_s: float


@dataclass(frozen=True, slots=True)
class ClockBounds:
    """Bounds of the owner's clock minus that of the writer, from the latest exchanges."""

    exchanges: tuple[Exchange, ...] = ()

    def after(self, exchange: Exchange) -> ClockBounds:
        """Return the bounds after another exchange."""
        exchanges = (*self.exchanges[1 - EXCHANGES_KEPT :], exchange)
        bounds = ClockBounds(exchanges)
        # One of the clocks has jumped, as that of a suspended machine does.
        return bounds if bounds.low_s <= bounds.high_s else ClockBounds((exchange,))

    @property
    def low_s(self) -> float:
        """The smallest possible difference: a reply takes time."""
        return max(each.replied_s - each.received_s for each in self.exchanges)

    @property
    def high_s(self) -> float:
        """The largest possible difference: so does a request."""
        return min(each.arrived_s - each.asked_s for each in self.exchanges)


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease in the hands of its writer, in seconds of the writer's clock.

    lease         as granted
    next_s        the next request departs at this time or later
    end_s         the lanes must be free at this time
    left          requests that may depart
    to_owner_s    what to add to a time of this clock for the latest possible time of the owner's
    is_committed  the end is fixed
    """

    lease: Lease
    next_s: float
    end_s: float
    left: int
    to_owner_s: float
    is_committed: bool = False

    @classmethod
    def of(cls, lease: Lease, bounds: ClockBounds) -> Self:
        """Return *lease* as the writer may use it, whatever its clock is between *bounds*."""
        return cls(
            lease, lease.start_s - bounds.low_s, lease.end_s - bounds.high_s, lease.requests, bounds.high_s
        )

    def wait_s(self, vectors: int, *, now_s: float) -> float | None:
        """Return the seconds until a request of *vectors* may depart, None if none may."""
        at_s = max(now_s, self.next_s)
        fits = self.left and at_s + self._busy_s(vectors) <= self.end_s
        return at_s - now_s if fits else None

    def depart(self, vectors: int, *, now_s: float) -> HeldLease:
        """Return the lease after a request of *vectors* departs at *now_s*. One of the last fixes the end."""
        busy_s = self._busy_s(vectors)
        left, end_s, is_committed = self.left - 1, self.end_s, self.is_committed
        rest_s = busy_s * (left + 1)
        if not is_committed and (not left or rest_s <= HANDOVER_S):
            end_s = min(end_s, now_s + rest_s + (JITTER_S if left else 0.0))
            is_committed = True
        return replace(self, next_s=now_s + busy_s, end_s=end_s, left=left, is_committed=is_committed)

    def given_back(self, *, now_s: float) -> HeldLease:
        """Return the lease after its writer gives up the rest."""
        return replace(self, end_s=min(self.end_s, max(self.next_s, now_s)), left=0, is_committed=True)

    @property
    def free_s(self) -> float:
        """The time of the owner's clock at which the lanes are free again, at the latest."""
        return self.end_s + self.to_owner_s

    def _busy_s(self, vectors: int) -> float:
        return self.lease.rates.busy_s(vectors, scale=self.lease.scale)
