"""A run of the batch client as a page shows it: what became of the records, how fast, and what it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vecgate.gate.bulk import done_in
from vecgate.reporting.html.figures import Figures
from vecgate.reporting.html.latency import latency_plots
from vecgate.reporting.html.load import LoadView, latency_or_problem, operation_figures, resolution_of
from vecgate.reporting.html.plots import LinePlot
from vecgate.reporting.html.series import Timeline
from vecgate.reporting.html.timeline import Drawn, over_time
from vecgate.reporting.html.views import Cell, Table, Tile
from vecgate.reporting.wording import many, milliseconds, number, share
from vecgate.results.bulk import BulkPlan, BulkTotals
from vecgate.results.counts import Counts, by_operation
from vecgate.results.load import Second
from vecgate.results.records import Stream

NOTE = "Service times: of each request that was taken, from when its last attempt left."
#: Reasons that are shown.
REASONS_MAX = 50


def bulk_view(stream: Stream, figures: Figures) -> LoadView:
    """The view of a run of the batch client; its timeline and latencies are shown as those of a load run."""
    seconds, plan, totals = stream.of(Second), stream.first(BulkPlan), stream.first(BulkTotals)
    timeline = Timeline(seconds)
    operations = by_operation(second.operations for second in seconds)
    latency, problem = latency_or_problem(operations, NOTE) if operations else (None, "")
    plots = latency_plots(operations, timeline, is_measured=not problem) if timeline.at else {}
    trouble = _trouble_plot(timeline)
    shown = [_rate_plot(timeline, plan), *([trouble] if trouble else []), _processor_plot(timeline)]
    return LoadView(
        tiles=tuple(_tiles(totals, operations, done_in(stream), is_measured=not problem)) if totals else (),
        bound="",
        timeline=tuple(figures.all("run", shown)) if timeline.at else (),
        calm="" if trouble or not timeline.at else "No request was throttled or sent again.",
        resolution=resolution_of(timeline),
        latency=latency,
        operations=tuple(operation_figures(plots, figures)),
        problem=problem,
        tables=tuple(_tables(totals)) if totals else (),
    )


def _rate_plot(timeline: Timeline, plan: BulkPlan | None) -> LinePlot:
    column = timeline.of(lambda second: sum(each.vectors for each in second.operations.values()))
    most = number(max((value for value in column if value is not None), default=0))
    lines: list[Drawn] = [("taken", "achieved", column, "area"), ("taken", "achieved", column, "step")]
    told = f"At most {most} records were taken in a second."
    if plan is not None:
        lines.append(("at most", "offered", timeline.of(lambda _: plan.vectors_per_s), "step"))
        told += f" {number(plan.vectors_per_s)} a second were allowed."
    return over_time("Records taken", "records a second", timeline, lines, told=told, is_wide=True)


def _trouble_plot(timeline: Timeline) -> LinePlot | None:
    """What was throttled or sent again in each second; None where nothing was."""
    throttled = timeline.of(lambda second: sum(each.throttled for each in second.operations.values()))
    retried = timeline.of(lambda second: sum(each.retried for each in second.operations.values()))
    told_of: list[Drawn] = [
        ("throttled", "throttled", throttled, "step"),
        ("sent again", "late", retried, "step"),
    ]
    happened = [line for line in told_of if any(line[2])]
    if not happened:
        return None
    told = f"{sum(value or 0 for value in retried):,.0f} requests were sent again."
    return over_time(
        "What went wrong", "requests a second", timeline, happened, told=told, height=90, is_wide=True
    )


def _processor_plot(timeline: Timeline) -> LinePlot:
    column = timeline.of(lambda second: 100 * second.generator_cores)
    most = number(max((value for value in column if value is not None), default=0))
    lines: list[Drawn] = [("client", "generator", column, "step")]
    told = f"The client used at most {most} % of a core."
    return over_time("Processor of the client", "% of a core", timeline, lines, told=told, least=100)


def _tiles(
    totals: BulkTotals, operations: Mapping[str, Counts], done: str, *, is_measured: bool
) -> Iterator[Tile]:
    whole = totals.read if totals.total is None else totals.total
    yield Tile(done, f"{totals.acknowledged:,}", "records", ", ".join([f"of {whole:,}", *_earlier(totals)]))
    yield Tile("held", number(totals.vectors_per_s), "records/s", f"{totals.requests:,} requests")
    for counts in operations.values() if is_measured else ():
        p50, p99 = counts.service.percentiles_ms(50, 99)
        yield Tile("p99", number(p99), "ms", f"half within {milliseconds(p50)}")
    sent_again = f"{totals.throttles:,} attempts throttled" if totals.throttles else "none throttled"
    yield Tile("sent again", f"{totals.retries:,}", "requests", sent_again)
    yield Tile(
        "set aside",
        f"{totals.set_aside:,}",
        "records",
        f"{totals.pending:,} pending" if totals.pending else "none pending",
        "bad" if totals.set_aside or totals.pending else "",
    )
    new = totals.acknowledged + totals.set_aside - totals.resumed
    if new > 0:
        each = f"{1_000 * totals.cpu_s / new:.3g}"
        yield Tile("processor", each, "s", "of the client for 1,000 records")


def _earlier(totals: BulkTotals) -> Iterator[str]:
    if totals.resumed:
        yield f"{totals.resumed:,} settled by earlier runs"
    if totals.superseded:
        yield f"{many(totals.superseded, 'record')} superseded"


def _tables(totals: BulkTotals) -> Iterator[Table]:
    yield from _reasons("Set aside, by reason", "reason", "records", totals.causes, totals.set_aside)
    failed = sum(totals.failed_attempts.values())
    yield from _reasons("Attempts that failed, by cause", "cause", "attempts", totals.failed_attempts, failed)


def _reasons(caption: str, what: str, counted: str, found: Mapping[str, int], whole: int) -> Iterator[Table]:
    most = sorted(found.items(), key=lambda each: (-each[1], each[0]))[:REASONS_MAX]
    if most:
        rows = tuple((reason, f"{n:,}", Cell(share(n, whole), n)) for reason, n in most)
        yield Table(caption, (what, counted, "of all"), rows)
