"""How much the figures of a load run vary by chance, told from the run itself.

A local block bootstrap: the run is put together anew, many times, from pieces of a few seconds, each drawn
from near where it stands. Pieces, because what happens in a second goes on in the next; near, because a ramp
is not the same at its start and at its end. Every figure is worked out for each of these runs, and where two
figures differ in nearly all pairs of them, the difference is beyond noise. Always the same is drawn.

What differs from one run to the next as a whole (the day, the neighbours on the machine) no single run can
tell: that is what the least change that counts is for.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vecgate.gate.changes import Interval

Floats: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = NDArray[np.float64]

DRAWS = 1_000
#: Of the differences, so many lie within the interval.
SURE = 0.99
#: A piece is of so many seconds, and a run of no fewer than so many pieces.
PIECE_S, PIECES_MIN = 5, 6
#: A piece comes from as near as a tenth of the run.
NEAR_SHARE = 0.1
#: A percentile needs so many requests beyond it.
BEYOND_MIN = 10


def weights_of(seconds: int, *, seed: int = 0) -> Weights | None:
    """How often each second stands in each of DRAWS runs, shape (DRAWS, seconds); None for a short run."""
    if seconds < PIECES_MIN:
        return None
    piece = min(PIECE_S, seconds // PIECES_MIN)
    near, last = max(piece, int(seconds * NEAR_SHARE)), seconds - piece
    places = np.arange(0, seconds, piece)
    moved = np.random.default_rng(seed).integers(-near, near + 1, (DRAWS, len(places)))
    starts = _reflected(np.minimum(places, last) + moved, last)
    drawn = (starts[..., None] + np.arange(piece)).reshape(DRAWS, -1)[:, :seconds]
    weights = np.zeros((DRAWS, seconds))
    np.add.at(weights, (np.arange(DRAWS)[:, None], drawn), 1)
    return weights


def _reflected(starts: NDArray[np.int64], last: int) -> NDArray[np.int64]:
    """*starts* from 0 to *last*: what is beyond an end comes back from it."""
    folded = np.abs(starts)
    return np.abs(np.where(folded > last, 2 * last - folded, folded))


def shares(parts: Floats, wholes: Floats, weights: Weights) -> Floats:
    """The sum of *parts* by that of *wholes*, both a number a second, in each run of *weights*."""
    divisors = weights @ wholes
    return np.divide(weights @ parts, divisors, out=np.zeros(len(weights)), where=divisors > 0)


def percentiles(times: Floats, counts: Floats, weights: Weights, percentile: float) -> Floats:
    """A percentile of *times* that *counts*, shape (seconds, times), has seen, in each run of *weights*."""
    summed = np.cumsum(weights @ counts, axis=1)
    ranks = np.ceil(summed[:, -1:] * percentile / 100 - 1e-9).clip(1)
    found: Floats = times[np.argmax(summed >= ranks, axis=1)]
    return found


def middle_of(differences: Floats) -> Interval:
    """What SURE of *differences* lie in."""
    tail = (1 - SURE) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return Interval(float(low), float(high))
