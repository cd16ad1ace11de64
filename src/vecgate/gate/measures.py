"""A threshold held against what was measured: the value, whether it is good enough, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10
from types import MappingProxyType

from vecgate.gate.thresholds import Threshold
from vecgate.results.counts import Counts
from vecgate.results.load import Recall
from vecgate.results.spans import Span
from vecgate.results.summary import Summary

#: Digits that a value is told with, and a margin.
VALUE_DIGITS, MARGIN_DIGITS = 4, 2
#: Units whose margins are told as a part of the limit; of the others, as the difference.
RELATIVE = frozenset({"ms", "usd", "vectors/s", "requests/s"})
OF_SCHEDULE = frozenset({"achieved", "dropped", "late", "lost"})


@dataclass(frozen=True, slots=True)
class Measured:
    """What a threshold came to.

    value  in the unit of the threshold; None where there are no samples
    holds  whether it is met; without samples it is not
    """

    threshold: Threshold
    value: float | None
    holds: bool

    @property
    def margin(self) -> float | None:
        """How far *value* is above the limit: a part of it, or the difference; None where it says nothing."""
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
        return told(self.value, self.threshold.unit) + ("" if margin is None else f", {self._side(margin)}")

    def _side(self, margin: float) -> str:
        unit = self.threshold.unit
        size = abs(margin) * (100 if unit in RELATIVE else 1)
        if not size:
            return "at the limit"
        told_size = figure(size, MARGIN_DIGITS)
        points = " point" if told_size == "1" else " points"
        named = " %" if unit in RELATIVE else points if unit == "%" else ""
        return f"{told_size}{named} {'above' if margin > 0 else 'below'} the limit"


def measure(threshold: Threshold, summary: Summary) -> Measured:
    """What *threshold* came to in a run."""
    # Of two stages that share a name nobody can say which is meant: that is no sample of either.
    named: list[Span] = [stage for stage in summary.stages if stage.name == threshold.stage]
    span = summary if not threshold.stage else named[0] if len(named) == 1 else None
    return measured_in(span, threshold, usd=summary.usd, recalls=summary.recalls)


def measured_in(
    span: Span | None,
    threshold: Threshold,
    *,
    usd: float,
    recalls: Mapping[int, Recall] = MappingProxyType({}),
    is_running: bool = False,
) -> Measured:
    """What *threshold* came to in *span*, None where that has not begun.

    is_running  what is under way may still be done, and is not held against it
    """
    value: float | None = None
    if threshold.metric == "recall":
        value = recalls[threshold.k].mean if threshold.k in recalls else None
    elif span is not None and threshold.metric == "cost":
        value = usd if span.requests else None
    elif span is not None and threshold.metric in OF_SCHEDULE:
        value = _of_schedule(span, threshold, is_running=is_running)
    elif span is not None:
        value = _of_requests(span, threshold)
    return Measured(threshold, value, value is not None and threshold.holds(value))


def _of_schedule(span: Span, threshold: Threshold, *, is_running: bool) -> float | None:
    settled = span.requests + span.dropped + span.lost if is_running else span.due
    part, whole = {
        "achieved": (span.ok, settled),
        "dropped": (span.dropped, span.due),
        "late": (span.late, span.started),
        "lost": (span.lost, span.due),
    }[threshold.metric]
    return _share_or_number(part, whole, threshold)


def _of_requests(span: Span, threshold: Threshold) -> float | None:
    counts = span.operations.get(threshold.operation, Counts()) if threshold.operation else span.whole
    if not counts.requests:
        return None
    match threshold.metric:
        case "errors":
            return _share_or_number(counts.failed, counts.requests, threshold)
        case "throttled":
            return _share_or_number(counts.throttled, counts.requests + counts.retried, threshold)
        case "rate":
            return span.per_s(counts.vectors if threshold.unit == "vectors/s" else counts.ok)
        case "count":
            return counts.ok
        case _:
            return _time_ms(counts, threshold)


def _time_ms(counts: Counts, threshold: Threshold) -> float:
    times = counts.service if threshold.is_service else counts.response
    if threshold.metric == "p":
        return times.percentile_ms(threshold.percentile)
    return times.mean_ms if threshold.metric == "avg" else times.max_ms


def _share_or_number(part: int, whole: int, threshold: Threshold) -> float | None:
    if not whole:
        return None
    return 100 * part / whole if threshold.unit == "%" else part


def told(value: float, unit: str) -> str:
    """A *value* with its *unit*, for people."""
    if unit == "usd":
        return f"${value:,.2f}" if value >= 0.1 or not value else f"${figure(value, 2)}"  # noqa: PLR2004 - cents
    return f"{figure(value)} {unit}".rstrip()


def figure(value: float, digits: int = VALUE_DIGITS) -> str:
    """A number with so many digits that count, and never fewer than it has before the point."""
    decimals = max(0, digits - 1 - floor(log10(abs(value)))) if value else 0
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
