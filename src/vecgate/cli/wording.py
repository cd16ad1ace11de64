"""Numbers as people read them on a terminal; `reporting.wording` has the others."""

from __future__ import annotations

from math import isnan

KIB = 1024


def size(number: float) -> str:
    """Bytes, such as `512 B`, `6.1 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < KIB:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= KIB
    return f"{number:,.1f} TiB"


def milliseconds(number: float) -> str:
    """Such as `4.1 ms`, `212 ms`, or `-` where there is nothing to tell."""
    return "-" if isnan(number) else f"{number:.1f} ms" if number < 100 else f"{number:,.0f} ms"  # noqa: PLR2004 - three digits are enough
