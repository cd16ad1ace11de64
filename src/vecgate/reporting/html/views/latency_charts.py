"""Latencies by operation: percentiles over time, distributions, a heat map of long runs, and a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import cycle
from math import log10

from vecgate.errors import VecgateError
from vecgate.formatting import format_count, format_milliseconds, format_number
from vecgate.reporting.html.charts.axes import log_axis, time_axis
from vecgate.reporting.html.charts.density import density_blocks
from vecgate.reporting.html.charts.plots import Axis, DensityPlot, LinePlot, Plot, PlotLine, Values
from vecgate.reporting.html.charts.series import Timeline
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.reporting.html.views.timeline_charts import LineSpec, Stages, curves_plot, time_plot
from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import Latencies, OperationSecond
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.percentile_samples import REQUESTS_ABOVE_MIN, has_few_samples, samples_needed

PERCENTILES = (50.0, 95.0, 99.0, 99.9)
#: Response time counts from the scheduled send, service time from the actual send.
LATENCY_KINDS = ("response", "service")
#: Ticks of the x axis of a distribution, at -log10 of the share of slower requests.
NINES = ("0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "99.99999 %")
#: Operations with fewer requests appear only in the charts of all operations.
REQUESTS_MIN = 100
#: One with fewer has no chart of those that failed; that of the whole run shows when they did.
FAILURES_MIN = 1_000
#: From this duration on, a heat map shows more than lines of percentiles.
LONG_S = 120
#: Tones of lines for several operations. If there are more operations, tones repeat with dashes.
SERIES = ("achieved", "service", "p99", "flight", "dropped", "generator", "offered", "throttled")
FEW = "†"
FEW_NOTE = (
    f"{FEW} Fewer than {REQUESTS_ABOVE_MIN} requests were slower, so chance decides this figure: "
    "p95 needs 200 requests, p99 1,000 and p99.9 10,000."
)


def latency_table(operations: Mapping[str, OperationCounts], note: str) -> Table:
    """Return the table of response and service times, two rows for each operation."""
    columns = ("operation", "time", "requests", "p50", "p95", "p99", "p99.9", "max", "mean")
    rows = [row for name, counts in operations.items() for row in _table_rows(name, counts)]
    notes = f"{note} {few_note(rows)}".strip()
    return Table("Latency by operation, in milliseconds", columns, tuple(rows), frozenset({"time"}), notes)


def few_note(rows: Iterable[TableRow]) -> str:
    """Return the explanation of the mark of `percentile_cell` if a cell of *rows* has it, else nothing."""
    cells = (cell for row in rows for cell in row)
    return FEW_NOTE if any(isinstance(cell, TableCell) and cell.text.endswith(FEW) for cell in cells) else ""


def describe_sample(percentile: float, count: int) -> str:
    """Return a note that *count* requests are too few for *percentile*, or an empty string."""
    if not has_few_samples(percentile, count):
        return ""
    needed = f"p{percentile:g} needs {samples_needed(percentile):,}"
    return f"; of {format_count(count, 'request')}, too few: {needed}"


def latency_plots(
    operations: Mapping[str, OperationCounts],
    timeline: Timeline,
    stages: Stages | None = None,
    *,
    has_histograms: bool,
) -> dict[str, list[Plot]]:
    """Return the charts of each operation with enough requests; without histograms those that need none."""
    return {
        name: [
            *percentile_plots(name, timeline, stages),
            *(distribution_plots(name, counts) if has_histograms else ()),
            *(_request_plots(name, timeline, stages) if counts.requests >= FAILURES_MIN else ()),
            *(_density_plots(name, timeline, stages) if has_histograms else ()),
        ]
        for name, counts in operations.items()
        if counts.requests >= REQUESTS_MIN
    }


def overall_plots(
    operations: Mapping[str, OperationCounts], timeline: Timeline, stages: Stages | None = None
) -> Iterator[LinePlot]:
    """Return the charts of all operations together; none for a run with a single operation."""
    if len(operations) < 2 or not timeline.at:  # noqa: PLR2004 - several
        return
    lines = _operation_lines(operations, timeline, _p99_ms)
    slowest = max(lines, key=lambda line: _highest(line.values))
    if any(slowest.values):
        yield curves_plot(
            "All operations: p99 response time",
            "ms",
            timeline.at,
            timeline.end_s,
            lines,
            description=f"The highest p99 of a second was {format_milliseconds(_highest(slowest.values))}, "
            f"of {slowest.name}.",
            stages=stages,
            is_log=True,
        )
    lines = _operation_lines(operations, timeline, lambda operation: operation.ok)
    yield curves_plot(
        "All operations: succeeded",
        "requests per second",
        timeline.at,
        timeline.end_s,
        lines,
        description="; ".join(f"{line.name}: {_format_sum(line.values)}" for line in lines) + ".",
        stages=stages,
    )


def _operation_lines(
    operations: Iterable[str], timeline: Timeline, measure: Callable[[OperationSecond], float | None]
) -> list[PlotLine]:
    """Return a line for each operation. If there are more than colours, those that repeat are dashed."""
    return [
        PlotLine(name, tone, timeline.operation_values(name, measure), is_dashed=order >= len(SERIES))
        for order, (name, tone) in enumerate(zip(operations, cycle(SERIES), strict=False))
    ]


def _highest(values: Values) -> float:
    return max((value for value in values if value is not None), default=0.0)


def distribution_plots(name: str, counts: OperationCounts) -> Iterator[LinePlot]:
    """Return the chart of the whole distribution; nothing if no request was measured."""
    if histograms := _measured(counts):
        lines = {kind: (kind, histogram) for kind, histogram in histograms.items()}
        yield distribution_plot(f"{name}: latency distribution", lines)


def distribution_plot(title: str, histograms: Mapping[str, tuple[str, Histogram]]) -> LinePlot:
    """Return the chart of several distributions by name, each with its tone; the second is dashed."""
    first = max((histogram for _, histogram in histograms.values()), key=lambda each: each.count)
    percentiles = [percentile for percentile, _ in first.percentile_points()]
    x_values = [log10(1 / (1 - each / 100)) if each < 100 else log10(first.count) for each in percentiles]  # noqa: PLR2004 - per cent
    lines = [
        PlotLine(name, tone, tuple(histogram.percentiles_ms(*percentiles)), is_dashed=order % 2 == 1)
        for order, (name, (tone, histogram)) in enumerate(histograms.items())
    ]
    return LinePlot(
        title=title,
        unit="ms",
        x=_nines_axis(max(x_values[-1], 1.0)),
        y=log_axis(value for line in lines for value in line.values),
        x_values=tuple(x_values),
        x_labels=tuple(_percentile_label(each) for each in percentiles),
        lines=tuple(lines),
        description=" ".join(_describe(name, histogram) for name, (_, histogram) in histograms.items()),
    )


def percentile_plots(name: str, timeline: Timeline, stages: Stages | None = None) -> Iterator[LinePlot]:
    """Return one chart of response and service times; nothing if no second has any."""
    lines = [
        PlotLine(f"{kind} {percentile}", percentile, values, is_dashed=kind == "service")
        for kind in LATENCY_KINDS
        for percentile in ("p50", "p99")
        if any(values := timeline.operation_values(name, _reader(kind, percentile)))
    ]
    if lines:
        peak_ms = max(value for line in lines for value in line.values if value)
        kinds = " and ".join(dict.fromkeys(line.name.split()[0] for line in lines))
        yield curves_plot(
            f"{name}: {kinds} time",
            "ms",
            timeline.at,
            timeline.end_s,
            lines,
            description=f"The highest p99 of a second was {format_milliseconds(peak_ms)}.",
            stages=stages,
            is_log=True,
        )


def _reader(kind: str, percentile: str) -> Callable[[OperationSecond], float | None]:
    def measure(second: OperationSecond) -> float | None:
        latencies: Latencies = getattr(second, kind)
        return float(getattr(latencies, f"{percentile}_ms")) if latencies.count else None

    return measure


def _p99_ms(second: OperationSecond) -> float | None:
    latencies = second.response if second.response.count else second.service
    return latencies.p99_ms if latencies.count else None


def _density_plots(name: str, timeline: Timeline, stages: Stages | None) -> Iterator[DensityPlot]:
    """Return the heat map of a long run; nothing for a short one, or if a histogram cannot be decoded."""
    if timeline.end_s < LONG_S:
        return
    kind = "response" if any(timeline.operation_values(name, lambda each: each.response.count)) else "service"
    encoded = timeline.encoded_histograms(name, lambda each: getattr(each, kind))
    try:
        blocks, y = density_blocks(timeline.at, encoded)
    except VecgateError:
        return
    stages = stages or Stages()
    yield DensityPlot(
        title=f"{name}: how many requests took how long",
        unit=f"{kind} time in ms; a stronger colour means more requests, on a logarithmic scale",
        x=time_axis(timeline.end_s),
        y=y,
        blocks=blocks,
        description="The lines above show the percentiles of the same requests.",
        markers=stages.markers,
    )


def _table_rows(name: str, counts: OperationCounts) -> Iterator[TableRow]:
    for kind, histogram in _measured(counts).items():
        percentiles = zip(PERCENTILES, histogram.percentiles_ms(*PERCENTILES), strict=True)
        yield (
            name,
            kind,
            f"{histogram.count:,}",
            *(percentile_cell(each, value_ms, histogram.count) for each, value_ms in percentiles),
            *(TableCell(format_number(each), each) for each in (histogram.max_ms, histogram.mean_ms)),
        )


def percentile_cell(percentile: float, value_ms: float, count: int) -> TableCell:
    """Return the cell of a percentile of *count* requests, marked if they are too few."""
    mark = f" {FEW}" if has_few_samples(percentile, count) else ""
    return TableCell(f"{format_number(value_ms)}{mark}", value_ms)


def _measured(counts: OperationCounts) -> dict[str, Histogram]:
    """Return the histograms that are not empty: a run of `put` has no schedule, so no response times."""
    both = zip(LATENCY_KINDS, (counts.response, counts.service), strict=True)
    return {kind: histogram for kind, histogram in both if histogram.count}


def _request_plots(name: str, timeline: Timeline, stages: Stages | None) -> Iterator[LinePlot]:
    """Return the chart of succeeded and failed requests if any failed."""
    succeeded = timeline.operation_values(name, lambda operation: operation.ok)
    failed = timeline.operation_values(name, lambda operation: sum(operation.errors.values()))
    if not any(failed):
        return
    lines: list[LineSpec] = [
        ("succeeded", "achieved", succeeded, "step"),
        ("failed", "failed", failed, "step"),
    ]
    description = f"{_format_sum(succeeded)} requests succeeded, {_format_sum(failed)} failed."
    yield time_plot(
        f"{name}: requests", "requests per second", timeline, lines, description=description, stages=stages
    )


def _format_sum(values: Values) -> str:
    return f"{sum(value or 0 for value in values):,}"


def _nines_axis(highest: float) -> Axis:
    ticks = tuple((float(power), label) for power, label in enumerate(NINES) if power <= highest)
    return Axis(0.0, highest, ticks)


def _percentile_label(percentile: float) -> str:
    return "max" if percentile == 100 else f"p{percentile:.7g}"  # noqa: PLR2004 - per cent


def _describe(name: str, histogram: Histogram) -> str:
    median_ms, high_ms = histogram.percentiles_ms(50, 99)
    return f"{name.capitalize()}: p50 {format_milliseconds(median_ms)}, p99 {format_milliseconds(high_ms)}."
