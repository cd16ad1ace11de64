from __future__ import annotations

from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.components import TableCell
from vecgate.reporting.html.views.benchmarks_view import benchmarks_view, speed_plot, spread_plot
from vecgate.results.benchmark_records import Benchmark, PeerRun
from vecgate.results.records import Header, Stream

BASE = Benchmark(name="base", group="g", is_baseline=True, median_s=0.1, low_s=0.09, high_s=0.12, rounds=9)
FAST = Benchmark(name="fast", group="g", vectors=4, median_s=0.02, low_s=0.02, high_s=0.04)


def test_benchmarks_with_different_numbers_of_items_are_compared_per_item() -> None:
    """In the chart and in the table. The spread is the interquartile range relative to the median."""
    head = Header(kind="benchmarks", run="r", started_at="s", target="local")
    (group,) = benchmarks_view(Stream(head, (BASE, FAST)), FigureBuilder("run1")).groups
    found = [[cell.text if isinstance(cell, TableCell) else cell for cell in row] for row in group.table.rows]
    assert found == [
        ["base", "wall", "100 ms", "90.0 ms – 120 ms", "30.0 %", "9", "100 ms", "1.00"],
        ["fast", "wall", "20.0 ms", "20.0 ms – 40.0 ms", "100.0 %", "0", "5.00 ms", "20.0"],
    ]
    assert group.table.note.endswith("relative to base.")
    plot = spread_plot([BASE, FAST])
    assert (plot.unit, plot.description) == ("per item", "base: 100 ms; fast: 5.00 ms.")
    assert (plot.bars[1].low, plot.bars[1].value, plot.bars[1].high) == (0.005, 0.005, 0.01)


def test_similar_times_have_a_linear_axis() -> None:
    """Others have a logarithmic one. A benchmark without rounds has only a median."""
    near = spread_plot([Benchmark(name="a", group="g", median_s=2e-6)])
    assert (near.x.is_log, near.unit, near.x.ticks[0]) == (False, "", (0.0, "0"))
    assert near.bars[0].low == near.bars[0].high == 2e-6
    far = spread_plot([BASE, Benchmark(name="b", group="g", median_s=1e-4)])
    assert far.x.is_log
    assert [label for _, label in far.x.ticks] == ["100 µs", "1.00 ms", "10.0 ms", "100 ms", "1.00 s"]


def test_a_client_without_measurements_has_no_bar() -> None:
    """Without any measurement there is no chart."""
    missing = PeerRun(client="b", work="w", problem="not installed")
    plot = speed_plot([PeerRun(client="a", version="1", work="w", vectors_per_s=1_234.0), missing])
    assert plot is not None
    assert [(bar.label, bar.text) for bar in plot.bars] == [("a 1", "1,234/s")]
    assert speed_plot([missing]) is None
