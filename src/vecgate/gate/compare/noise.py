"""Estimates how much the figures of a load run vary by chance, from the run itself.

A local block bootstrap: the run is resampled many times from blocks of a few seconds, and each block is
replaced by one from nearby. Blocks, because what happens in one second continues in the next; from nearby,
because a ramp differs between its start and its end. Every figure is computed for each resampled run. If two
figures differ in nearly all pairs of resampled runs, the difference is beyond noise. The seeds are fixed, so
results are reproducible.

No single run shows what differs between whole runs, such as the day or other load on the machine. The least
change that counts covers that.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vecgate.gate.compare.changes import Interval

Floats: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = NDArray[np.float64]

RESAMPLES = 1_000
#: The interval contains this share of the differences.
CONFIDENCE = 0.99
#: Seconds of a block, and the least number of blocks of a run.
BLOCK_S, BLOCKS_MIN = 5, 6
#: A block is replaced by one from within this share of the run.
NEARBY_SHARE = 0.1


def bootstrap_weights(seconds: int, *, seed: int = 0) -> Weights | None:
    """Return how often each second occurs in each resampled run, shape (RESAMPLES, seconds).

    Returns None for a run that is too short.
    """
    if seconds < BLOCKS_MIN:
        return None
    block = min(BLOCK_S, seconds // BLOCKS_MIN)
    nearby, last = max(block, int(seconds * NEARBY_SHARE)), seconds - block
    positions = np.arange(0, seconds, block)
    moves = np.random.default_rng(seed).integers(-nearby, nearby + 1, (RESAMPLES, len(positions)))
    starts = _reflect(np.minimum(positions, last) + moves, last)
    drawn = (starts[..., None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :seconds]
    weights = np.zeros((RESAMPLES, seconds))
    np.add.at(weights, (np.arange(RESAMPLES)[:, None], drawn), 1)
    return weights


def _reflect(starts: NDArray[np.int64], last: int) -> NDArray[np.int64]:
    """Return *starts* within 0 and *last*; those outside are reflected at the bounds."""
    folded = np.abs(starts)
    return np.abs(np.where(folded > last, 2 * last - folded, folded))


def resample_ratios(parts: Floats, wholes: Floats, weights: Weights) -> Floats:
    """Return sum of *parts* / sum of *wholes*, given per second, for each resampled run."""
    divisors = weights @ wholes
    return np.divide(weights @ parts, divisors, out=np.zeros(len(weights)), where=divisors > 0)


def resample_percentiles(times: Floats, counts: Floats, weights: Weights, percentile: float) -> Floats:
    """Return a percentile of *times* for each resampled run; *counts* has shape (seconds, times)."""
    summed = np.cumsum(weights @ counts, axis=1)
    ranks = np.ceil(summed[:, -1:] * percentile / 100 - 1e-9).clip(1)
    percentiles: Floats = times[np.argmax(summed >= ranks, axis=1)]
    return percentiles


def central_interval(differences: Floats) -> Interval:
    """Return the interval that contains the central part, CONFIDENCE, of *differences*."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return Interval(float(low), float(high))
