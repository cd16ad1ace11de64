"""Microbenchmarks with their spread."""

from __future__ import annotations

from collections.abc import Sequence

from vecgate.reporting.html.axes import rising, tenfold
from vecgate.reporting.html.figures import Figures, Group, Groups
from vecgate.reporting.html.plots import Axis, Bar, BarPlot, clipped
from vecgate.reporting.html.views import Cell, Cells, Table
from vecgate.reporting.wording import number, seconds
from vecgate.results.benchmarks import Benchmark
from vecgate.results.records import Stream

#: Times that are further apart than this are drawn by powers of ten.
FAR_APART = 5.0


def benchmarks_view(stream: Stream, figures: Figures) -> Groups:
    """Benchmarks, a group for each work."""
    groups: dict[str, list[Benchmark]] = {}
    for each in stream.of(Benchmark):
        groups.setdefault(each.group, []).append(each)
    return Groups(
        tuple(
            Group(title, figures.of(f"spread-{order}", spread_plot(found)), _benchmarks(found))
            for order, (title, found) in enumerate(groups.items(), start=1)
        )
    )


def spread_plot(found: Sequence[Benchmark]) -> BarPlot:
    """The median of each, and the middle half of its rounds; for one where they handle unlike numbers."""
    is_same = len({each.vectors for each in found}) == 1
    bars = tuple(_bar(each, 1 if is_same else max(each.vectors, 1)) for each in found)
    times = [time for bar in bars for time in (bar.low, bar.value, bar.high) if time]
    return BarPlot(
        title="Median, and the middle half of the rounds",
        unit="" if is_same else "for one",
        x=_seconds_axis(times),
        bars=bars,
        told="; ".join(f"{bar.label}: {bar.text}" for bar in bars) + ".",
    )


def _bar(each: Benchmark, parts: int) -> Bar:
    median_s = each.median_s / parts
    return Bar(
        label=clipped(each.name),
        value=median_s,
        text=seconds(median_s),
        tone="offered" if each.is_baseline else "achieved",
        low=each.low_s / parts or median_s,
        high=each.high_s / parts or median_s,
    )


def _seconds_axis(times: Sequence[float]) -> Axis:
    is_far = bool(times) and max(times) > FAR_APART * min(times)
    axis = tenfold(times) if is_far else rising(times, least=1e-12)
    return Axis(
        axis.low,
        axis.high,
        tuple((at, seconds(at) if at else "0") for at, _ in axis.ticks[:: _stride(axis)]),
        axis.is_log,
    )


def _stride(axis: Axis) -> int:
    return 3 if axis.is_log and len(axis.ticks) > 6 else 1  # noqa: PLR2004 - what a phone has room for


def _benchmarks(found: Sequence[Benchmark]) -> Table:
    base = next((each for each in found if each.is_baseline), None)
    columns = ("benchmark", "clock", "median", "middle half", "spread", "rounds", "for one", "× baseline")
    note = f"So many times as fast, one for one, as {base.name}." if base else ""
    rows = tuple(_row(each, base) for each in found)
    return Table("Medians and spread", columns, rows, frozenset({"clock"}), note)


def _row(each: Benchmark, base: Benchmark | None) -> Cells:
    spread = (each.high_s - each.low_s) / each.median_s if each.median_s else 0.0
    ratio = _one_s(base) / _one_s(each) if base and _one_s(each) else None
    return (
        each.name,
        each.clock,
        Cell(seconds(each.median_s), each.median_s),
        Cell(f"{seconds(each.low_s)} – {seconds(each.high_s)}", each.low_s),
        Cell(f"{100 * spread:.1f} %", spread),
        f"{each.rounds:,}",
        Cell(seconds(_one_s(each)), _one_s(each)),
        Cell("–" if ratio is None else number(ratio), ratio),
    )


def _one_s(each: Benchmark) -> float:
    return each.median_s / max(each.vectors, 1)
