from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.reporting.html.charts.axes import (
    VALUE_MIN,
    count_axis,
    format_elapsed,
    linear_axis,
    log_axis,
    time_axis,
)


@pytest.mark.parametrize(
    ("values", "high", "labels"),
    [
        ([], 1.0, ["0", "1"]),
        ([0.9], 1.0, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ([2, 3], 3.15, ["0", "1", "2", "3"]),
        ([1_000.0, None], 1_050.0, ["0", "250", "500", "750", "1k"]),
        ([40_000.0], 42_000.0, ["0", "10k", "20k", "30k", "40k"]),
        ([3_000_000.0], 3_150_000.0, ["0", "1M", "2M", "3M"]),
    ],
)
def test_a_linear_axis_starts_at_zero(values: list[float | None], high: float, labels: list[str]) -> None:
    """It has round ticks and ends a little above the highest value."""
    axis = linear_axis(values)
    assert (axis.low, axis.is_log) == (0.0, False)
    assert axis.high == pytest.approx(high)
    assert [label for _, label in axis.ticks] == labels


@pytest.mark.parametrize(
    ("values", "ends", "labels"),
    [
        ([], (1.0, 10.0), ["1", "2", "5", "10"]),
        ([0.0, None, 3.0], (1.0, 10.0), ["1", "2", "5", "10"]),
        ([0.5, 30.0], (0.1, 100.0), ["0.1", "1", "10", "100"]),
        ([1e-9, 1e9], (1e-9, 1e10), None),
    ],
)
def test_a_log_axis_covers_all_positive_values(
    values: list[float | None], ends: tuple[float, float], labels: list[str] | None
) -> None:
    """One or two decades have ticks between powers of ten; many decades have few ticks."""
    axis = log_axis(values)
    assert (axis.low, axis.high) == pytest.approx(ends)
    assert axis.is_log
    assert len(axis.ticks) <= 8
    assert labels is None or [label for _, label in axis.ticks] == labels


@pytest.mark.parametrize(
    ("end_s", "labels"),
    [
        (0, ["0 s", "1 s"]),
        (60, ["0 s", "15 s", "30 s", "45 s", "1:00"]),
        (600, ["0 s", "2:00", "4:00", "6:00", "8:00", "10:00"]),
        (3_600, ["0 s", "15:00", "30:00", "45:00", "1:00:00"]),
        (10**9, None),
    ],
)
def test_a_time_axis_has_ticks_at_round_times(end_s: float, labels: list[str] | None) -> None:
    """In seconds, minutes and hours."""
    ticks = time_axis(end_s).ticks
    assert len(ticks) <= 6
    assert labels is None or [label for _, label in ticks] == labels


def test_a_count_axis_starts_at_one() -> None:
    """It skips labels if there are many."""
    assert [label for _, label in count_axis(3).ticks] == ["1", "2", "3"]
    assert [label for _, label in count_axis(25).ticks] == ["1", "4", "7", "10", "13", "16", "19", "22", "25"]


@given(values=st.lists(st.floats(0, 1e12), min_size=1))
def test_every_value_is_on_the_axis(values: list[float]) -> None:
    """All ticks are, too."""
    for axis in (linear_axis(values), log_axis(values)):
        shown = [value for value in values if not axis.is_log or value > VALUE_MIN]
        assert all(axis.low * (1 - 1e-9) <= value <= axis.high * (1 + 1e-9) for value in shown)
        assert all(axis.low <= tick <= axis.high * (1 + 1e-9) for tick, _ in axis.ticks)


def test_an_elapsed_time_reads_like_a_clock() -> None:
    """Below a minute it is in seconds."""
    assert [format_elapsed(at) for at in (0, 59.9, 60, 3_599, 3_661)] == [
        "0 s",
        "59 s",
        "1:00",
        "59:59",
        "1:01:01",
    ]
