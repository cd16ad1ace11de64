from __future__ import annotations

import re
import sys

import pytest

from vecgate.errors import UsageError
from vecgate.reporting.html.axes import elapsed, rising, tenfold
from vecgate.reporting.html.charts import Drawer, rows_of
from vecgate.reporting.html.figures import Figures
from vecgate.reporting.html.plots import (
    LEFT,
    RIGHT,
    Bar,
    BarPlot,
    HeatCell,
    HeatPlot,
    Line,
    LinePlot,
    Plot,
    clipped,
)

LINES = LinePlot(
    title="Rates",
    unit="vectors a second",
    x=elapsed(3),
    y=rising([30.0]),
    places=(0.0, 1.0, 2.0),
    lines=(
        Line("done", "achieved", (10.0, None, 30.0), "area"),
        Line("done", "achieved", (10.0, None, 30.0), "step"),
        Line("wanted", "offered", (20.0, 20.0, 20.0), is_dashed=True),
        Line("broken", "failed", (None, 5.0, None), "cross"),
    ),
    told="It rose.",
    rules=(1.0,),
    is_wide=True,
)
HEAT = HeatPlot(
    title="Grid",
    unit="",
    columns=("1", "2"),
    rows=("10",),
    cells=(HeatCell("1", "10", "5", "100 %", 0), HeatCell("2", "10", "9", "90 %", 6, is_chosen=True)),
)
BARS = BarPlot(
    title="Bars",
    unit="",
    x=tenfold([1.0, 50.0]),
    bars=(Bar("<i>a", 5.0, "5 ms", low=4.0, high=7.0), Bar("b", 50.0, "50 ms")),
)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return Figures(Drawer(), "run1")


@pytest.mark.parametrize("plot", [LINES, HEAT, BARS])
def test_the_same_chart_is_drawn_in_the_same_bytes(figures: Figures, plot: Plot) -> None:
    """By another drawer too; with colours of the style sheet and of nothing else."""
    first, second = figures.of("a", plot), Figures(Drawer(), "run1").of("a", plot)
    assert first == second
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', first.svg))
    assert all(re.fullmatch(r"none|var\(--[\w-]+\)", colour) for colour in colours)
    assert "font-" not in first.svg.replace("font-weight", "")
    assert "style=" not in first.svg


def test_a_wide_chart_has_a_twin_for_the_phone(figures: Figures) -> None:
    """With ids of its own; others serve for both."""
    figure = figures.of("a", LINES)
    assert 'viewBox="0 0 1060 230"' in figure.svg
    assert 'viewBox="0 0 520 230"' in figure.narrow
    assert 'id="run1-a-narrow-title"' in figure.narrow
    assert not figures.of("a", HEAT).narrow


def test_words_stay_words(figures: Figures) -> None:
    """Ticks, cells and labels can be selected, and nothing in them is markup."""
    assert ">0 s</text>" in figures.of("a", LINES).svg
    assert ">90 %</text>" in figures.of("a", HEAT).svg
    assert ">&lt;i&gt;a</text>" in figures.of("a", BARS).svg


def test_the_legend_has_each_name_once(figures: Figures) -> None:
    """An area is the ground of its line; a single line that the title names needs none."""
    assert [(line.name, line.shape) for line in figures.of("a", LINES).legend] == [
        ("done", "step"),
        ("wanted", "line"),
        ("broken", "cross"),
    ]
    assert figures.of("a", HEAT).legend == ()


def test_values_for_the_pointer_cannot_end_their_element(figures: Figures) -> None:
    """Whatever the names are."""
    lines = (Line("</script><b>&", "p50", (123.456, 98_765.4, None)),)
    plot = LinePlot("t", "u", elapsed(3), rising([1.0]), (0.0, 1.0, 2.0), lines)
    values = figures.of("a", plot).values
    assert "<" not in values
    assert "&" not in values
    assert '"values":[123.5,98765,null]' in values


def test_what_is_not_above_nothing_has_no_place_by_powers_of_ten() -> None:
    """It is left out, not drawn somewhere."""
    plot = LinePlot("t", "u", elapsed(2), tenfold([5.0]), (0.0, 1.0), (Line("a", "p50", (0.0, 5.0)),))
    assert [row["y0"] for row in rows_of(plot)] == [None, 5.0]


def test_a_long_label_is_cut() -> None:
    """A chart has room for so much, and unseen characters are seen."""
    assert clipped("x" * 50) == "x" * 43 + "…"
    assert clipped("a\x00") == "a\\u0000"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it, and not before a chart is drawn."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.delitem(sys.modules, "vecgate.reporting.html.drawing", raising=False)
    monkeypatch.delattr("vecgate.reporting.html.drawing", raising=False)
    drawer = Drawer()
    with pytest.raises(UsageError, match="charts need vl_convert, which is not installed") as raised:
        drawer.draw(HEAT)
    assert raised.value.hint == "pip install 'vecgate[report]'"


def test_a_map_of_many_columns_is_as_broad_as_they_are(figures: Figures) -> None:
    """It says its width, and scrolls where there is no room; a small one shrinks with the page."""
    columns = tuple(map(str, range(15)))
    cells = tuple(HeatCell(each, "10", "12.3k", "100 %", 3) for each in columns)
    broad = figures.of("broad", HeatPlot("Grid", "", columns, ("10",), cells))
    assert (broad.is_broad, broad.is_wide) == (True, True)
    width = int(re.findall(r'<svg[^>]* width="(\d+)"', broad.svg)[0])
    assert (width - LEFT - RIGHT) / 15 >= 60
    small = figures.of("small", HEAT)
    assert (small.is_broad, " width=" in small.svg.partition(">")[0]) == (False, False)
