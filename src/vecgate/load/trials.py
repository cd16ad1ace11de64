"""The trials of a capacity search: a scenario scaled to a rate, run in a process of its own, and judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from msgspec import structs

from vecgate.errors import ConfigError, VecgateError
from vecgate.gate.load import DEFAULT_THRESHOLDS, GENERATOR, blame_of, judge_load
from vecgate.gate.thresholds import parse_thresholds
from vecgate.gate.verdict import Verdict
from vecgate.load.capacity import Goal, Probe, TrialOutcome, search
from vecgate.load.price import priced
from vecgate.load.runner import Test, run_scenario
from vecgate.load.scenario import Scenario, load_scenario
from vecgate.results.load import Plan, Second
from vecgate.results.provenance import new_run
from vecgate.results.records import Stream
from vecgate.results.spans import Span
from vecgate.results.summary import Summary, summary_of

#: Capacities that the price of a search is looked at for.
LOOKS = 9


@dataclass(frozen=True, slots=True)
class Course:
    """A scenario that can be run at any rate: all its rates are scaled, and its times to a trial's.

    test     what is run, but for the rate
    trial_s  how long a trial is
    peak     the highest rate of the scenario as it stands
    length_s of the scenario as it stands

    Raises ConfigError where the scenario asks for nothing.
    """

    test: Test
    trial_s: float
    peak: float
    length_s: float

    @classmethod
    def of(cls, test: Test, trial_s: float) -> Course:
        """The course of the scenario of *test*. Raises ConfigError."""
        stages = load_scenario(test.scenario, test.overrides).stages
        peak = max((max(stage.from_per_s, stage.to_per_s) for stage in stages), default=0.0)
        if not peak:
            raise ConfigError(f"{test.scenario} has no stage with a rate", hint="Give it one.")
        return cls(test, trial_s, peak, sum(stage.duration_s for stage in stages))

    def at(self, rate_per_s: float, results: Path, *, max_usd: float | None = None) -> Test:
        """The trial at *rate_per_s*, which its highest stage reaches."""
        scales = {
            "stages.rate": repr(rate_per_s / self.peak),
            "stages.duration": repr(self.trial_s / self.length_s),
        }
        overrides = {**self.test.overrides, **scales}
        return replace(self.test, overrides=overrides, results=results, max_usd=max_usd, run=new_run())

    def scenario_at(self, rate_per_s: float) -> Scenario:
        """The scenario of that trial. Raises ConfigError where it cannot be run at that rate."""
        return load_scenario(self.test.scenario, self.at(rate_per_s, Path()).overrides)

    def plan_at(self, rate_per_s: float) -> Plan:
        """What that trial is to do, its thresholds checked. Raises UsageError with all that is wrong."""
        plan = self.scenario_at(rate_per_s).plan()
        thresholds = (*plan.thresholds, *self.test.thresholds) or DEFAULT_THRESHOLDS
        parse_thresholds(thresholds, plan)
        return structs.replace(plan, thresholds=thresholds)

    def usd_at(self, rate_per_s: float) -> float:
        """What that trial costs, the vectors that it puts beforehand included."""
        return priced(self.scenario_at(rate_per_s)).usd


class Trials:
    """Runs *course* at whatever rate it is given.

    folder   for the result stream of each trial
    max_usd  that all of them may cost together
    """

    def __init__(self, course: Course, folder: Path, *, max_usd: float | None = None) -> None:
        self._course, self._folder, self._max_usd, self._number = course, folder, max_usd, 0
        self.usd = 0.0
        self.leaks: list[str] = []

    def __call__(self, rate_per_s: float) -> TrialOutcome:
        """What came of *rate_per_s*. Raises VecgateError where the run did not come to its end."""
        self._number += 1
        left = None if self._max_usd is None else max(0.0, self._max_usd - self.usd)
        results = self._folder / f"trial-{self._number:02d}.jsonl"
        stream = run_scenario(self._course.at(rate_per_s, results, max_usd=left))
        self.leaks += stream.leaks
        self.usd += max((second.usd for second in stream.of(Second)), default=0.0)
        return outcome_of(stream, rate_per_s)


def outcome_of(stream: Stream, rate_per_s: float) -> TrialOutcome:
    """What the run in *stream*, at *rate_per_s*, came to. Raises VecgateError where nobody can say."""
    if stream.first(Plan) is None:
        raise VecgateError("the trial did not begin: its stream has no plan")
    summary = summary_of(stream)
    verdict = judge_load(stream, summary=summary)
    _see_that_it_ended(verdict)
    top, whole = top_of(summary), summary.whole
    p50_ms, p99_ms = top.whole.response.percentiles_ms(50, 99)
    return TrialOutcome(
        held=bool(verdict),
        # Of the whole run: what is due in one stage ends in the next.
        achieved_per_s=rate_per_s * summary.achieved,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        errors=whole.failed,
        throttled=whole.throttled,
        reason=_reason(verdict),
        is_invalid=any(check.name == GENERATOR for check in verdict.checks),
    )


def top_of(summary: Summary) -> Span:
    """The stage with the highest rate, which is the one that a trial is about."""
    return max(summary.stages, key=lambda stage: stage.offered_per_s, default=summary)


def usd_at_most(goal: Goal, course: Course) -> tuple[float, int]:
    """What a search costs at most, and how many trials it has, on targets that answer alike each time."""
    usd_at = cache(course.usd_at)
    growth = (goal.high / goal.low) ** (1 / LOOKS)
    paths = [rates_of(goal, goal.low * growth**step) for step in range(LOOKS)] + [rates_of(goal, goal.high)]
    return max(sum(map(usd_at, path)) for path in paths), max(map(len, paths))


def rates_of(goal: Goal, capacity: float) -> list[float]:
    """The rates that a search tries on a target that holds up to *capacity*."""
    steps, rates = search(goal), list[float]()
    probe: Probe | None = next(steps)
    while probe is not None:
        rates.append(probe.rate_per_s)
        try:
            probe = steps.send(TrialOutcome(probe.rate_per_s <= capacity))
        except StopIteration:
            probe = None
    return rates


def _see_that_it_ended(verdict: Verdict) -> None:
    unjudged = [check for check in verdict.checks if check.grade == "unjudged" and check.name != GENERATOR]
    if unjudged:
        raise VecgateError("; ".join(check.measured for check in unjudged))


def _reason(verdict: Verdict) -> str:
    blamed = [blame_of(check) for check in verdict.checks if check.grade == verdict.grade != "passed"]
    more = f", and {len(blamed) - 1} more" if len(blamed) > 1 else ""
    return f"{blamed[0]}{more}" if blamed else ""
