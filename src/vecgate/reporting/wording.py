"""Numbers as a page shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite

from vecgate.s3vectors.pricing import PRICES_READ

THOUSAND, MILLION = 1_000, 1_000_000
MINUTE_S, HOUR_S = 60, 3600
#: Whose prices they are: what a run on any target would have cost there.
PRICED = f"by Amazon's prices for requests, us-east-1, read {PRICES_READ}"


def short(number: float) -> str:
    """For an axis: `0.5`, `250`, `12k`, `1.5M`."""
    for size, letter in ((MILLION, "M"), (THOUSAND, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def number(value: float) -> str:
    """To three digits, or whole: `0.0123`, `4.56`, `78.9`, `1,234`."""
    if not isfinite(value):
        return "–"
    if value == 0 or 100 <= abs(value) < 1e15:  # noqa: PLR2004 - three digits before the point
        return f"{value:,.0f}"
    is_plain = 1e-4 <= abs(value) < 100  # noqa: PLR2004 - others are shorter as powers of ten
    return f"{value:#.3g}".rstrip(".") if is_plain else f"{value:.2e}"


def milliseconds(value: float) -> str:
    """Such as `4.56 ms`."""
    return f"{number(value)} ms"


def seconds(value: float) -> str:
    """A short time: `12.3 µs`, `4.56 ms`, `1.20 s`."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= scale:
            return f"{number(value / scale)} {unit}"
    return "0 s" if value == 0 else f"{number(value / 1e-9)} ns"


def duration(value: float) -> str:
    """A long time: `8.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if value < MINUTE_S - 0.05:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), MINUTE_S)
    if minutes < MINUTE_S:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def share(part: float, whole: float) -> str:
    """In per cent: `99.98 %`; a dash of nothing. What is not all is never shown as all, nor some as none."""
    if not whole:
        return "–"
    told = f"{100 * part / whole:.2f}".rstrip("0").rstrip(".")
    if told == "100" and part < whole:
        told = "99.99"
    return f"{'< 0.01' if told == '0' and part else told} %"


def usd(value: float) -> str:
    """Such as `$0.0123`, `$0.85`, `$88.00`."""
    return f"${value:,.2f}" if value >= 0.1 or value == 0 else f"${value:.4f}"  # noqa: PLR2004 - cents tell enough


def many(count: int, noun: str) -> str:
    """Such as `1 record`, `2,000 records`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def times(count: int) -> str:
    """Such as `once`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def moment(text: str) -> str:
    """An ISO 8601 moment: `2026-11-24 10:00:00 UTC`; what is none, as it is."""
    try:
        at = datetime.fromisoformat(text)
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at.tzinfo else text
    except (ValueError, OverflowError):
        return text
