"""The marks of each kind of chart: lines and areas, symbols, densities, bars, and the cells of a heat map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from xml.etree import ElementTree as ET

from vecgate.reporting.html.charts.chart_frame import Scale, marker_lines, tick_lines, x_labels
from vecgate.reporting.html.charts.plots import (
    HEAT_MAX,
    Bar,
    BarPlot,
    DensityPlot,
    HeatCell,
    HeatPlot,
    LinePlot,
    Marker,
    PlotLine,
)
from vecgate.reporting.html.charts.svg import (
    SCALE,
    Corner,
    element,
    label,
    path_through,
    percent,
    stretched,
)

HEAT_ROW, BAR_ROW = 54, 44
#: From the top of its row to the baseline of the label of a bar, and to the bar itself.
BAR_LABEL, BAR_TOP, BAR_HEIGHT = 14, 22, 10
#: Paths of symbols around their position.
SYMBOLS = {"cross": "M-4.5,0h9M0-4.5v9", "triangle": "M0-5.5l5,9h-10z"}
STEPPED = frozenset({"step", "area"})


def line_paths(plot: LinePlot, x: Scale, y: Scale) -> Iterator[ET.Element]:
    """Return the lines and areas of *plot* as paths in the plot area."""
    for line in plot.lines:
        if line.shape in SYMBOLS or line.shape == "circle":
            continue
        runs = [_corners(line, plot, run, x, y) for run in _runs(line, y)]
        if not runs:
            continue
        colour = f"var(--{line.tone})"
        if line.shape == "area":
            base = SCALE * plot.height
            outlines = (f"{path_through(run)}V{base}H{run[0][0]}z" for run in runs)
            yield element("path", d="".join(outlines), fill=colour, fill_opacity="0.22")
        else:
            path = "".join(map(path_through, runs))
            dash = "5 3" if line.is_dashed else ""
            yield element("path", d=path, class_="line", stroke=colour, stroke_dasharray=dash)


def symbols(plot: LinePlot, x: Scale, y: Scale) -> Iterator[ET.Element]:
    """Return the symbols of *plot*, which keep their shape however wide the chart is."""
    for line in plot.lines:
        if line.shape not in SYMBOLS and line.shape != "circle":
            continue
        for at, value in zip(plot.x_values, line.values, strict=True):
            if value is not None and y.is_drawable(value):
                yield _symbol(line, percent(x.fraction(at)), plot.height * (1 - y.fraction(value)))


def density_paths(plot: DensityPlot, x: Scale, y: Scale) -> Iterator[ET.Element]:
    """Return a path for each level of *plot*, with all its rectangles."""
    for heat in range(HEAT_MAX + 1):
        rectangles = []
        for block in plot.blocks:
            if block.heat == heat:
                left, right = x.across(block.left), x.across(block.right)
                top, bottom = y.down(block.high, plot.height), y.down(block.low, plot.height)
                rectangles.append(f"M{left},{top}H{right}V{bottom}H{left}z")
        if rectangles:
            yield element("path", d="".join(rectangles), fill=f"var(--heat-{heat})")


def bar_marks(plot: BarPlot) -> Iterator[ET.Element]:
    """Return everything in a chart of bars."""
    x, height = Scale(plot.x), bar_height(plot)
    zero = marker_lines([Marker(0.0)], x, height)
    yield stretched(height, [tick_lines(x, height), *zero])
    for order, bar in enumerate(plot.bars):
        yield from _bar(bar, BAR_ROW * order, x)
    yield from x_labels(x, height)


def bar_height(plot: BarPlot) -> int:
    """Return the height of its plot area in pixels."""
    return BAR_ROW * len(plot.bars)


def heat_marks(plot: HeatPlot) -> Iterator[ET.Element]:
    """Return everything in a heat map."""
    columns = {name: order for order, name in enumerate(plot.columns)}
    rows = {name: order for order, name in enumerate(plot.rows)}
    width = 1 / max(len(columns), 1)
    for cell in sorted(plot.cells, key=lambda each: each.is_highlighted):
        yield from _heat_cell(cell, columns[cell.column] * width, HEAT_ROW * rows[cell.row], width)
    for name, order in columns.items():
        at = percent((order + 0.5) * width)
        yield label(name, x=at, y=heat_height(plot) + 18, text_anchor="middle")
    for name, order in rows.items():
        yield label(name, x=-8, y=HEAT_ROW * (order + 0.5) + 4, text_anchor="end")


def heat_height(plot: HeatPlot) -> int:
    """Return the height of its cells in pixels."""
    return HEAT_ROW * len(plot.rows)


def _runs(line: PlotLine, y: Scale) -> Iterator[list[int]]:
    """Return the indexes of values that follow each other without a gap."""
    for is_shown, run in groupby(range(len(line.values)), lambda at: y.is_drawable(line.values[at])):
        if is_shown:
            yield list(run)


def _corners(line: PlotLine, plot: LinePlot, run: list[int], x: Scale, y: Scale) -> list[Corner]:
    points = [(x.across(plot.x_values[at]), y.down(line.values[at] or 0.0, plot.height)) for at in run]
    if line.shape not in STEPPED:
        return points
    # A value lasts until the next one.
    corners = [points[0]]
    for (_, level), (at, following) in pairwise(points):
        corners += [(at, level), (at, following)]
    if run[-1] + 1 < len(plot.x_values):
        corners.append((x.across(plot.x_values[run[-1] + 1]), points[-1][1]))
    return corners


def _symbol(line: PlotLine, across: str, down: float) -> ET.Element:
    colour = f"var(--{line.tone})"
    if line.shape == "circle":
        return element("circle", cx=across, cy=down, r=4.5, fill=colour)
    is_filled = line.shape == "triangle"
    drawn = element(
        "path",
        d=SYMBOLS[line.shape],
        fill=colour if is_filled else "",
        stroke="" if is_filled else colour,
        stroke_width=0 if is_filled else 2.5,
    )
    return element("svg", drawn, class_="symbol", x=across, y=down)


def _bar(bar: Bar, top: int, x: Scale) -> Iterator[ET.Element]:
    yield label(bar.label, class_="ink", x="0%", y=top + BAR_LABEL)
    yield label(bar.text, x="100%", y=top + BAR_LABEL, text_anchor="end")
    colour, middle = f"var(--{bar.tone})", top + BAR_TOP + BAR_HEIGHT / 2
    if bar.low is None or bar.high is None:
        start = x.fraction(0.0)
        end = x.fraction(bar.value)
        left, width = percent(min(start, end)), percent(abs(end - start))
        yield element("rect", x=left, y=top + BAR_TOP, width=width, height=BAR_HEIGHT, fill=colour)
        return
    ends = (percent(x.fraction(each)) for each in (bar.low, bar.high))
    yield element(
        "line",
        **dict(zip(("x1", "x2"), ends, strict=True)),
        y1=middle,
        y2=middle,
        stroke=colour,
        stroke_width=6,
        stroke_opacity="0.35",
    )
    yield element("circle", cx=percent(x.fraction(bar.value)), cy=middle, r=4.5, fill=colour)


def _heat_cell(cell: HeatCell, left: float, top: int, width: float) -> Iterator[ET.Element]:
    ink, middle = f"var(--heat-ink-{cell.heat})", percent(left + width / 2)
    yield element(
        "rect",
        x=percent(left),
        y=top,
        width=percent(width),
        height=HEAT_ROW,
        fill=f"var(--heat-{cell.heat})",
        stroke="var(--ink)" if cell.is_highlighted else "var(--page)",
        stroke_width=3,
    )
    yield label(cell.text, class_="value", x=middle, y=top + 24, text_anchor="middle", fill=ink)
    yield label(cell.subtext, x=middle, y=top + 41, text_anchor="middle", fill=ink)
