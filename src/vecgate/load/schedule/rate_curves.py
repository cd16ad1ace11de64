"""The rate of a stage over time: the rate itself, its integral, and the inverse of the integral.

Times are seconds since the stage began, rates are arrivals per second, integrals are numbers of arrivals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.results.load.load_records import Stage

Times: TypeAlias = npt.NDArray[np.float64]

#: Points per sine period at which the integral is tabulated, to bracket the inverse.
TABLE = 1024
#: Upper bound of Newton iterations; each one at least halves the bracket, and a few are usually enough.
ITERATIONS_MAX = 60


@dataclass(frozen=True, slots=True)
class LinearRate:
    """A rate that changes linearly from *start* to *end*."""

    start: float
    end: float
    duration_s: float

    def rate(self, time_s: float) -> float:
        """Return the rate at *time_s*."""
        return self.start + (self.end - self.start) * time_s / self.duration_s

    def integral(self, time_s: float) -> float:
        """Return the number of arrivals before *time_s*."""
        return (self.start + self.rate(time_s)) / 2 * time_s

    def invert(self, integrals: Times) -> Times:
        """Return the times at which the integral reaches each of *integrals*."""
        slope = (self.end - self.start) / self.duration_s
        # This form of the quadratic root does not subtract nearly equal numbers.
        below = self.start + np.sqrt(np.maximum(self.start**2 + 2 * slope * integrals, 0.0))
        times: Times = np.divide(2 * integrals, below, out=np.zeros_like(integrals), where=below > 0)
        return times


@dataclass(frozen=True, slots=True)
class SineRate:
    """A rate that goes from *start* to *end* and back once per *period_s*, as a sine wave."""

    start: float
    end: float
    duration_s: float
    period_s: float

    def rate(self, time_s: float) -> float:
        """Return the rate at *time_s*."""
        return self._mean - self._amplitude * math.cos(2 * math.pi * time_s / self.period_s)

    def integral(self, time_s: float) -> float:
        """Return the number of arrivals before *time_s*."""
        periods, within_s = divmod(time_s, self.period_s)
        return float(periods * self._per_period + self._integrals(np.array([within_s]))[0])

    def invert(self, integrals: Times) -> Times:
        """Return the times at which the integral reaches each of *integrals*.

        Newton's method inside a shrinking bracket: where the rate is near 0, Newton steps alone diverge.
        """
        periods, within = np.divmod(integrals, self._per_period)
        table = np.linspace(0.0, self.period_s, TABLE + 1)
        right = np.clip(np.searchsorted(self._integrals(table), within, side="right"), 1, TABLE)
        low, high = table[right - 1], table[right]
        times = (low + high) / 2
        for _ in range(ITERATIONS_MAX):
            excess = self._integrals(times) - within
            low, high = np.where(excess <= 0, times, low), np.where(excess >= 0, times, high)
            newton = times - excess / np.maximum(self._rates(times), np.finfo(float).tiny)
            better = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
            if np.allclose(better, times, rtol=0, atol=1e-12):
                break
            times = better
        return periods * self.period_s + better

    @property
    def _mean(self) -> float:
        return (self.start + self.end) / 2

    @property
    def _amplitude(self) -> float:
        return (self.end - self.start) / 2

    @property
    def _per_period(self) -> float:
        return self._mean * self.period_s

    def _rates(self, times: Times) -> Times:
        return self._mean - self._amplitude * np.cos(2 * math.pi / self.period_s * times)

    def _integrals(self, times: Times) -> Times:
        frequency = 2 * math.pi / self.period_s
        return self._mean * times - self._amplitude / frequency * np.sin(frequency * times)


RateCurve: TypeAlias = LinearRate | SineRate


def build_rate_curves(stage: Stage, *, units_per_arrival: float) -> list[RateCurve]:
    """Return the curves of *stage* in order: one per step of a `step` stage, else a single one.

    The rates of the stage count *units_per_arrival* units for each arrival. Steps have equal height, and the
    first step is taken at the start of the stage.
    """
    start, end = stage.from_per_s / units_per_arrival, stage.to_per_s / units_per_arrival
    duration_s = stage.duration_s
    if stage.kind == "ramp":
        return [LinearRate(start, end, duration_s)]
    if stage.kind == "sine":
        return [SineRate(start, end, duration_s, stage.period_s)]
    steps = stage.steps if stage.kind == "step" else 1
    rates = [start + (end - start) * (step + 1) / steps for step in range(steps)]
    return [LinearRate(rate, rate, duration_s / steps) for rate in rates]
