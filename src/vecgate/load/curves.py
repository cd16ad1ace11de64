"""How the rate of a stage goes: the rate, its integral, and the integral's inverse.

Times are seconds since the stage began, rates arrivals a second, areas arrivals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.results.load import Stage

Times: TypeAlias = npt.NDArray[np.float64]

#: Of a wave's period: so finely its integral is tabled before it is inverted.
TABLE = 1024
#: Each at least halves what is in doubt, and all but a few of them do far more.
ROUNDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A rate that goes evenly from *start* to *end*."""

    start: float
    end: float
    duration_s: float

    def rate(self, time_s: float) -> float:
        """The rate at *time_s*."""
        return self.start + (self.end - self.start) * time_s / self.duration_s

    def area(self, time_s: float) -> float:
        """What arrives until *time_s*."""
        return (self.start + self.rate(time_s)) / 2 * time_s

    def times(self, areas: Times) -> Times:
        """When what has arrived comes to each of *areas*."""
        slope = (self.end - self.start) / self.duration_s
        # Of the two forms of the root, the one in which nothing cancels.
        below = self.start + np.sqrt(np.maximum(self.start**2 + 2 * slope * areas, 0.0))
        times: Times = np.divide(2 * areas, below, out=np.zeros_like(areas), where=below > 0)
        return times


@dataclass(frozen=True, slots=True)
class Wave:
    """A rate that swings from *start* to *end* and back in each *period_s*."""

    start: float
    end: float
    duration_s: float
    period_s: float

    def rate(self, time_s: float) -> float:
        """The rate at *time_s*."""
        return self._middle - self._swing * math.cos(2 * math.pi * time_s / self.period_s)

    def area(self, time_s: float) -> float:
        """What arrives until *time_s*."""
        whole, rest = divmod(time_s, self.period_s)
        return float(whole * self._each + self._areas(np.array([rest]))[0])

    def times(self, areas: Times) -> Times:
        """When what has arrived comes to each of *areas*: by Newton's steps between bounds that close in."""
        whole, rest = np.divmod(areas, self._each)
        table = np.linspace(0.0, self.period_s, TABLE + 1)
        right = np.clip(np.searchsorted(self._areas(table), rest, side="right"), 1, TABLE)
        low, high = table[right - 1], table[right]
        times = (low + high) / 2
        for _ in range(ROUNDS_MAX):
            excess = self._areas(times) - rest
            low, high = np.where(excess <= 0, times, low), np.where(excess >= 0, times, high)
            newton = times - excess / np.maximum(self._rates(times), np.finfo(float).tiny)
            better = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
            if np.allclose(better, times, rtol=0, atol=1e-12):
                break
            times = better
        return whole * self.period_s + better

    @property
    def _middle(self) -> float:
        return (self.start + self.end) / 2

    @property
    def _swing(self) -> float:
        return (self.end - self.start) / 2

    @property
    def _each(self) -> float:
        return self._middle * self.period_s

    def _rates(self, times: Times) -> Times:
        return self._middle - self._swing * np.cos(2 * math.pi / self.period_s * times)

    def _areas(self, times: Times) -> Times:
        turn = 2 * math.pi / self.period_s
        return self._middle * times - self._swing / turn * np.sin(turn * times)


Curve: TypeAlias = Line | Wave


def curves_of(stage: Stage, *, per_arrival: float) -> list[Curve]:
    """The curves of *stage*, one after the other; its rates count *per_arrival* units an arrival.

    The steps of one that goes up in steps are equal, and the first is taken at once.
    """
    start, end, duration_s = stage.from_per_s / per_arrival, stage.to_per_s / per_arrival, stage.duration_s
    if stage.kind == "ramp":
        return [Line(start, end, duration_s)]
    if stage.kind == "sine":
        return [Wave(start, end, duration_s, stage.period_s)]
    steps = stage.steps if stage.kind == "step" else 1
    rates = [start + (end - start) * (step + 1) / steps for step in range(steps)]
    return [Line(rate, rate, duration_s / steps) for rate in rates]
