"""When each arrival is due, in seconds since the schedule began: the same on every worker, before and after.

The integral of the rate is the schedule's own clock. Arrivals stand on it at the whole numbers, or, in a
stage at random, at exponential distances that the seed draws; the inverse of the integral makes times of
them. So a rate of 1,000/s means arrivals 0, 1 and 2 at 0, 1 and 2 ms, whatever happens to their requests.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from vecgate.load.curves import Curve, Times, curves_of
from vecgate.load.positions import AtRandom, Even, Positions
from vecgate.results.load import Stage
from vecgate.results.spans import ROUNDING_S

#: Arrivals are worked out so many at once, and a few such chunks are kept.
CHUNK, CHUNKS_KEPT = 16_384, 3
#: Sums of rates are rounded; so near to a whole number they mean it.
NEARLY = 1e-9


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stage on the schedule, or a step of one: when it begins and ends, its arrivals from *first* on.

    base  what the integral of the rate is when it begins
    """

    stage: int
    start_s: float
    end_s: float
    base: float
    first: int
    curve: Curve
    positions: Positions

    @property
    def last(self) -> int:
        """The arrival before which it ends."""
        return self.first + self.positions.count

    def due_s(self, first: int, last: int) -> Times:
        """When arrivals *first* to before *last*, numbered in the whole schedule, are due."""
        areas = self.positions.between(first - self.first, last - self.first) - self.base
        times = self.start_s + self.curve.times(np.maximum(areas, 0.0))
        # Rounding must not carry an arrival into the next stage, nor past the end.
        return np.clip(times, self.start_s, np.nextafter(self.end_s, self.start_s))

    def around(self, time_s: float) -> tuple[int, int]:
        """The least and the most arrivals of the schedule that may be due before *time_s*."""
        low, high = self.positions.around(self.base + self.curve.area(time_s - self.start_s))
        return self.first + low, self.first + high


@dataclass(frozen=True, slots=True)
class Schedule:
    """The arrivals of a load run, numbered from 0; made by `Schedule.of`.

    total  how many there are
    """

    stretches: tuple[Stretch, ...]
    total: int
    _chunks: dict[int, Times] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, stages: Sequence[Stage], *, per_arrival: float, seed: int) -> Schedule:
        """The schedule of *stages*, whose rates count *per_arrival* units an arrival."""
        stretches = tuple(_stretches(stages, per_arrival, seed))
        return cls(stretches, stretches[-1].last if stretches else 0)

    @property
    def duration_s(self) -> float:
        """When the last stage ends."""
        return self.stretches[-1].end_s if self.stretches else 0.0

    def due_s(self, first: int, last: int) -> Times:
        """When arrivals *first* to before *last* are due, in order; those that there are."""
        first, last = max(first, 0), min(last, self.total)
        numbers = range(first // CHUNK, -(-last // CHUNK)) if first < last else range(0)
        parts = [
            self._chunk(number)[max(first - number * CHUNK, 0) : last - number * CHUNK] for number in numbers
        ]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])

    def due_before(self, time_s: float) -> int:
        """How many arrivals are due before *time_s*."""
        if not self.stretches or time_s <= 0:
            return 0
        if time_s >= self.duration_s:
            return self.total
        low, high = self._stretch_at(time_s).around(time_s)
        return low + bisect_left(range(low, high), time_s, key=self._due)

    def stage_at(self, time_s: float) -> int:
        """The number of the stage that *time_s* falls in, from 0; before and after all, the nearest."""
        return self._stretch_at(time_s).stage if self.stretches else 0

    def bounds_in(self, second: int) -> list[float]:
        """When *second* begins, each stage that follows another within it, and the second ends."""
        pairs = zip(self.stretches, self.stretches[1:], strict=False)
        ends_s = [after.start_s for before, after in pairs if before.stage != after.stage]
        within = (end_s for end_s in ends_s if second + ROUNDING_S < end_s < second + 1 - ROUNDING_S)
        return [float(second), *within, second + 1.0]

    def due_in_stage(self, number: int) -> int:
        """How many arrivals are due in the stage of that number, from 0."""
        return sum(each.positions.count for each in self.stretches if each.stage == number)

    def rate_at(self, time_s: float) -> float:
        """Arrivals a second at *time_s*, 0 before and after the schedule."""
        if not 0 <= time_s < self.duration_s:
            return 0.0
        stretch = self._stretch_at(time_s)
        return stretch.curve.rate(time_s - stretch.start_s)

    def _stretch_at(self, time_s: float) -> Stretch:
        number = bisect_right(self.stretches, time_s, key=lambda stretch: stretch.start_s) - 1
        return self.stretches[max(number, 0)]

    def _due(self, arrival: int) -> float:
        return float(self._chunk(arrival // CHUNK)[arrival % CHUNK])

    def _chunk(self, number: int) -> Times:
        if number not in self._chunks:
            while len(self._chunks) >= CHUNKS_KEPT:
                self._chunks.pop(next(iter(self._chunks)), None)
            self._chunks[number] = self._made(number * CHUNK, min((number + 1) * CHUNK, self.total))
        return self._chunks[number]

    def _made(self, first: int, last: int) -> Times:
        bounds = [(max(first, each.first), min(last, each.last)) for each in self.stretches]
        parts = [
            each.due_s(*between)
            for each, between in zip(self.stretches, bounds, strict=True)
            if between[0] < between[1]
        ]
        return np.concatenate(parts)


def _stretches(stages: Sequence[Stage], per_arrival: float, seed: int) -> Iterator[Stretch]:
    begin_s = base = 0.0
    first = 0
    for number, stage in enumerate(stages):
        curves = curves_of(stage, per_arrival=per_arrival)
        ends_s = [begin_s + stage.duration_s * (place + 1) / len(curves) for place in range(len(curves))]
        for curve, end_s in zip(curves, ends_s, strict=True):
            end = _meant(base + curve.area(curve.duration_s))
            positions = AtRandom(base, end, (seed, number)) if stage.kind == "poisson" else Even(base, end)
            yield Stretch(number, begin_s, end_s, base, first, curve, positions)
            begin_s, base, first = end_s, end, first + positions.count


def _meant(area: float) -> float:
    return float(round(area)) if math.isclose(area, round(area), rel_tol=NEARLY, abs_tol=NEARLY) else area
