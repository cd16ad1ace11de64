"""A load run as `--json` prints it: the figures of the terminal report, not rounded."""

from __future__ import annotations

from vecgate.gate.load_verdict import load_verdict_line
from vecgate.gate.verdict import Verdict
from vecgate.results.histograms import Histogram
from vecgate.results.load_summary import LoadSummary
from vecgate.results.operation_counts import OperationCounts
from vecgate.results.records import SCHEMA_VERSION, Stream
from vecgate.results.spans import Span

PERCENTILES = (50, 90, 95, 99, 99.9)


def load_dict(stream: Stream, verdict: Verdict, summary: LoadSummary) -> dict[str, object]:
    """Return the result. Times are in milliseconds, rates in the unit of the scenario per second."""
    return {
        "schema": SCHEMA_VERSION,
        "verdict": verdict.grade,
        "line": load_verdict_line(verdict, summary),
        "run": stream.header.run,
        "target": stream.header.target,
        "scenario": summary.plan.scenario,
        "unit": summary.plan.unit,
        "duration_s": summary.duration_s,
        **_span(summary),
        "operations": {name: _operation(counts) for name, counts in summary.operations.items()},
        "stages": [{"name": stage.stage.label, **_span(stage)} for stage in summary.stages],
        "recall": {f"@{k}": recall.mean for k, recall in summary.recalls.items()},
        "usd": summary.usd,
        "usd_per_hour": summary.usd_per_hour,
        "limited_by_generator": summary.limited_by_generator,
        "checks": [
            {"name": check.name, "measured": check.measured, "verdict": check.grade}
            for check in verdict.checks
        ],
        "orphaned": list(summary.orphaned),
    }


def _span(span: Span) -> dict[str, object]:
    return {
        "due": span.due,
        "started": span.started,
        "late": span.late,
        "dropped": span.dropped,
        "lost": span.lost,
        "unknown": span.unknown,
        "requests": span.requests,
        "ok": span.ok,
        "vectors": span.vectors,
        "offered_per_s": span.offered_per_s,
        "achieved_per_s": span.achieved_per_s,
        "response_ms": _latencies_ms(span.total.response),
    }


def _operation(counts: OperationCounts) -> dict[str, object]:
    return {
        "ok": counts.ok,
        "vectors": counts.vectors,
        "errors": dict(counts.errors),
        "throttled": counts.throttled,
        "retried": counts.retried,
        "bytes_out": counts.bytes_out,
        "bytes_in": counts.bytes_in,
        "response_ms": _latencies_ms(counts.response),
        "service_ms": _latencies_ms(counts.service),
    }


def _latencies_ms(histogram: Histogram) -> dict[str, float]:
    if not histogram.count:
        return {}
    values = zip(PERCENTILES, histogram.percentiles_ms(*PERCENTILES), strict=True)
    return {**{f"p{p:g}": value for p, value in values}, "max": histogram.max_ms}
