"""Two sweeps, rate by rate: the latencies, the achieved rate and the errors at each rate that both planned.

The noise of a point is that of its load test, by the rule for load runs, kept in the point as quantiles of
the resampled values. A rate at which the generator was the limit says nothing, and neither does the latency
at a rate with which neither side kept up: there it grows for as long as it is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from vecgate.errors import SourceError
from vecgate.formatting import format_exact
from vecgate.gate.compare.changes import Change
from vecgate.gate.compare.comparable_figures import TOO_SHORT, ComparableFigure, latency_counts
from vecgate.gate.compare.load_changes import compare_figures, side_names
from vecgate.gate.compare.noise import (
    RESAMPLES,
    Floats,
    bootstrap_weights,
    resample_percentiles,
    resample_ratios,
)
from vecgate.gate.compare.repeated_runs import figures_changes
from vecgate.gate.verdict import Check
from vecgate.results.histograms import merge_histograms
from vecgate.results.load.load_records import OperationSecond, Second, Unit
from vecgate.results.load.sweep_records import SweepPoint
from vecgate.results.percentile_samples import has_few_samples, samples_needed
from vecgate.results.records import Stream

#: Quantiles of the resampled values that a point keeps.
QUANTILES = (np.arange(100) + 0.5) / 100
PERCENTILES: Mapping[str, int] = {"p50": 50, "p99": 99}
OVERLOADED = "neither side kept up, so it grew for as long as it was measured"


def point_noise(
    seconds: Sequence[Second], *, operation: str, unit: Unit, rate_per_s: float
) -> dict[str, tuple[float, ...]]:
    """Return the quantiles of the resampled figures of a point, which *seconds* of one stage measured.

    operation  swept operation; empty for all together

    Shares are parts of 1. A figure without enough requests is left out, and all are in too few seconds.
    """
    weights = bootstrap_weights(len(seconds), seed=0)
    if weights is None:
        return {}
    own = [
        [counts for name, counts in each.operations.items() if not operation or name == operation]
        for each in seconds
    ]
    times, occurrences = latency_counts(
        [merge_histograms(counts.response.histogram for counts in each) for each in own]
    )
    found: dict[str, Floats] = {
        name: resample_percentiles(times, occurrences, weights, percentile)
        for name, percentile in PERCENTILES.items()
        if occurrences.sum() >= samples_needed(percentile)
    }
    done = _sums(own, lambda counts: counts.vectors if unit == "vectors" else counts.ok)
    ended = _sums(own, lambda counts: counts.ok + sum(counts.errors.values()))
    found["achieved"] = resample_ratios(done, np.full(len(seconds), rate_per_s), weights)
    if ended.any():
        failed = _sums(own, lambda counts: sum(counts.errors.values()))
        found["errors"] = resample_ratios(failed, ended, weights)
    return {name: tuple(np.quantile(values, QUANTILES).round(6).tolist()) for name, values in found.items()}


def sweep_changes(base: Stream, head: Stream) -> tuple[Change, ...]:
    """Return the change of each figure at each rate. Raises SourceError if a side has no rate."""
    before, now = sweep_figures(base, seed=0), sweep_figures(head, seed=1)
    overloaded = _overloaded([base, head])
    changes = []
    for name in _comparable([base], [head], [*before, *now]):
        change = compare_figures(name, before.get(name), now.get(name))
        is_unknown = name in overloaded and None not in (change.base, change.head)
        changes.append(
            replace(change, interval=None, grade="unclear", reason=OVERLOADED) if is_unknown else change
        )
    return tuple(changes)


def repeated_sweep_changes(base: Sequence[Stream], head: Sequence[Stream]) -> tuple[Change, ...]:
    """Return the change of each figure between the means of several sweeps of each side.

    Raises SourceError if one of them has no rate.
    """
    before, now = ([sweep_figures(stream, seed=None) for stream in side] for side in (base, head))
    names = _comparable(base, head, [name for figures in (*before, *now) for name in figures])
    names = [name for name in names if name not in _overloaded([*base, *head])]
    sides = (
        [{name: each[name] for name in names if name in each} for each in side] for side in (before, now)
    )
    return figures_changes(*sides)


def sweep_figures(stream: Stream, *, seed: int | None) -> dict[str, ComparableFigure]:
    """Return the figures of a sweep by name, such as `p99 at 100/s`, with their noise unless *seed* is None.

    Raises SourceError if *stream* has no rate.
    """
    if not stream.of(SweepPoint):
        raise SourceError("this result stream contains no rate of a sweep")
    found = {}
    for rate, point in _points(stream).items():
        for name, figure in _of_point(point, seed):
            found[f"{name} at {format_exact(rate)}/s"] = figure
    return found


def measured_check(base: Sequence[Stream], head: Sequence[Stream], changes: Sequence[Change]) -> Check | None:
    """Return a check if a planned rate says nothing, or if the generator may be the reason for a change."""
    sides = zip([*side_names("base", len(base)), *side_names("head", len(head))], [*base, *head], strict=True)
    moved = [each for each in changes if each.unit == "ms" and each.grade in {"regressed", "improved"}]
    reasons = []
    for side, stream in sides:
        points = _points(stream)
        reasons += [f"{format_exact(rate)}/s was not measured in the {side}" for rate in _unknown(stream)]
        for rate, point in points.items():
            if point.late_starts and any(each.name.endswith(f" at {format_exact(rate)}/s") for each in moved):
                reasons.append(f"at {format_exact(rate)}/s in the {side} {point.late_starts}")
    return Check("generator", f"cannot tell: {'; '.join(reasons)}", "inconclusive") if reasons else None


def _of_point(point: SweepPoint, seed: int | None) -> Iterator[tuple[str, ComparableFigure]]:
    for name, percentile in PERCENTILES.items():
        value = point.p50_ms if name == "p50" else point.p99_ms
        if point.requests:
            few = (
                f"a p{percentile} needs {samples_needed(percentile):,} requests, there are {point.requests:,}"
            )
            reason = few if has_few_samples(percentile, point.requests) else ""
            yield name, _figure("ms", value, point, name, seed, reason=reason)
    yield "achieved", _figure("%", point.achieved_per_s / point.rate_per_s, point, "achieved", seed, sign=-1)
    if point.requests:
        yield "errors", _figure("%", point.errors / point.requests, point, "errors", seed)


def _figure(
    unit: str,
    value: float,
    point: SweepPoint,
    name: str,
    seed: int | None,
    *,
    sign: int = 1,
    reason: str = "",
) -> ComparableFigure:
    quantiles = point.noise.get(name)
    if seed is None or reason or not quantiles:
        return ComparableFigure(unit, value, None, sign, reason or TOO_SHORT)
    drawn = np.random.default_rng(seed + round(point.rate_per_s * 1e3)).choice(quantiles, RESAMPLES)
    return ComparableFigure(unit, value, drawn.astype(np.float64), sign)


def _points(stream: Stream) -> dict[float, SweepPoint]:
    """Return the last point of each rate at which the generator was not the limit."""
    return {each.rate_per_s: each for each in stream.of(SweepPoint) if not each.is_inconclusive}


def _planned(stream: Stream) -> set[float]:
    """Return the rates that the sweep planned; those that it measured if its header does not say."""
    try:
        planned = {float(text) for text in stream.header.options.get("rates", "").split()}
    except ValueError:
        planned = set()
    return planned | {each.rate_per_s for each in stream.of(SweepPoint)}


def _unknown(stream: Stream) -> list[float]:
    """Return the planned rates that were not measured, but for those above a rate that did not hold."""
    points, planned = _points(stream), _planned(stream)
    highest = max(points, default=None)
    missing = sorted(planned - points.keys())
    if highest is None or points[highest].held:
        return missing
    return [rate for rate in missing if rate < highest]


def _comparable(base: Sequence[Stream], head: Sequence[Stream], names: Sequence[str]) -> list[str]:
    """Return those of *names* that belong to a rate that every sweep planned and none failed to measure."""
    streams = [*base, *head]
    common = set.intersection(*map(_planned, streams))
    common -= {rate for stream in streams for rate in _unknown(stream)}
    endings = tuple(f" at {format_exact(rate)}/s" for rate in common)
    return [name for name in dict.fromkeys(names) if name.endswith(endings)]


def _overloaded(streams: Sequence[Stream]) -> set[str]:
    """Return the names of the latencies at rates that no sweep held."""
    held = [{rate for rate, point in _points(stream).items() if point.held} for stream in streams]
    rates = {rate for stream in streams for rate in _points(stream)}.difference(*held)
    return {f"{name} at {format_exact(rate)}/s" for name in PERCENTILES for rate in rates}


def _sums(seconds: Sequence[Sequence[OperationSecond]], number: Callable[[OperationSecond], float]) -> Floats:
    return np.array([sum(map(number, each)) for each in seconds], dtype=np.float64)
