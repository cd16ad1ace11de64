"""Rankings made one: Reciprocal Rank Fusion for hybrid search, sums for several texts.

AWS names the method and not its constant: 60, ranks from 1 and equal weights are inferred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum

import numpy as np

from vecgate.endpoint.text import Ranking, ranked

RRF_CONSTANT = 60


def fused(rankings: Iterable[Sequence[str]]) -> Ranking:
    """Keys by the sum of 1 / (60 + rank) over the *rankings* that they are in."""
    return _summed((key, 1 / (RRF_CONSTANT + rank)) for each in rankings for rank, key in enumerate(each, 1))


def added(rankings: Iterable[Ranking]) -> Ranking:
    """Keys by the sum of their scores."""
    return _summed(item for each in rankings for item in each)


def _summed(parts: Iterable[tuple[str, float]]) -> Ranking:
    by_key: defaultdict[str, list[float]] = defaultdict(list)
    for key, part in parts:
        by_key[key].append(part)
    # Rounded to what is shown: sums that are equal but for the last digits are equal, and go by key.
    return ranked((key, float(np.float32(fsum(each)))) for key, each in by_key.items())
