"""How many requests a percentile needs: with fewer, it is one of the slowest few and says little."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

#: A percentile needs this many requests above it: 1,000 for a p99, 200 for a p95.
REQUESTS_ABOVE_MIN = 10


def samples_needed(percentile: float) -> int:
    """Return how many requests *percentile* needs."""
    # Rounded first: 100 - 99.9 is a little less than 0.1.
    return ceil(round(REQUESTS_ABOVE_MIN * 100 / max(100 - percentile, 1e-6), 6))


def has_few_samples(percentile: float, count: int) -> bool:
    """Return True if *count* requests are too few for *percentile*, and there are some."""
    return 0 < count < samples_needed(percentile)


def few_samples_text(counts: Iterable[tuple[str, int]], percentile: float = 99) -> str:
    """Return which of *counts*, requests by name, are too few for *percentile*; empty for none."""
    few = [f"{name} has {count:,}" for name, count in counts if has_few_samples(percentile, count)]
    return f"a p{percentile:g} needs {samples_needed(percentile):,} requests: {', '.join(few)}" if few else ""
