"""A load run for the terminal, and as a Markdown job summary."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.formatting import (
    format_count,
    format_duration,
    format_milliseconds,
    format_number,
    format_percentage,
    format_usd,
)
from vecgate.gate.load_verdict import load_verdict_line
from vecgate.gate.verdict import Verdict, cleanup_line
from vecgate.printable import markdown_line, markdown_text
from vecgate.reporting.text.markdown import checks_table, markdown_table, truncate
from vecgate.reporting.text.terminal_tables import check_lines, table_lines
from vecgate.results.load.failure_samples import FailureCause
from vecgate.results.load.load_records import Event, Stage, WorkerTotals
from vecgate.results.load.load_summary import LoadSummary, summarize
from vecgate.results.load.operation_counts import OperationCounts, sum_counts
from vecgate.results.percentile_samples import few_samples_text
from vecgate.results.records import Stream
from vecgate.results.spans import Span

#: Percentiles without a name are response times, measured from the scheduled send; service times are measured
#: from the actual send.
OPERATION_HEADINGS = (
    *("operation", "requests", "errors", "throttled", "p50", "p95", "p99", "max", "service p99"),
)
STAGE_HEADINGS = ("stage", "offered", "achieved", "completed", "dropped", "late", "p50", "p99")
FAILURE_HEADINGS = ("failed", "error", "requests", "first", "last", "request id of the last", "message")
#: Causes that are shown; the others are in the result stream.
FAILURES_MAX = 12
#: Opening a connection that takes a second was tried twice: the first packet got no answer.
SLOW_CONNECT_MS = 900.0
#: Columns of both tables that align right.
RIGHT = range(1, 9)


def load_text(stream: Stream, verdict: Verdict, *, summary: LoadSummary | None = None) -> str:
    """Return the report for the terminal. Raises SourceError if *stream* is not a load run."""
    summary = summary or summarize(stream)
    parts = [
        "\n".join(operation_table(summary)) if summary.requests else "",
        "\n".join(stage_table(summary)) if summary.stages else "",
        "\n".join(failure_table(summary)) if summary.failures else "",
        "\n".join(table_lines(list(_facts(stream, summary)))),
        "\n".join(check_lines(verdict)),
        "\n".join(filter(None, (load_verdict_line(verdict, summary), cleanup_line(summary.orphaned)))),
    ]
    return "\n\n".join(part for part in parts if part)


def load_markdown(stream: Stream, verdict: Verdict) -> str:
    """Return the job summary. Raises SourceError if *stream* is not a load run."""
    summary = summarize(stream)
    parts = [
        f"## {markdown_line(load_verdict_line(verdict, summary))}",
        markdown_text(cleanup_line(summary.orphaned)),
        checks_table(verdict),
        "### By operation" if summary.requests else "",
        markdown_table(OPERATION_HEADINGS, _operation_rows(summary)) if summary.requests else "",
        "### By stage" if summary.stages else "",
        markdown_table(STAGE_HEADINGS, _stage_rows(summary)) if summary.stages else "",
        "### Failures" if summary.failures else "",
        markdown_table(FAILURE_HEADINGS, _failure_rows(summary)) if summary.failures else "",
        "\n".join(f"- {name}: {markdown_text(text)}" for name, text in _facts(stream, summary)),
    ]
    return truncate("\n\n".join(part for part in parts if part) + "\n")


def operation_table(summary: LoadSummary) -> list[str]:
    """Return the lines of the table of operations."""
    return table_lines([OPERATION_HEADINGS, *_operation_rows(summary)], right=RIGHT)


def stage_table(summary: LoadSummary) -> list[str]:
    """Return the lines of the table of stages."""
    return table_lines([STAGE_HEADINGS, *_stage_rows(summary)], right=RIGHT)


def failure_table(summary: LoadSummary) -> list[str]:
    """Return the lines of the table of causes of failed requests."""
    return table_lines([FAILURE_HEADINGS, *_failure_rows(summary)], right=range(2, 5))


def _failure_rows(summary: LoadSummary) -> list[list[str]]:
    rows = [_failure_row(cause) for cause in summary.failures[:FAILURES_MAX]]
    if more := summary.failures[FAILURES_MAX:]:
        number = f"{sum(cause.count for cause in more):,}"
        text = f"{format_count(len(more), 'more cause')}; the result stream has all"
        rows.append(["", "", number, "", "", "", text])
    return rows


def _failure_row(cause: FailureCause) -> list[str]:
    messages = {sample.message for sample in cause.samples}
    # The pattern only if the messages differ.
    message = messages.pop() if len(messages) == 1 else cause.message or "various messages"
    times = [f"{sample.at_s:.1f} s" for sample in cause.samples] or [""]
    request_ids = [sample.request_id for sample in cause.samples] or [""]
    return [
        cause.operation,
        cause.code,
        f"{cause.count:,}",
        times[0],
        times[-1],
        request_ids[-1],
        message,
    ]


def _operation_rows(summary: LoadSummary) -> list[list[str]]:
    """Return a row for each operation, and a total if there are several."""
    rows = [_operation_row(name, counts) for name, counts in summary.operations.items()]
    return (
        [*rows, _operation_row("total", sum_counts(summary.operations.values()))] if len(rows) > 1 else rows
    )


def _operation_row(name: str, counts: OperationCounts) -> list[str]:
    return [
        name,
        f"{counts.requests:,}",
        _unless_zero(counts.failed),
        _unless_zero(counts.throttled),
        *map(format_milliseconds, counts.response.percentiles_ms(50, 95, 99)),
        format_milliseconds(counts.response.max_ms),
        format_milliseconds(counts.service.percentile_ms(99)),
    ]


def _stage_rows(summary: LoadSummary) -> list[list[str]]:
    """Return a row for each stage, and a total if there are several."""
    rows = [_stage_row(_stage_name(stage.stage), stage) for stage in summary.stages]
    return [*rows, _stage_row("total", summary)] if len(rows) > 1 else rows


def _stage_name(stage: Stage) -> str:
    return f"{stage.label} (warm-up, not in the total)" if stage.warm_up else stage.label


def _stage_row(name: str, span: Span) -> list[str]:
    return [
        name,
        f"{format_number(span.offered_per_s)} {span.unit}/s",
        f"{format_number(span.achieved_per_s)} {span.unit}/s",
        format_percentage(span.ok, span.due),
        _unless_zero(span.dropped),
        _unless_zero(span.late),
        *map(format_milliseconds, span.total.response.percentiles_ms(50, 99)),
    ]


def _unless_zero(count: int) -> str:
    return f"{count:,}" if count else ""


def _facts(stream: Stream, summary: LoadSummary) -> Iterator[tuple[str, str]]:
    """Return names and texts of everything that the tables do not show."""
    plan, header = summary.plan, stream.header
    yield "scenario", f"{plan.scenario}: {plan.description}" if plan.description else plan.scenario
    yield "target", " ".join(filter(None, dict.fromkeys((header.target, header.url))))
    duration = f"{format_duration(summary.end_s)} of {format_duration(plan.duration_s)}"
    yield "duration", f"{duration}, {_requests(summary)}"
    if errors := _errors(summary):
        yield "errors", errors
    if first := _first_requests(stream, summary):
        yield "cold", first
    for recall in summary.recalls.values():
        text = f"{recall.mean:.4f} on average, {recall.lowest:.2f} at worst"
        yield f"recall@{recall.k}", f"{text}, sample of {recall.queries:,}"
    yield from _facts_about_end(summary)
    if few := few_samples_text((name, counts.requests) for name, counts in summary.operations.items()):
        yield "few samples", few
    if connects := _slow_connects(summary):
        yield "connections", connects
    if summary.limited_by_generator:
        yield "generator", f"was the limit: {summary.limited_by_generator}"
    for event in stream.of(Event):
        if event.kind != "stage":
            yield event.kind.replace("-", " "), f"at {event.at_s:.0f} s: {event.text}"


def _facts_about_end(summary: LoadSummary) -> Iterator[tuple[str, str]]:
    if summary.read_back is not None:
        yield "stored", summary.read_back.text
    if summary.usd:
        yield "cost", f"{format_usd(summary.usd)}, {format_usd(summary.usd_per_hour)} per hour"


def _slow_connects(summary: LoadSummary) -> str:
    """Return how long connections took to open, if that explains times that no log of a server has."""
    slowest_ms = max((second.connect_ms for second in summary.seconds), default=0.0)
    if slowest_ms < SLOW_CONNECT_MS:
        return ""
    number = sum(second.connects for second in summary.seconds)
    slowest = format_milliseconds(slowest_ms)
    return f"{number:,} were opened, the slowest in {slowest}, and its request waited for it"


def _first_requests(stream: Stream, summary: LoadSummary) -> str:
    """Return how long the first requests took, the longest of all workers, beside the median of all."""
    slowest: dict[str, float] = {}
    for worker in stream.of(WorkerTotals):
        for operation, first_ms in worker.first_ms.items():
            slowest[operation] = max(first_ms, slowest.get(operation, 0.0))
    parts = []
    for operation, first_ms in slowest.items():
        counts = summary.operations.get(operation)
        if counts is not None and counts.requests:
            median = format_milliseconds(counts.service.percentile_ms(50))
            parts.append(f"first {operation} {format_milliseconds(first_ms)}, median {median}")
    return "; ".join(parts)


def _requests(summary: LoadSummary) -> str:
    requests = format_count(summary.requests, "request")
    lost = f"{summary.lost:,} not sent, because the master lost a worker" if summary.lost else ""
    unknown = f"{summary.unknown:,} with an unknown result" if summary.unknown else ""
    return ", ".join(filter(None, (requests, lost, unknown)))


def _errors(summary: LoadSummary) -> str:
    codes = sum_counts(summary.operations.values()).errors
    return ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
