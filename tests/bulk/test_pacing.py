"""Neither lane is ever exceeded, and a service that throttles is soon met just below what it takes."""

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

from vecgate.bulk.pacing import COOL_S, DECREASE, NEAR, SHARE_MIN, SLOW, Lane, Pace, Share, pace

RATES = st.sampled_from([1.0, 7.0, 1_000.0, 2_500.0]) | st.floats(0.5, 50_000)


@dataclass
class Departures:
    """What left, when, and at which share; *pace* is what threads share under one lock."""

    pace: Pace
    now_s: float
    left: list[tuple[float, int, float]] = field(default_factory=list)

    def try_leave(self, vectors: int) -> float:
        """0 where a request of *vectors* has left, else how long its thread was told to wait."""
        at_s = self.pace.leave_at_s(now_s=self.now_s)
        if at_s > self.now_s:
            return at_s - self.now_s
        self.left.append((self.now_s, vectors, self.pace.share.value))
        self.pace = self.pace.after(vectors, now_s=self.now_s)
        return 0.0

    def check_every_window(self, *, requests_per_s: float, vectors_per_s: float) -> None:
        times = [at_s for at_s, _, _ in self.left]
        sums = [0, *accumulate(units for _, units, _ in self.left)]
        for i, j in itertools.combinations(range(len(times)), 2):
            span_s = times[j] - times[i]
            assert j - i <= requests_per_s * span_s + 1e-3
            assert sums[j] - sums[i] <= vectors_per_s * span_s + 1e-3
        for (at_s, units, share), (next_s, _, _) in pairwise(self.left):
            assert units <= vectors_per_s * share * (next_s - at_s) + 1e-3
            assert requests_per_s * share * (next_s - at_s) + 1e-3 >= 1


MOVES = st.lists(
    st.tuples(
        st.integers(0, 4),  # which thread
        st.sampled_from([0.0, 0.0, 1e-6, 0.01, 0.7]) | st.floats(0, 3),  # how late it is scheduled
        st.integers(1, 500),  # what it wants to send
        st.sampled_from(["leave", "leave", "leave", "throttled", "taken"]),
    ),
    max_size=60,
)


@given(requests_per_s=RATES, vectors_per_s=RATES, begun_s=st.sampled_from([0.0, 123_456.789]), moves=MOVES)
@example(10.0, 1_000.0, 0.0, [(i % 3, 0.0, 100, "leave") for i in range(30)])
def test_no_lane_is_exceeded_over_any_window(
    requests_per_s: float, vectors_per_s: float, begun_s: float, moves: list[tuple[int, float, int, str]]
) -> None:
    """Whichever thread comes when and however late, also while throttles and successes move the share."""
    out = Departures(pace(requests_per_s=requests_per_s, vectors_per_s=vectors_per_s), begun_s)
    wakes_at_s = [begun_s] * 5
    for thread, late_s, vectors, move in moves:
        out.now_s = max(out.now_s, wakes_at_s[thread]) + late_s
        if move == "throttled":
            out.pace = out.pace.after_throttle(now_s=out.now_s)
        elif move == "taken":
            out.pace = out.pace.after_success(now_s=out.now_s)
        else:
            wakes_at_s[thread] = out.now_s + out.try_leave(vectors)
        assert SHARE_MIN <= out.pace.share.value <= 1.0
        assert out.pace.leave_at_s(now_s=out.now_s) >= out.now_s
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
    """A request leaves as soon as both lanes are free, and not a moment later."""
    one = pace(requests_per_s=requests_per_s, vectors_per_s=vectors_per_s)
    assert one.leave_at_s(now_s=5.0) == 5.0
    after = one.after(vectors, now_s=5.0)
    assert after.leave_at_s(now_s=5.0) == pytest.approx(5.0 + gap_s)
    assert after.leave_at_s(now_s=9.0) == 9.0


def test_idle_time_earns_no_burst() -> None:
    """After an hour without a request, the second one still waits its turn."""
    lane = Lane(10.0).after(1, now_s=0.0, share=1.0).after(1, now_s=3_600.0, share=1.0)
    assert lane.free_at_s == pytest.approx(3_600.1)


def test_a_departure_that_was_let_through_early_is_paid_for() -> None:
    """What a lane still owes is added to, never forgotten."""
    lane = Lane(10.0).after(5, now_s=0.0, share=1.0).after(5, now_s=0.0, share=1.0)
    assert lane.free_at_s == pytest.approx(1.0)


def test_a_throttle_slows_both_lanes_at_once() -> None:
    """To 70 % of the rate in use."""
    slowed = pace(requests_per_s=10, vectors_per_s=1_000).after_throttle(now_s=0.0)
    assert slowed.share.value == 0.7
    assert slowed.after(1, now_s=0.0).leave_at_s(now_s=0.0) == pytest.approx(0.1 / 0.7)
    assert slowed.after(500, now_s=0.0).leave_at_s(now_s=0.0) == pytest.approx(0.5 / 0.7)


