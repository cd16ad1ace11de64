"""The figures of a load run that are held against those of another, and what they could be by chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from vecgate.gate.noise import BEYOND_MIN, Floats, Weights, percentiles, shares, weights_of
from vecgate.results.counts import Counts
from vecgate.results.histograms import Histogram
from vecgate.results.load import OperationSecond, Second
from vecgate.results.records import Stream
from vecgate.results.summary import Summary, summary_of

PERCENTILES = (50, 95, 99)
MILLION = 1_000_000
TOO_SHORT = "the run is too short to tell"

S = TypeVar("S", Second, OperationSecond)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a run.

    unit    ms, %, or $ for a million of what the plan counts
    value   a share where the unit is %
    drawn   what it would have been in runs put together anew; None where they do not tell, and *reason* why
    sign    1 where less is better, else -1
    """

    unit: str
    value: float
    drawn: Floats | None
    sign: int = 1
    reason: str = ""


def figures_of(stream: Stream, *, seed: int) -> dict[str, Figure]:
    """The figures of a load run by name. Raises SourceError where *stream* holds none."""
    summary = summary_of(stream)
    weights = weights_of(len(summary.seconds), seed=seed)
    found = dict(_of_run(summary, weights))
    for operation, counts in summary.operations.items():
        if counts.requests:
            seconds = [each.operations.get(operation, OperationSecond()) for each in summary.seconds]
            found |= {f"{name}({operation})": each for name, each in _of_one(counts, seconds, weights)}
    return found


def _of_run(summary: Summary, weights: Weights | None) -> Iterator[tuple[str, Figure]]:
    seconds = summary.seconds
    due = _numbers(seconds, lambda second: second.due)
    ok = _numbers(seconds, lambda second: sum(each.ok for each in second.operations.values()))
    dropped = _numbers(seconds, lambda second: second.dropped)
    yield "achieved", replace(_share(summary.achieved, ok, due, weights), sign=-1)
    yield "dropped", _share(summary.dropped / max(summary.due, 1), dropped, due, weights)
    is_vectors = summary.unit == "vectors"
    if summary.usd and (done := summary.vectors if is_vectors else summary.ok):
        written = _numbers(seconds, lambda second: sum(each.vectors for each in second.operations.values()))
        yield "cost", _cost(summary, done, written if is_vectors else ok, weights)


def _of_one(
    counts: Counts, seconds: Sequence[OperationSecond], weights: Weights | None
) -> Iterator[tuple[str, Figure]]:
    times, seen = _seen(seconds)
    for percentile in PERCENTILES if counts.response.count else ():
        value = counts.response.percentile_ms(percentile)
        yield f"p{percentile}", _latency(value, percentile, times, seen, weights)
    requests = _numbers(seconds, lambda second: second.ok + sum(second.errors.values()))
    failed = _numbers(seconds, lambda second: sum(second.errors.values()))
    throttled = _numbers(seconds, lambda second: second.throttled)
    yield "errors", _share(counts.failed / counts.requests, failed, requests, weights)
    yield "throttled", _share(counts.throttled / counts.requests, throttled, requests, weights)


def _numbers(seconds: Sequence[S], number: Callable[[S], float]) -> Floats:
    return np.array([number(second) for second in seconds], dtype=np.float64)


def _share(value: float, parts: Floats, wholes: Floats, weights: Weights | None) -> Figure:
    if weights is None:
        return Figure("%", value, None, reason=TOO_SHORT)
    return Figure("%", value, shares(parts, wholes, weights))


def _cost(summary: Summary, done: int, units: Floats, weights: Weights | None) -> Figure:
    before = summary.plan.usd_before
    usd = np.diff(_numbers(summary.seconds, lambda second: second.usd), prepend=before)
    share = _share(summary.usd_of_schedule / done, usd, units, weights)
    drawn = None if share.drawn is None else share.drawn * MILLION
    return Figure("$", share.value * MILLION, drawn, reason=share.reason)


def _latency(value: float, percentile: int, times: Floats, seen: Floats, weights: Weights | None) -> Figure:
    count = int(seen.sum())
    if count * (100 - percentile) / 100 < BEYOND_MIN:
        takes = f"{BEYOND_MIN * 100 // (100 - percentile):,}"
        few = f"{count:,} requests are too few for a p{percentile}, which takes {takes}"
        return Figure("ms", value, None, reason=few)
    if weights is None:
        return Figure("ms", value, None, reason=TOO_SHORT)
    return Figure("ms", value, percentiles(times, seen, weights, percentile))


def _seen(seconds: Sequence[OperationSecond]) -> tuple[Floats, Floats]:
    """The times in ms that any of *seconds* has counted, and how often each did, shape (seconds, times)."""
    found = [Histogram.decode(second.response.histogram).counted() for second in seconds]
    times = np.unique(np.concatenate([np.empty(0, np.int64), *(each for each, _ in found)]))
    seen = np.zeros((len(found), len(times)))
    for row, (longest, counts) in enumerate(found):
        seen[row, np.searchsorted(times, longest)] = counts
    return times / 1e3, seen
