"""A load run as `--json` tells it: the same figures as the terminal's, unrounded."""

from __future__ import annotations

from vecgate.gate.load import load_line_of
from vecgate.gate.verdict import Verdict
from vecgate.results.counts import Counts
from vecgate.results.histograms import Histogram
from vecgate.results.records import SCHEMA_VERSION, Stream
from vecgate.results.spans import Span
from vecgate.results.summary import Summary

PERCENTILES = (50, 90, 95, 99, 99.9)


def load_dict(stream: Stream, verdict: Verdict, summary: Summary) -> dict[str, object]:
    """The result as JSON has it; times in milliseconds, rates in the unit of the scenario a second."""
    return {
        "schema": SCHEMA_VERSION,
        "verdict": verdict.grade,
        "line": load_line_of(verdict, summary),
        "run": stream.header.run,
        "target": stream.header.target,
        "scenario": summary.plan.scenario,
        "unit": summary.plan.unit,
        "duration_s": summary.duration_s,
        **_span(summary),
        "operations": {name: _operation(counts) for name, counts in summary.operations.items()},
        "stages": [{"name": stage.stage.told, **_span(stage)} for stage in summary.stages],
        "recall": {f"@{k}": recall.mean for k, recall in summary.recalls.items()},
        "usd": summary.usd,
        "usd_per_hour": summary.usd_per_hour,
        "limited_by_generator": summary.limited_by_generator,
        "checks": [
            {"name": check.name, "measured": check.measured, "verdict": check.grade}
            for check in verdict.checks
        ],
        "left_behind": list(summary.leaks),
    }


def _span(span: Span) -> dict[str, object]:
    return {
        "due": span.due,
        "started": span.started,
        "late": span.late,
        "dropped": span.dropped,
        "lost": span.lost,
        "requests": span.requests,
        "ok": span.ok,
        "vectors": span.vectors,
        "offered_per_s": span.offered_per_s,
        "achieved_per_s": span.achieved_per_s,
        "response_ms": _latencies(span.whole.response),
    }


def _operation(counts: Counts) -> dict[str, object]:
    return {
        "ok": counts.ok,
        "vectors": counts.vectors,
        "errors": dict(counts.errors),
        "throttled": counts.throttled,
        "retried": counts.retried,
        "bytes_out": counts.bytes_out,
        "bytes_in": counts.bytes_in,
        "response_ms": _latencies(counts.response),
        "service_ms": _latencies(counts.service),
    }


def _latencies(histogram: Histogram) -> dict[str, float]:
    if not histogram.count:
        return {}
    found = zip(PERCENTILES, histogram.percentiles_ms(*PERCENTILES), strict=True)
    return {**{f"p{p:g}": value for p, value in found}, "max": histogram.max_ms}