def test_throttles_of_one_moment_count_once() -> None:
    """Five requests in flight that are all refused are one message, not five."""
    share = Share().after_throttle(now_s=10.0)
    assert share.after_throttle(now_s=10.0) is share
    assert share.after_throttle(now_s=10.0 + COOL_S - 0.001) is share
    assert share.after_throttle(now_s=10.0 + COOL_S).value == pytest.approx(DECREASE**2)


def test_the_rate_never_falls_to_nothing() -> None:
    """However sick the service is, it is asked again."""
    share = Share()
    for i in range(100):
        share = share.after_throttle(now_s=float(i))
    assert share.value == SHARE_MIN


def test_the_way_back_is_quick_and_then_slow() -> None:
    """A fifth of what was too much each second, up to 95 % of it; from there half a percent."""
    share = Share().after_throttle(now_s=0.0)
    assert share.after_success(now_s=0.5).value == pytest.approx(0.8)
    near = share.after_success(now_s=10.0)
    assert near.value == pytest.approx(NEAR)
    assert near.after_success(now_s=11.0).value == pytest.approx(NEAR + SLOW)
    assert near.after_success(now_s=10.0).value == near.value


def test_successes_beyond_what_was_too_much_move_the_mark() -> None:
    """A service that has recovered is asked for all again, and never for more."""
    share = Share(value=0.5, too_much=0.5, changed_at_s=0.0, throttled_at_s=0.0)
    values = []
    for i in range(1, 600):
        share = share.after_success(now_s=float(i))
        values.append(share.value)
        assert share.too_much >= share.value
    assert values == sorted(values)
    assert values[-1] == 1.0
    assert share.after_success(now_s=700.0) is share


def test_a_clock_that_stands_still_or_goes_back_gains_nothing() -> None:
    """Only time that has gone by lets the share grow."""
    share = Share().after_throttle(now_s=10.0)
    assert share.after_success(now_s=10.0).value == share.value
    assert share.after_success(now_s=3.0).value == share.value


def test_nothing_has_happened_at_first() -> None:
    """The first request leaves at once, at the full rate."""
    assert Share() == Share(1.0, 1.0, -inf, -inf)
    assert pace(requests_per_s=1, vectors_per_s=1).leave_at_s(now_s=-1e9) == -1e9


@dataclass
class ThrottlingService:
    """Takes *per_s* vectors a second, and *burst_s* seconds' worth at once; the rest is answered with 429."""

    per_s: float
    burst_s: float
    taken: list[float] = field(default_factory=list)
    _tokens: float = inf
    _at_s: float = 0.0

    def takes(self, vectors: int, now_s: float) -> bool:
        full = self.per_s * self.burst_s
        self._tokens = min(full, self._tokens + self.per_s * (now_s - self._at_s))
        self._at_s = now_s
        if self._tokens < vectors:
            return False
        self._tokens -= vectors
        self.taken.append(now_s)
        return True


def _worker(out: Departures, service: ThrottlingService, vectors: int, rng: random.Random) -> Iterator[float]:
    """One thread that always has something to send; yields how long it waits. An answer takes 50 ms."""
    attempt = 0
    while True:
        while wait_s := out.try_leave(vectors):
            yield wait_s + rng.random() * 1e-4
        yield 0.025
        is_taken = service.takes(vectors, out.now_s)
        yield 0.025
        if is_taken:
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
def test_the_rate_settles_just_below_what_a_throttling_service_takes(  # noqa: PLR0917 - pytest gives by name
    per_s: float, quota_per_s: float, vectors: int, threads: int, burst_s: float, seed: int
) -> None:
    """However far above it the rate was set: 15 s later at least 95 % is taken, little more is sent."""
    out = Departures(pace(requests_per_s=1e9, vectors_per_s=per_s), 0.0)
    service = ThrottlingService(quota_per_s, burst_s)
    rng = random.Random(seed)  # noqa: S311 - jitter is no secret
    turns = itertools.count()
    waiting = [(0.0, next(turns), _worker(out, service, vectors, rng)) for _ in range(threads)]
    while waiting[0][0] < 75.0:
        out.now_s, _, worker = heapq.heappop(waiting)
        heapq.heappush(waiting, (out.now_s + next(worker), next(turns), worker))
    settled = [at_s for at_s in service.taken if 15.0 <= at_s < 75.0]
    assert 0.95 * 60 * quota_per_s <= len(settled) * vectors <= (60 + burst_s) * quota_per_s
    sent = [units for at_s, units, _ in out.left if 15.0 <= at_s < 75.0]
    assert sum(sent) <= 1.05 * 60 * quota_per_s


def test_the_rate_comes_back_after_an_outage() -> None:
    """Five seconds of nothing but throttles leave no mark a minute later."""
    share = Share()
    for tick in range(50):
        share = share.after_throttle(now_s=tick * 0.1)
    assert share.value < 0.1
    for tick in range(60 * 10):
        share = share.after_success(now_s=5 + tick * 0.1)
    assert share.value == 1.0
