"""Tables of a load run: requests, errors, recall, stages, workers, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vecgate.errors import VecgateError
from vecgate.formatting import (
    NONE,
    format_count,
    format_duration,
    format_exact,
    format_milliseconds,
    format_number,
    format_percentage,
)
from vecgate.reporting.html.charts.axes import format_elapsed
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.reporting.html.views.latency_charts import few_note, percentile_cell
from vecgate.results.load.failure_samples import FailureCause
from vecgate.results.load.load_records import Client, Event, ReadBack, Recall, Stage, WorkerTotals
from vecgate.results.load.load_summary import LoadSummary, StageSummary
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.records import Stream

#: Error codes shown for each operation.
CODES_MAX = 50
#: Causes of failures whose samples are shown.
CAUSES_MAX = 40
FAILURE_TEXTS = frozenset({"error code", "request id", "message"})
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
    yield from _failure_tables(summary)
    yield from _recall_tables(stream.of(Recall))
    yield from _read_back_tables(summary.read_back)
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


def _failure_tables(summary: LoadSummary) -> Iterator[Table]:
    """Return the samples of failed requests: for each cause the first, some between, and the last."""
    causes = summary.failures[:CAUSES_MAX]
    rows = [row for cause in causes for row in _sample_rows(cause)]
    if not rows:
        return
    columns = ("operation", "error code", "requests", "time", "response ms", "request id", "message")
    more = len(summary.failures) - len(causes)
    note = "The first and the last failure of each cause, and up to three between."
    if more:
        note += f" {format_count(more, 'more cause')}: the result stream has all."
    yield Table("Samples of failed requests", columns, tuple(rows), FAILURE_TEXTS, note)


def _sample_rows(cause: FailureCause) -> Iterator[TableRow]:
    """Return a row for each sample of *cause*, or one for the cause if it has no sample."""
    requests = TableCell(f"{cause.count:,}", cause.count)
    if not cause.samples:
        message = cause.message or "various messages"
        yield (cause.operation, cause.code, requests, TableCell("–"), TableCell("–"), "", message)
    for sample in cause.samples:
        yield (
            cause.operation,
            cause.code,
            requests,
            TableCell(f"{sample.at_s:,.1f} s", sample.at_s),
            TableCell(format_number(sample.response_ms), sample.response_ms),
            sample.request_id,
            sample.message,
        )


def _recall_tables(recalls: tuple[Recall, ...]) -> Iterator[Table]:
    rows = [
        (f"recall@{each.k}", f"{each.queries:,}", f"{each.mean:.4f}", f"{each.lowest:.4f}")
        for each in recalls
    ]
    if rows:
        note = "Share of the true nearest vectors, found by exact search, that the responses contained."
        yield Table("Recall", ("measure", "queries", "mean", "lowest"), tuple(rows), note=note)


def _read_back_tables(found: ReadBack | None) -> Iterator[Table]:
    if found is None:
        return
    rows = [
        ("put", found.acknowledged, found.looked_up, found.missing, found.different),
        ("deleted", found.deleted, found.deleted_looked_up, found.remaining, 0),
    ]
    columns = ("acknowledged", "vectors", "looked up", "not as acknowledged", "other values")
    shown = tuple((name, *(f"{each:,}" for each in numbers)) for name, *numbers in rows)
    note = found.problem or "Vectors of the whole run that were read by key after its last request."
    yield Table("Look-up of acknowledged writes", columns, shown, note=note)


def _stage_table(summary: LoadSummary, *, has_histograms: bool) -> Table:
    offered = f"offered {summary.unit}/s"
    columns = ("stage", "schedule", "duration", offered, "achieved", "dropped", "failed", "p99 ms")
    rows = tuple(_stage_row(each, has_histograms=has_histograms) for each in summary.stages)
    note = "p99 is that of all operations together, as in the verdict." if len(summary.operations) > 1 else ""
    warm_up = "The warm-up is left out of all other figures." if summary.measured_from_s else ""
    note = " ".join(filter(None, (note, warm_up, few_note(rows))))
    return Table("Stages", columns, rows, frozenset({"schedule"}), note)


def _stage_row(stage: StageSummary, *, has_histograms: bool) -> TableRow:
    p99 = _p99_cell(stage) if has_histograms else TableCell(NONE)
    return (
        f"{stage.stage.label} (warm-up)" if stage.stage.warm_up else stage.stage.label,
        format_schedule(stage.stage, stage.unit),
        TableCell(format_duration(stage.duration_s), stage.duration_s),
        TableCell(format_number(stage.offered_per_s), stage.offered_per_s),
        TableCell(format_number(stage.achieved_per_s), stage.achieved_per_s),
        f"{stage.dropped:,}",
        f"{sum(counts.failed for counts in stage.operations.values()):,}",
        p99,
    )


def _p99_cell(stage: StageSummary) -> TableCell:
    """Return the p99 of *stage*; a dash without requests, or if a histogram cannot be decoded."""
    try:
        response = stage.total.response
        return (
            percentile_cell(99, response.percentile_ms(99), response.count)
            if response.count
            else TableCell(NONE)
        )
    except VecgateError:
        return TableCell(NONE)


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
            "" if each.lost_at_s is None else TableCell(format_elapsed(each.lost_at_s), each.lost_at_s),
        )
        for each in workers
    ]
    if rows:
        columns = ("worker", "started", "dropped", "CPU time", "max event loop lag", "lost, last heard at")
        yield Table("Workers of the load generator", columns, tuple(rows))


def _event_tables(events: tuple[Event, ...]) -> Iterator[Table]:
    rows = [
        (TableCell(format_elapsed(max(each.at_s, 0)), each.at_s), each.kind, each.text) for each in events
    ]
    if rows:
        columns = ("time", "event", "details")
        yield Table("Events", columns, tuple(rows), frozenset({"event", "details"}))
