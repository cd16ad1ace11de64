"""Axes with round ticks. They are worked out here, so that no font of the machine moves anything."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, log10

from vecgate.reporting.html.plots import Axis
from vecgate.reporting.wording import short

TICKS = 5
STEPS = (1, 2, 2.5, 5, 10)
SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
MINUTE, HOUR = 60, 3600
ROOM = 1.05
DECADES_MAX = 6
#: What a run can have measured is between these; a stream may hold anything.
NEXT_TO_NOTHING, BEYOND_ALL = 1e-12, 1e15


def rising(values: Iterable[float | None], *, least: float = 1.0) -> Axis:
    """From zero to above the highest of *values*; whole numbers have whole ticks."""
    known = [value for value in values if value is not None and value <= BEYOND_ALL]
    high = max(max(known, default=0.0) * ROOM, least)
    step = _step(high / TICKS)
    step = max(step, 1.0) if all(isinstance(value, int) for value in known) else step
    ticks = [number * step for number in range(floor(high / step) + 1)]
    return Axis(0.0, high, tuple((tick, short(tick)) for tick in ticks))


def tenfold(values: Iterable[float | None]) -> Axis:
    """By powers of ten around *values*; what is next to nothing has no place on it."""
    known = [value for value in values if value is not None and NEXT_TO_NOTHING < value <= BEYOND_ALL] or [
        1.0
    ]
    low, high = floor(log10(min(known))), ceil(log10(max(known) * ROOM))
    high = max(high, low + 1)
    stride = max(1, ceil((high - low) / DECADES_MAX))
    ticks = [10.0**power for power in range(low, high + 1, stride)]
    if high - low <= 2:  # noqa: PLR2004 - one or two decades have room for ticks between
        ticks = [10.0**power * part for power in range(low, high) for part in (1, 2, 5)] + [10.0**high]
    return Axis(10.0**low, 10.0**high, tuple((tick, short(tick)) for tick in ticks), is_log=True)


def elapsed(end_s: float) -> Axis:
    """From the start to *end_s* seconds."""
    end_s = min(max(end_s, 1.0), BEYOND_ALL)
    step = next((each for each in SECONDS if end_s / each <= TICKS), _step(end_s / TICKS))
    ticks = [number * step for number in range(floor(end_s / step) + 1)]
    return Axis(0.0, end_s, tuple((tick, clock(tick)) for tick in ticks))


def numbered(count: int) -> Axis:
    """From 1 to *count*, a little apart from the edges."""
    stride = max(1, ceil(count / 10))
    ticks = range(1, count + 1, stride)
    return Axis(0.5, count + 0.5, tuple((tick, str(tick)) for tick in ticks))


def clock(seconds: float) -> str:
    """A moment of the run: `45 s`, `2:30`, `1:05:00`."""
    whole = floor(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, MINUTE)
    if whole < HOUR:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(power * step for step in STEPS if power * step >= least * (1 - 1e-9))
