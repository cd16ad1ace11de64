"""How many requests a percentile needs: with fewer, it is one of the slowest few and says little."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from vecgate.formatting import format_count, format_milliseconds

#: A percentile needs this many requests above it: 1,000 for a p99, 200 for a p95.
REQUESTS_ABOVE_MIN = 10


def samples_needed(percentile: float) -> int:
    """Return how many requests *percentile* needs."""
    # Rounded first: 100 - 99.9 is a little less than 0.1.
    return ceil(round(REQUESTS_ABOVE_MIN * 100 / max(100 - percentile, 1e-6), 6))


def has_few_samples(percentile: float, count: int) -> bool:
    """Return True if *count* requests are too few for *percentile*, and there are some."""
    return 0 < count < samples_needed(percentile)


def format_percentile(percentile: float, value_ms: float, count: int) -> str:
    """Format a percentile with its name, and with the number of requests if they are too few for it."""
    few = f" of {format_count(count, 'request')}" if has_few_samples(percentile, count) else ""
    return f"p{percentile:g} {format_milliseconds(value_ms)}{few}"


def mark_percentile(percentile: float, value_ms: float, count: int) -> str:
    """Format a percentile for a table, with a star that `few_samples_notes` explains if *count* is small."""
    mark = " *" if has_few_samples(percentile, count) else ""
    return f"{format_milliseconds(value_ms)}{mark}"


def few_samples_notes(counts: Iterable[int], percentile: float = 99) -> list[str]:
    """Return the line that explains the stars of a table whose rows have *counts* requests; none without."""
    if not any(has_few_samples(percentile, count) for count in counts):
        return []
    return [f"* a p{percentile:g} needs {samples_needed(percentile):,} requests; a longer --trial has them"]


def few_samples_text(counts: Iterable[tuple[str, int]], percentile: float = 99) -> str:
    """Return which of *counts*, requests by name, are too few for *percentile*; empty for none."""
    few = [f"{name} has {count:,}" for name, count in counts if has_few_samples(percentile, count)]
    return f"a p{percentile:g} needs {samples_needed(percentile):,} requests: {', '.join(few)}" if few else ""
