"""Draw charts as inline SVG. The same chart gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from vecgate.reporting.html.charts.chart_frame import (
    Scale,
    grid_lines,
    ignored_part,
    limit_lines,
    limit_names,
    marker_lines,
    marker_names,
    x_labels,
    y_labels,
)
from vecgate.reporting.html.charts.chart_marks import (
    bar_height,
    bar_marks,
    density_paths,
    heat_height,
    heat_marks,
    line_paths,
    symbols,
)
from vecgate.reporting.html.charts.plots import BarPlot, DensityPlot, HeatPlot, LinePlot, Plot
from vecgate.reporting.html.charts.svg import inline_svg, stretched


def render_svg(plot: Plot, id_: str) -> str:
    """Return *plot* as an `<svg>` element whose ids start with *id_*."""
    width = 0
    match plot:
        case HeatPlot():
            marks, height = heat_marks(plot), heat_height(plot)
            width = plot.width if plot.is_scrollable else 0
        case BarPlot():
            marks, height = bar_marks(plot), bar_height(plot)
        case _:
            marks, height = _framed_marks(plot), plot.height
    return inline_svg(marks, id_, plot.title, plot.description, height=height, width=width)


def _framed_marks(plot: LinePlot | DensityPlot) -> Iterator[ET.Element]:
    """Return the marks of a chart with two axes, from back to front."""
    x, y, height = Scale(plot.x), Scale(plot.y), plot.height
    limits = plot.limits if isinstance(plot, LinePlot) else ()
    drawn = line_paths(plot, x, y) if isinstance(plot, LinePlot) else density_paths(plot, x, y)
    yield stretched(
        height,
        [
            *(ignored_part(plot.ignored_to, x, height) if isinstance(plot, LinePlot) else ()),
            grid_lines(y, height),
            *marker_lines(plot.markers, x, height),
            *limit_lines(limits, y, height),
            *drawn,
        ],
    )
    if isinstance(plot, LinePlot):
        yield from symbols(plot, x, y)
    yield from x_labels(x, height)
    yield from y_labels(y, height)
    yield from marker_names(plot.markers, x)
    yield from limit_names(limits, y, height)
