"""The pages of microbenchmarks and of client comparisons: a chart and a table for each group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vecgate.formatting import format_number, format_seconds
from vecgate.reporting.html.charts.axes import linear_axis, log_axis
from vecgate.reporting.html.charts.figures import ChartFigure, FigureBuilder
from vecgate.reporting.html.charts.plots import Axis, Bar, BarPlot, shorten_label
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.results.benchmark_records import Benchmark, PeerRun
from vecgate.results.records import Stream

#: The axis is logarithmic if the longest time is more than this factor above the shortest.
LOG_RATIO = 5.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BenchmarkGroup:
    """Benchmarks or clients that do the same work. Without any measurement there is no *figure*."""

    title: str
    figure: ChartFigure | None
    table: Table


@dataclass(frozen=True, slots=True)
class BenchmarksView:
    """The data of the template for microbenchmarks and client comparisons."""

    groups: tuple[BenchmarkGroup, ...]


def benchmarks_view(stream: Stream, figures: FigureBuilder) -> BenchmarksView:
    """Return the view of microbenchmarks."""
    groups = _group_by(stream.of(Benchmark), lambda each: each.group)
    return BenchmarksView(
        tuple(
            BenchmarkGroup(title, figures.build(f"spread-{order}", spread_plot(members)), _table(members))
            for order, (title, members) in enumerate(groups.items(), start=1)
        )
    )


def peers_view(stream: Stream, figures: FigureBuilder) -> BenchmarksView:
    """Return the view of a client comparison."""
    groups = _group_by(stream.of(PeerRun), lambda each: each.work)
    return BenchmarksView(tuple(_peer_groups(groups.items(), figures)))


def spread_plot(benchmarks: Sequence[Benchmark]) -> BarPlot:
    """Return the chart of medians and interquartile ranges; per item if the numbers of items differ."""
    is_same_size = len({each.vectors for each in benchmarks}) == 1
    bars = tuple(_spread_bar(each, 1 if is_same_size else max(each.vectors, 1)) for each in benchmarks)
    times_s = [time_s for bar in bars for time_s in (bar.low, bar.value, bar.high) if time_s]
    return BarPlot(
        title="Median and interquartile range",
        unit="" if is_same_size else "per item",
        x=_seconds_axis(times_s),
        bars=bars,
        description="; ".join(f"{bar.label}: {bar.text}" for bar in bars) + ".",
    )


def speed_plot(peers: Sequence[PeerRun]) -> BarPlot | None:
    """Return the chart of the rate of each measured client, None without any measurement."""
    measured = [each for each in peers if not each.problem]
    if not measured:
        return None
    return BarPlot(
        title="Vectors per second",
        unit="",
        x=linear_axis(each.vectors_per_s for each in measured),
        bars=tuple(
            Bar(
                shorten_label(f"{each.client} {each.version}"),
                each.vectors_per_s,
                f"{format_number(each.vectors_per_s)}/s",
                "achieved",
            )
            for each in measured
        ),
        description="; ".join(f"{each.client}: {format_number(each.vectors_per_s)}" for each in measured)
        + ".",
    )


def _group_by(records: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def _spread_bar(benchmark: Benchmark, items: int) -> Bar:
    median_s = benchmark.median_s / items
    return Bar(
        label=shorten_label(benchmark.name),
        value=median_s,
        text=format_seconds(median_s),
        tone="offered" if benchmark.is_baseline else "achieved",
        low=benchmark.low_s / items or median_s,
        high=benchmark.high_s / items or median_s,
    )


def _seconds_axis(times_s: Sequence[float]) -> Axis:
    is_log = bool(times_s) and max(times_s) > LOG_RATIO * min(times_s)
    axis = log_axis(times_s) if is_log else linear_axis(times_s, least=1e-12)
    # A phone has room for two labels in each decade at most.
    stride = 3 if is_log and len(axis.ticks) > 6 else 1  # noqa: PLR2004 - labels that fit
    ticks = tuple((at, format_seconds(at) if at else "0") for at, _ in axis.ticks[::stride])
    return Axis(axis.low, axis.high, ticks, axis.is_log)


def _table(benchmarks: Sequence[Benchmark]) -> Table:
    baseline = next((each for each in benchmarks if each.is_baseline), None)
    columns = (
        *("benchmark", "clock", "median", "interquartile range", "spread", "rounds"),
        *("per item", "× baseline"),
    )
    note = f"× baseline: speed per item relative to {baseline.name}." if baseline else ""
    rows = tuple(_benchmark_row(each, baseline) for each in benchmarks)
    return Table("Medians and spread", columns, rows, frozenset({"clock"}), note)


def _benchmark_row(benchmark: Benchmark, baseline: Benchmark | None) -> TableRow:
    range_s = benchmark.high_s - benchmark.low_s
    spread = range_s / benchmark.median_s if benchmark.median_s else 0.0
    item_s = _item_s(benchmark)
    ratio = _item_s(baseline) / item_s if baseline and item_s else None
    return (
        benchmark.name,
        benchmark.clock,
        TableCell(format_seconds(benchmark.median_s), benchmark.median_s),
        TableCell(f"{format_seconds(benchmark.low_s)} – {format_seconds(benchmark.high_s)}", benchmark.low_s),
        TableCell(f"{100 * spread:.1f} %", spread),
        f"{benchmark.rounds:,}",
        TableCell(format_seconds(item_s), item_s),
        TableCell("–" if ratio is None else format_number(ratio), ratio),
    )


def _item_s(benchmark: Benchmark) -> float:
    return benchmark.median_s / max(benchmark.vectors, 1)


def _peer_groups(
    groups: Iterable[tuple[str, Sequence[PeerRun]]], figures: FigureBuilder
) -> Iterator[BenchmarkGroup]:
    for order, (title, peers) in enumerate(groups, start=1):
        plot = speed_plot(peers)
        figure = figures.build(f"speed-{order}", plot) if plot else None
        yield BenchmarkGroup(title, figure, _peer_table(peers))


def _peer_table(peers: Sequence[PeerRun]) -> Table:
    columns = (
        *("client", "version", "vectors/s", "CPU s per 1,000", "bytes per vector", "peak memory MB"),
        "remark",
    )
    rows = tuple(_peer_row(each) for each in peers)
    return Table("Measurements by client", columns, rows, frozenset({"version", "remark"}))


def _peer_row(peer: PeerRun) -> TableRow:
    values = (peer.vectors_per_s, peer.cpu_s_per_1000, peer.bytes_per_vector, peer.peak_memory_mb)
    cells = [TableCell("–") if peer.problem else TableCell(format_number(value), value) for value in values]
    return (peer.client, peer.version, *cells, peer.problem)
