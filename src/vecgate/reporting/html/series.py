"""Long series made short for a chart. A spike of one second stays a spike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vecgate.results.load import OperationSecond, Second

#: Places on the x axis of a chart, and of one over the whole page.
PLACES_MAX, PLACES_MAX_WIDE = 200, 400
Column: TypeAlias = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Shortened:
    """Some columns over the same places."""

    places: tuple[float, ...]
    columns: tuple[Column, ...]


def shortened(places: Sequence[float], columns: Sequence[Column], limit: int = PLACES_MAX) -> Shortened:
    """*columns* on at most *limit* places.

    Neighbours are put in buckets of two places each: a bucket keeps its lowest and its highest value, in the
    order in which they came. What is missing in all of a bucket is missing.
    """
    each = bucket_of(len(places), limit)
    if each == 1:
        return Shortened(tuple(places), tuple(columns))
    starts = range(0, len(places), each)
    kept = [
        place
        for start in starts
        for place in (places[start], places[min(start + each // 2, len(places) - 1)])
    ]
    return Shortened(tuple(kept), tuple(tuple(_extremes(column, starts, each)) for column in columns))


def bucket_of(number: int, limit: int) -> int:
    """How many of *number* neighbours are put together."""
    return 1 if number <= limit else -(-number // (limit // 2))


def _extremes(column: Column, starts: Iterable[int], each: int) -> Iterator[float | None]:
    for start in starts:
        bucket = [value for value in column[start : start + each] if value is not None]
        if not bucket:
            yield from (None, None)
        elif bucket.index(min(bucket)) <= bucket.index(max(bucket)):
            yield from (min(bucket), max(bucket))
        else:
            yield from (max(bucket), min(bucket))


class Timeline:
    """The seconds of a run in their order, with a hole where some are missing.

    at     when each place was
    end_s  when the last of them ended
    """

    def __init__(self, seconds: Sequence[Second]) -> None:
        ordered = {second.at_s: second for second in sorted(seconds, key=lambda each: each.at_s)}
        self._seconds: list[Second | None] = []
        self.at: list[float] = []
        for at_s, second in ordered.items():
            if self.at and at_s > self.at[-1] + 1:
                self._place(self.at[-1] + 1, None)
            self._place(at_s, second)
        self.end_s = self.at[-1] + 1 if self.at else 0.0

    def of(self, number: Callable[[Second], float]) -> Column:
        """*number* of each second."""
        return tuple(number(second) if second else None for second in self._seconds)

    def of_operation(self, name: str, number: Callable[[OperationSecond], float | None]) -> Column:
        """*number* of the operation *name* in each second, None where it did nothing."""
        found = [second.operations.get(name) if second else None for second in self._seconds]
        return tuple(number(operation) if operation else None for operation in found)

    def _place(self, at: float, second: Second | None) -> None:
        self.at.append(at)
        self._seconds.append(second)
