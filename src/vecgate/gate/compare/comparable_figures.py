"""The figures of a load run that are compared with those of another one, and their noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from vecgate.gate.compare.noise import (
    Floats,
    Weights,
    bootstrap_weights,
    resample_percentiles,
    resample_ratios,
)
from vecgate.results.histograms import Histogram
from vecgate.results.load.load_records import OperationSecond, Second
from vecgate.results.load.load_summary import LoadSummary, summarize
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.percentile_samples import samples_needed
from vecgate.results.records import Stream

PERCENTILES = (50, 95, 99)
MILLION = 1_000_000
TOO_SHORT = "the run is too short"

S = TypeVar("S", Second, OperationSecond)


@dataclass(frozen=True, slots=True)
class ComparableFigure:
    """One figure of a run.

    unit       ms, %, or $ for a million of the unit of the plan
    value      a part of 1 if the unit is %
    resampled  the value in each resampled run; None if the noise is unknown, and *reason* says why
    sign       1 if less is better, else -1
    """

    unit: str
    value: float
    resampled: Floats | None
    sign: int = 1
    reason: str = ""


def load_figures(stream: Stream, *, seed: int | None) -> dict[str, ComparableFigure]:
    """Return the figures of a load run by name, with their noise unless *seed* is None.

    Raises SourceError if *stream* contains none.
    """
    summary = summarize(stream)
    weights = None if seed is None else bootstrap_weights(len(summary.seconds), seed=seed)
    figures = dict(_of_run(summary, weights))
    for operation, counts in summary.operations.items():
        if counts.requests:
            seconds = [each.operations.get(operation, OperationSecond()) for each in summary.seconds]
            figures |= {
                f"{name}({operation})": each for name, each in _of_operation(counts, seconds, weights)
            }
    return figures


def _of_run(summary: LoadSummary, weights: Weights | None) -> Iterator[tuple[str, ComparableFigure]]:
    seconds = summary.seconds
    due = _numbers(seconds, lambda second: second.due)
    ok = _numbers(seconds, lambda second: sum(each.ok for each in second.operations.values()))
    dropped = _numbers(seconds, lambda second: second.dropped)
    yield "achieved", replace(_percentage(summary.achieved, ok, due, weights), sign=-1)
    yield "dropped", _percentage(summary.dropped / max(summary.due, 1), dropped, due, weights)
    is_vectors = summary.unit == "vectors"
    if summary.usd and (units := summary.vectors if is_vectors else summary.ok):
        vectors = _numbers(seconds, lambda second: sum(each.vectors for each in second.operations.values()))
        yield "cost", _cost(summary, units, vectors if is_vectors else ok, weights)


def _of_operation(
    counts: OperationCounts, seconds: Sequence[OperationSecond], weights: Weights | None
) -> Iterator[tuple[str, ComparableFigure]]:
    times, occurrences = latency_counts([Histogram.decode(each.response.histogram) for each in seconds])
    for percentile in PERCENTILES if counts.response.count else ():
        value = counts.response.percentile_ms(percentile)
        yield f"p{percentile}", _percentile(value, percentile, times, occurrences, weights)
    requests = _numbers(seconds, lambda second: second.ok + sum(second.errors.values()))
    failed = _numbers(seconds, lambda second: sum(second.errors.values()))
    throttled = _numbers(seconds, lambda second: second.throttled)
    yield "errors", _percentage(counts.failed / counts.requests, failed, requests, weights)
    yield "throttled", _percentage(counts.throttled / counts.requests, throttled, requests, weights)


def _numbers(seconds: Sequence[S], number: Callable[[S], float]) -> Floats:
    return np.array([number(second) for second in seconds], dtype=np.float64)


def _percentage(value: float, parts: Floats, wholes: Floats, weights: Weights | None) -> ComparableFigure:
    if weights is None:
        return ComparableFigure("%", value, None, reason=TOO_SHORT)
    return ComparableFigure("%", value, resample_ratios(parts, wholes, weights))


def _cost(
    summary: LoadSummary, units: int, units_per_second: Floats, weights: Weights | None
) -> ComparableFigure:
    usd = np.diff(_numbers(summary.seconds, lambda second: second.usd), prepend=summary.plan.preload_usd)
    share = _percentage(summary.usd_of_schedule / units, usd, units_per_second, weights)
    resampled = None if share.resampled is None else share.resampled * MILLION
    return ComparableFigure("$", share.value * MILLION, resampled, reason=share.reason)


def _percentile(
    value: float, percentile: int, times: Floats, occurrences: Floats, weights: Weights | None
) -> ComparableFigure:
    count = int(occurrences.sum())
    if count < (needed := samples_needed(percentile)):
        reason = f"the noise of a p{percentile} needs {needed:,} requests, there are {count:,}"
        return ComparableFigure("ms", value, None, reason=reason)
    if weights is None:
        return ComparableFigure("ms", value, None, reason=TOO_SHORT)
    return ComparableFigure("ms", value, resample_percentiles(times, occurrences, weights, percentile))


def latency_counts(seconds: Sequence[Histogram]) -> tuple[Floats, Floats]:
    """Return all latencies in ms, and how often each occurred in each second, shape (seconds, latencies)."""
    counters = [second.counters() for second in seconds]
    times = np.unique(np.concatenate([np.empty(0, np.int64), *(each for each, _ in counters)]))
    occurrences = np.zeros((len(counters), len(times)))
    for row, (longest, counts) in enumerate(counters):
        occurrences[row, np.searchsorted(times, longest)] = counts
    return times / 1e3, occurrences
