"""The rate, p99 and price of a run, for lists in which runs are compared at a glance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vecgate.errors import VecgateError
from vecgate.gate.load_verdict import sustained_stage
from vecgate.results.bulk_records import BulkTotals
from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import Capacity, Cell, LoadPlan, Second, Trial
from vecgate.results.load.load_summary import summarize
from vecgate.results.load.operation_counts import sum_by_operation, sum_counts
from vecgate.results.load.sweep_records import SweepPoint
from vecgate.results.percentile_samples import samples_needed
from vecgate.results.records import Stream
from vecgate.results.spans import Span


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """The figures of a run; None for those that it does not have, or too few requests for.

    unit     of the rate
    usd      price; *usd_for* says of what
    """

    rate_per_s: float | None = None
    unit: str = ""
    p99_ms: float | None = None
    usd: float | None = None
    usd_for: str = ""


def key_figures(stream: Stream) -> KeyFigures:
    """Return the key figures of any run, none of them if its numbers cannot be read."""
    find = FINDERS.get(stream.header.kind)
    try:
        return find(stream) if find else KeyFigures()
    except (VecgateError, ArithmeticError):
        return KeyFigures()


def _load(stream: Stream) -> KeyFigures:
    """Return the figures of the stage that the verdict line describes."""
    if stream.first(LoadPlan) is None:
        return KeyFigures()
    summary = summarize(stream)
    span: Span = sustained_stage(summary) or summary
    p99_ms = _p99_ms(span.total.response)
    return KeyFigures(span.achieved_per_s, summary.unit, p99_ms, summary.usd or None)


def _p99_ms(times: Histogram) -> float | None:
    """Return the p99 of *times*, None if they are too few for it."""
    return times.percentile_ms(99) if times.count >= samples_needed(99) else None


def _capacity(stream: Stream) -> KeyFigures:
    capacity = stream.first(Capacity)
    if capacity is None:
        return KeyFigures()
    held = [each for each in stream.of(Trial) if each.held and each.rate_per_s == capacity.rate_per_s]
    p99_ms = max((trial.p99_ms for trial in held), default=None)
    return KeyFigures(capacity.rate_per_s, capacity.unit, p99_ms)


def _sweep(stream: Stream) -> KeyFigures:
    plan = stream.first(LoadPlan)
    held = [each for each in stream.of(SweepPoint) if each.held and not each.is_inconclusive]
    if not held:
        return KeyFigures()
    best = max(held, key=lambda point: point.rate_per_s)
    p99_ms = best.p99_ms if best.requests >= samples_needed(99) else None
    unit = plan.unit if plan else "requests"
    return KeyFigures(best.achieved_per_s, unit, p99_ms, best.usd_per_hour or None, "per hour")


def _scale(stream: Stream) -> KeyFigures:
    best = next((cell for cell in stream.of(Cell) if cell.is_recommended), None)
    if best is None:
        return KeyFigures()
    return KeyFigures(best.vectors_per_s, "vectors", best.p99_ms, best.usd_per_million, "per million")


def _bulk(stream: Stream) -> KeyFigures:
    totals = stream.first(BulkTotals)
    if totals is None:
        return KeyFigures()
    operations = sum_by_operation(second.operations for second in stream.of(Second))
    p99_ms = _p99_ms(sum_counts(operations.values()).service)
    return KeyFigures(totals.vectors_per_s or None, "vectors", p99_ms)


FINDERS: Mapping[str, Callable[[Stream], KeyFigures]] = {
    "load": _load,
    "capacity": _capacity,
    "sweep": _sweep,
    "scale": _scale,
    "bulk": _bulk,
}
