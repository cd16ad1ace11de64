"""A load run in rows and lines, as terminal and Markdown show them."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.reporting.wording import duration, many, milliseconds, number, share, usd
from vecgate.results.counts import Counts, together
from vecgate.results.load import Event
from vecgate.results.records import Stream
from vecgate.results.spans import Span
from vecgate.results.summary import Summary

PERCENTILES = (50, 95, 99)
#: Response times count from when a request should have left, service times from when it did.
OPERATIONS = ("operation", "requests", "errors", "throttled", "p50", "p95", "p99", "max", "service p99")
STAGES = ("stage", "offered", "achieved", "", "dropped", "late", "p50", "p99")
#: Columns that stand to the right, of both.
RIGHT = range(1, 9)


def operation_rows(summary: Summary) -> list[list[str]]:
    """A row for each operation, and one for all where there are several."""
    rows = [_operation(name, counts) for name, counts in summary.operations.items()]
    if len(rows) > 1:
        rows.append(_operation("in all", together(summary.operations.values())))
    return rows


def _operation(name: str, counts: Counts) -> list[str]:
    return [
        name,
        f"{counts.requests:,}",
        f"{counts.failed:,}" if counts.failed else "",
        f"{counts.throttled:,}" if counts.throttled else "",
        *map(milliseconds, counts.response.percentiles_ms(*PERCENTILES)),
        milliseconds(counts.response.max_ms),
        milliseconds(counts.service.percentile_ms(99)),
    ]


def stage_rows(summary: Summary) -> list[list[str]]:
    """A row for each stage, and one for the whole schedule where there are several."""
    rows = [_stage(stage.stage.told, stage) for stage in summary.stages]
    return [*rows, _stage("in all", summary)] if len(rows) > 1 else rows


def _stage(name: str, span: Span) -> list[str]:
    whole = span.whole
    return [
        name,
        f"{number(span.offered_per_s)} {span.unit}/s",
        f"{number(span.achieved_per_s)} {span.unit}/s",
        share(span.ok, span.due),
        f"{span.dropped:,}" if span.dropped else "",
        f"{span.late:,}" if span.late else "",
        *map(milliseconds, whole.response.percentiles_ms(50, 99)),
    ]


def facts(stream: Stream, summary: Summary) -> Iterator[tuple[str, str]]:
    """What else there is to say, a name and a sentence each."""
    plan, header = summary.plan, stream.header
    yield "scenario", f"{plan.scenario}: {plan.description}" if plan.description else plan.scenario
    yield "target", f"{header.target} {header.url}".strip()
    yield "ran", f"{duration(summary.duration_s)} of {duration(plan.duration_s)}, {_requests(summary)}"
    if errors := _errors(summary):
        yield "errors", errors
    for recall in summary.recalls.values():
        told = f"{recall.mean:.4f} on average, {recall.lowest:.2f} at worst"
        yield f"recall@{recall.k}", f"{told}, sample of {recall.queries:,}"
    if summary.usd:
        yield "price", f"{usd(summary.usd)}, {usd(summary.usd_per_hour)} an hour"
    if summary.limited_by_generator:
        yield "generator", f"it was the limit, not the target: {summary.limited_by_generator}"
    yield from _events(stream)
    for leak in summary.leaks:
        yield "left behind", f"{leak}; `vecgate clean` finds it"


def _requests(summary: Summary) -> str:
    told = many(summary.requests, "request")
    return f"{told}, {summary.lost:,} lost with a worker" if summary.lost else told


def _errors(summary: Summary) -> str:
    codes = together(summary.operations.values()).errors
    return ", ".join(f"{count:,} {code}" for code, count in codes.most_common())


def _events(stream: Stream) -> Iterator[tuple[str, str]]:
    for event in stream.of(Event):
        if event.kind != "stage":
            yield event.kind.replace("-", " "), f"at {event.at_s:.0f} s: {event.text}"
