"""The page of a batch client run: records, rate, latencies, retries and rejected records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vecgate.formatting import format_count, format_milliseconds, format_number, format_percentage
from vecgate.gate.bulk_verdict import describe_differences, past_participle
from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.charts.plots import LinePlot
from vecgate.reporting.html.charts.series import Timeline
from vecgate.reporting.html.components import Table, TableCell, Tile
from vecgate.reporting.html.views.latency_charts import describe_sample, latency_plots
from vecgate.reporting.html.views.load_view import (
    LoadView,
    chart_resolution,
    operation_figures,
    try_latency_table,
)
from vecgate.reporting.html.views.timeline_charts import (
    LineSpec,
    count_throttled,
    format_peak,
    problems_plot,
    time_plot,
)
from vecgate.results.bulk_records import BulkPlan, BulkTotals, BulkVerification
from vecgate.results.load.load_records import Second
from vecgate.results.load.operation_counts import OperationCounts, sum_by_operation
from vecgate.results.records import Stream

LATENCY_NOTE = "Service time of acknowledged requests, measured from the send of the last attempt."
#: Reasons shown in each table.
REASONS_MAX = 50


def bulk_view(stream: Stream, figures: FigureBuilder) -> LoadView:
    """Return the view of a run of the batch client. It has the timeline and latencies of a load run."""
    seconds, plan, totals = stream.of(Second), stream.first(BulkPlan), stream.first(BulkTotals)
    timeline = Timeline(seconds)
    operations = sum_by_operation(second.operations for second in seconds)
    latency, latency_problem = try_latency_table(operations, LATENCY_NOTE) if operations else (None, "")
    has_histograms = not latency_problem
    plots = latency_plots(operations, timeline, has_histograms=has_histograms)
    problems = _problems_plot(timeline)
    shown = [_rate_plot(timeline, plan), *([problems] if problems else []), _cpu_plot(timeline)]
    tiles = (
        _tiles(totals, operations, past_participle(stream), has_histograms=has_histograms) if totals else ()
    )
    verifications = stream.of(BulkVerification)
    return LoadView(
        tiles=(*tiles, *map(_read_back_tile, verifications)),
        generator_limit="",
        timeline=tuple(figures.build_all("run", shown)) if timeline.at else (),
        no_problems="" if problems or not timeline.at else "No request was throttled or retried.",
        resolution=chart_resolution(timeline),
        latency=latency,
        overall=(),
        operations=tuple(operation_figures(plots, figures)),
        latency_problem=latency_problem,
        tables=tuple(_tables(totals)) if totals else (),
    )


def _rate_plot(timeline: Timeline, plan: BulkPlan | None) -> LinePlot:
    values = timeline.values(lambda second: sum(each.vectors for each in second.operations.values()))
    lines: list[LineSpec] = [
        ("acknowledged", "achieved", values, "area"),
        ("acknowledged", "achieved", values, "step"),
    ]
    description = f"Up to {format_peak(values)} records per second were acknowledged."
    if plan is not None:
        lines.append(("rate limit", "offered", timeline.values(lambda _: plan.vectors_per_s), "step"))
        description += f" The rate limit was {format_number(plan.vectors_per_s)} per second."
    return time_plot(
        "Acknowledged records", "records per second", timeline, lines, description=description, is_wide=True
    )


def _problems_plot(timeline: Timeline) -> LinePlot | None:
    """Return the chart of throttled attempts and retries, None if there were none."""
    retried = timeline.values(lambda second: sum(each.retried for each in second.operations.values()))
    return problems_plot(
        "Throttled and sent again",
        timeline,
        [
            ("throttled", "throttled", timeline.values(count_throttled), "step"),
            ("retries", "late", retried, "step"),
        ],
    )


def _cpu_plot(timeline: Timeline) -> LinePlot:
    values = timeline.values(lambda second: 100 * second.generator_cores)
    lines: list[LineSpec] = [("client", "generator", values, "step")]
    description = f"The client used up to {format_peak(values)} % of a core."
    return time_plot("CPU of the client", "% of a core", timeline, lines, description=description, least=100)


def _tiles(
    totals: BulkTotals, operations: Mapping[str, OperationCounts], done: str, *, has_histograms: bool
) -> Iterator[Tile]:
    whole = totals.read if totals.total is None else totals.total
    note = ", ".join([f"of {whole:,}", *_settled_notes(totals)])
    yield Tile(done, f"{totals.acknowledged:,}", "records", note)
    yield Tile(
        "rate", format_number(totals.vectors_per_s), "records/s", format_count(totals.requests, "request")
    )
    for counts in operations.values() if has_histograms else ():
        p50_ms, p99_ms = counts.service.percentiles_ms(50, 99)
        note = f"p50 {format_milliseconds(p50_ms)}{describe_sample(99, counts.service.count)}"
        yield Tile("p99", format_number(p99_ms), "ms", note)
    throttled = (
        f"{format_count(totals.throttles, 'attempt')} throttled" if totals.throttles else "none throttled"
    )
    yield Tile("retries", f"{totals.retries:,}", "requests", throttled)
    pending = f"{totals.pending:,} pending" if totals.pending else "none pending"
    tone = "bad" if totals.rejected or totals.pending else ""
    yield Tile("rejected", f"{totals.rejected:,}", "records", pending, tone)
    settled = totals.acknowledged + totals.rejected - totals.resumed
    if settled > 0:
        yield Tile(
            "CPU time", f"{1_000 * totals.cpu_s / settled:.3g}", "s", "of the client per 1,000 records"
        )


def _read_back_tile(verification: BulkVerification) -> Tile:
    differences = describe_differences(verification)
    is_cut_off = verification.stopped_by or verification.interrupted
    notes = [differences or "all equal"]
    if verification.share < 1:
        notes.append(f"a sample of {format_percentage(verification.share, 1)}")
    if is_cut_off:
        notes.append("incomplete")
    tone = "bad" if differences or is_cut_off else ""
    return Tile("read back", f"{verification.compared:,}", "records", ", ".join(notes), tone)


def _settled_notes(totals: BulkTotals) -> Iterator[str]:
    if totals.resumed:
        yield f"{totals.resumed:,} settled by earlier runs"
    if totals.superseded:
        yield f"{format_count(totals.superseded, 'record')} superseded"


def _tables(totals: BulkTotals) -> Iterator[Table]:
    rejected = ("Rejected records by reason", "reason", "records")
    yield from _count_table(*rejected, totals.reject_causes, totals.rejected)
    failed = ("Failed attempts by cause", "cause", "attempts")
    yield from _count_table(*failed, totals.failed_attempts, sum(totals.failed_attempts.values()))


def _count_table(
    caption: str, heading: str, unit: str, counts: Mapping[str, int], whole: int
) -> Iterator[Table]:
    most = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:REASONS_MAX]
    if most:
        rows = tuple((reason, f"{n:,}", TableCell(format_percentage(n, whole), n)) for reason, n in most)
        yield Table(caption, (heading, unit, "share"), rows)
