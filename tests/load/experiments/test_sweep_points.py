"""The rates of a sweep, when it ends, and its knee."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import ConfigError
from vecgate.load.experiments.sweep_points import SweepGoal, find_knee, spread_rates, sweep_steps
from vecgate.results.load.sweep_records import SweepPoint


def point(rate: float, **more: object) -> SweepPoint:
    fields = {"number": 1, "achieved_per_s": rate, "p99_ms": 10.0, "held": True, **more}
    return SweepPoint(rate_per_s=rate, **fields)  # type: ignore[arg-type] # any fields, to keep tests short


def run(goal: SweepGoal, outcomes: dict[float, list[SweepPoint | None]]) -> tuple[list[float], str]:
    """Return the rates that were tried, and how the sweep ended."""
    steps, tried = sweep_steps(goal), list[float]()
    rate = next(steps)
    while True:
        tried.append(rate)
        found = outcomes.get(rate) or [point(rate)]
        try:
            rate = steps.send(found.pop(0))
        except StopIteration as end:
            return tried, end.value


def test_a_sweep_measures_its_rates_in_order() -> None:
    """Each once."""
    assert run(SweepGoal((1, 2, 4)), {}) == ([1, 2, 4], "planned")


def test_a_sweep_ends_past_the_limit() -> None:
    """After several rates in a row that did not hold; a single one may be bad luck."""
    failing: dict[float, list[SweepPoint | None]] = {
        rate: [point(rate, held=False)] for rate in (2.0, 4.0, 8.0)
    }
    goal = SweepGoal((1, 2, 3, 4, 8, 16), max_failures=2)
    assert run(goal, failing) == ([1, 2, 3, 4, 8], "past-limit")


def test_a_rate_at_which_the_generator_was_the_limit_is_tried_once_more() -> None:
    """A second time in a row ends the sweep: no higher rate could be measured."""
    strained = [point(2.0, is_inconclusive=True, held=False) for _ in range(2)]
    assert run(SweepGoal((1, 2, 4)), {2.0: [strained[0], point(2.0)]}) == ([1, 2, 2, 4], "planned")
    assert run(SweepGoal((1, 2, 4)), {2.0: [*strained]}) == ([1, 2, 2], "inconclusive")


def test_a_sweep_ends_before_it_costs_too_much() -> None:
    """The rate is not tried."""
    assert run(SweepGoal((1, 2, 4)), {2.0: [None]}) == ([1, 2], "too-expensive")


def test_the_knee_has_the_highest_ratio_of_rate_to_p99() -> None:
    """For a queue with one server at random arrivals that is half of its capacity (Kleinrock)."""
    capacity = 1_000.0
    curve = [
        point(rate, number=at, p99_ms=1e3 * 4.6 / (capacity - rate))
        for at, rate in enumerate(range(100, 1_000, 100))
    ]
    knee = find_knee(curve)
    assert knee is not None
    assert (knee.rate_per_s, knee.number) == (500, 4)


def test_a_curve_that_does_not_bend_has_no_knee() -> None:
    """Nor has one without a point that held. The highest rate may be below the knee."""
    assert find_knee([point(rate) for rate in (1, 2, 4)]) is None
    assert find_knee([point(1, held=False)]) is None
    assert find_knee([]) is None


def test_a_target_with_a_quota_has_its_knee_at_the_last_rate_that_held() -> None:
    """Throttled requests are answered fast, so the latencies do not show the limit."""
    curve = [point(1), point(2), point(4, held=False, achieved_per_s=2.5, p99_ms=1.0)]
    knee = find_knee(curve)
    assert knee is not None
    assert knee.rate_per_s == 2


@given(
    points=st.lists(
        st.builds(
            point,
            st.integers(1, 1_000),
            number=st.integers(1, 100),
            p99_ms=st.floats(0, 1e4),
            held=st.booleans(),
            is_inconclusive=st.booleans(),
        )
    )
)
def test_faults_of_the_generator_do_not_move_the_knee(points: list[SweepPoint]) -> None:
    """They are no points of the curve."""
    assert find_knee(points) == find_knee([each for each in points if not each.is_inconclusive])


@given(low=st.floats(0.5, 1_000), factor=st.floats(1.1, 100), steps=st.integers(2, 50))
def test_spread_rates_ascend_from_the_lowest_to_the_highest(low: float, factor: float, steps: int) -> None:
    """Rounded for readability, so that near ones may become one."""
    rates = spread_rates(low, low * factor, steps)
    assert (rates[0], rates[-1]) == (low, low * factor)
    assert list(rates) == sorted(set(rates))
    assert len(rates) <= steps
    assert SweepGoal(rates).rates == rates


def test_spread_rates_have_equal_factors() -> None:
    """As the capacity of a target is unknown by a factor."""
    assert spread_rates(100, 3_200, 6) == (100, 200, 400, 800, 1_600, 3_200)


@pytest.mark.parametrize(
    ("rates", "more", "message"),
    [
        ((), {}, "0 rates"),
        ((0.0, 1.0), {}, "above 0"),
        ((float("nan"),), {}, "above 0"),
        ((2.0, 1.0), {}, "ascending"),
        ((1.0, 1.0), {}, "different"),
        ((1.0, 2.0), {"must_hold": 3.0}, "from 1 to 2"),
        ((1.0,), {"max_failures": 0}, "max_failures is 0"),
    ],
)
def test_wrong_rates_are_refused(rates: tuple[float, ...], more: dict[str, int], message: str) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigError, match=message):
        SweepGoal(rates, **more)


@pytest.mark.parametrize(("low", "high", "steps"), [(0, 1, 3), (2, 1, 3), (1, 2, 1), (1, 2e6, 3)])
def test_a_wrong_spread_is_refused(low: float, high: float, steps: int) -> None:
    """The same."""
    with pytest.raises(ConfigError, match="allowed"):
        spread_rates(low, high, steps)


def test_the_lowest_rate_must_hold_without_a_gate() -> None:
    """A sweep in which nothing holds is no result."""
    assert SweepGoal((1, 2, 4)).gated == (1,)
    assert SweepGoal((1, 2, 4), must_hold=3).gated == (1, 2)
