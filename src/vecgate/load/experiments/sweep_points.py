"""The points of a sweep: which rates are measured, when a sweep ends, and where its curve has a knee.

A point at which the load generator was the limit is never part of the curve. It is tried once more; after a
second one in a row the sweep ends, because no higher rate could be measured.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vecgate.errors import ConfigError
from vecgate.formatting import format_exact
from vecgate.results.load.sweep_records import Knee, SweepPoint

RATE_MAX, RATES_MAX = 1_000_000.0, 200
#: Points in a row at which the generator was the limit, after which a sweep ends.
INCONCLUSIVE_MAX = 2
#: Significant digits of rates between the first and the last one.
DIGITS = 3

#: planned: every rate was measured; past-limit: several rates in a row did not hold; inconclusive: the
#: generator was the limit; too-expensive: the next rate would exceed the cost limit.
Ending: TypeAlias = Literal["planned", "past-limit", "inconclusive", "too-expensive"]
#: Yields each rate, and receives its point; None if the rate is not affordable.
SweepSteps: TypeAlias = Generator[float, SweepPoint | None, Ending]


@dataclass(frozen=True, slots=True)
class SweepGoal:
    """The rates of a sweep, ascending.

    max_failures  rates in a row that did not hold, after which the sweep ends
    must_hold     every rate up to this one must hold

    Raises ConfigError, which names every setting that is out of range.
    """

    rates: tuple[float, ...]
    max_failures: int = 2
    must_hold: float = 0.0

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= len(self.rates) <= RATES_MAX:
            problems.append(f"{len(self.rates):,} rates, allowed are 1 to {RATES_MAX:,}")
        elif not all(0 < rate <= RATE_MAX for rate in self.rates):
            listed = ", ".join(map(format_exact, self.rates))
            problems.append(f"the rates are {listed}, allowed are rates above 0, up to {RATE_MAX:,.0f}")
        elif list(self.rates) != sorted(set(self.rates)):
            listed = ", ".join(map(format_exact, self.rates))
            problems.append(f"the rates are {listed}, allowed are different rates in ascending order")
        elif self.must_hold and not self.rates[0] <= self.must_hold <= self.rates[-1]:
            first, last = format_exact(self.rates[0]), format_exact(self.rates[-1])
            problems.append(
                f"must_hold is {format_exact(self.must_hold)}, allowed is a rate from {first} to {last}"
            )
        if not 1 <= self.max_failures <= RATES_MAX:
            problems.append(f"max_failures is {self.max_failures:,}, allowed is 1 to {RATES_MAX:,}")
        if problems:
            raise ConfigError("; ".join(problems))

    @property
    def gated(self) -> tuple[float, ...]:
        """The rates that must hold: those up to *must_hold*, or else the lowest one."""
        limit = self.must_hold or self.rates[0]
        return tuple(rate for rate in self.rates if rate <= limit)


def spread_rates(low: float, high: float, steps: int) -> tuple[float, ...]:
    """Return *steps* rates from *low* to *high*, each the same factor above the one before.

    Raises ConfigError unless 0 < low < high and there are two steps or more.
    """
    if not 0 < low < high <= RATE_MAX:
        raise ConfigError(
            f"the rates are {format_exact(low)} to {format_exact(high)}, "
            f"allowed are two rates above 0, up to {RATE_MAX:,.0f}, the lower one first"
        )
    if not 2 <= steps <= RATES_MAX:  # noqa: PLR2004 - the first and the last
        raise ConfigError(f"steps is {steps:,}, allowed is 2 to {RATES_MAX:,}")
    factor = (high / low) ** (1 / (steps - 1))
    between = (float(f"{low * factor**step:.{DIGITS}g}") for step in range(1, steps - 1))
    return (low, *sorted({rate for rate in between if low < rate < high}), high)


def sweep_steps(goal: SweepGoal) -> SweepSteps:
    """Yield each rate to measure, receive its point, and return how the sweep ended."""
    failures = 0
    for rate in goal.rates:
        for _ in range(INCONCLUSIVE_MAX):
            point = yield rate
            if point is None:
                return "too-expensive"
            if not point.is_inconclusive:
                break
        else:
            return "inconclusive"
        failures = 0 if point.held else failures + 1
        if failures == goal.max_failures and rate != goal.rates[-1]:
            return "past-limit"
    return "planned"


def curve_points(points: Iterable[SweepPoint]) -> list[SweepPoint]:
    """Return the points that say something about the target, ordered by their rates."""
    return sorted((point for point in points if not point.is_inconclusive), key=lambda each: each.rate_per_s)


def find_knee(points: Sequence[SweepPoint]) -> Knee | None:
    """Return the knee of the curve; None if the curve does not bend within the rates that were measured.

    Of the points that held it is the one with the highest ratio of achieved rate to p99: the power of a
    queueing system, whose maximum separates the rates that cost little latency from those that cost much (L.
    Kleinrock, Power and deterministic rules of thumb, 1979). The highest rate of a curve is no knee: the
    ratio may still rise beyond it.
    """
    curve = curve_points(points)
    held = [point for point in curve if point.held and point.p99_ms > 0]
    best = max(held, key=lambda each: each.achieved_per_s / each.p99_ms, default=None)
    if best is None or best is curve[-1]:
        return None
    return Knee(
        number=best.number,
        rate_per_s=best.rate_per_s,
        achieved_per_s=best.achieved_per_s,
        p50_ms=best.p50_ms,
        p99_ms=best.p99_ms,
    )
