"""A load run in tables: errors, recall, stages, workers, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vecgate.errors import VecgateError
from vecgate.reporting.html.axes import clock
from vecgate.reporting.html.views import Cell, Cells, Table
from vecgate.reporting.wording import duration, many, milliseconds, number, share
from vecgate.results.counts import Counts
from vecgate.results.load import Client, Event, Recall, Stage, WorkerTotals
from vecgate.results.records import Stream
from vecgate.results.summary import StageSummary, Summary

#: Error codes of an operation that are shown.
CODES_MAX = 50
MIB = 2**20
#: By client, what was throttled.
REQUESTS_NOTES: Mapping[Client, str] = {
    "direct": "What was throttled has failed: nothing is sent again.",
    "bulk": "What was throttled are attempts, which were sent again; what failed was given up.",
}


def load_tables(stream: Stream, summary: Summary, *, is_measured: bool) -> Iterator[Table]:
    """Every table but that of the latencies; *is_measured*, histograms can be read."""
    yield from _requests(summary)
    yield from _errors(summary)
    yield from _recalls(stream.of(Recall))
    yield _stages(summary, is_measured=is_measured)
    yield from _workers(stream.of(WorkerTotals))
    yield from _events(stream.of(Event))


def _requests(summary: Summary) -> Iterator[Table]:
    columns = (
        *("operation", "requests", "failed", "throttled", "sent again", "vectors"),
        *("MiB sent", "MiB received"),
    )
    rows = tuple(_counted(name, counts) for name, counts in summary.operations.items())
    if rows:
        yield Table("Requests by operation", columns, rows, note=REQUESTS_NOTES[summary.plan.client])


def _counted(name: str, counts: Counts) -> Cells:
    numbers = (counts.requests, counts.failed, counts.throttled, counts.retried, counts.vectors)
    sizes = (each / MIB for each in (counts.bytes_out, counts.bytes_in))
    return (name, *(f"{each:,}" for each in numbers), *(Cell(number(each), each) for each in sizes))


def _errors(summary: Summary) -> Iterator[Table]:
    rows = [row for name, counts in summary.operations.items() for row in _codes(name, counts)]
    if rows:
        columns = ("operation", "error code", "requests", "of all")
        yield Table("Errors by code", columns, tuple(rows), frozenset({"error code"}))


def _codes(name: str, counts: Counts) -> Iterator[Cells]:
    """The usual codes; a server that makes up one for each request is cut short."""
    shown = counts.errors.most_common(CODES_MAX)
    others = counts.failed - sum(count for _, count in shown)
    for code, count in [*shown, *([("others", others)] if others else [])]:
        yield (name, code, f"{count:,}", Cell(share(count, counts.requests), count / counts.requests))


def _recalls(recalls: tuple[Recall, ...]) -> Iterator[Table]:
    rows = [
        (f"recall@{each.k}", f"{each.queries:,}", f"{each.mean:.4f}", f"{each.lowest:.4f}")
        for each in recalls
    ]
    if rows:
        note = "Share of the true nearest vectors, found by exact search, that the answers held."
        yield Table("Recall", ("measure", "queries", "mean", "worst query"), tuple(rows), note=note)


def _stages(summary: Summary, *, is_measured: bool) -> Table:
    offered = f"offered {summary.unit}/s"
    columns = ("stage", "schedule", "lasted", offered, "achieved", "dropped", "failed", "p99 ms")
    rows = tuple(_stage(each, is_measured=is_measured) for each in summary.stages)
    note = "p99 is the response time of the slowest operation." if len(summary.operations) > 1 else ""
    return Table("Stages", columns, rows, frozenset({"schedule"}), note)


def _stage(each: StageSummary, *, is_measured: bool) -> Cells:
    slowest = _slowest(each) if is_measured else None
    return (
        each.stage.told,
        schedule_of(each.stage, each.unit),
        Cell(duration(each.duration_s), each.duration_s),
        Cell(number(each.offered_per_s), each.offered_per_s),
        Cell(number(each.achieved_per_s), each.achieved_per_s),
        f"{each.dropped:,}",
        f"{sum(counts.failed for counts in each.operations.values()):,}",
        "–" if slowest is None else Cell(number(slowest), slowest),
    )


def _slowest(stage: StageSummary) -> float | None:
    """The p99 of the slowest operation, None where the histogram of a second cannot be read."""
    try:
        return max((counts.response.percentile_ms(99) for counts in stage.operations.values()), default=None)
    except VecgateError:
        return None


def schedule_of(stage: Stage, unit: str) -> str:
    """A stage in words."""
    low, high = number(stage.from_per_s), number(stage.to_per_s)
    told = {
        "constant": f"{high} {unit}/s",
        "ramp": f"{low} to {high} {unit}/s",
        "step": f"{low} to {high} {unit}/s in {many(stage.steps, 'step')}",
        "sine": f"{low} to {high} {unit}/s and back every {duration(stage.period_s)}",
        "poisson": f"at random around {high} {unit}/s",
    }
    return told[stage.kind]


def _workers(workers: tuple[WorkerTotals, ...]) -> Iterator[Table]:
    rows = [
        (
            each.worker,
            f"{each.started:,}",
            f"{each.dropped:,}",
            Cell(f"{each.cpu_s:,.1f} s", each.cpu_s),
            Cell(milliseconds(each.loop_lag_ms), each.loop_lag_ms),
        )
        for each in workers
    ]
    if rows:
        columns = ("worker", "started", "dropped", "processor time", "late at most")
        yield Table("Workers of the generator", columns, tuple(rows))


def _events(events: tuple[Event, ...]) -> Iterator[Table]:
    rows = [(Cell(clock(max(each.at_s, 0)), each.at_s), each.kind, each.text) for each in events]
    if rows:
        columns = ("at", "event", "what")
        yield Table("Events", columns, tuple(rows), frozenset({"event", "what"}))
