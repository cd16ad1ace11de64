from __future__ import annotations

import pytest

from vecgate import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00001234, "1.23e-05"),
        (0.012345, "0.0123"),
        (4.5, "4.50"),
        (99.96, "100"),
        (1_234.5, "1,234"),
        (1e18, "1.00e+18"),
        (float("inf"), "–"),
        (float("nan"), "–"),
        (10, "10"),
        (1_000_000, "1,000,000"),
    ],
)
def test_a_number_has_three_significant_digits(value: float, text: str) -> None:
    """Digits before the point are always shown, and an int is whole."""
    assert formatting.format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(61.9, "62"), (4.26, "4.3"), (0.617, "0.62"), (150.4, "150"), (0.5, "0.50")]
)
def test_a_number_may_have_fewer_digits(value: float, text: str) -> None:
    """Two digits are enough for a margin."""
    assert formatting.format_number(value, 2) == text


@pytest.mark.parametrize(("value", "text"), [(6.25, "6.25"), (1_000.0, "1,000"), (2_380.5, "2,380.5")])
def test_a_number_that_a_person_has_chosen_keeps_its_digits(value: float, text: str) -> None:
    """The rates of a scenario are shown as they were written."""
    assert formatting.format_exact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 s"), (2.5, "2.50 s"), (0.0149, "14.9 ms"), (2.1e-6, "2.10 µs"), (3e-9, "3.00 ns")],
)
def test_a_short_time_has_the_unit_that_fits(value: float, text: str) -> None:
    """Units go down to nanoseconds."""
    assert formatting.format_seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 ms"), (39.23, "39.2 ms"), (1_234.4, "1,234 ms"), (float("nan"), "–")]
)
def test_a_latency_is_in_milliseconds(value: float, text: str) -> None:
    """Reports, verdicts and live tables show one latency in one way."""
    assert formatting.format_milliseconds(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 1, "100 %"),
        (999_999, 1_000_000, "99.99 %"),
        (1, 1_000_000, "< 0.01 %"),
        (0, 5, "0 %"),
        (1, 3, "33.33 %"),
        (0, 0, "–"),
    ],
)
def test_a_part_is_never_shown_as_everything_or_nothing(part: float, whole: float, text: str) -> None:
    """A share of nothing has no percentage."""
    assert formatting.format_percentage(part, whole) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0.00"),
        (0.00023, "$0.00023"),
        (0.000000001, "$0.000000001"),
        (0.0123, "$0.0123"),
        (0.05, "$0.05"),
        (0.03999999, "$0.04"),
        (0.00096, "$0.00096"),
        (0.85, "$0.85"),
        (88, "$88.00"),
        (1234.5, "$1,234.50"),
    ],
)
def test_a_price_is_never_rounded_to_nothing(value: float, text: str) -> None:
    """Less than ten cents has as many digits as it needs."""
    assert formatting.format_usd(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", ""),
        (0.9995, "%", "99.95 %"),
        (0.0, "%", "0 %"),
        (0.88, "$", "$0.88"),
        (0.0000123, "s", "12.3 µs"),
        (212.4, "ms", "212 ms"),
        (2380.0, "vectors/s", "2,380 vectors/s"),
        (3, "", "3"),
    ],
)
def test_a_quantity_is_formatted_by_its_unit(value: float | None, unit: str, text: str) -> None:
    """Percentages are parts of 1."""
    assert formatting.format_quantity(value, unit) == text


def test_durations_sizes_axis_values_and_counts() -> None:
    """Each has one format."""
    assert [formatting.format_duration(each) for each in (8.24, 59.96, 185, 7_800)] == [
        "8.2 s",
        "1 min 00 s",
        "3 min 05 s",
        "2 h 10 min",
    ]
    assert [formatting.format_bytes(each) for each in (512, 6_400_000, 3 * 2**50)] == [
        "512 B",
        "6.1 MiB",
        "3,072.0 TiB",
    ]
    axis = [formatting.format_compact(each) for each in (0.25, 750, 12_000, 1_500_000)]
    assert axis == ["0.25", "750", "12k", "1.5M"]
    assert [formatting.format_times(each) for each in (1, 2, 3)] == ["once", "twice", "3 times"]
    counts = [formatting.format_count(each, "run") for each in (1, 2_000)]
    assert counts == ["1 run", "2,000 runs"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T10:00:00.123+00:00", "2026-11-24 10:00:00 UTC"),
        ("2026-11-24T12:00:00+02:00", "2026-11-24 10:00:00 UTC"),
        ("2026-11-24T10:00:00", "2026-11-24T10:00:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("<b>", "<b>"),
    ],
)
def test_a_timestamp_is_shown_in_utc_and_any_other_text_unchanged(text: str, expected: str) -> None:
    """A result stream may contain anything in that field."""
    assert formatting.format_timestamp(text) == expected
