"""Time series of a run, downsampled for charts. A spike of one second remains visible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vecgate.reporting.html.charts.plots import Values
from vecgate.results.load.load_records import Latencies, OperationSecond, Second

#: Points on the x axis of a normal chart and of a wide one.
POINTS_MAX, POINTS_MAX_WIDE = 200, 400


@dataclass(frozen=True, slots=True)
class Downsampled:
    """Several series over the same x values."""

    x_values: tuple[float, ...]
    columns: tuple[Values, ...]


def downsample(x_values: Sequence[float], columns: Sequence[Values], limit: int = POINTS_MAX) -> Downsampled:
    """Return *columns* with at most *limit* points each.

    Neighbouring points are grouped into buckets, and each bucket keeps two points: its lowest and its highest
    value, in their original order. A bucket without any value stays empty.
    """
    size = bucket_size(len(x_values), limit)
    if size == 1:
        return Downsampled(tuple(x_values), tuple(columns))
    starts = range(0, len(x_values), size)
    kept = [
        x_value
        for start in starts
        for x_value in (x_values[start], x_values[min(start + size // 2, len(x_values) - 1)])
    ]
    return Downsampled(tuple(kept), tuple(tuple(_extremes(column, starts, size)) for column in columns))


def bucket_size(points: int, limit: int) -> int:
    """Return how many neighbouring points share a bucket, so that two per bucket stay within *limit*."""
    return 1 if points <= limit else -(-points // (limit // 2))


def _extremes(column: Values, starts: Iterable[int], size: int) -> Iterator[float | None]:
    for start in starts:
        bucket = [value for value in column[start : start + size] if value is not None]
        if not bucket:
            yield from (None, None)
        elif bucket.index(min(bucket)) <= bucket.index(max(bucket)):
            yield from (min(bucket), max(bucket))
        else:
            yield from (max(bucket), min(bucket))


class Timeline:
    """The seconds of a run in order, with one gap wherever seconds are missing.

    at     start of each second, in seconds since the start of the run
    end_s  end of the last one
    """

    def __init__(self, seconds: Sequence[Second]) -> None:
        ordered = {second.at_s: second for second in sorted(seconds, key=lambda each: each.at_s)}
        self._seconds: list[Second | None] = []
        self.at: list[float] = []
        for at_s, second in ordered.items():
            if self.at and at_s > self.at[-1] + 1:
                self._append(self.at[-1] + 1, None)
            self._append(at_s, second)
        self.end_s: float = self.at[-1] + 1 if self.at else 0.0

    def values(self, measure: Callable[[Second], float]) -> Values:
        """Return *measure* of each second."""
        return tuple(measure(second) if second else None for second in self._seconds)

    def operation_values(self, name: str, measure: Callable[[OperationSecond], float | None]) -> Values:
        """Return *measure* of the operation *name* in each second, None if it had no requests."""
        found = [second.operations.get(name) if second else None for second in self._seconds]
        return tuple(measure(operation) if operation else None for operation in found)

    def encoded_histograms(self, name: str, read: Callable[[OperationSecond], Latencies]) -> list[str]:
        """Return the histogram of the operation *name* in each second, empty if it had no requests."""
        found = [second.operations.get(name) if second else None for second in self._seconds]
        return [read(operation).histogram if operation else "" for operation in found]

    def _append(self, at: float, second: Second | None) -> None:
        self.at.append(at)
        self._seconds.append(second)
