"""Latencies as HDR histograms of microseconds, up to an hour, with three significant digits. They add up
exactly. `hdr_encoding` has their text form, which other HdrHistogram libraries read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vecgate.errors import SourceError
from vecgate.results.hdr_encoding import (
    COUNTERS,
    COUNTERS_BITS,
    DIGITS,
    HIGHEST,
    Counters,
    decode_counters,
    encode_counters,
)
from vecgate.results.load.load_records import Latencies

HIGHEST_S = HIGHEST / 1e6
#: Requests that a histogram counts at most, so that no counter overflows.
COUNT_MAX = 2**62
#: Points in a plot each time the share of requests above the percentile falls by a factor of ten.
POINTS_PER_DECADE = 10
#: Keeps 99.9 % of 1,000 at 999 despite the rounding of binary fractions.
ROUNDING = 1e-9

Microseconds: TypeAlias = NDArray[np.int64]


class Histogram:
    """The latencies of requests."""

    def __init__(self) -> None:
        self._counters: Counters = np.zeros(COUNTERS, np.uint64)
        # Counting in the memory of the array is several times as fast as in the array.
        self._memory = memoryview(self._counters.data)
        self._count = 0
        self._pending: list[str] = []

    @classmethod
    def decode(cls, text: str) -> Self:
        """Decode *text*, which `encode` returned. Raises SourceError."""
        histogram = cls()
        histogram.add_encoded(text)
        histogram._decode_pending()
        return histogram

    def record(self, seconds: float) -> None:
        """Count a request that took *seconds*. More than an hour counts as an hour."""
        value = int(min(seconds, HIGHEST_S) * 1e6 + 0.5) if seconds > 0 else 0
        doublings = max(value.bit_length() - COUNTERS_BITS - 1, 0)
        self._memory[(doublings << COUNTERS_BITS) + (value >> doublings)] += 1
        self._count += 1

    def add(self, other: Histogram) -> None:
        """Add the counts of *other*. Raises SourceError as reading it does."""
        other._decode_pending()
        self._add_counters(other._used())

    def add_encoded(self, text: str) -> None:
        """Add the counts of an encoded histogram. The next read decodes it, and may raise SourceError."""
        if text:
            self._pending.append(text)

    def encode(self) -> str:
        """Return the histogram as `HdrHistogram` V2 in base64; empty if nothing was counted."""
        return encode_counters(self._used()) if self.count else ""

    @property
    def count(self) -> int:
        """Number of requests."""
        self._decode_pending()
        return self._count

    @property
    def max_ms(self) -> float:
        """The longest latency, to three digits; 0 if nothing was counted."""
        return float(self.counters()[0].max(initial=0)) / 1e3

    @property
    def mean_ms(self) -> float:
        """The mean latency, to three digits; 0 if nothing was counted."""
        if not self.count:
            return 0.0
        counts = self._used()
        lowest, highest = _bounds_us(np.arange(len(counts)))
        return float(counts @ (lowest + highest)) / 2 / self.count / 1e3

    def percentile_ms(self, percentile: float) -> float:
        """Return the time within which *percentile* per cent of the requests ended, to three digits."""
        return self.percentiles_ms(percentile)[0]

    def percentiles_ms(self, *percentiles: float) -> list[float]:
        """Return several percentiles at once; 0 if nothing was counted."""
        if not self.count:
            return [0.0] * len(percentiles)
        ranks = np.ceil(np.array(percentiles) / 100 * self.count - ROUNDING).clip(1, self.count)
        _, highest = _bounds_us(np.searchsorted(np.cumsum(self._used()), ranks))
        return [float(each) / 1e3 for each in highest]

    def count_within(self, seconds: float) -> int:
        """Return how many requests took at most *seconds*, to three digits."""
        self._decode_pending()
        counts = self._used()
        lowest, _ = _bounds_us(np.arange(len(counts)))
        return int(counts[lowest <= seconds * 1e6].sum())

    def percentile_points(self) -> list[tuple[float, float]]:
        """Return percentiles, ever closer to 100, with their milliseconds: the distribution for a plot."""
        if not self.count:
            return []
        steps = np.arange(int(np.log10(self.count) * POINTS_PER_DECADE) + 1) / POINTS_PER_DECADE
        percentiles = [*(100 * (1 - 10.0**-steps)).tolist(), 100.0]
        return list(zip(percentiles, self.percentiles_ms(*percentiles), strict=True))

    def counters(self) -> tuple[Microseconds, Counters]:
        """Return the counters in use: the longest time that each covers, in microseconds, and its count."""
        self._decode_pending()
        counts = self._used()
        (used,) = np.nonzero(counts)
        return _bounds_us(used)[1], counts[used]

    def to_record(self) -> Latencies:
        """Return the latencies as a record."""
        if not self.count:
            return Latencies()
        p50, p95, p99 = self.percentiles_ms(50, 95, 99)
        return Latencies(
            count=self.count, p50_ms=p50, p95_ms=p95, p99_ms=p99, max_ms=self.max_ms, histogram=self.encode()
        )

    def _decode_pending(self) -> None:
        while self._pending:
            # One that cannot be decoded stays in the list, so that every read raises the error.
            self._add_counters(_decode(self._pending[-1]))
            self._pending.pop()

    def _add_counters(self, counters: Counters) -> None:
        count = self._count + int(counters.sum())
        if count > COUNT_MAX:
            raise SourceError(f"latency histograms of {count:,} requests; a sum may have {COUNT_MAX:,}")
        self._counters[: len(counters)] += counters
        self._count = count

    def _used(self) -> Counters:
        """The counters up to the last that has counted."""
        (used,) = np.nonzero(self._counters)
        return self._counters[: used[-1] + 1 if len(used) else 0]


def merge_histograms(encoded: Iterable[str]) -> Histogram:
    """Return the sum of the *encoded* histograms. An invalid one raises SourceError at the first read."""
    histogram = Histogram()
    for text in encoded:
        histogram.add_encoded(text)
    return histogram


def _decode(text: str) -> Counters:
    try:
        return decode_counters(text)
    except ValueError:
        raise SourceError(
            f"a latency histogram is no HdrHistogram V2 of microseconds to {DIGITS} digits in base64"
        ) from None


def _bounds_us(indexes: NDArray[np.intp]) -> tuple[Microseconds, Microseconds]:
    """The shortest and the longest time that the counters at *indexes* count."""
    doublings = np.maximum((indexes >> COUNTERS_BITS) - 1, 0)
    lowest = (indexes - (doublings << COUNTERS_BITS)) << doublings
    return lowest, lowest + (1 << doublings) - 1
