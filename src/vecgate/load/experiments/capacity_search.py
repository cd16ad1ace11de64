"""Searches for the highest rate that a target sustains: bracket it, bisect the bracket, confirm the result.

A rate is found only after it was sustained in all confirmations, without a failure in between. Failures are
confirmed too, so that one bad moment does not halve the result: a rate is given up after `max_failures`
failures in a row, or after one failed confirmation. Then the search continues below it and never tries it, or
a higher rate, again. A trial in which the generator was the limit says nothing about the target: it is
repeated, and only several in a row end the search.

The search itself performs no trials: it is a generator that yields the next rate and receives the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Literal, TypeAlias

from vecgate.errors import ConfigError
from vecgate.formatting import format_exact
from vecgate.results.load.load_records import Capacity, Trial, Unit

Phase: TypeAlias = Literal["bracket", "bisect", "confirm"]

#: Trials in a row in which the generator was the limit, after which the search ends.
INCONCLUSIVE_MAX = 3
CONFIRMATIONS_MAX, TRIALS_MAX, RATE_MAX = 10, 1_000, 1_000_000
#: Significant digits to which rates are rounded for readability, if the bracket allows it.
DIGITS = 3
RESOLUTION_MIN, RESOLUTION_MAX = 0.001, 0.5


@dataclass(frozen=True, slots=True)
class SearchGoal:
    """The limits of a search.

    low, high      lowest and highest rate to try
    resolution     fraction by which the result may be too low
    confirmations  number of further trials in which the result must be sustained
    max_failures   number of failures in a row after which a rate is given up
    trials_max     maximum number of trials

    Raises ConfigError, which names every setting that is out of range.
    """

    low: float
    high: float
    resolution: float = 0.05
    confirmations: int = 2
    max_failures: int = 2
    trials_max: int = 40

    def __post_init__(self) -> None:
        if problems := list(self._find_problems()):
            raise ConfigError("; ".join(problems))

    def _find_problems(self) -> Iterator[str]:
        if not 0 < self.low <= self.high <= RATE_MAX:
            yield (
                f"the rates are {format_exact(self.low)} to {format_exact(self.high)}, "
                f"allowed are two rates above 0, up to {RATE_MAX:,}, the lower one first"
            )
        if not RESOLUTION_MIN <= self.resolution <= RESOLUTION_MAX:
            allowed = f"{RESOLUTION_MIN:.1%} to {RESOLUTION_MAX:.1%}"
            yield f"resolution is {self.resolution:.1%}, allowed is {allowed}"
        yield from _check_range("confirmations", self.confirmations, CONFIRMATIONS_MAX)
        yield from _check_range("max_failures", self.max_failures, CONFIRMATIONS_MAX)
        yield from _check_range("trials", self.trials_max, TRIALS_MAX)


@dataclass(frozen=True, slots=True)
class Probe:
    """A rate to try, and the phase of the search."""

    phase: Phase
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """The outcome of a trial at one rate.

    held             every threshold was met
    achieved_per_s   achieved rate, in the unit of the offered rate
    requests         sample of the percentiles
    reason           thresholds that failed
    is_inconclusive  the generator was the limit, not the target
    """

    held: bool
    achieved_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    requests: int = 0
    errors: int = 0
    throttled: int = 0
    reason: str = ""
    is_inconclusive: bool = False


#: found: a confirmed rate; too-low: the target does not sustain even the lowest rate; inconclusive: the
#: generator was the limit; exhausted: the trials were used up.
Ending: TypeAlias = Literal["found", "too-low", "inconclusive", "exhausted"]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search.

    rate_per_s    highest rate that was sustained and confirmed; set if *ending* is `found`
    failed_per_s  lowest rate that was not sustained; None if there was no failure
    held_per_s    highest rate that was sustained at least once; None if every trial failed
    reason        why *failed_per_s* was not sustained, or what ended the search
    """

    ending: Ending
    rate_per_s: float | None = None
    failed_per_s: float | None = None
    held_per_s: float | None = None
    reason: str = ""


#: Performs a trial at a rate.
RunTrial: TypeAlias = Callable[[float], TrialOutcome]
SearchSteps: TypeAlias = Generator[Probe, TrialOutcome, SearchResult]


