"""Numbers as people read them."""

from __future__ import annotations

from math import isnan

KIB = 1024


def duration(seconds: float) -> str:
    """Such as `8.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 59.95:  # noqa: PLR2004 - shown as 60.0 s otherwise
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - minutes
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def size(number: float) -> str:
    """Bytes, such as `512 B`, `6.1 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < KIB:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= KIB
    return f"{number:,.1f} TiB"


def count(number: int, noun: str) -> str:
    """Such as `1 record`, `2,000 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def milliseconds(number: float) -> str:
    """Such as `4.1 ms`, `212 ms`, or `-` where there is nothing to tell."""
    return "-" if isnan(number) else f"{number:.1f} ms" if number < 100 else f"{number:,.0f} ms"  # noqa: PLR2004 - three digits are enough
