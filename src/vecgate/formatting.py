"""Numbers, times, sizes and prices as people read them. Each kind of quantity has one format everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, isfinite, log10

THOUSAND, MILLION = 1_000, 1_000_000
MINUTE_S, HOUR_S = 60, 3600
KIB = 1024
DIGITS = 3
#: Shown for a value that does not exist.
NONE = "–"


def format_number(value: float, digits: int = DIGITS) -> str:
    """Format *value* to *digits* significant digits: `0.0123`, `4.56`, `78.9`.

    Digits before the decimal point are never rounded away (`1,234`), and an int is shown whole.
    """
    if not isfinite(value):
        return NONE
    whole = 10.0 ** (digits - 1)
    if value == 0 or isinstance(value, int) or whole <= abs(value) < 1e15:  # noqa: PLR2004 - longer than any count
        return f"{value:,.0f}"
    is_plain = 1e-4 <= abs(value) < whole  # noqa: PLR2004 - smaller numbers are shorter as powers of ten
    return f"{value:#.{digits}g}".rstrip(".") if is_plain else f"{value:.{digits - 1}e}"


def format_exact(value: float) -> str:
    """Format a number that a person has chosen, with all its digits: `6.25`, `1,000`."""
    return f"{value:,.10g}"


def format_compact(value: float) -> str:
    """Format a number for an axis: `0.5`, `250`, `12k`, `1.5M`."""
    for size, letter in ((MILLION, "M"), (THOUSAND, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def format_count(count: int, noun: str) -> str:
    """Format a number of things: `1 record`, `2,000 records`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_times(count: int) -> str:
    """Format how often something happened: `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def format_percentage(part: float, whole: float) -> str:
    """Format *part* of *whole* in per cent: `99.98 %`, or a dash if *whole* is 0.

    Less than everything is never shown as 100 %, and more than nothing never as 0 %.
    """
    if not whole:
        return NONE
    text = f"{100 * part / whole:.2f}".rstrip("0").rstrip(".")
    if text == "100" and part < whole:
        text = "99.99"
    return f"{'< 0.01' if text == '0' and part else text} %"


def format_milliseconds(value: float) -> str:
    """Format a latency: `4.56 ms`, `1,234 ms`."""
    return NONE if not isfinite(value) else f"{format_number(value)} ms"


def format_seconds(value: float) -> str:
    """Format a short time in the unit that fits: `12.3 µs`, `4.56 ms`, `1.20 s`."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= scale:
            return f"{format_number(value / scale)} {unit}"
    return "0 s" if value == 0 else f"{format_number(value / 1e-9)} ns"


def format_duration(value: float) -> str:
    """Format a long time in seconds: `8.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if value < MINUTE_S - 0.05:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), MINUTE_S)
    if minutes < MINUTE_S:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_usd(value: float) -> str:
    """Format a price: `$88.00`, `$0.85`, `$0.05`, `$0.0123`, `$0.00023`. Never rounded to nothing."""
    if value == 0 or abs(value) >= 0.1:  # noqa: PLR2004 - ten cents
        return f"${value:,.2f}"
    decimals = max(4, 1 - floor(log10(abs(value))))
    dollars, _, cents = f"{value:.{decimals}f}".rstrip("0").partition(".")
    return f"${dollars}.{cents:<02}"


def format_bytes(size: float) -> str:
    """Format a size: `512 B`, `6.1 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < KIB:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= KIB
    return f"{size:,.1f} TiB"


def format_quantity(value: float | None, unit: str) -> str:
    """Format *value* in its *unit*: `12.3 ms`, `99.95 %`, `$0.88`, `2,380 vectors/s`; empty for None.

    Percentages are given as parts of 1. The units s, ms, % and $ have formats of their own.
    """
    if value is None:
        return ""
    match unit:
        case "%":
            return format_percentage(value, 1)
        case "$":
            return format_usd(value)
        case "s":
            return format_seconds(value)
        case "ms":
            return format_milliseconds(value)
    return f"{format_number(value)} {unit}".rstrip()


def format_timestamp(text: str) -> str:
    """Format an ISO 8601 timestamp: `2026-11-24 10:00:00 UTC`. Any other text is returned unchanged."""
    try:
        at = datetime.fromisoformat(text)
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at.tzinfo else text
    except (ValueError, OverflowError):
        return text
