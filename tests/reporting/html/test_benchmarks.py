from __future__ import annotations

from vecgate.reporting.html.benchmarks import benchmarks_view, spread_plot
from vecgate.reporting.html.charts import Drawer
from vecgate.reporting.html.figures import Figures
from vecgate.reporting.html.peers import speed_plot
from vecgate.reporting.html.views import Cell
from vecgate.results.benchmarks import Benchmark, PeerRun
from vecgate.results.records import Header, Stream

BASE = Benchmark(name="base", group="g", is_baseline=True, median_s=0.1, low_s=0.09, high_s=0.12, rounds=9)
FAST = Benchmark(name="fast", group="g", vectors=4, median_s=0.02, low_s=0.02, high_s=0.04)


def test_unlike_numbers_of_vectors_are_compared_one_for_one() -> None:
    """In the chart as in the table; the spread is the middle half over the median."""
    head = Header(kind="benchmarks", run="r", started_at="s", target="local")
    (group,) = benchmarks_view(Stream(head, (BASE, FAST)), Figures(Drawer(), "run1")).groups
    found = [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in group.table.rows]
    assert found == [
        ["base", "wall", "100 ms", "90.0 ms – 120 ms", "30.0 %", "9", "100 ms", "1.00"],
        ["fast", "wall", "20.0 ms", "20.0 ms – 40.0 ms", "100.0 %", "0", "5.00 ms", "20.0"],
    ]
    assert group.table.note == "So many times as fast, one for one, as base."
    plot = spread_plot([BASE, FAST])
    assert (plot.unit, plot.told) == ("for one", "base: 100 ms; fast: 5.00 ms.")
    assert (plot.bars[1].low, plot.bars[1].value, plot.bars[1].high) == (0.005, 0.005, 0.01)


def test_times_that_are_close_are_drawn_from_nothing() -> None:
    """Others by powers of ten; a benchmark without rounds has its median only."""
    near = spread_plot([Benchmark(name="a", group="g", median_s=2e-6)])
    assert (near.x.is_log, near.unit, near.x.ticks[0]) == (False, "", (0.0, "0"))
    assert near.bars[0].low == near.bars[0].high == 2e-6
    far = spread_plot([BASE, Benchmark(name="b", group="g", median_s=1e-4)])
    assert far.x.is_log
    assert [word for _, word in far.x.ticks] == ["100 µs", "1.00 ms", "10.0 ms", "100 ms", "1.00 s"]


def test_clients_without_numbers_have_no_bar() -> None:
    """And where none has any there is no chart."""
    broken = PeerRun(client="b", work="w", problem="not installed")
    plot = speed_plot([PeerRun(client="a", version="1", work="w", vectors_per_s=1_234.0), broken])
    assert plot is not None
    assert [(bar.label, bar.text) for bar in plot.bars] == [("a 1", "1,234/s")]
    assert speed_plot([broken]) is None
