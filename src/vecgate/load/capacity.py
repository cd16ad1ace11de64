"""The highest rate that a target sustains: bracket it, bisect the bracket, confirm what is left.

A rate is found only once it has held as often as was asked for, without a failure in between. Failures are
confirmed too: one bad moment must not halve the answer. So a rate is given up after so many failures in a
row, or after one confirmation that failed; it is never tried again then, nor any above it, and the search
goes on below. The search decides and does nothing: it is a generator that yields what to try and is sent what
came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Literal, TypeAlias

from vecgate.errors import ConfigError
from vecgate.results.load import Capacity, Trial, Unit

Phase: TypeAlias = Literal["bracket", "bisect", "confirm"]

CONFIRMATIONS_MAX, TRIALS_MAX, RATE_MAX = 10, 1_000, 1_000_000
#: Rates are rounded to so many digits, where that leaves them within the bracket: people read them.
DIGITS = 3
RESOLUTION_MIN, RESOLUTION_MAX = 0.001, 0.5


@dataclass(frozen=True, slots=True)
class Goal:
    """What is searched for.

    low, high      the lowest and the highest rate to try
    resolution     share of the answer by which it may be too low
    confirmations  how often the answer must hold again
    chances        a rate is given up after so many failures in a row, 1 for the first
    trials_max     after so many the search ends, whatever it knows

    Raises ConfigError, which names every setting that is out of range.
    """

    low: float
    high: float
    resolution: float = 0.05
    confirmations: int = 2
    chances: int = 2
    trials_max: int = 40

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ConfigError("; ".join(problems))

    def _problems(self) -> Iterator[str]:
        if not 0 < self.low <= self.high <= RATE_MAX:
            yield (
                f"the rates go from {self.low:,.10g} to {self.high:,.10g}, "
                f"allowed is upward from above 0 to {RATE_MAX:,}"
            )
        if not RESOLUTION_MIN <= self.resolution <= RESOLUTION_MAX:
            allowed = f"{RESOLUTION_MIN:.1%} to {RESOLUTION_MAX:.1%}"
            yield f"resolution is {self.resolution:.1%}, allowed is {allowed}"
        yield from _out_of("confirmations", self.confirmations, CONFIRMATIONS_MAX)
        yield from _out_of("chances", self.chances, CONFIRMATIONS_MAX)
        yield from _out_of("trials", self.trials_max, TRIALS_MAX)


@dataclass(frozen=True, slots=True)
class Probe:
    """A rate to try, and why."""

    phase: Phase
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of one rate.

    held           every threshold held; *reason*, which did not
    achieved_per_s that came out, in the unit of the rate
    is_invalid     the generator, not the target, was the limit
    """

    held: bool
    achieved_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    errors: int = 0
    throttled: int = 0
    reason: str = ""
    is_invalid: bool = False


#: found: a rate, confirmed; too-low: not even the lowest held; invalid: the generator was the limit;
#: exhausted: no trials were left.
Ending: TypeAlias = Literal["found", "too-low", "invalid", "exhausted"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    rate_per_s    the highest rate that held and was confirmed; None where *ending* is not `found`
    failed_per_s  the lowest that did not hold, None where each one did
    held_per_s    the highest that held at least once, None where none did
    reason        why *failed_per_s* did not hold, or what ended the search
    """

    ending: Ending
    rate_per_s: float | None = None
    failed_per_s: float | None = None
    held_per_s: float | None = None
    reason: str = ""


#: Tries a rate on the target.
RunTrial: TypeAlias = Callable[[float], TrialOutcome]
Search: TypeAlias = Generator[Probe, TrialOutcome, Found]


def search(goal: Goal) -> Search:
    """Yields what to try, is sent what came of it, returns what was found after `trials_max` at most."""
    known = _Known(goal)
    for _ in range(goal.trials_max):
        probe = known.next_probe()
        if probe is None:
            break
        outcome = yield probe
        if outcome.is_invalid:
            return known.found("invalid", outcome.reason)
        known.learn(probe, outcome)
    if known.next_probe() is not None:
        return known.found("exhausted", f"{goal.trials_max} trials were not enough")
    return known.found("found" if known.held else "too-low", known.reason)


class _Known:
    """What the trials so far have shown: the rates that held, ascending, and the lowest that did not."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self.held: list[float] = []
        self._failed: float | None = None
        self._confirmed = self._misses = 0
        self.reason = ""

    def next_probe(self) -> Probe | None:
        """What to try next, None where all is known."""
        best = self.held[-1] if self.held else None
        if best is None:
            return Probe("bracket", self._goal.low) if self._failed is None else None
        if self._failed is None and best < self._goal.high:
            return Probe("bracket", min(best * 2, self._goal.high))
        if self._failed is not None and self._failed > best * (1 + self._goal.resolution):
            return Probe("bisect", between(best, self._failed))
        return Probe("confirm", best) if self._confirmed < self._goal.confirmations else None

    def learn(self, probe: Probe, outcome: TrialOutcome) -> None:
        """Take in what came of *probe*."""
        if outcome.held:
            self._misses = 0
            if probe.phase == "confirm":
                self._confirmed += 1
            else:
                self.held.append(probe.rate_per_s)
            return
        self._misses += 1
        if probe.phase == "confirm" or self._misses == self._goal.chances:
            self._failed, self.reason = probe.rate_per_s, outcome.reason
            self.held = [rate for rate in self.held if rate < probe.rate_per_s]
            self._confirmed = self._misses = 0

    def found(self, ending: Ending, reason: str) -> Found:
        """What it came to."""
        best = self.held[-1] if self.held else None
        return Found(ending, best if ending == "found" else None, self._failed, best, reason)


def between(low: float, high: float) -> float:
    """A rate between both, at equal ratios to them, in few digits where they leave room for that."""
    middle = sqrt(low * high)
    short = float(f"{middle:.{DIGITS}g}")
    return short if low < short < high else middle


def find_capacity(
    goal: Goal, trial: RunTrial, record: Callable[[Trial | Capacity], None], *, unit: Unit = "vectors"
) -> Found:
    """Search with *trial*; each one is told to *record* as it ends, and what was found after the last."""
    steps, number = search(goal), 0
    probe = next(steps)
    while True:
        outcome, number = trial(probe.rate_per_s), number + 1
        record(_trial_of(number, probe, outcome))
        try:
            probe = steps.send(outcome)
        except StopIteration as end:
            found: Found = end.value
            break
    if found.rate_per_s is not None:
        confirmed = Capacity(
            rate_per_s=found.rate_per_s,
            failed_per_s=found.failed_per_s,
            unit=unit,
            confirmations=goal.confirmations,
        )
        record(confirmed)
    return found


def _trial_of(number: int, probe: Probe, outcome: TrialOutcome) -> Trial:
    return Trial(
        number=number,
        phase=probe.phase,
        rate_per_s=probe.rate_per_s,
        achieved_per_s=outcome.achieved_per_s,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
        errors=outcome.errors,
        throttled=outcome.throttled,
        held=outcome.held and not outcome.is_invalid,
        reason=outcome.reason,
        is_invalid=outcome.is_invalid,
    )


def _out_of(name: str, value: int, highest: int) -> Iterator[str]:
    if not 1 <= value <= highest:
        yield f"{name} is {value:,}, allowed is 1 to {highest:,}"
