"""Neither lane is ever exceeded, and the rate settles just below the limit of a service that throttles."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.pacing import (
    COOLDOWN_S,
    DECREASE,
    NEAR_LIMIT,
    SCALE_MIN,
    SLOW_RECOVERY,
    Lane,
    Pace,
    RateScale,
    new_pace,
)

RATES = st.sampled_from([1.0, 7.0, 1_000.0, 2_500.0]) | st.floats(0.5, 50_000)


@dataclass
class Departures:
    """Requests that departed: when, how many vectors, and at which scale. Threads share *pace* under one
    lock.
    """

    pace: Pace
    now_s: float
    departed: list[tuple[float, int, float]] = field(default_factory=list)

    def try_acquire(self, vectors: int) -> float:
        """Return 0 if a request of *vectors* departs now, else how long its thread has to wait."""
        at_s = self.pace.next_departure_s(now_s=self.now_s)
        if at_s > self.now_s:
            return at_s - self.now_s
        self.departed.append((self.now_s, vectors, self.pace.scale.value))
        self.pace = self.pace.consume(vectors, now_s=self.now_s)
        return 0.0

    def check_every_window(self, *, requests_per_s: float, vectors_per_s: float) -> None:
        times = [at_s for at_s, _, _ in self.departed]
        sums = [0, *accumulate(units for _, units, _ in self.departed)]
        for i, j in itertools.combinations(range(len(times)), 2):
            span_s = times[j] - times[i]
            assert j - i <= requests_per_s * span_s + 1e-3
            assert sums[j] - sums[i] <= vectors_per_s * span_s + 1e-3
        for (at_s, units, scale), (next_s, _, _) in pairwise(self.departed):
            assert units <= vectors_per_s * scale * (next_s - at_s) + 1e-3
            assert requests_per_s * scale * (next_s - at_s) + 1e-3 >= 1


MOVES = st.lists(
    st.tuples(
        st.integers(0, 4),  # which thread
        st.sampled_from([0.0, 0.0, 1e-6, 0.01, 0.7]) | st.floats(0, 3),  # how late it is scheduled
        st.integers(1, 500),  # its action
        st.sampled_from(["send", "send", "send", "throttled", "acknowledged"]),
    ),
    max_size=60,
)


@given(requests_per_s=RATES, vectors_per_s=RATES, begun_s=st.sampled_from([0.0, 123_456.789]), moves=MOVES)
@example(10.0, 1_000.0, 0.0, [(i % 3, 0.0, 100, "send") for i in range(30)])
def test_no_lane_is_exceeded_over_any_window(
    requests_per_s: float, vectors_per_s: float, begun_s: float, moves: list[tuple[int, float, int, str]]
) -> None:
    """For any order and delay of threads, also while throttles and successes change the scale."""
    out = Departures(new_pace(requests_per_s=requests_per_s, vectors_per_s=vectors_per_s), begun_s)
    wakes_at_s = [begun_s] * 5
    for thread, delay_s, vectors, move in moves:
        out.now_s = max(out.now_s, wakes_at_s[thread]) + delay_s
        if move == "throttled":
            out.pace = out.pace.after_throttle(now_s=out.now_s)
        elif move == "acknowledged":
            out.pace = out.pace.after_success(now_s=out.now_s)
        else:
            wakes_at_s[thread] = out.now_s + out.try_acquire(vectors)
        assert SCALE_MIN <= out.pace.scale.value <= 1.0
        assert out.pace.next_departure_s(now_s=out.now_s) >= out.now_s
    out.check_every_window(requests_per_s=requests_per_s, vectors_per_s=vectors_per_s)


@pytest.mark.parametrize(
    ("requests_per_s", "vectors_per_s", "vectors", "gap_s"),
    [
        (10, 1_000, 100, 0.1),
        (10, 1_000, 1, 0.1),
        (1_000, 1_000, 1, 0.001),
        (10, 1_000, 500, 0.5),
        (1, 1e9, 500, 1.0),
    ],
)
def test_the_busier_lane_decides(
    requests_per_s: float, vectors_per_s: float, vectors: int, gap_s: float
) -> None:
    """A request departs at the moment when both lanes are free."""
    one = new_pace(requests_per_s=requests_per_s, vectors_per_s=vectors_per_s)
    assert one.next_departure_s(now_s=5.0) == 5.0
    after = one.consume(vectors, now_s=5.0)
    assert after.next_departure_s(now_s=5.0) == pytest.approx(5.0 + gap_s)
    assert after.next_departure_s(now_s=9.0) == 9.0


def test_idle_time_earns_no_burst() -> None:
    """After an hour without a request, the second one still waits for its slot."""
    lane = Lane(10.0).consume(1, now_s=0.0, scale=1.0).consume(1, now_s=3_600.0, scale=1.0)
    assert lane.free_at_s == pytest.approx(3_600.1)


def test_an_early_departure_is_paid_for() -> None:
    """A lane adds to the time that it is still busy."""
    lane = Lane(10.0).consume(5, now_s=0.0, scale=1.0).consume(5, now_s=0.0, scale=1.0)
    assert lane.free_at_s == pytest.approx(1.0)


def test_a_throttle_slows_both_lanes_at_once() -> None:
    """To 70 % of the rate in use."""
    slowed = new_pace(requests_per_s=10, vectors_per_s=1_000).after_throttle(now_s=0.0)
    assert slowed.scale.value == 0.7
    assert slowed.consume(1, now_s=0.0).next_departure_s(now_s=0.0) == pytest.approx(0.1 / 0.7)
    assert slowed.consume(500, now_s=0.0).next_departure_s(now_s=0.0) == pytest.approx(0.5 / 0.7)


def test_simultaneous_throttles_count_once() -> None:
    """Five throttled requests in flight cause one decrease."""
    scale = RateScale().after_throttle(now_s=10.0)
    assert scale.after_throttle(now_s=10.0) is scale
    assert scale.after_throttle(now_s=10.0 + COOLDOWN_S - 0.001) is scale
    assert scale.after_throttle(now_s=10.0 + COOLDOWN_S).value == pytest.approx(DECREASE**2)


def test_the_rate_never_falls_to_zero() -> None:
    """Some requests always probe the service."""
    scale = RateScale()
    for i in range(100):
        scale = scale.after_throttle(now_s=float(i))
    assert scale.value == SCALE_MIN


def test_recovery_is_fast_and_then_slow() -> None:
    """A fifth of the throttled scale each second, up to 95 % of it; from there half a percent."""
    scale = RateScale().after_throttle(now_s=0.0)
    assert scale.after_success(now_s=0.5).value == pytest.approx(0.8)
    near = scale.after_success(now_s=10.0)
    assert near.value == pytest.approx(NEAR_LIMIT)
    assert near.after_success(now_s=11.0).value == pytest.approx(NEAR_LIMIT + SLOW_RECOVERY)
    assert near.after_success(now_s=10.0).value == near.value


def test_successes_beyond_the_throttled_scale_raise_it() -> None:
    """A service that has recovered gets the full rate again, and never more."""
    scale = RateScale(value=0.5, throttled_value=0.5, changed_at_s=0.0, throttled_at_s=0.0)
    values = []
    for i in range(1, 600):
        scale = scale.after_success(now_s=float(i))
        values.append(scale.value)
        assert scale.throttled_value >= scale.value
    assert values == sorted(values)
    assert values[-1] == 1.0
    assert scale.after_success(now_s=700.0) is scale


def test_a_clock_that_stops_or_goes_back_gains_nothing() -> None:
    """Only elapsed time increases the scale."""
    scale = RateScale().after_throttle(now_s=10.0)
    assert scale.after_success(now_s=10.0).value == scale.value
    assert scale.after_success(now_s=3.0).value == scale.value


def test_a_new_pace_is_free() -> None:
    """The first request departs at once, at the full rate."""
    assert RateScale() == RateScale(1.0, 1.0, -inf, -inf)
    assert new_pace(requests_per_s=1, vectors_per_s=1).next_departure_s(now_s=-1e9) == -1e9


@dataclass
class ThrottlingService:
    """Accepts *per_s* vectors per second and bursts of *burst_s* seconds; answers the others with 429."""

    per_s: float
    burst_s: float
    accepted_s: list[float] = field(default_factory=list)
    _tokens: float = inf
    _at_s: float = 0.0

    def takes(self, vectors: int, now_s: float) -> bool:
        full = self.per_s * self.burst_s
        self._tokens = min(full, self._tokens + self.per_s * (now_s - self._at_s))
        self._at_s = now_s
        if self._tokens < vectors:
            return False
        self._tokens -= vectors
        self.accepted_s.append(now_s)
        return True


def _worker(out: Departures, service: ThrottlingService, vectors: int, rng: random.Random) -> Iterator[float]:
    """Send continuously on one thread, and yield each wait. A response takes 50 ms."""
    attempt = 0
    while True:
        while wait_s := out.try_acquire(vectors):
            yield wait_s + rng.random() * 1e-4
        yield 0.025
        is_accepted = service.takes(vectors, out.now_s)
        yield 0.025
        if is_accepted:
            attempt, out.pace = 0, out.pace.after_success(now_s=out.now_s)
        else:
            out.pace = out.pace.after_throttle(now_s=out.now_s)
            yield rng.random() * min(20.0, 0.1 * 2.0**attempt)
            attempt += 1


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("per_s", "quota_per_s", "vectors", "threads"),
    [
        (2_500, 1_000, 100, 5),
        (2_500, 2_400, 100, 5),
        (10_000, 1_000, 100, 16),
        (2_500, 250, 10, 5),
        (100_000, 1_000, 100, 8),
    ],
)
@pytest.mark.parametrize("burst_s", [0.2, 1.0])
def test_the_rate_settles_just_below_the_limit_of_the_service(  # noqa: PLR0917 - pytest gives by name
    per_s: float, quota_per_s: float, vectors: int, threads: int, burst_s: float, seed: int
) -> None:
    """After 15 s, from any higher rate, at least 95 % of the limit is accepted and little more is sent."""
    out = Departures(new_pace(requests_per_s=1e9, vectors_per_s=per_s), 0.0)
    service = ThrottlingService(quota_per_s, burst_s)
    rng = random.Random(seed)  # noqa: S311 - jitter is no secret
    turns = itertools.count()
    waiting = [(0.0, next(turns), _worker(out, service, vectors, rng)) for _ in range(threads)]
    while waiting[0][0] < 75.0:
        out.now_s, _, worker = heapq.heappop(waiting)
        heapq.heappush(waiting, (out.now_s + next(worker), next(turns), worker))
    settled = [at_s for at_s in service.accepted_s if 15.0 <= at_s < 75.0]
    assert 0.95 * 60 * quota_per_s <= len(settled) * vectors <= (60 + burst_s) * quota_per_s
    sent = [units for at_s, units, _ in out.departed if 15.0 <= at_s < 75.0]
    assert sum(sent) <= 1.05 * 60 * quota_per_s


def test_the_rate_recovers_after_an_outage() -> None:
    """Five seconds of throttles have no effect a minute later."""
    scale = RateScale()
    for tick in range(50):
        scale = scale.after_throttle(now_s=tick * 0.1)
    assert scale.value < 0.1
    for tick in range(60 * 10):
        scale = scale.after_success(now_s=5 + tick * 0.1)
    assert scale.value == 1.0
