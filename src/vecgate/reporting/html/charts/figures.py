"""Figures of a page: the chart, its legend, and the values that the script shows under the pointer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from vecgate.reporting.html.charts.chart_renderer import render_svg
from vecgate.reporting.html.charts.plots import BarPlot, DensityPlot, HeatPlot, LinePlot, Plot, PlotLine
from vecgate.reporting.html.untrusted_text import make_visible

DIGITS = 4


@dataclass(frozen=True, slots=True)
class ChartFigure:
    """A chart as the templates show it.

    svg            the picture; *frame* is the class of the space around it, in which its labels are
    legend         the lines that the legend names
    values         JSON for the script, which shows the values under the pointer; empty without lines
    is_wide        it takes the whole width of the page
    is_scrollable  it scrolls if the page is too narrow
    """

    id: str
    title: str
    unit: str
    svg: Markup
    frame: str
    legend: tuple[PlotLine, ...]
    values: Markup
    is_wide: bool
    is_scrollable: bool = False


class FigureBuilder:
    """Builds the figures of one run. Their ids start with *prefix*."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def build_all(self, name: str, plots: Iterable[Plot]) -> Iterator[ChartFigure]:
        """Return a figure for each of *plots*, numbered from 1."""
        for order, plot in enumerate(plots, start=1):
            yield self.build(f"{name}-{order}", plot)

    def build(self, name: str, plot: Plot) -> ChartFigure:
        """Return the figure of *plot*; its id ends with *name*."""
        id_ = f"{self.prefix}-{name}"
        is_scrollable = isinstance(plot, HeatPlot) and plot.is_scrollable
        return ChartFigure(
            id=id_,
            title=plot.title,
            unit=plot.unit,
            svg=Markup(render_svg(plot, id_)),  # noqa: S704 - serialised by ElementTree, which escapes
            frame=" ".join(_frame(plot)),
            legend=legend_lines(plot) if isinstance(plot, LinePlot) else (),
            values=_values_json(plot) if isinstance(plot, LinePlot) else Markup(),
            is_wide=is_scrollable or (isinstance(plot, LinePlot | DensityPlot) and plot.is_wide),
            is_scrollable=is_scrollable,
        )


def _frame(plot: Plot) -> Iterator[str]:
    if isinstance(plot, BarPlot):
        yield "bars"
    elif isinstance(plot, LinePlot | DensityPlot) and any(marker.name for marker in plot.markers):
        yield "named"


def legend_lines(plot: LinePlot) -> tuple[PlotLine, ...]:
    """Return the lines for the legend: none if there is a single line and the title names it."""
    lines = distinct_lines(plot)
    return () if len(lines) == 1 and lines[0].name in plot.title.lower() else lines


def distinct_lines(plot: LinePlot) -> tuple[PlotLine, ...]:
    """Return the lines of *plot*, one for each name: an area and its outline share a name."""
    return tuple({line.name: line for line in plot.lines}.values())


def _values_json(plot: LinePlot) -> Markup:
    values = {
        "low": plot.x.low,
        "high": plot.x.high,
        **({"log": 1} if plot.x.is_log else {}),
        "at": list(map(_rounded, plot.x_values)),
        "names": list(plot.x_labels),
        "marks": [[_rounded(each.at), make_visible(each.name)] for each in plot.markers if each.name],
        "lines": [
            {"name": line.name, "values": list(map(_rounded, line.values))} for line in distinct_lines(plot)
        ],
    }
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=True)
    # A name in it must not be able to close the <script> element.
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704 - no HTML syntax is left


def _rounded(value: float | None) -> float | None:
    if value is None or not isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}") if abs(value) < 10**DIGITS else round(value)
    return int(short) if short == int(short) else short
