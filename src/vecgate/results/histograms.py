"""Latencies as HDR histograms of microseconds, up to an hour, with three significant digits. They add up
exactly.

The counters and their encoding are those of the package `hdrhistogram`, which is imported when the first
histogram is created. Percentiles and means are computed here over all counters at once, because
`hdrhistogram` computes them counter by counter.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vecgate.errors import SourceError, UsageError
from vecgate.results.load_records import Latencies

HIGHEST_US = 3_600_000_000
DIGITS = 3
#: Three digits need 1,024 counters for each doubling of the time.
COUNTERS_BITS = 10
#: Points in a plot each time the share of requests above the percentile falls by a factor of ten.
POINTS_PER_DECADE = 10
#: Keeps 99.9 % of 1,000 at 999 despite the rounding of binary fractions.
ROUNDING = 1e-9

Counters: TypeAlias = NDArray[np.uint64]
Microseconds: TypeAlias = NDArray[np.int64]


class Histogram:
    """The latencies of requests. Raises UsageError if `hdrhistogram` is not installed."""

    def __init__(self) -> None:
        self._hdr = _new_hdr()
        self._record = self._hdr.record_value
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
        self._record(min(int(seconds * 1e6 + 0.5), HIGHEST_US) if seconds > 0 else 0)

    def add(self, other: Histogram) -> None:
        """Add the counts of *other*."""
        other._decode_pending()
        _add_hdr(self._hdr, other._hdr)

    def add_encoded(self, text: str) -> None:
        """Add the counts of an encoded histogram. The next read decodes it, and may raise SourceError."""
        if text:
            self._pending.append(text)

    def encode(self) -> str:
        """Return the histogram as `HdrHistogram` V2 in base64; empty if nothing was counted."""
        return str(self._hdr.encode(), "ascii") if self.count else ""

    @property
    def count(self) -> int:
        """Number of requests."""
        self._decode_pending()
        return int(self._hdr.total_count)

    @property
    def max_ms(self) -> float:
        """The longest latency, to three digits; 0 if nothing was counted."""
        self._decode_pending()
        return float(self._hdr.get_max_value()) / 1e3

    @property
    def mean_ms(self) -> float:
        """The mean latency, to three digits; 0 if nothing was counted."""
        if not self.count:
            return 0.0
        counts = _counts_of(self._hdr)
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
        _, highest = _bounds_us(np.searchsorted(np.cumsum(_counts_of(self._hdr)), ranks))
        return [float(each) / 1e3 for each in highest]

    def count_within(self, seconds: float) -> int:
        """Return how many requests took at most *seconds*, to three digits."""
        self._decode_pending()
        counts = _counts_of(self._hdr)
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
        counts = _counts_of(self._hdr)
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
            _add_hdr(self._hdr, _decode_hdr(self._pending[-1]))
            self._pending.pop()


def merge_histograms(encoded: Iterable[str]) -> Histogram:
    """Return the sum of the *encoded* histograms. An invalid one raises SourceError at the first read."""
    histogram = Histogram()
    for text in encoded:
        histogram.add_encoded(text)
    return histogram


def _new_hdr(payload: object = None) -> Any:  # noqa: ANN401 - the package has no types
    try:
        from hdrh.histogram import HdrHistogram  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "latencies are kept in HDR histograms, and hdrhistogram is not installed",
            hint="pip install 'vecgate[load]'",
        ) from None
    return HdrHistogram(1, HIGHEST_US, DIGITS, hdr_payload=payload)


def _decode_hdr(text: str) -> Any:  # noqa: ANN401 - the package has no types
    from hdrh.codec import (  # noqa: PLC0415 - an extra
        HdrCookieException,
        HdrHistogramEncoder,
        HdrLengthException,
    )

    wrong = (HdrCookieException, HdrLengthException, ValueError, OverflowError, IndexError, zlib.error)
    try:
        found = HdrHistogramEncoder.decode(text)
        header = found.payload
        if (header.lowest_trackable_value, header.significant_figures) == (1, DIGITS):
            return _new_hdr(found)
    except wrong:
        pass
    raise SourceError(
        f"a latency histogram is no HdrHistogram V2 of microseconds to {DIGITS} digits in base64"
    )


def _add_hdr(to: Any, found: Any) -> None:  # noqa: ANN401 - the package has no types
    # Its own way goes over all 23,552 counters; these are those in use.
    counts = _counts_of(found)
    _all_counts(to)[: len(counts)] += counts
    to.total_count += found.total_count
    to.max_value = max(to.max_value, found.max_value)
    to.min_value = min(to.min_value, found.min_value)


def _all_counts(hdr: Any) -> Counters:  # noqa: ANN401 - the package has no types
    return np.frombuffer(hdr.counts, dtype=np.uint64)


def _counts_of(hdr: Any) -> Counters:  # noqa: ANN401 - the package has no types
    """The counters up to the last that has counted."""
    return _all_counts(hdr)[: hdr.get_counts_array_index(hdr.max_value) + 1]


def _bounds_us(indexes: NDArray[np.intp]) -> tuple[Microseconds, Microseconds]:
    """The shortest and the longest time that the counters at *indexes* count."""
    doublings = np.maximum((indexes >> COUNTERS_BITS) - 1, 0)
    lowest = (indexes - (doublings << COUNTERS_BITS)) << doublings
    return lowest, lowest + (1 << doublings) - 1
