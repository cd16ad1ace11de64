"""Axes with round ticks. They are computed here so that charts do not depend on the fonts of the machine."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, isfinite, log10

from vecgate.formatting import format_compact
from vecgate.reporting.html.charts.plots import Axis

TICKS = 5
STEPS = (1, 2, 2.5, 5, 10)
TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
MINUTE_S, HOUR_S = 60, 3600
#: The axis ends this factor above the highest value.
HEADROOM = 1.05
DECADES_MAX = 6
#: Every plausible measurement is between these. A stream may contain any number; others are not drawn.
VALUE_MIN, VALUE_MAX = 1e-12, 1e15


def linear_axis(values: Iterable[float | None], *, least: float = 1.0) -> Axis:
    """Return an axis from 0 to the highest of *values*, but at least *least*. Integers get integer ticks."""
    known = [value for value in values if value is not None and value <= VALUE_MAX]
    high = max(max(known, default=0.0) * HEADROOM, least)
    step = _round_step(high / TICKS)
    step = max(step, 1.0) if all(isinstance(value, int) for value in known) else step
    ticks = [index * step for index in range(floor(high / step) + 1)]
    return Axis(0.0, high, tuple((tick, format_compact(tick)) for tick in ticks))


def change_axis(values: Iterable[float], *, most: float) -> Axis:
    """Return an axis of changes in per cent, with 0 in its middle: as far as *values*, but at most *most*."""
    high = min(max((abs(value) for value in values if isfinite(value)), default=0.0) * HEADROOM, most)
    high = max(high, 0.01)
    step = _round_step(high / 2)
    ticks = [index * step for index in range(-floor(high / step), floor(high / step) + 1)]
    return Axis(-high, high, tuple((tick, f"{100 * tick:+.3g} %" if tick else "0") for tick in ticks))


def log_axis(values: Iterable[float | None]) -> Axis:
    """Return a logarithmic axis from the power of ten below *values* to the one above. Ignores 0."""
    known = [value for value in values if value is not None and VALUE_MIN < value <= VALUE_MAX] or [1.0]
    low, high = floor(log10(min(known))), ceil(log10(max(known) * HEADROOM))
    high = max(high, low + 1)
    stride = max(1, ceil((high - low) / DECADES_MAX))
    ticks = [10.0**power for power in range(low, high + 1, stride)]
    if high - low <= 2:  # noqa: PLR2004 - one or two decades have room for ticks between
        ticks = [10.0**power * part for power in range(low, high) for part in (1, 2, 5)] + [10.0**high]
    return Axis(10.0**low, 10.0**high, tuple((tick, format_compact(tick)) for tick in ticks), is_log=True)


def time_axis(end_s: float) -> Axis:
    """Return an axis from 0 to *end_s* seconds with ticks at round times."""
    end_s = min(max(end_s, 1.0), VALUE_MAX)
    step = next((each for each in TIME_STEPS_S if end_s / each <= TICKS), _round_step(end_s / TICKS))
    ticks = [index * step for index in range(floor(end_s / step) + 1)]
    return Axis(0.0, end_s, tuple((tick, format_elapsed(tick)) for tick in ticks))


def count_axis(count: int) -> Axis:
    """Return an axis for the numbers 1 to *count*, with half a step of space at both ends."""
    stride = max(1, ceil(count / 10))
    ticks = range(1, count + 1, stride)
    return Axis(0.5, count + 0.5, tuple((tick, str(tick)) for tick in ticks))


def format_elapsed(elapsed_s: float) -> str:
    """Format a time since the start of a run: `45 s`, `2:30`, `1:05:00`."""
    whole = floor(elapsed_s)
    if whole < MINUTE_S:
        return f"{whole} s"
    minutes, seconds = divmod(whole, MINUTE_S)
    if whole < HOUR_S:
        return f"{minutes}:{seconds:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def _round_step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(power * step for step in STEPS if power * step >= least * (1 - 1e-9))
