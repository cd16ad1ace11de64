from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.reporting.html.axes import clock, elapsed, numbered, rising, tenfold


@pytest.mark.parametrize(
    ("values", "high", "words"),
    [
        ([], 1.0, ["0", "1"]),
        ([0.9], 1.0, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ([2, 3], 3.15, ["0", "1", "2", "3"]),
        ([1_000.0, None], 1_050.0, ["0", "250", "500", "750", "1k"]),
        ([40_000.0], 42_000.0, ["0", "10k", "20k", "30k", "40k"]),
        ([3_000_000.0], 3_150_000.0, ["0", "1M", "2M", "3M"]),
    ],
)
def test_a_rising_axis_begins_at_nothing(values: list[float | None], high: float, words: list[str]) -> None:
    """With round ticks, and a little room above."""
    axis = rising(values)
    assert (axis.low, axis.is_log) == (0.0, False)
    assert axis.high == pytest.approx(high)
    assert [word for _, word in axis.ticks] == words


@pytest.mark.parametrize(
    ("values", "ends", "words"),
    [
        ([], (1.0, 10.0), ["1", "2", "5", "10"]),
        ([0.0, None, 3.0], (1.0, 10.0), ["1", "2", "5", "10"]),
        ([0.5, 30.0], (0.1, 100.0), ["0.1", "1", "10", "100"]),
        ([1e-9, 1e9], (1e-9, 1e10), None),
    ],
)
def test_an_axis_by_powers_of_ten_holds_what_is_above_nothing(
    values: list[float | None], ends: tuple[float, float], words: list[str] | None
) -> None:
    """A decade or two have ticks between; many decades, few ticks."""
    axis = tenfold(values)
    assert (axis.low, axis.high) == pytest.approx(ends)
    assert axis.is_log
    assert len(axis.ticks) <= 8
    assert words is None or [word for _, word in axis.ticks] == words


@pytest.mark.parametrize(
    ("end_s", "words"),
    [
        (0, ["0 s", "1 s"]),
        (60, ["0 s", "15 s", "30 s", "45 s", "1:00"]),
        (600, ["0 s", "2:00", "4:00", "6:00", "8:00", "10:00"]),
        (3_600, ["0 s", "15:00", "30:00", "45:00", "1:00:00"]),
        (10**9, None),
    ],
)
def test_time_is_marked_where_people_would(end_s: float, words: list[str] | None) -> None:
    """By seconds, minutes and hours."""
    ticks = elapsed(end_s).ticks
    assert len(ticks) <= 6
    assert words is None or [word for _, word in ticks] == words


def test_trials_are_numbered_from_one() -> None:
    """Not each of many."""
    assert [word for _, word in numbered(3).ticks] == ["1", "2", "3"]
    assert [word for _, word in numbered(25).ticks] == ["1", "4", "7", "10", "13", "16", "19", "22", "25"]


@given(values=st.lists(st.floats(0, 1e12), min_size=1))
def test_every_value_is_on_the_axis(values: list[float]) -> None:
    """And so is every tick."""
    for axis in (rising(values), tenfold(values)):
        shown = [value for value in values if not axis.is_log or value > 1e-12]
        assert all(axis.low * (1 - 1e-9) <= value <= axis.high * (1 + 1e-9) for value in shown)
        assert all(axis.low <= tick <= axis.high * (1 + 1e-9) for tick, _ in axis.ticks)


def test_a_moment_of_a_run_reads_like_a_clock() -> None:
    """Short where it can be."""
    assert [clock(at) for at in (0, 59.9, 60, 3_599, 3_661)] == ["0 s", "59 s", "1:00", "59:59", "1:01:01"]
