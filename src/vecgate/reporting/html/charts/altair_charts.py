"""Charts drawn by altair and vl-convert. No other module imports them.

Sizes, ticks and labels are given, not measured, so the same data give the same picture on every machine.
Colours are variables of the style sheet; the library copies their names into the SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import altair as alt
import vl_convert

from vecgate.reporting.html.charts.plots import (
    BOTTOM,
    LEFT,
    NARROW,
    RIGHT,
    TOP,
    WIDE,
    Axis,
    BarPlot,
    HeatPlot,
    LinePlot,
    Plot,
    PlotLine,
)

Layers: TypeAlias = alt.LayerChart | alt.FacetChart

HEAT_ROW, BAR_ROW = 54, 44
CONFIG = {
    "aria": False,
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "grid": False,
        "gridColor": "var(--grid)",
        "labelColor": "var(--muted)",
        "labelOverlap": False,
        "labelBound": False,
        "labelFlush": False,
        "labelPadding": 8,
        "title": None,
    },
}
SHAPES: Mapping[str, str] = {"circle": "circle", "cross": "cross", "triangle": "triangle-up"}


def render_svg(plot: Plot, rows: Sequence[Mapping[str, Any]], *, is_narrow: bool) -> str:
    """Return the SVG of *plot*, whose data are *rows*."""
    width, height, left = NARROW, 0, LEFT
    chart: Layers
    match plot:
        case LinePlot():
            width = WIDE if plot.is_wide and not is_narrow else NARROW
            chart, height = _lines(plot), plot.height
        case HeatPlot():
            chart, width, height = _heat(plot), plot.width, HEAT_ROW * len(plot.rows)
        case BarPlot():
            chart, height, left = _bars(plot), BAR_ROW * len(plot.bars), RIGHT
    sized = chart.properties(
        width=width - left - RIGHT,
        height=height,
        padding={"left": left, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
        autosize=alt.AutoSizeParams(type="none"),
    )
    # Added after to_dict: the library would validate every row against its schema, which is slow.
    spec = {**sized.to_dict(validate=False), "datasets": {"rows": rows}}
    return str(vl_convert.vegalite_to_svg(spec, config=CONFIG))


def _data() -> alt.Chart:
    return alt.Chart(alt.NamedData("rows"))


def _lines(plot: LinePlot) -> Layers:
    x = alt.X("x:Q", scale=_scale(plot.x), axis=_axis(plot.x))
    y_scale, y_axis = _scale(plot.y), _axis(plot.y, grid=True)
    layers = [
        _mark(line).encode(x=x, y=alt.Y(f"y{number}:Q", scale=y_scale, axis=y_axis))
        for number, line in enumerate(plot.lines)
    ]
    rules = [
        _data().mark_rule(color="var(--rule)", strokeDash=[2, 3]).encode(x=alt.X(datum=at))
        for at in plot.markers
    ]
    return alt.layer(*layers, *rules)


def _mark(line: PlotLine) -> alt.Chart:
    colour, data = f"var(--{line.tone})", _data()
    interpolation: Literal["step-after", "linear"] = "linear" if line.shape == "line" else "step-after"
    marked: alt.Chart
    if line.shape in SHAPES:
        marked = data.mark_point(shape=SHAPES[line.shape], color=colour, filled=True, size=70, opacity=1)
    elif line.shape == "area":
        marked = data.mark_area(color=colour, opacity=0.22, line=False, interpolate=interpolation)
    else:
        dash = [5, 3] if line.is_dashed else [1, 0]
        marked = data.mark_line(color=colour, interpolate=interpolation, strokeDash=dash, strokeWidth=1.6)
    return marked


def _heat(plot: HeatPlot) -> Layers:
    base = _data().encode(
        x=alt.X("column:N", sort=list(plot.columns), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("row:N", sort=list(plot.rows)),
    )
    ink = alt.Color("ink:N", scale=None)
    return alt.layer(
        base.mark_rect(stroke="var(--page)", strokeWidth=3).encode(color=alt.Color("fill:N", scale=None)),
        base.transform_filter("datum.highlighted").mark_rect(
            filled=False, stroke="var(--ink)", strokeWidth=3
        ),
        base.mark_text(dy=-7, fontWeight="bold").encode(text="text:N", color=ink),
        base.mark_text(dy=10).encode(text="subtext:N", color=ink),
    )


def _bars(plot: BarPlot) -> Layers:
    scale, axis = _scale(plot.x), _axis(plot.x, grid=True)
    base = _data().encode(y=alt.Y("row:O", axis=None), color=alt.Color("fill:N", scale=None))
    value = alt.X("value:Q", scale=scale, axis=axis)
    low = alt.X("low:Q", scale=scale, axis=axis)
    spread, whole = base.transform_filter("isValid(datum.low)"), base.transform_filter("!isValid(datum.low)")
    ink, muted = alt.value("var(--ink)"), alt.value("var(--muted)")
    return alt.layer(
        whole.mark_bar(height=10, yOffset=8).encode(x=value),
        spread.mark_rule(strokeWidth=6, opacity=0.35, yOffset=8).encode(x=low, x2="high:Q"),
        spread.mark_point(filled=True, size=60, opacity=1, yOffset=8).encode(x=value),
        base.mark_text(align="left", dy=-9, x=0).encode(text="label:N", color=ink),
        base.mark_text(align="right", dy=-9, x="width").encode(text="text:N", color=muted),
    )


def _scale(axis: Axis) -> alt.Scale:
    kind: Literal["log", "linear"] = "log" if axis.is_log else "linear"
    return alt.Scale(type=kind, domain=[axis.low, axis.high], nice=False, zero=False, clamp=True)


def _axis(axis: Axis, *, grid: bool = False) -> alt.Axis:
    values, words = zip(*axis.ticks, strict=True)
    labels = "[" + ",".join(f"'{word}'" for word in words) + "]"
    # Labels are looked up by index, because fractions do not compare reliably.
    label = f"{labels}[round(datum.index * {len(words) - 1 or 1})]"
    return alt.Axis(values=list(values), grid=grid, labelExpr=label)
