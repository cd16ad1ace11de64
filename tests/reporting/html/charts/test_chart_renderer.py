from __future__ import annotations

import re
import sys

import pytest

from vecgate.errors import UsageError
from vecgate.reporting.html.charts.axes import linear_axis, log_axis, time_axis
from vecgate.reporting.html.charts.chart_renderer import ChartRenderer, data_rows
from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.charts.plots import (
    LEFT,
    RIGHT,
    Bar,
    BarPlot,
    HeatCell,
    HeatPlot,
    LinePlot,
    Plot,
    PlotLine,
    shorten_label,
)

LINES = LinePlot(
    title="Rates",
    unit="vectors a second",
    x=time_axis(3),
    y=linear_axis([30.0]),
    x_values=(0.0, 1.0, 2.0),
    lines=(
        PlotLine("done", "achieved", (10.0, None, 30.0), "area"),
        PlotLine("done", "achieved", (10.0, None, 30.0), "step"),
        PlotLine("wanted", "offered", (20.0, 20.0, 20.0), is_dashed=True),
        PlotLine("broken", "failed", (None, 5.0, None), "cross"),
    ),
    description="It rose.",
    markers=(1.0,),
    is_wide=True,
)
HEAT = HeatPlot(
    title="Grid",
    unit="",
    columns=("1", "2"),
    rows=("10",),
    cells=(HeatCell("1", "10", "5", "100 %", 0), HeatCell("2", "10", "9", "90 %", 6, is_highlighted=True)),
)
BARS = BarPlot(
    title="Bars",
    unit="",
    x=log_axis([1.0, 50.0]),
    bars=(Bar("<i>a", 5.0, "5 ms", low=4.0, high=7.0), Bar("b", 50.0, "50 ms")),
)


@pytest.fixture(scope="module")
def figures() -> FigureBuilder:
    return FigureBuilder(ChartRenderer(), "run1")


@pytest.mark.parametrize("plot", [LINES, HEAT, BARS])
def test_the_same_chart_gives_the_same_bytes(figures: FigureBuilder, plot: Plot) -> None:
    """Also from another renderer. All colours are variables of the style sheet."""
    first, second = figures.build("a", plot), FigureBuilder(ChartRenderer(), "run1").build("a", plot)
    assert first == second
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', first.svg))
    assert all(re.fullmatch(r"none|var\(--[\w-]+\)", colour) for colour in colours)
    assert "font-" not in first.svg.replace("font-weight", "")
    assert "style=" not in first.svg


def test_a_wide_chart_has_a_narrow_version(figures: FigureBuilder) -> None:
    """With different ids. Other charts fit on a phone."""
    figure = figures.build("a", LINES)
    assert 'viewBox="0 0 1060 230"' in figure.svg
    assert 'viewBox="0 0 520 230"' in figure.narrow
    assert 'id="run1-a-narrow-title"' in figure.narrow
    assert not figures.build("a", HEAT).narrow


def test_text_in_charts_is_text(figures: FigureBuilder) -> None:
    """Ticks, cells and labels can be selected, and they are escaped."""
    assert ">0 s</text>" in figures.build("a", LINES).svg
    assert ">90 %</text>" in figures.build("a", HEAT).svg
    assert ">&lt;i&gt;a</text>" in figures.build("a", BARS).svg


def test_the_legend_has_each_name_once(figures: FigureBuilder) -> None:
    """An area and its outline share a name. A heat map has no legend."""
    assert [(line.name, line.shape) for line in figures.build("a", LINES).legend] == [
        ("done", "step"),
        ("wanted", "line"),
        ("broken", "cross"),
    ]
    assert figures.build("a", HEAT).legend == ()


def test_names_cannot_close_the_script_element(figures: FigureBuilder) -> None:
    """The values for the pointer are JSON in a script element."""
    lines = (PlotLine("</script><b>&", "p50", (123.456, 98_765.4, None)),)
    plot = LinePlot("t", "u", time_axis(3), linear_axis([1.0]), (0.0, 1.0, 2.0), lines)
    values = figures.build("a", plot).values
    assert "<" not in values
    assert "&" not in values
    assert '"values":[123.5,98765,null]' in values


def test_zero_is_not_drawn_on_a_log_axis() -> None:
    """It is a gap."""
    plot = LinePlot("t", "u", time_axis(2), log_axis([5.0]), (0.0, 1.0), (PlotLine("a", "p50", (0.0, 5.0)),))
    assert [row["y0"] for row in data_rows(plot)] == [None, 5.0]


def test_a_long_label_is_truncated() -> None:
    """Unprintable characters are escaped."""
    assert shorten_label("x" * 50) == "x" * 43 + "…"
    assert shorten_label("a\x00") == "a\\u0000"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that contains it, and not before a chart is rendered."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.delitem(sys.modules, "vecgate.reporting.html.charts.altair_charts", raising=False)
    monkeypatch.delattr("vecgate.reporting.html.charts.altair_charts", raising=False)
    renderer = ChartRenderer()
    with pytest.raises(UsageError, match="charts need vl_convert, which is not installed") as raised:
        renderer.render(HEAT)
    assert raised.value.hint == "pip install 'vecgate[report]'"


def test_a_heat_map_of_many_columns_scrolls(figures: FigureBuilder) -> None:
    """It has a fixed width. A small one shrinks with the page."""
    columns = tuple(map(str, range(15)))
    cells = tuple(HeatCell(each, "10", "12.3k", "100 %", 3) for each in columns)
    wide = figures.build("wide", HeatPlot("Grid", "", columns, ("10",), cells))
    assert (wide.is_scrollable, wide.is_wide) == (True, True)
    width = int(re.findall(r'<svg[^>]* width="(\d+)"', wide.svg)[0])
    assert (width - LEFT - RIGHT) / 15 >= 60
    small = figures.build("small", HEAT)
    assert (small.is_scrollable, " width=" in small.svg.partition(">")[0]) == (False, False)
