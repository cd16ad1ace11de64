"""The curve of latency by rate: where it bends, more load only makes requests wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vecgate.formatting import format_milliseconds, format_number
from vecgate.reporting.html.charts.axes import linear_axis, log_axis
from vecgate.reporting.html.charts.plots import LinePlot, Marker, PlotLine, Shape, Values

HEIGHT = 260
#: Name, whether every threshold was met, tone and shape of the points.
OUTCOMES: tuple[tuple[str, bool, str, Shape], ...] = (
    ("held", True, "p99", "circle"),
    ("failed", False, "failed", "cross"),
)


@dataclass(frozen=True, slots=True)
class RatePoint:
    """A rate that was offered, and what was measured at it.

    is_held  every threshold was met
    """

    offered_per_s: float
    achieved_per_s: float
    p50_ms: float
    p99_ms: float
    is_held: bool
    label: str


def rate_latency_plot(
    points: Sequence[RatePoint], unit: str, highlighted: tuple[float, str] | None = None
) -> LinePlot | None:
    """Return the chart of p50 and p99 by achieved rate; None if fewer than two rates were measured.

    The lines join the points in the order of the offered rates: beyond its capacity a target may achieve
    less.
    *highlighted* is a rate with its name, such as the knee.
    """
    ordered = sorted(
        (point for point in points if point.p99_ms > 0),
        key=lambda point: (point.offered_per_s, point.achieved_per_s),
    )
    if len({point.achieved_per_s for point in ordered}) < 2:  # noqa: PLR2004 - a curve
        return None
    rates = tuple(point.achieved_per_s for point in ordered)
    name = "" if highlighted is None else f"{highlighted[1]} {format_number(highlighted[0])}/s"
    return LinePlot(
        title="Latency by achieved rate",
        unit=f"ms at {unit} per second",
        x=linear_axis((*rates, *(highlighted or ())[:1])),
        y=log_axis(value for point in ordered for value in (point.p50_ms, point.p99_ms)),
        x_values=rates,
        x_labels=tuple(f"{format_number(point.achieved_per_s)}/s ({point.label})" for point in ordered),
        lines=tuple(_lines(ordered)),
        description=_describe(ordered, name, unit),
        markers=(Marker(highlighted[0], name),) if highlighted else (),
        height=HEIGHT,
        is_wide=True,
    )


def _lines(points: Sequence[RatePoint]) -> Iterator[PlotLine]:
    yield PlotLine("p50", "p50", tuple(each.p50_ms for each in points), is_dashed=True)
    yield PlotLine("p99", "p99", tuple(each.p99_ms for each in points))
    for name, is_held, tone, shape in OUTCOMES:
        values: Values = tuple(each.p99_ms if each.is_held == is_held else None for each in points)
        if any(values):
            yield PlotLine(name, tone, values, shape)


def _describe(points: Sequence[RatePoint], name: str, unit: str) -> str:
    ends = (
        f"p99 {format_milliseconds(each.p99_ms)} at {format_number(each.achieved_per_s)} {unit} per second"
        for each in (points[0], points[-1])
    )
    return f"{', '.join(ends)}{f'; {name}' if name else ''}."
