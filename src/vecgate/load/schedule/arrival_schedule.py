"""The due time of each arrival, in seconds since the schedule began. Every worker computes the same times.

Arrivals are placed on the integral of the rate: at the whole numbers, or, in a Poisson stage, at exponential
distances drawn from the seed. The inverse of the integral turns positions into times. At a rate of 1,000/s,
arrivals 0, 1 and 2 are due at 0, 1 and 2 ms, regardless of how long requests take.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from vecgate.load.schedule.arrival_process import ArrivalProcess, PoissonArrivals, UniformArrivals
from vecgate.load.schedule.rate_curves import RateCurve, Times, build_rate_curves
from vecgate.results.load.backlog import ROUNDING_S
from vecgate.results.load.load_records import Stage

#: Due times are computed in chunks of this many; the last few chunks are cached.
CHUNK, CHUNKS_KEPT = 16_384, 3
#: An integral this near to a whole number is that number: sums of rates carry rounding errors.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of the schedule that follows one curve: a stage, or one step of a `step` stage.

    stage           number of the stage, from 0
    start_s         start in seconds since the schedule began; *end_s* likewise
    start_integral  integral of the rate at the start of the segment
    first           number of its first arrival
    curve           the rate within the segment
    arrivals        the positions of its arrivals on the integral
    """

    stage: int
    start_s: float
    end_s: float
    start_integral: float
    first: int
    curve: RateCurve
    arrivals: ArrivalProcess

    @property
    def end(self) -> int:
        """The number of the first arrival after the segment."""
        return self.first + self.arrivals.count

    def due_s(self, first: int, last: int) -> Times:
        """Return the due times of arrivals *first* up to but not including *last* of the whole schedule."""
        integrals = self.arrivals.positions(first - self.first, last - self.first) - self.start_integral
        times = self.start_s + self.curve.invert(np.maximum(integrals, 0.0))
        # A rounding error must not move an arrival into the next stage or past the end.
        return np.clip(times, self.start_s, np.nextafter(self.end_s, self.start_s))

    def count_bounds(self, time_s: float) -> tuple[int, int]:
        """Return a lower and an upper bound of the number of arrivals due before *time_s*."""
        integral = self.start_integral + self.curve.integral(time_s - self.start_s)
        low, high = self.arrivals.count_bounds(integral)
        return self.first + low, self.first + high


@dataclass(frozen=True, slots=True)
class Schedule:
    """The arrivals of a load run, numbered from 0. Build one with `Schedule.from_stages`.

    total  number of arrivals
    """

    segments: tuple[Segment, ...]
    total: int
    _chunks: dict[int, Times] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_stages(cls, stages: Sequence[Stage], *, units_per_arrival: float, seed: int) -> Schedule:
        """Build the schedule of *stages*, whose rates count *units_per_arrival* units for each arrival."""
        segments = tuple(_build_segments(stages, units_per_arrival, seed))
        return cls(segments, segments[-1].end if segments else 0)

    @property
    def duration_s(self) -> float:
        """The end of the last stage."""
        return self.segments[-1].end_s if self.segments else 0.0

    def due_s(self, first: int, last: int) -> Times:
        """Return the due times of arrivals *first* up to but not including *last*, in order.

        Numbers outside the schedule are left out.
        """
        first, last = max(first, 0), min(last, self.total)
        numbers = range(first // CHUNK, -(-last // CHUNK)) if first < last else range(0)
        parts = [
            self._chunk(number)[max(first - number * CHUNK, 0) : last - number * CHUNK] for number in numbers
        ]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])

    def due_before(self, time_s: float) -> int:
        """Return the number of arrivals that are due before *time_s*."""
        if not self.segments or time_s <= 0:
            return 0
        if time_s >= self.duration_s:
            return self.total
        low, high = self._segment_at(time_s).count_bounds(time_s)
        return low + bisect_left(range(low, high), time_s, key=self._due)

    def stage_at(self, time_s: float) -> int:
        """Return the number of the stage at *time_s*, from 0; outside the schedule, of the nearest stage."""
        return self._segment_at(time_s).stage if self.segments else 0

    def split_second(self, second: int) -> list[float]:
        """Return the start of *second*, the ends of stages within it, and its end."""
        pairs = zip(self.segments, self.segments[1:], strict=False)
        ends_s = [after.start_s for before, after in pairs if before.stage != after.stage]
        # What ends after the schedule does not count for the rate of its last stage.
        ends_s.append(self.duration_s)
        within = (end_s for end_s in ends_s if second + ROUNDING_S < end_s < second + 1 - ROUNDING_S)
        return [float(second), *within, second + 1.0]

    def due_in_stage(self, number: int) -> int:
        """Return the number of arrivals due in stage *number*, counted from 0."""
        return sum(each.arrivals.count for each in self.segments if each.stage == number)

    def _segment_at(self, time_s: float) -> Segment:
        number = bisect_right(self.segments, time_s, key=lambda segment: segment.start_s) - 1
        return self.segments[max(number, 0)]

    def _due(self, arrival: int) -> float:
        return float(self._chunk(arrival // CHUNK)[arrival % CHUNK])

    def _chunk(self, number: int) -> Times:
        if number not in self._chunks:
            while len(self._chunks) >= CHUNKS_KEPT:
                self._chunks.pop(next(iter(self._chunks)), None)
            self._chunks[number] = self._compute_due_s(number * CHUNK, min((number + 1) * CHUNK, self.total))
        return self._chunks[number]

    def _compute_due_s(self, first: int, last: int) -> Times:
        bounds = [(max(first, each.first), min(last, each.end)) for each in self.segments]
        parts = [
            each.due_s(*between)
            for each, between in zip(self.segments, bounds, strict=True)
            if between[0] < between[1]
        ]
        return np.concatenate(parts)


def _build_segments(stages: Sequence[Stage], units_per_arrival: float, seed: int) -> Iterator[Segment]:
    start_s = start_integral = 0.0
    first = 0
    for number, stage in enumerate(stages):
        curves = build_rate_curves(stage, units_per_arrival=units_per_arrival)
        ends_s = [start_s + stage.duration_s * (index + 1) / len(curves) for index in range(len(curves))]
        for curve, end_s in zip(curves, ends_s, strict=True):
            end_integral = _round_near_whole(start_integral + curve.integral(curve.duration_s))
            arrivals = (
                PoissonArrivals(start_integral, end_integral, (seed, number))
                if stage.kind == "poisson"
                else UniformArrivals(start_integral, end_integral)
            )
            yield Segment(number, start_s, end_s, start_integral, first, curve, arrivals)
            start_s, start_integral, first = end_s, end_integral, first + arrivals.count


def _round_near_whole(integral: float) -> float:
    nearest = float(round(integral))
    return nearest if math.isclose(integral, nearest, rel_tol=TOLERANCE, abs_tol=TOLERANCE) else integral
