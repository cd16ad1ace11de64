"""A load run as `--json` prints it: the figures of the terminal report, not rounded."""

from __future__ import annotations

from msgspec import to_builtins

from vecgate.gate.load_verdict import load_verdict_line
from vecgate.gate.verdict import Verdict
from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import WorkerTotals
from vecgate.results.load.load_summary import LoadSummary
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.percentile_samples import has_few_samples
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
        "duration_s": summary.end_s,
        "measured_from_s": summary.measured_from_s,
        **_span(summary),
        "operations": {name: _operation(counts) for name, counts in summary.operations.items()},
        "stages": [
            {"name": stage.stage.label, "warm_up": stage.stage.warm_up, **_span(stage)}
            for stage in summary.stages
        ],
        "first_ms": _first_ms(stream),
        "failures": [to_builtins(cause) for cause in summary.failures],
        "recall": {f"@{k}": recall.mean for k, recall in summary.recalls.items()},
        "read_back": to_builtins(summary.read_back),
        "usd": summary.usd,
        "usd_per_hour": summary.usd_per_hour,
        "limited_by_generator": summary.limited_by_generator,
        "checks": [
            {"name": check.name, "measured": check.measured, "verdict": check.grade}
            for check in verdict.checks
        ],
        "orphaned": list(summary.orphaned),
    }


def _first_ms(stream: Stream) -> dict[str, float]:
    """Return the service time of the first request of each operation, the longest of all workers."""
    firsts = [each for worker in stream.of(WorkerTotals) for each in worker.first_ms.items()]
    return {name: max(ms for each, ms in firsts if each == name) for name, _ in firsts}


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
        # The envelope of `--json` has an `ok` of its own.
        "succeeded": span.ok,
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


def _latencies_ms(histogram: Histogram) -> dict[str, object]:
    if not histogram.count:
        return {}
    values = zip(PERCENTILES, histogram.percentiles_ms(*PERCENTILES), strict=True)
    few = [f"p{p:g}" for p in PERCENTILES if has_few_samples(p, histogram.count)]
    return {
        **{f"p{p:g}": value for p, value in values},
        "max": histogram.max_ms,
        "count": histogram.count,
        "few_samples": few,
    }
