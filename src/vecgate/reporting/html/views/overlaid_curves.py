"""The curves of two sides on the same axes: rates, latencies over time, and distributions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from vecgate.errors import VecgateError
from vecgate.formatting import format_milliseconds, format_number
from vecgate.reporting.html.charts.axes import linear_axis, log_axis
from vecgate.reporting.html.charts.plots import LinePlot, PlotLine, Values
from vecgate.reporting.html.charts.series import Timeline
from vecgate.reporting.html.views.capacity_view import capacity_points
from vecgate.reporting.html.views.latency_charts import distribution_plot
from vecgate.reporting.html.views.rate_latency_chart import HEIGHT
from vecgate.reporting.html.views.sweep_view import sweep_points
from vecgate.reporting.html.views.timeline_charts import curves_plot, format_peak, stages_of
from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import LoadPlan, OperationSecond, Second, Trial
from vecgate.results.load.load_summary import LoadSummary, summarize
from vecgate.results.load.sweep_records import SweepPoint
from vecgate.results.records import Stream

#: Tone of each side; lines of the base are dashed.
BASE_TONE, HEAD_TONE = "service", "achieved"
#: Runs of a side that are drawn, and operations with charts.
RUNS_MAX, OPERATIONS_MAX = 5, 12


@dataclass(frozen=True, slots=True)
class _Run:
    """A run as a line of each chart."""

    name: str
    is_base: bool
    summary: LoadSummary
    timeline: Timeline

    @property
    def tone(self) -> str:
        return BASE_TONE if self.is_base else HEAD_TONE


def overlaid_curves(base: Sequence[Stream], head: Sequence[Stream]) -> Iterator[LinePlot]:
    """Return the charts of two sides of load runs, capacity searches or sweeps."""
    if base[0].header.kind != "load":
        yield from _rate_curves(base, head)
        return
    runs = [*_runs("base", base), *_runs("head", head)]
    yield from _over_time(
        runs, "Achieved rate", f"{runs[0].summary.unit} per second", _achieved, is_log=False, is_wide=True
    )
    operations = dict.fromkeys(name for run in runs for name in run.summary.operations)
    for name in islice(operations, OPERATIONS_MAX):
        yield from _over_time(
            runs,
            f"{name}: p99 response time",
            "ms",
            lambda run, name=name: run.timeline.operation_values(name, _p99_ms),  # type: ignore[misc]  # bound early
            is_log=True,
        )
        yield from _distributions(runs, name)


def _runs(side: str, streams: Sequence[Stream]) -> Iterator[_Run]:
    for number, stream in enumerate(streams[:RUNS_MAX], start=1):
        name = side if len(streams) == 1 else f"{side} {number}"
        summary = summarize(stream)
        yield _Run(name, side == "base", summary, Timeline(summary.seconds))


def _over_time(
    runs: Sequence[_Run],
    title: str,
    unit: str,
    measure: Callable[[_Run], Values],
    *,
    is_log: bool,
    is_wide: bool = False,
) -> Iterator[LinePlot]:
    """Return the chart of one measure of all runs over time; nothing if none has a value."""
    times = sorted({at for run in runs for at in run.timeline.at})
    columns = [_aligned(times, run.timeline.at, measure(run)) for run in runs]
    lines = [
        PlotLine(run.name, run.tone, column, is_dashed=run.is_base)
        for run, column in zip(runs, columns, strict=True)
    ]
    if not any(any(column) for column in columns):
        return
    yield curves_plot(
        title,
        unit,
        times,
        max(run.timeline.end_s for run in runs),
        lines,
        description="; ".join(f"{line.name}: up to {format_peak(line.values)}" for line in lines) + ".",
        stages=stages_of(runs[0].summary),
        is_log=is_log,
        is_wide=is_wide,
    )


def _aligned(times: Sequence[float], own: Sequence[float], values: Values) -> Values:
    known = dict(zip(own, values, strict=True))
    return tuple(known.get(at) for at in times)


def _achieved(run: _Run) -> Values:
    is_vectors = run.summary.unit == "vectors"

    def measure(second: Second) -> float:
        return sum(each.vectors if is_vectors else each.ok for each in second.operations.values())

    return run.timeline.values(measure)


def _p99_ms(second: OperationSecond) -> float | None:
    return second.response.p99_ms if second.response.count else None


def _distributions(runs: Sequence[_Run], name: str) -> Iterator[LinePlot]:
    """Return the distributions of all runs of each side together; nothing if one cannot be decoded."""
    # The second line of a distribution is dashed, as all lines of the base are.
    sides = {"head": (HEAD_TONE, Histogram()), "base": (BASE_TONE, Histogram())}
    try:
        for run in runs:
            if counts := run.summary.operations.get(name):
                sides["base" if run.is_base else "head"][1].add(counts.response)
    except VecgateError:
        return
    found = {side: each for side, each in sides.items() if each[1].count}
    if found:
        yield distribution_plot(f"{name}: response times", found)


def _rate_curves(base: Sequence[Stream], head: Sequence[Stream]) -> Iterator[LinePlot]:
    """Return the curves of p99 by achieved rate of two sides of searches or sweeps; a side is one curve."""
    plan = head[0].first(LoadPlan)
    points = [
        (point, is_base)
        for streams, is_base in ((base, True), (head, False))
        for stream in streams[:RUNS_MAX]
        for point in (*capacity_points(stream.of(Trial)), *sweep_points(stream.of(SweepPoint)))
        if point.p99_ms > 0
    ]
    if not points:
        return
    points.sort(key=lambda each: (each[1], each[0].offered_per_s))
    rates = tuple(point.achieved_per_s for point, _ in points)
    lines = []
    for name, tone, wanted in (("base", BASE_TONE, True), ("head", HEAD_TONE, False)):
        values: Values = tuple(point.p99_ms if is_base == wanted else None for point, is_base in points)
        lines += [
            PlotLine(name, tone, values, is_dashed=wanted),
            PlotLine(name, tone, values, "circle" if wanted else "triangle"),
        ]
    worst = max(point.p99_ms for point, _ in points)
    yield LinePlot(
        title="p99 by achieved rate",
        unit=f"ms at {plan.unit if plan else 'vectors'} per second",
        x=linear_axis(rates),
        y=log_axis(point.p99_ms for point, _ in points),
        x_values=rates,
        x_labels=tuple(f"{format_number(point.achieved_per_s)}/s ({point.label})" for point, _ in points),
        lines=tuple(lines),
        description=f"The highest p99 was {format_milliseconds(worst)}.",
        height=HEIGHT,
        is_wide=True,
    )
