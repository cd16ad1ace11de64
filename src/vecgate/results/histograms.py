"""Latencies as HDR histograms of microseconds, up to an hour, to three digits: they add up exactly.

The counters and their encoding are those of the package `hdrhistogram`, which is imported when a histogram is
made. What it works out counter by counter (percentiles, means) is read off all counters at once instead.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vecgate.errors import SourceError, UsageError
from vecgate.results.load import Latencies

HIGHEST_US = 3_600_000_000
DIGITS = 3
#: Three digits take 1,024 counters for each doubling of the time.
COUNTERS_BITS = 10
#: Percentiles in a plot for each tenfold of what lies above them.
POINTS_PER_TENFOLD = 10
#: Keeps 99.9 % of 1,000 at 999, whatever binary fractions make of it.
ROUNDING = 1e-9

Counts: TypeAlias = NDArray[np.uint64]
Times: TypeAlias = NDArray[np.int64]


class Histogram:
    """How long requests took. Raises UsageError where `hdrhistogram` is not installed."""

    def __init__(self) -> None:
        self._hdr = _new()
        self._record = self._hdr.record_value
        self._waiting: list[str] = []

    @classmethod
    def decode(cls, text: str) -> Self:
        """The histogram in *text*, as `encode` gave it. Raises SourceError."""
        histogram = cls()
        histogram.add_encoded(text)
        histogram._settle()
        return histogram

    def record(self, seconds: float) -> None:
        """Count a request that took *seconds*; more than an hour is an hour."""
        self._record(min(int(seconds * 1e6 + 0.5), HIGHEST_US) if seconds > 0 else 0)

    def add(self, other: Histogram) -> None:
        """Count what *other* has counted."""
        other._settle()
        _add(self._hdr, other._hdr)

    def add_encoded(self, text: str) -> None:
        """Count what *text* holds. It is decoded when something is asked; that may raise SourceError."""
        if text:
            self._waiting.append(text)

    def encode(self) -> str:
        """As `HdrHistogram` V2 in base64; empty where nothing was counted."""
        return str(self._hdr.encode(), "ascii") if self.count else ""

    @property
    def count(self) -> int:
        """Requests counted."""
        self._settle()
        return int(self._hdr.total_count)

    @property
    def max_ms(self) -> float:
        """The longest, to three digits; 0 where there is none."""
        self._settle()
        return float(self._hdr.get_max_value()) / 1e3

    @property
    def mean_ms(self) -> float:
        """The mean, to three digits; 0 where there is none."""
        if not self.count:
            return 0.0
        counts = _counts_of(self._hdr)
        lowest, highest = _bounds_us(np.arange(len(counts)))
        return float(counts @ (lowest + highest)) / 2 / self.count / 1e3

    def percentile_ms(self, percentile: float) -> float:
        """The time within which *percentile* per cent of the requests ended, to three digits."""
        return self.percentiles_ms(percentile)[0]

    def percentiles_ms(self, *percentiles: float) -> list[float]:
        """Several of them at once; 0 where nothing was counted."""
        if not self.count:
            return [0.0] * len(percentiles)
        ranks = np.ceil(np.array(percentiles) / 100 * self.count - ROUNDING).clip(1, self.count)
        _, highest = _bounds_us(np.searchsorted(np.cumsum(_counts_of(self._hdr)), ranks))
        return [float(each) / 1e3 for each in highest]

    def at_most(self, seconds: float) -> int:
        """How many requests took no longer than *seconds*, to three digits."""
        self._settle()
        counts = _counts_of(self._hdr)
        lowest, _ = _bounds_us(np.arange(len(counts)))
        return int(counts[lowest <= seconds * 1e6].sum())

    def points(self) -> list[tuple[float, float]]:
        """The distribution for a plot: percentiles, ever closer to 100, and milliseconds."""
        if not self.count:
            return []
        steps = np.arange(int(np.log10(self.count) * POINTS_PER_TENFOLD) + 1) / POINTS_PER_TENFOLD
        percentiles = [*(100 * (1 - 10.0**-steps)).tolist(), 100.0]
        return list(zip(percentiles, self.percentiles_ms(*percentiles), strict=True))

    def counted(self) -> tuple[Times, Counts]:
        """The counters in use: the longest time that each counts, in microseconds, and how often it did."""
        self._settle()
        counts = _counts_of(self._hdr)
        (used,) = np.nonzero(counts)
        return _bounds_us(used)[1], counts[used]

    def latencies(self) -> Latencies:
        """As a record."""
        if not self.count:
            return Latencies()
        p50, p95, p99 = self.percentiles_ms(50, 95, 99)
        return Latencies(
            count=self.count, p50_ms=p50, p95_ms=p95, p99_ms=p99, max_ms=self.max_ms, histogram=self.encode()
        )

    def _settle(self) -> None:
        while self._waiting:
            # It stays where it cannot be read: whoever asks again is told again.
            _add(self._hdr, _decoded(self._waiting[-1]))
            self._waiting.pop()


def merged(encoded: Iterable[str]) -> Histogram:
    """All that the *encoded* histograms have counted. Raises SourceError, also later, where one is none."""
    histogram = Histogram()
    for text in encoded:
        histogram.add_encoded(text)
    return histogram


def _new(payload: object = None) -> Any:  # noqa: ANN401 - the package has no types
    try:
        from hdrh.histogram import HdrHistogram  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "latencies are kept in HDR histograms, and hdrhistogram is not installed",
            hint="pip install 'vecgate[load]'",
        ) from None
    return HdrHistogram(1, HIGHEST_US, DIGITS, hdr_payload=payload)


def _decoded(text: str) -> Any:  # noqa: ANN401 - the package has no types
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
            return _new(found)
    except wrong:
        pass
    raise SourceError(
        f"a latency histogram is no HdrHistogram V2 of microseconds to {DIGITS} digits in base64"
    )


def _add(to: Any, found: Any) -> None:  # noqa: ANN401 - the package has no types
    # Its own way goes over all 23,552 counters; these are those in use.
    counts = _counts_of(found)
    _all_counts(to)[: len(counts)] += counts
    to.total_count += found.total_count
    to.max_value = max(to.max_value, found.max_value)
    to.min_value = min(to.min_value, found.min_value)


def _all_counts(hdr: Any) -> Counts:  # noqa: ANN401 - the package has no types
    return np.frombuffer(hdr.counts, dtype=np.uint64)


def _counts_of(hdr: Any) -> Counts:  # noqa: ANN401 - the package has no types
    """The counters up to the last that has counted."""
    return _all_counts(hdr)[: hdr.get_counts_array_index(hdr.max_value) + 1]


def _bounds_us(indexes: NDArray[np.intp]) -> tuple[Times, Times]:
    """The shortest and the longest time that the counters at *indexes* count."""
    doublings = np.maximum((indexes >> COUNTERS_BITS) - 1, 0)
    lowest = (indexes - (doublings << COUNTERS_BITS)) << doublings
    return lowest, lowest + (1 << doublings) - 1