def search_steps(goal: SearchGoal) -> SearchSteps:
    """Yield each rate to try, receive the outcome of the trial, and return the result of the search."""
    known, inconclusive = _SearchState(goal), 0
    for _ in range(goal.trials_max):
        probe = known.next_probe()
        if probe is None:
            break
        outcome = yield probe
        inconclusive = inconclusive + 1 if outcome.is_inconclusive else 0
        if inconclusive == INCONCLUSIVE_MAX:
            return known.result("inconclusive", outcome.reason)
        if outcome.is_inconclusive:
            continue
        known.learn(probe, outcome)
    if known.next_probe() is not None:
        return known.result("exhausted", f"{goal.trials_max} trials were not enough")
    return known.result("found" if known.held else "too-low", known.reason)


class _SearchState:
    """The results so far: the rates that were sustained, ascending, and the lowest that was not."""

    def __init__(self, goal: SearchGoal) -> None:
        self._goal = goal
        self.held: list[float] = []
        self._failed: float | None = None
        self._confirmed = self._failures = 0
        self.reason = ""

    def next_probe(self) -> Probe | None:
        """Return the next rate to try; None if the result is known."""
        best = self.held[-1] if self.held else None
        if best is None:
            return Probe("bracket", self._goal.low) if self._failed is None else None
        if self._failed is None and best < self._goal.high:
            return Probe("bracket", min(best * 2, self._goal.high))
        if self._failed is not None and self._failed > best * (1 + self._goal.resolution):
            return Probe("bisect", between(best, self._failed))
        return Probe("confirm", best) if self._confirmed < self._goal.confirmations else None

    def learn(self, probe: Probe, outcome: TrialOutcome) -> None:
        """Add the outcome of *probe*."""
        if outcome.held:
            self._failures = 0
            if probe.phase == "confirm":
                self._confirmed += 1
            else:
                self.held.append(probe.rate_per_s)
            return
        self._failures += 1
        if probe.phase == "confirm" or self._failures == self._goal.max_failures:
            self._failed, self.reason = probe.rate_per_s, outcome.reason
            self.held = [rate for rate in self.held if rate < probe.rate_per_s]
            self._confirmed = self._failures = 0

    def result(self, ending: Ending, reason: str) -> SearchResult:
        """Return the result of a search that ends now."""
        best = self.held[-1] if self.held else None
        return SearchResult(ending, best if ending == "found" else None, self._failed, best, reason)


def between(low: float, high: float) -> float:
    """Return the geometric mean of both rates, rounded to DIGITS if that lies between them."""
    middle = sqrt(low * high)
    short = float(f"{middle:.{DIGITS}g}")
    return short if low < short < high else middle


def find_capacity(
    goal: SearchGoal, trial: RunTrial, record: Callable[[Trial | Capacity], None], *, unit: Unit = "vectors"
) -> SearchResult:
    """Search with *trial*. Pass each trial to *record* when it ends, and finally the capacity, if found."""
    steps, number = search_steps(goal), 0
    probe = next(steps)
    while True:
        outcome, number = trial(probe.rate_per_s), number + 1
        record(_build_trial(number, probe, outcome))
        try:
            probe = steps.send(outcome)
        except StopIteration as end:
            result: SearchResult = end.value
            break
    if result.rate_per_s is not None:
        capacity = Capacity(
            rate_per_s=result.rate_per_s,
            failed_per_s=result.failed_per_s,
            unit=unit,
            confirmations=goal.confirmations,
        )
        record(capacity)
    return result


def _build_trial(number: int, probe: Probe, outcome: TrialOutcome) -> Trial:
    return Trial(
        number=number,
        phase=probe.phase,
        rate_per_s=probe.rate_per_s,
        achieved_per_s=outcome.achieved_per_s,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
        requests=outcome.requests,
        errors=outcome.errors,
        throttled=outcome.throttled,
        held=outcome.held and not outcome.is_inconclusive,
        reason=outcome.reason,
        is_inconclusive=outcome.is_inconclusive,
    )


def _check_range(name: str, value: int, highest: int) -> Iterator[str]:
    if not 1 <= value <= highest:
        yield f"{name} is {value:,}, allowed is 1 to {highest:,}"
