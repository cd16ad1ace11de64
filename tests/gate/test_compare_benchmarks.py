from __future__ import annotations

import numpy as np
import pytest
from comparisons import GROUP, bench, bench_stream
from hypothesis import given
from hypothesis import strategies as st

from vecgate.gate.changes import Interval
from vecgate.gate.compare_benchmarks import benchmark_changes, median_interval, named, visit_changes

SENDER = f"{GROUP}/direct sender"


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(5, 1, 5), (6, 1, 6), (7, 1, 7), (8, 2, 7), (10, 2, 9), (11, 3, 9), (12, 3, 10), (15, 4, 12)],
)
def test_the_interval_of_a_median_is_between_order_statistics(count: int, low: int, high: int) -> None:
    """As tables of the sign test have them, at 92 %."""
    assert median_interval(list(range(count, 0, -1))) == Interval(low, high)


@pytest.mark.parametrize("count", range(5))
def test_four_visits_are_too_few(count: int) -> None:
    """Of five equal coins all show the same side once in sixteen times; of four, once in eight."""
    assert median_interval([1.0] * count) is None


def test_equal_medians_seldom_lie_apart() -> None:
    """About once in a hundred pairs, also where a visit in ten is disturbed."""
    random, apart = np.random.default_rng(1), 0
    for _ in range(4_000):
        sides = random.normal(1, 0.02, (2, 8)) * np.where(random.random((2, 8)) < 0.1, 1.5, 1.0)
        base, head = (median_interval(list(side)) for side in sides)
        assert base is not None
        assert head is not None
        apart += head.low > base.high or head.high < base.low
    assert apart < 60


@pytest.mark.parametrize(
    ("base_ms", "head_ms", "spread", "grade"),
    [
        (10.0, 10.0, 0.01, "same"),
        (10.0, 10.25, 0.01, "same"),
        (10.0, 10.5, 0.01, "worse"),
        (10.0, 9.5, 0.01, "better"),
        (10.0, 10.5, 0.05, "doubt"),
    ],
)
def test_stored_times_differ_where_their_intervals_do_not_overlap(
    base_ms: float, head_ms: float, spread: float, grade: str
) -> None:
    """And where it is more than memory makes."""
    base = bench_stream(bench("direct sender", base_ms, spread=spread))
    head = bench_stream(bench("direct sender", head_ms, spread=spread))
    (change,) = benchmark_changes(base, head)
    assert (change.name, change.grade) == (SENDER, grade)
    assert change.worse_by == pytest.approx(head_ms / base_ms - 1)


@given(base=st.tuples(st.floats(1, 9), st.floats(1, 1.5)), head=st.tuples(st.floats(1, 9), st.floats(1, 1.5)))
def test_the_change_reaches_across_zero_where_the_intervals_overlap(
    base: tuple[float, float], head: tuple[float, float]
) -> None:
    """One says the same as the other."""
    sides = [
        bench("a", low * wide**0.5, low_s=low / 1e3, high_s=low * wide / 1e3) for low, wide in (base, head)
    ]
    (change,) = benchmark_changes(*(bench_stream(each) for each in sides))
    assert change.between is not None
    overlap = sides[0].low_s <= sides[1].high_s and sides[1].low_s <= sides[0].high_s
    assert overlap is (change.between.low <= 0 <= change.between.high)


def test_one_visit_does_not_tell_chance() -> None:
    """Whichever of the runs has but one."""
    few = bench_stream(bench("direct sender", 10), visits="1")
    many = bench_stream(bench("direct sender", 20))
    for base, head in ((few, many), (many, few)):
        (change,) = benchmark_changes(base, head)
        assert (change.between, change.reason) == (None, "fewer than 3 visits")
    odd = bench_stream(bench("direct sender", 10), visits="many")
    assert benchmark_changes(odd, many)[0].reason == "fewer than 3 visits"


def test_a_time_without_spread_does_not_tell_chance() -> None:
    """As in streams of before."""
    base, head = (bench_stream(bench("a", 10, low_s=0.0, high_s=0.0)), bench_stream(bench("a", 20)))
    assert benchmark_changes(base, head)[0].reason == "no spread was kept"


def test_what_is_not_in_both_is_new_or_gone() -> None:
    """A benchmark that was not asked for is not gone."""
    base, head = bench_stream(bench("old", 10)), bench_stream(bench("young", 10))
    assert [(each.name, each.grade) for each in benchmark_changes(base, head)] == [
        (f"{GROUP}/young", "new"),
        (f"{GROUP}/old", "gone"),
    ]
    part = bench_stream(bench("young", 10), expression="young")
    assert [each.grade for each in benchmark_changes(base, part)] == ["new"]


def test_other_work_is_not_compared() -> None:
    """Ten times the vectors in ten times the time is no change."""
    base, head = bench_stream(bench("a", 10)), bench_stream(bench("a", 100, vectors=5_000))
    (change,) = benchmark_changes(base, head)
    assert (change.grade, change.reason) == ("changed", "the work is another")


def test_visits_that_took_turns_are_told_apart() -> None:
    """What the base cannot do is new; four visits tell nothing."""
    base = {"a": [1.00, 1.01, 1.02, 1.01, 1.00], "b": [1.0, 1.1, 0.9, 1.0, 1.0], "few": [1.0]}
    head = {"a": [1.10, 1.11, 1.12, 1.13, 1.10], "b": [1.05, 1.1, 1.0, 1.04, 1.2], "few": [2.0], "c": [1.0]}
    found = {change.name: change for change in visit_changes(base, head)}
    assert {name: change.grade for name, change in found.items()} == {
        "a": "worse",
        "b": "doubt",
        "few": "doubt",
        "c": "new",
    }
    assert found["few"].reason == "too few visits"


def test_a_benchmark_without_a_group_goes_by_its_name() -> None:
    """Of somebody else's suite."""
    assert (named("", "a"), named("g", "a")) == ("a", "g/a")
