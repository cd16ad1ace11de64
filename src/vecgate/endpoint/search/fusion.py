"""Combines rankings: Reciprocal Rank Fusion for hybrid search, sums of scores for several texts.

AWS names the method but not its constant: 60, ranks from 1 and equal weights are inferred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum

import numpy as np

from vecgate.endpoint.search.full_text import Ranking, sort_ranking

RRF_CONSTANT = 60


def fuse_rankings(rankings: Iterable[Sequence[str]]) -> Ranking:
    """Return keys by the sum of 1 / (60 + rank) over the *rankings* that contain them."""
    return _sum_by_key(
        (key, 1 / (RRF_CONSTANT + rank)) for each in rankings for rank, key in enumerate(each, 1)
    )


def sum_rankings(rankings: Iterable[Ranking]) -> Ranking:
    """Return keys by the sum of their scores."""
    return _sum_by_key(item for each in rankings for item in each)


def _sum_by_key(parts: Iterable[tuple[str, float]]) -> Ranking:
    by_key: defaultdict[str, list[float]] = defaultdict(list)
    for key, part in parts:
        by_key[key].append(part)
    # Rounded to the precision of the response: sums that differ only beyond it are equal, and ordered by key.
    return sort_ranking((key, float(np.float32(fsum(each)))) for key, each in by_key.items())
