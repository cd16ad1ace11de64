from __future__ import annotations

import numpy as np
import pytest
from benchmark_streams import GROUP, bench, bench_stream
from hypothesis import given
from hypothesis import strategies as st

from vecgate.gate.compare.benchmark_changes import (
    benchmark_changes,
    interleaved_changes,
    median_interval,
    qualified_name,
)
from vecgate.gate.compare.changes import Interval

SENDER = f"{GROUP}/direct sender"


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(5, 1, 5), (6, 1, 6), (7, 1, 7), (8, 2, 7), (10, 2, 9), (11, 3, 9), (12, 3, 10), (15, 4, 12)],
)
def test_the_interval_of_a_median_consists_of_order_statistics(count: int, low: int, high: int) -> None:
    """The same as in tables of the sign test, at 92 %."""
    assert median_interval(list(range(count, 0, -1))) == Interval(low, high)


@pytest.mark.parametrize("count", range(5))
def test_four_runs_are_too_few(count: int) -> None:
    """Five fair coins all show the same side once in sixteen times, four once in eight."""
    assert median_interval([1.0] * count) is None


def test_intervals_of_equal_medians_rarely_do_not_overlap() -> None:
    """About once in a hundred pairs, even if one run in ten is disturbed."""
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
        (10.0, 10.0, 0.01, "unchanged"),
        (10.0, 10.25, 0.01, "unchanged"),
        (10.0, 10.5, 0.01, "regressed"),
        (10.0, 9.5, 0.01, "improved"),
        (10.0, 10.5, 0.05, "unclear"),
    ],
)
def test_stored_times_differ_if_their_intervals_do_not_overlap(
    base_ms: float, head_ms: float, spread: float, grade: str
) -> None:
    """And if the change is large enough to count."""
    base = bench_stream(bench("direct sender", base_ms, spread=spread))
    head = bench_stream(bench("direct sender", head_ms, spread=spread))
    (change,) = benchmark_changes(base, head)
    assert (change.name, change.grade) == (SENDER, grade)
    assert change.regression == pytest.approx(head_ms / base_ms - 1)


@given(base=st.tuples(st.floats(1, 9), st.floats(1, 1.5)), head=st.tuples(st.floats(1, 9), st.floats(1, 1.5)))
def test_the_interval_of_the_change_contains_zero_if_the_intervals_overlap(
    base: tuple[float, float], head: tuple[float, float]
) -> None:
    """The two conditions are equivalent."""
    sides = [
        bench("a", low * wide**0.5, low_s=low / 1e3, high_s=low * wide / 1e3) for low, wide in (base, head)
    ]
    (change,) = benchmark_changes(*(bench_stream(each) for each in sides))
    assert change.interval is not None
    overlap = sides[0].low_s <= sides[1].high_s and sides[1].low_s <= sides[0].high_s
    assert overlap is (change.interval.low <= 0 <= change.interval.high)


def test_the_noise_of_a_single_run_is_unknown() -> None:
    """Whichever side has only one."""
    few = bench_stream(bench("direct sender", 10), runs="1")
    many = bench_stream(bench("direct sender", 20))
    for base, head in ((few, many), (many, few)):
        (change,) = benchmark_changes(base, head)
        assert (change.interval, change.reason) == (None, "fewer than 3 runs")
    odd = bench_stream(bench("direct sender", 10), runs="many")
    assert benchmark_changes(odd, many)[0].reason == "fewer than 3 runs"


def test_the_noise_of_a_time_without_an_interval_is_unknown() -> None:
    """Early streams have none."""
    base, head = (bench_stream(bench("a", 10, low_s=0.0, high_s=0.0)), bench_stream(bench("a", 20)))
    assert benchmark_changes(base, head)[0].reason == "the stream has no interval"


def test_a_benchmark_in_one_run_only_is_new_or_missing() -> None:
    """A benchmark that was not selected is not missing."""
    base, head = bench_stream(bench("old", 10)), bench_stream(bench("young", 10))
    assert [(each.name, each.grade) for each in benchmark_changes(base, head)] == [
        (f"{GROUP}/young", "new"),
        (f"{GROUP}/old", "missing"),
    ]
    part = bench_stream(bench("young", 10), expression="young")
    assert [each.grade for each in benchmark_changes(base, part)] == ["new"]


def test_different_work_is_not_compared() -> None:
    """Ten times the vectors in ten times the time is not a regression."""
    base, head = bench_stream(bench("a", 10)), bench_stream(bench("a", 100, vectors=5_000))
    (change,) = benchmark_changes(base, head)
    assert (change.grade, change.reason) == ("changed", "the work differs")


def test_interleaved_runs_are_compared() -> None:
    """A benchmark that the base does not have is new; few runs are unclear."""
    base = {"a": [1.00, 1.01, 1.02, 1.01, 1.00], "b": [1.0, 1.1, 0.9, 1.0, 1.0], "few": [1.0]}
    head = {"a": [1.10, 1.11, 1.12, 1.13, 1.10], "b": [1.05, 1.1, 1.0, 1.04, 1.2], "few": [2.0], "c": [1.0]}
    found = {change.name: change for change in interleaved_changes(base, head)}
    assert {name: change.grade for name, change in found.items()} == {
        "a": "regressed",
        "b": "unclear",
        "few": "unclear",
        "c": "new",
    }
    assert found["few"].reason == "too few runs"


def test_a_benchmark_without_a_group_has_its_plain_name() -> None:
    """As in suites of other projects."""
    assert (qualified_name("", "a"), qualified_name("g", "a")) == ("a", "g/a")
