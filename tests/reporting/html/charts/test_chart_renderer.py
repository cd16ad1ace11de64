from __future__ import annotations

import re

import pytest

from vecgate.reporting.html.charts.axes import linear_axis, log_axis, time_axis
from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.charts.plots import (
    Bar,
    BarPlot,
    DensityBlock,
    DensityPlot,
    HeatCell,
    HeatPlot,
    Limit,
    LinePlot,
    Marker,
    Plot,
    PlotLine,
    shorten_label,
)

FIGURES = FigureBuilder("run1")
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
    markers=(Marker(0.0, "up"), Marker(1.0, "</text><b>")),
    limits=(Limit(25.0, "limit 25"),),
    ignored_to=1.0,
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
DENSITY = DensityPlot(
    title="Density",
    unit="ms",
    x=time_axis(2),
    y=log_axis([1.0, 50.0]),
    blocks=(DensityBlock(0, 1, 1.0, 2.0, 1), DensityBlock(1, 2, 1.0, 2.0, 1), DensityBlock(1, 2, 5, 9, 6)),
)


@pytest.mark.parametrize("plot", [LINES, HEAT, BARS, DENSITY])
def test_the_same_chart_gives_the_same_bytes(plot: Plot) -> None:
    """Also from another builder. All colours are variables of the style sheet, and so are fonts."""
    first, second = FIGURES.build("a", plot), FigureBuilder("run1").build("a", plot)
    assert first == second
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', first.svg))
    assert all(re.fullmatch(r"none|var\(--[\w-]+\)", colour) for colour in colours)
    assert "font" not in first.svg
    assert "style=" not in first.svg


def test_a_line_has_gaps_and_an_area_is_closed() -> None:
    """A value of a stepped line lasts until the next one, at half a pixel down and a 2,000th across."""
    svg = FIGURES.build("a", LINES).svg
    paths = re.findall(r'<path d="([^"]*)"', svg)
    # Of 10 from 0 to 1 s, and of 30 at 2 s, in an axis of 3 s to 31.5.
    assert paths[-4:-1] == [
        "M0,259h667V380H0zM1333,18h0V380H1333z",
        "M0,259h667M1333,18h0",
        "M0,139h1333",
    ]
    assert 'stroke-dasharray="5 3"' in svg


def test_a_single_value_between_gaps_is_a_dot() -> None:
    """It would be invisible as a line of length 0 without its round end."""
    plot = LinePlot(
        "t",
        "u",
        time_axis(4),
        linear_axis([2.0]),
        (0.0, 1.0, 2.0),
        (PlotLine("a", "p50", (None, 1.0, None)),),
    )
    assert '<path d="M500,' in FIGURES.build("a", plot).svg


def test_a_picture_fits_any_column() -> None:
    """Its plot area stretches, while texts and symbols are placed by percentages."""
    svg = FIGURES.build("a", LINES).svg
    assert ' width="' not in svg.partition(">")[0]
    assert 'viewBox="0 0 2000 380" preserveAspectRatio="none"' in svg
    assert '<svg class="symbol" x="33.33%"' in svg
    assert FIGURES.build("a", LINES).is_wide


def test_stages_limits_and_the_warm_up_are_shown() -> None:
    """With their names. A stage that starts with the run has no line."""
    svg = FIGURES.build("a", LINES).svg
    assert ">up</text>" in svg
    assert ">limit 25</text>" in svg
    assert 'd="M667,0v380" stroke="var(--rule)"' in svg
    assert '<path d="M0,0H667V380H0z" fill="var(--panel)"' in svg


def test_text_in_charts_is_text() -> None:
    """Ticks, cells, labels and names can be selected, and they are escaped."""
    assert ">0 s</text>" in FIGURES.build("a", LINES).svg
    assert "&lt;/text&gt;&lt;b&gt;" in FIGURES.build("a", LINES).svg
    assert ">90 %</text>" in FIGURES.build("a", HEAT).svg
    assert ">&lt;i&gt;a</text>" in FIGURES.build("a", BARS).svg


def test_the_legend_has_each_name_once() -> None:
    """An area and its outline share a name. A heat map has no legend."""
    assert [(line.name, line.shape) for line in FIGURES.build("a", LINES).legend] == [
        ("done", "step"),
        ("wanted", "line"),
        ("broken", "cross"),
    ]
    assert FIGURES.build("a", HEAT).legend == ()


def test_names_cannot_close_the_script_element() -> None:
    """The values for the pointer are JSON in a script element."""
    lines = (PlotLine("</script><b>&", "p50", (123.456, 98_765.4, None)),)
    markers = (Marker(0.0, "</script>"),)
    plot = LinePlot("t", "u", time_axis(3), linear_axis([1.0]), (0.0, 1.0, 2.0), lines, markers=markers)
    values = FIGURES.build("a", plot).values
    assert "<" not in values
    assert "&" not in values
    assert '"values":[123.5,98765,null]' in values


def test_zero_is_not_drawn_on_a_log_axis() -> None:
    """It is a gap."""
    plot = LinePlot("t", "u", time_axis(2), log_axis([5.0]), (0.0, 1.0), (PlotLine("a", "p50", (0.0, 5.0)),))
    assert re.findall(r'<path d="(M1000,\d+h0)" class="line"', FIGURES.build("a", plot).svg) != []


def test_blocks_of_one_heat_are_one_path() -> None:
    """A heat map of a long run has thousands of blocks."""
    paths = re.findall(r'<path d="([^"]*)" fill="var\(--heat-(\d)\)"', FIGURES.build("a", DENSITY).svg)
    assert [(path.count("M"), heat) for path, heat in paths] == [(2, "1"), (1, "6")]


def test_a_bar_starts_at_zero() -> None:
    """Also one below zero, which ends there."""
    plot = BarPlot("Bars", "", linear_axis([10.0], least=0), (Bar("a", 5.0, "5"),))
    assert '<rect x="0%" y="22" width="47.62%"' in FIGURES.build("a", plot).svg


def test_a_long_label_is_truncated() -> None:
    """Unprintable characters are escaped."""
    assert shorten_label("x" * 50) == "x" * 43 + "…"
    assert shorten_label("a\x00") == "a\\u0000"


def test_a_heat_map_of_many_columns_scrolls() -> None:
    """It has a fixed width. A small one shrinks with the page."""
    columns = tuple(map(str, range(15)))
    cells = tuple(HeatCell(each, "10", "12.3k", "100 %", 3) for each in columns)
    wide = FIGURES.build("wide", HeatPlot("Grid", "", columns, ("10",), cells))
    assert (wide.is_scrollable, wide.is_wide) == (True, True)
    width = int(re.findall(r'<svg[^>]* width="(\d+)"', wide.svg)[0])
    assert width / 15 >= 60
    small = FIGURES.build("small", HEAT)
    assert (small.is_scrollable, " width=" in small.svg.partition(">")[0]) == (False, False)
