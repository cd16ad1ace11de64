"""Tables of a load run: requests, errors, recall, stages, workers, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vecgate.errors import VecgateError
from vecgate.formatting import (
    format_count,
    format_duration,
    format_exact,
    format_milliseconds,
    format_number,
    format_percentage,
)
from vecgate.reporting.html.charts.axes import format_elapsed
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.results.load_records import Client, Event, Recall, Stage, WorkerTotals
from vecgate.results.load_summary import LoadSummary, StageSummary
from vecgate.results.operation_counts import OperationCounts
from vecgate.results.records import Stream

#: Error codes shown for each operation.
CODES_MAX = 50
MIB = 2**20
#: Meaning of "throttled" by client.
REQUESTS_NOTES: Mapping[Client, str] = {
    "direct": "Throttled requests count as failed: this client does not retry.",
    "bulk": "Throttled counts attempts, which were retried; failed counts requests without further retries.",
}


def load_tables(stream: Stream, summary: LoadSummary, *, has_histograms: bool) -> Iterator[Table]:
    """Return all tables except for the latencies; without p99 unless *has_histograms*."""
    yield from _request_tables(summary)
    yield from _error_tables(summary)
    yield from _recall_tables(stream.of(Recall))
    yield _stage_table(summary, has_histograms=has_histograms)
    yield from _worker_tables(stream.of(WorkerTotals))
    yield from _event_tables(stream.of(Event))


def _request_tables(summary: LoadSummary) -> Iterator[Table]:
    columns = (
        *("operation", "requests", "failed", "throttled", "retries", "vectors"),
        *("MiB sent", "MiB received"),
    )
    rows = tuple(_request_row(name, counts) for name, counts in summary.operations.items())
    if rows:
        yield Table("Requests by operation", columns, rows, note=REQUESTS_NOTES[summary.plan.client])


def _request_row(name: str, counts: OperationCounts) -> TableRow:
    numbers = (counts.requests, counts.failed, counts.throttled, counts.retried, counts.vectors)
    sizes_mib = (each / MIB for each in (counts.bytes_out, counts.bytes_in))
    return (
        name,
        *(f"{each:,}" for each in numbers),
        *(TableCell(format_number(each), each) for each in sizes_mib),
    )


def _error_tables(summary: LoadSummary) -> Iterator[Table]:
    rows = [row for name, counts in summary.operations.items() for row in _error_rows(name, counts)]
    if rows:
        columns = ("operation", "error code", "requests", "share")
        yield Table("Errors by code", columns, tuple(rows), frozenset({"error code"}))


def _error_rows(name: str, counts: OperationCounts) -> Iterator[TableRow]:
    """Return a row for each of the most frequent codes. A server may invent a code for every request."""
    shown = counts.errors.most_common(CODES_MAX)
    others = counts.failed - sum(count for _, count in shown)
    for code, count in [*shown, *([("other codes", others)] if others else [])]:
        yield (
            name,
            code,
            f"{count:,}",
            TableCell(format_percentage(count, counts.requests), count / counts.requests),
        )


def _recall_tables(recalls: tuple[Recall, ...]) -> Iterator[Table]:
    rows = [
        (f"recall@{each.k}", f"{each.queries:,}", f"{each.mean:.4f}", f"{each.lowest:.4f}")
        for each in recalls
    ]
    if rows:
        note = "Share of the true nearest vectors, found by exact search, that the responses contained."
        yield Table("Recall", ("measure", "queries", "mean", "lowest"), tuple(rows), note=note)


def _stage_table(summary: LoadSummary, *, has_histograms: bool) -> Table:
    offered = f"offered {summary.unit}/s"
    columns = ("stage", "schedule", "duration", offered, "achieved", "dropped", "failed", "p99 ms")
    rows = tuple(_stage_row(each, has_histograms=has_histograms) for each in summary.stages)
    note = "p99 is the response time of the slowest operation." if len(summary.operations) > 1 else ""
    return Table("Stages", columns, rows, frozenset({"schedule"}), note)


def _stage_row(stage: StageSummary, *, has_histograms: bool) -> TableRow:
    p99_ms = _slowest_p99_ms(stage) if has_histograms else None
    return (
        stage.stage.label,
        format_schedule(stage.stage, stage.unit),
        TableCell(format_duration(stage.duration_s), stage.duration_s),
        TableCell(format_number(stage.offered_per_s), stage.offered_per_s),
        TableCell(format_number(stage.achieved_per_s), stage.achieved_per_s),
        f"{stage.dropped:,}",
        f"{sum(counts.failed for counts in stage.operations.values()):,}",
        "–" if p99_ms is None else TableCell(format_number(p99_ms), p99_ms),
    )


def _slowest_p99_ms(stage: StageSummary) -> float | None:
    """Return the p99 of the slowest operation, None if the histogram of a second cannot be decoded."""
    try:
        return max((counts.response.percentile_ms(99) for counts in stage.operations.values()), default=None)
    except VecgateError:
        return None


def format_schedule(stage: Stage, unit: str) -> str:
    """Describe the rates of a stage, such as `0 to 900 vectors/s in 3 steps`."""
    low, high = format_exact(stage.from_per_s), format_exact(stage.to_per_s)
    texts = {
        "constant": f"{high} {unit}/s",
        "ramp": f"{low} to {high} {unit}/s",
        "step": f"{low} to {high} {unit}/s in {format_count(stage.steps, 'step')}",
        "sine": f"{low} to {high} {unit}/s and back every {format_duration(stage.period_s)}",
        "poisson": f"Poisson arrivals, {high} {unit}/s on average",
    }
    return texts[stage.kind]


def _worker_tables(workers: tuple[WorkerTotals, ...]) -> Iterator[Table]:
    rows = [
        (
            each.worker,
            f"{each.started:,}",
            f"{each.dropped:,}",
            TableCell(f"{each.cpu_s:,.1f} s", each.cpu_s),
            TableCell(format_milliseconds(each.loop_lag_ms), each.loop_lag_ms),
        )
        for each in workers
    ]
    if rows:
        columns = ("worker", "started", "dropped", "CPU time", "max event loop lag")
        yield Table("Workers of the load generator", columns, tuple(rows))


def _event_tables(events: tuple[Event, ...]) -> Iterator[Table]:
    rows = [
        (TableCell(format_elapsed(max(each.at_s, 0)), each.at_s), each.kind, each.text) for each in events
    ]
    if rows:
        columns = ("time", "event", "details")
        yield Table("Events", columns, tuple(rows), frozenset({"event", "details"}))
