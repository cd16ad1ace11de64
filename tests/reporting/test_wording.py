from __future__ import annotations

import pytest

from vecgate.reporting import wording


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (0.00001234, "1.23e-05"),
        (0.012345, "0.0123"),
        (4.5, "4.50"),
        (99.96, "100"),
        (1_234.5, "1,234"),
        (1e18, "1.00e+18"),
        (float("inf"), "–"),
    ],
)
def test_numbers_have_three_digits(value: float, told: str) -> None:
    """Or are whole."""
    assert wording.number(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0 s"), (2.5, "2.50 s"), (0.0149, "14.9 ms"), (2.1e-6, "2.10 µs"), (3e-9, "3.00 ns")],
)
def test_a_short_time_has_the_unit_that_fits(value: float, told: str) -> None:
    """Down to nanoseconds."""
    assert wording.seconds(value) == told


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (1, 1, "100 %"),
        (999_999, 1_000_000, "99.99 %"),
        (1, 1_000_000, "< 0.01 %"),
        (0, 5, "0 %"),
        (1, 3, "33.33 %"),
        (0, 0, "–"),
    ],
)
def test_what_is_not_all_is_never_told_as_all(part: float, whole: float, told: str) -> None:
    """Nor something as nothing, nor a share of nothing as any."""
    assert wording.share(part, whole) == told


def test_sizes_times_prices_and_moments() -> None:
    """As people write them."""
    assert [wording.duration(each) for each in (8.24, 59.96, 185, 7_800)] == [
        "8.2 s",
        "1 min 00 s",
        "3 min 05 s",
        "2 h 10 min",
    ]
    assert [wording.usd(each) for each in (0, 0.0123, 0.85, 88)] == ["$0.00", "$0.0123", "$0.85", "$88.00"]
    assert [wording.short(each) for each in (0.25, 750, 12_000, 1_500_000)] == ["0.25", "750", "12k", "1.5M"]
    assert [wording.times(each) for each in (1, 2, 3)] == ["once", "twice", "3 times"]
    assert (wording.many(1, "run"), wording.many(2_000, "run")) == ("1 run", "2,000 runs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-11-24T10:00:00.123+00:00", "2026-11-24 10:00:00 UTC"),
        ("2026-11-24T12:00:00+02:00", "2026-11-24 10:00:00 UTC"),
        ("2026-11-24T10:00:00", "2026-11-24T10:00:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("<b>", "<b>"),
    ],
)
def test_a_moment_is_told_in_utc_and_what_is_none_as_it_is(text: str, told: str) -> None:
    """A stream may hold anything there."""
    assert wording.moment(text) == told
