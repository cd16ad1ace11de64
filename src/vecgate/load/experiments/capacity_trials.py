"""The trials of a capacity search: a scenario scaled to a rate, run as a load test, and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from vecgate.errors import ConfigError, VecgateError
from vecgate.formatting import format_number
from vecgate.gate.load_verdict import DEFAULT_THRESHOLDS, GENERATOR, describe_check, judge_load
from vecgate.gate.thresholds import parse_thresholds
from vecgate.gate.verdict import Verdict
from vecgate.load.experiments.capacity_search import Probe, SearchGoal, TrialOutcome, search_steps
from vecgate.load.load_runner import LoadTest, run_scenario
from vecgate.load.scenario.scenario_file import Scenario, load_scenario
from vecgate.load.scenario.scenario_price import estimate_price
from vecgate.results.load.load_records import LoadPlan, ReadBack, Second
from vecgate.results.load.load_summary import LoadSummary, summarize
from vecgate.results.provenance import new_run_id
from vecgate.results.records import Stream
from vecgate.results.spans import Span

#: Number of assumed capacities for which the price of a search is computed.
CAPACITY_SAMPLES = 9
#: A target that throttles only after this many seconds, and this share of a stage, has served a burst.
BURST_S, BURST_SHARE = 2.0, 0.2


@dataclass(frozen=True, slots=True)
class ScaledScenario:
    """A scenario that can be run at any rate: its rates are multiplied, and its duration is that of a trial.

    With an *operation* the rate is that of this operation, and the others keep theirs.

    test        the load test at its own rate
    trial_s     duration of a trial
    peak_per_s  highest rate of the unscaled scenario
    duration_s  duration of the unscaled scenario
    fixed       peak rate of each other operation
    """

    test: LoadTest
    trial_s: float
    peak_per_s: float
    duration_s: float
    operation: str = ""
    fixed: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, test: LoadTest, trial_s: float, *, operation: str = "") -> ScaledScenario:
        """Load the scenario of *test*. Raises ConfigError, also if all of its rates are 0."""
        scenario = load_scenario(test.scenario, test.overrides)
        stages, mix = scenario.stages, scenario.operations
        if operation and operation not in mix:
            raise ConfigError(f"{test.scenario} has no {operation}, it has {', '.join(mix)}")
        peak_per_s = max((max(stage.from_per_s, stage.to_per_s) for stage in stages), default=0.0)
        if not peak_per_s:
            raise ConfigError(
                f"{test.scenario} has no stage with a rate above 0", hint="Give one of its stages a rate."
            )
        fixed = {name: peak_per_s * share for name, share in mix.items() if operation and name != operation}
        return cls(test, trial_s, peak_per_s, sum(stage.duration_s for stage in stages), operation, fixed)

    def trial_at(self, rate_per_s: float, results: Path, *, max_usd: float | None = None) -> LoadTest:
        """Return the load test whose peak rate, or that of the operation, is *rate_per_s*."""
        total_per_s = rate_per_s + sum(self.fixed.values())
        weights = {**self.fixed, self.operation: rate_per_s} if self.operation else {}
        scales = {
            "stages.rate": repr(total_per_s / self.peak_per_s),
            "stages.duration": repr(self.trial_s / self.duration_s),
            **{f"operations.{name}": repr(weight) for name, weight in weights.items()},
        }
        overrides = {**self.test.overrides, **scales}
        return replace(self.test, overrides=overrides, results=results, max_usd=max_usd, run=new_run_id())

    def scenario_at(self, rate_per_s: float) -> Scenario:
        """Return the scenario at that peak rate. Raises ConfigError if it is invalid."""
        return load_scenario(self.test.scenario, self.trial_at(rate_per_s, Path()).overrides)

    def plan_at(self, rate_per_s: float) -> LoadPlan:
        """Return the plan at that peak rate, with all thresholds. Raises UsageError with all problems."""
        plan = self.scenario_at(rate_per_s).plan()
        thresholds = (*plan.thresholds, *self.test.thresholds) or DEFAULT_THRESHOLDS
        parse_thresholds(thresholds, plan)
        return structs.replace(plan, thresholds=thresholds)

    def usd_at(self, rate_per_s: float) -> float:
        """Return the price of a trial at that peak rate, including its preloaded vectors."""
        return estimate_price(self.scenario_at(rate_per_s)).usd


class TrialRunner:
    """Runs *scenario* at any rate.

    folder    folder for the result stream of each trial
    max_usd   cost limit of all trials together
    usd       price of the trials so far
    orphaned  resources that the trials could not remove, one line each
    """

    def __init__(self, scenario: ScaledScenario, folder: Path, *, max_usd: float | None = None) -> None:
        self._scenario, self._folder, self._max_usd, self._number = scenario, folder, max_usd, 0
        self.usd: float = 0.0
        self.orphaned: list[str] = []

    def __call__(self, rate_per_s: float) -> TrialOutcome:
        """Run a trial at *rate_per_s*. Raises VecgateError if the run ends before its schedule."""
        return evaluate_trial(self.run(rate_per_s), rate_per_s)

    @property
    def remaining_usd(self) -> float:
        """What the next trial may cost."""
        return inf if self._max_usd is None else max(0.0, self._max_usd - self.usd)

    def run(self, rate_per_s: float) -> Stream:
        """Run a trial at *rate_per_s*, and return its result stream."""
        self._number += 1
        max_usd = None if self._max_usd is None else self.remaining_usd
        results = self._folder / f"trial-{self._number:02d}.jsonl"
        stream = run_scenario(self._scenario.trial_at(rate_per_s, results, max_usd=max_usd))
        self.orphaned += stream.orphaned
        self.usd += max((second.usd for second in stream.of(Second)), default=0.0)
        self.usd += sum(each.usd for each in stream.of(ReadBack))
        return stream


@contextmanager
def open_trial_folder(folder: Path | None) -> Iterator[Path]:
    """Yield *folder*, or a temporary one."""
    if folder is not None:
        yield folder
        return
    with TemporaryDirectory(prefix="vecgate-trials-") as temporary:
        yield Path(temporary)


def evaluate_trial(stream: Stream, rate_per_s: float) -> TrialOutcome:
    """Return the outcome of the run in *stream* at *rate_per_s*. Raises VecgateError if it is incomplete."""
    if stream.first(LoadPlan) is None:
        raise VecgateError("the trial did not begin: its result stream has no plan")
    summary = summarize(stream)
    verdict = judge_load(stream, summary=summary)
    _require_conclusive(verdict)
    peak, total = find_peak(summary), summary.total
    p50_ms, p99_ms = peak.total.response.percentiles_ms(50, 99)
    return TrialOutcome(
        held=bool(verdict) and not peak.is_growing,
        # Of the whole run: requests that are due in one stage may end in the next.
        achieved_per_s=rate_per_s * summary.achieved,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        requests=peak.requests,
        errors=total.failed,
        throttled=total.throttled,
        reason="; ".join(
            filter(
                None,
                [
                    _describe_failures(verdict) or (_describe_backlog(peak) if peak.is_growing else ""),
                    _describe_burst(summary, peak),
                ],
            )
        ),
        is_inconclusive=verdict.grade == "inconclusive",
    )


def find_peak(summary: LoadSummary) -> Span:
    """Return the stage with the highest rate, whose latencies are those of the trial."""
    measured = (stage for stage in summary.stages if not stage.stage.warm_up)
    return max(measured, key=lambda stage: stage.offered_per_s, default=summary)


def estimate_search(goal: SearchGoal, scenario: ScaledScenario) -> tuple[float, int]:
    """Return upper bounds of the price and the number of trials, on targets without random variation."""
    usd_at = cache(scenario.usd_at)
    growth = (goal.high / goal.low) ** (1 / CAPACITY_SAMPLES)
    capacities = [*(goal.low * growth**step for step in range(CAPACITY_SAMPLES)), goal.high]
    paths = [probed_rates(goal, capacity) for capacity in capacities]
    return max(sum(map(usd_at, path)) for path in paths), max(map(len, paths))


def probed_rates(goal: SearchGoal, capacity: float) -> list[float]:
    """Return the rates that a search tries on a target that sustains every rate up to *capacity*."""
    steps, rates = search_steps(goal), list[float]()
    probe: Probe | None = next(steps)
    while probe is not None:
        rates.append(probe.rate_per_s)
        try:
            probe = steps.send(TrialOutcome(probe.rate_per_s <= capacity))
        except StopIteration:
            probe = None
    return rates


def _require_conclusive(verdict: Verdict) -> None:
    """Raise VecgateError if the run cannot be judged for another reason than a limit of the generator."""
    reasons = [
        check.measured
        for check in verdict.checks
        if check.grade == "inconclusive" and check.name != GENERATOR
    ]
    if reasons:
        raise VecgateError("; ".join(reasons))


def _describe_backlog(peak: Span) -> str:
    answered, offered = format_number(peak.achieved_per_s), format_number(peak.offered_per_s)
    return f"the backlog grew: {answered} of {offered} {peak.unit}/s were answered in time"


def _describe_burst(summary: LoadSummary, peak: Span) -> str:
    """Return when the target began to throttle, if it had served the rate for a while before."""
    within = [each for each in summary.seconds if peak.start_s <= each.at_s < peak.end_s]
    throttled = [each.at_s for each in within if any(op.throttled for op in each.operations.values())]
    before_s = throttled[0] - peak.start_s if throttled else 0.0
    if before_s < max(BURST_S, BURST_SHARE * peak.duration_s):
        return ""
    return (
        f"it throttled only after {before_s:.0f} s, so it allows bursts: "
        "a longer --trial finds what it sustains"
    )


def _describe_failures(verdict: Verdict) -> str:
    failures = [describe_check(check) for check in verdict.decisive if check.grade != "passed"]
    more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f"{failures[0]}{more}" if failures else ""
