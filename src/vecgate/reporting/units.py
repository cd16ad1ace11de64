"""Figures as people read them, by their unit."""

from __future__ import annotations

from vecgate.reporting.wording import milliseconds, number, seconds, share


def figure(value: float | None, unit: str) -> str:
    """Such as `12.3 ms`, `99.95 %`, `$0.880`, `2,380 vectors/s`; empty for None. Shares are parts of 1."""
    if value is None:
        return ""
    match unit:
        case "%":
            return share(value, 1)
        case "$":
            return f"${number(value)}"
        case "s":
            return seconds(value)
        case "ms":
            return milliseconds(value)
    return f"{number(value)} {unit}"
