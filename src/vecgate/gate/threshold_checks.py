"""Measures a threshold in a run: the value, whether the threshold is met, and the margin."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType

from vecgate.formatting import format_count, format_number, format_quantity
from vecgate.gate.thresholds import Threshold
from vecgate.results.load.load_records import Recall
from vecgate.results.load.load_summary import LoadSummary
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.percentile_samples import has_few_samples, samples_needed
from vecgate.results.spans import Span

MARGIN_DIGITS = 2
#: Units whose margin is shown relative to the limit. The margin of other units is the difference.
RELATIVE = frozenset({"ms", "usd", "vectors/s", "requests/s"})
OF_SCHEDULE = frozenset({"achieved", "dropped", "late", "lost"})


@dataclass(frozen=True, slots=True)
class Measurement:
    """The value of a threshold in a run.

    value   in the unit of the threshold; None without samples
    is_met  False without samples
    note    why the value says little; empty if it does not
    """

    threshold: Threshold
    value: float | None
    is_met: bool
    note: str = ""

    @property
    def margin(self) -> float | None:
        """Distance of *value* above the limit, relative or as a difference; None if it has no meaning."""
        limit = self.threshold.limit
        if self.value is None or self.threshold.comparator == "==":
            return None
        if self.threshold.unit not in RELATIVE:
            return self.value - limit
        return self.value / limit - 1 if limit else None

    def __str__(self) -> str:
        if self.value is None:
            return "no data"
        margin = self.margin
        value = _format_value(self.value, self.threshold.unit)
        parts = [value, "" if margin is None else self._format_margin(margin), self.note]
        return ", ".join(filter(None, parts))

    def _format_margin(self, margin: float) -> str:
        if not margin:
            return "at the limit"
        unit = self.threshold.unit
        size = abs(margin) * (100 if unit in RELATIVE else 1)
        number = format_number(_whole(size), MARGIN_DIGITS)
        points = " point" if number == "1" else " points"
        suffix = " %" if unit in RELATIVE else points if unit == "%" else ""
        return f"{number}{suffix} {'above' if margin > 0 else 'below'} the limit"


def measure(threshold: Threshold, summary: LoadSummary) -> Measurement:
    """Measure *threshold* in a run."""
    span = _span(threshold, summary)
    usd = summary.usd_per_hour if threshold.metric == "cost_per_hour" else summary.usd
    return measure_span(span, threshold, usd=usd, recalls=summary.recalls)


def least_errors(threshold: Threshold, summary: LoadSummary, excused: AbstractSet[str]) -> float | None:
    """Return the errors that *threshold* would have measured if all that is unknown had succeeded.

    Unknown are the requests that were due and have no answer, and those that failed with a code in *excused*.
    None if the threshold is for no errors, or has no sample.
    """
    span = _span(threshold, summary)
    if threshold.metric != "errors" or span is None:
        return None
    counts = span.operations.get(threshold.operation) if threshold.operation else span.total
    if counts is None or not counts.requests:
        return None
    missing = max(span.dropped + span.lost + span.unknown, span.due - span.requests)
    failed = sum(number for code, number in counts.errors.items() if code not in excused)
    return _percentage_or_number(failed, counts.requests + missing, threshold)


def _span(threshold: Threshold, summary: LoadSummary) -> Span | None:
    """Return the stage that *threshold* is for, or the whole run; None if no stage has its name."""
    # If two stages have the same name, it is unclear which one is meant, so neither has a sample.
    named: list[Span] = [stage for stage in summary.stages if stage.name == threshold.stage]
    return summary if not threshold.stage else named[0] if len(named) == 1 else None


def measure_span(
    span: Span | None,
    threshold: Threshold,
    *,
    usd: float,
    recalls: Mapping[int, Recall] = MappingProxyType({}),
    is_running: bool = False,
) -> Measurement:
    """Measure *threshold* in *span*, or without a span if its stage has not begun.

    usd         price of the run, or for the metric `cost_per_hour` that of an hour
    is_running  requests in flight may still succeed, and do not count as missing
    """
    value: float | None = None
    if threshold.metric == "recall":
        value = recalls[threshold.k].mean if threshold.k in recalls else None
    elif span is not None and threshold.metric in {"cost", "cost_per_hour"}:
        value = usd if span.requests else None
    elif span is not None and threshold.metric in OF_SCHEDULE:
        value = _of_schedule(span, threshold, is_running=is_running)
    elif span is not None:
        value = _of_requests(span, threshold)
    is_met = value is not None and threshold.is_met_by(value)
    return Measurement(threshold, value, is_met, _note(span, threshold) if span else "")


def _note(span: Span, threshold: Threshold) -> str:
    if threshold.metric != "p":
        return ""
    counts = span.operations.get(threshold.operation, OperationCounts())
    number = counts.requests if threshold.operation else span.requests
    if not has_few_samples(threshold.percentile, number):
        return ""
    needed = samples_needed(threshold.percentile)
    return f"of {format_count(number, 'request')}, where a p{threshold.percentile:g} needs {needed:,}"


def _of_schedule(span: Span, threshold: Threshold, *, is_running: bool) -> float | None:
    if threshold.metric == "achieved" and not is_running:
        kept_up = round(span.achieved * span.due)
        return _percentage_or_number(kept_up, span.due, threshold)
    settled = span.requests + span.dropped + span.lost + span.unknown
    part, whole = {
        "achieved": (span.ok, settled),
        "dropped": (span.dropped, span.due),
        "late": (span.late, span.started),
        "lost": (span.lost + span.unknown, span.due),
    }[threshold.metric]
    return _percentage_or_number(part, whole, threshold)


def _of_requests(span: Span, threshold: Threshold) -> float | None:
    operation = threshold.operation
    counts = span.operations.get(operation, OperationCounts()) if operation else span.total
    if not counts.requests:
        return None
    match threshold.metric:
        case "errors":
            return _percentage_or_number(counts.failed, counts.requests, threshold)
        case "throttled":
            return _percentage_or_number(counts.throttled, counts.requests + counts.retried, threshold)
        case "rate":
            return _rate(span, counts, threshold)
        case "count":
            return counts.ok
        case _:
            return _time_ms(counts, threshold)


def _rate(span: Span, counts: OperationCounts, threshold: Threshold) -> float:
    """Return the rate within *span*. The share that ended after it is that of all operations."""
    in_vectors = threshold.unit == "vectors/s"
    done = counts.vectors if in_vectors else counts.ok
    total, drained = (span.vectors, span.drained_vectors) if in_vectors else (span.ok, span.drained)
    return span.per_s(done) * (1 - drained / total if total else 1.0)


def _time_ms(counts: OperationCounts, threshold: Threshold) -> float:
    times = counts.service if threshold.is_service else counts.response
    if threshold.metric == "p":
        return times.percentile_ms(threshold.percentile)
    return times.mean_ms if threshold.metric == "avg" else times.max_ms


def _percentage_or_number(part: int, whole: int, threshold: Threshold) -> float | None:
    if not whole:
        return None
    return 100 * part / whole if threshold.unit == "%" else part


def _format_value(value: float, unit: str) -> str:
    match unit:
        case "%":
            return format_quantity(value / 100, "%")
        case "usd":
            return format_quantity(value, "$")
    return format_quantity(value, unit)


def _whole(number: float) -> float:
    """Return a whole number as an int, so that it is shown without decimals."""
    return int(number) if number == int(number) else number
