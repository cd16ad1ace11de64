"""Latencies by operation: percentiles over time, distributions, and a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import log10

from vecgate.formatting import format_milliseconds, format_number
from vecgate.reporting.html.charts.axes import log_axis, time_axis
from vecgate.reporting.html.charts.plots import Axis, LinePlot, PlotLine, Values
from vecgate.reporting.html.charts.series import Timeline, downsample
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.reporting.html.views.timeline_charts import LineSpec, time_plot
from vecgate.results.histograms import Histogram
from vecgate.results.load_records import Latencies, OperationSecond
from vecgate.results.operation_counts import OperationCounts

PERCENTILES = (50.0, 95.0, 99.0, 99.9)
#: Response time counts from the scheduled send, service time from the actual send.
LATENCY_KINDS = ("response", "service")
#: Ticks of the x axis of a distribution, at -log10 of the share of slower requests.
NINES = ("0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "99.99999 %")


def latency_table(operations: Mapping[str, OperationCounts], note: str) -> Table:
    """Return the table of response and service times, two rows for each operation."""
    columns = ("operation", "time", "requests", "p50", "p95", "p99", "p99.9", "max", "mean")
    rows = [row for name, counts in operations.items() for row in _table_rows(name, counts)]
    return Table("Latency by operation, in milliseconds", columns, tuple(rows), frozenset({"time"}), note)


def latency_plots(
    operations: Mapping[str, OperationCounts], timeline: Timeline, *, has_histograms: bool
) -> dict[str, list[LinePlot]]:
    """Return the charts of each operation; without the distribution unless *has_histograms*."""
    return {
        name: [
            *_percentile_plots(name, timeline),
            *(distribution_plots(name, counts) if has_histograms else ()),
            _request_plot(name, timeline),
        ]
        for name, counts in operations.items()
    }


def distribution_plots(name: str, counts: OperationCounts) -> Iterator[LinePlot]:
    """Return the chart of the whole distribution; nothing if no request was measured."""
    histograms = _measured(counts)
    if not histograms:
        return
    first = next(iter(histograms.values()))
    percentiles = [percentile for percentile, _ in first.percentile_points()]
    x_values = [log10(1 / (1 - each / 100)) if each < 100 else log10(first.count) for each in percentiles]  # noqa: PLR2004 - per cent
    lines = [
        PlotLine(kind, kind, tuple(histogram.percentiles_ms(*percentiles)), is_dashed=histogram is not first)
        for kind, histogram in histograms.items()
    ]
    yield LinePlot(
        title=f"{name}: latency distribution",
        unit="ms",
        x=_nines_axis(max(x_values[-1], 1.0)),
        y=log_axis(value for line in lines for value in line.values),
        x_values=tuple(x_values),
        x_labels=tuple(_percentile_label(each) for each in percentiles),
        lines=tuple(lines),
        description=" ".join(_describe(kind, histogram) for kind, histogram in histograms.items()),
    )


def _table_rows(name: str, counts: OperationCounts) -> Iterator[TableRow]:
    for kind, histogram in _measured(counts).items():
        times_ms = [*histogram.percentiles_ms(*PERCENTILES), histogram.max_ms, histogram.mean_ms]
        yield (
            name,
            kind,
            f"{histogram.count:,}",
            *(TableCell(format_number(each), each) for each in times_ms),
        )


def _measured(counts: OperationCounts) -> dict[str, Histogram]:
    """Return the histograms that are not empty: a run of `put` has no schedule, so no response times."""
    both = zip(LATENCY_KINDS, (counts.response, counts.service), strict=True)
    return {kind: histogram for kind, histogram in both if histogram.count}


def _percentile_plots(name: str, timeline: Timeline) -> Iterator[LinePlot]:
    """Return a chart each of response and service times, with the same y axis."""
    responses = _percentile_lines(timeline, name, lambda operation: operation.response)
    services = _percentile_lines(timeline, name, lambda operation: operation.service)
    y = log_axis(value for line in (*responses, *services) for value in line.values)
    for kind, lines in zip(LATENCY_KINDS, (responses, services), strict=True):
        if not any(line.values.count(None) < len(line.values) for line in lines):
            continue
        kept = downsample(timeline.at, [line.values for line in lines])
        kept_lines = tuple(
            replace(line, values=values) for line, values in zip(lines, kept.columns, strict=True)
        )
        peak_ms = max((value for value in lines[-1].values if value), default=0.0)
        yield LinePlot(
            title=f"{name}: {kind} time",
            unit="ms",
            x=time_axis(timeline.end_s),
            y=y,
            x_values=kept.x_values,
            lines=kept_lines,
            description=f"The highest p99 of a second was {format_milliseconds(peak_ms)}.",
        )


def _percentile_lines(
    timeline: Timeline, name: str, read: Callable[[OperationSecond], Latencies]
) -> list[PlotLine]:
    return [_percentile_line(timeline, name, read, percentile) for percentile in ("p50", "p95", "p99")]


def _percentile_line(
    timeline: Timeline, name: str, read: Callable[[OperationSecond], Latencies], percentile: str
) -> PlotLine:
    def measure(second: OperationSecond) -> float | None:
        latencies = read(second)
        return float(getattr(latencies, f"{percentile}_ms")) if latencies.count else None

    return PlotLine(percentile, percentile, timeline.operation_values(name, measure))


def _request_plot(name: str, timeline: Timeline) -> LinePlot:
    succeeded = timeline.operation_values(name, lambda operation: operation.ok)
    failed = timeline.operation_values(name, lambda operation: sum(operation.errors.values()))
    description = f"{_format_sum(succeeded)} requests succeeded, {_format_sum(failed)} failed."
    lines: list[LineSpec] = [("succeeded", "achieved", succeeded, "step")]
    if any(failed):
        lines.append(("failed", "failed", failed, "step"))
    return time_plot(f"{name}: requests", "requests per second", timeline, lines, description=description)


def _format_sum(values: Values) -> str:
    return f"{sum(value or 0 for value in values):,}"


def _nines_axis(highest: float) -> Axis:
    ticks = tuple((float(power), label) for power, label in enumerate(NINES) if power <= highest)
    return Axis(0.0, highest, ticks)


def _percentile_label(percentile: float) -> str:
    return "max" if percentile == 100 else f"p{percentile:.7g}"  # noqa: PLR2004 - per cent


def _describe(kind: str, histogram: Histogram) -> str:
    median_ms, high_ms = histogram.percentiles_ms(50, 99)
    return (
        f"{kind.capitalize()} time: p50 {format_milliseconds(median_ms)}, p99 {format_milliseconds(high_ms)}."
    )
