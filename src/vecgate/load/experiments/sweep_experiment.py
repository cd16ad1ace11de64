"""A sweep as a whole: its load tests, its result stream and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import structs

from vecgate.errors import ConfigError, VecgateError
from vecgate.exit_codes import EXIT_CODE_OF_GRADE, ExitCode, exit_code_of, exit_code_with_orphans
from vecgate.formatting import format_exact
from vecgate.gate.compare.sweep_figures import point_noise
from vecgate.gate.threshold_checks import measure_span
from vecgate.gate.thresholds import Threshold
from vecgate.gate.verdict import Check, Grade, Verdict
from vecgate.load.experiments.capacity_trials import (
    ScaledScenario,
    TrialRunner,
    evaluate_trial,
    find_peak,
    open_trial_folder,
)
from vecgate.load.experiments.experiment_stream import ExperimentStream
from vecgate.load.experiments.sweep_points import Ending, SweepGoal, find_knee, sweep_steps
from vecgate.load.load_runner import LoadTest
from vecgate.results.load.generator_health import describe_late_starts
from vecgate.results.load.load_records import LoadPlan, Unit
from vecgate.results.load.load_summary import LoadSummary, summarize
from vecgate.results.load.operation_counts import OperationCounts
from vecgate.results.load.sweep_records import Knee, PointOperation, SweepPoint
from vecgate.results.provenance import new_run_id
from vecgate.results.records import Header, Stream
from vecgate.results.spans import Span
from vecgate.targets.run_header import build_run_header
from vecgate.targets.target import Target

#: The name of the check of a sweep.
MUST_HOLD = "must hold"
PACKAGES = ("vecgate", "boto3", "locust", "gevent", "numpy", "orjson")


@dataclass(slots=True)
class SweepOutcome:
    """The outcome of a sweep, filled in while it runs.

    operation       the swept operation; empty for all
    ending          how the sweep ended; None if it did not finish
    usd             price of all load tests
    is_interrupted  the sweep was interrupted
    failure         the error that ended the sweep
    orphaned        resources that could not be removed, one line each
    """

    goal: SweepGoal
    unit: Unit
    operation: str
    thresholds: tuple[str, ...]
    points: list[SweepPoint] = field(default_factory=list)
    ending: Ending | None = None
    usd: float = 0.0
    is_interrupted: bool = False
    failure: VecgateError | None = None
    orphaned: list[str] = field(default_factory=list)

    @property
    def knee(self) -> Knee | None:
        """The knee of the curve so far."""
        return find_knee(self.points)

    @property
    def grade(self) -> Grade:
        """Failed if a rate that must hold did not; inconclusive if one was not measured."""
        points = {point.rate_per_s: point for point in self.points}
        gated = [points.get(rate) for rate in self.goal.gated]
        conclusive = [point for point in gated if point is not None and not point.is_inconclusive]
        if not all(point.held for point in conclusive):
            return "failed"
        is_whole = self.ending is not None and len(conclusive) == len(gated)
        return "passed" if is_whole else "inconclusive"

    @property
    def verdict(self) -> Verdict:
        """The rates that had to hold, as one check."""
        return Verdict((Check(MUST_HOLD, self.gate_text, self.grade),))

    @property
    def gate_text(self) -> str:
        """The rates that had to hold, and the reason if one of them did not."""
        points = {point.rate_per_s: point for point in self.points}
        for rate in self.goal.gated:
            point, named = points.get(rate), f"{format_exact(rate)} {self.unit}/s"
            if point is None or point.is_inconclusive:
                if self.grade == "inconclusive":
                    reason = point.reason if point else self._why_not_measured()
                    return f"{named} was not measured: {reason}"
            elif not point.held:
                return f"{named} did not hold: {point.reason}"
        highest = f"{format_exact(self.goal.gated[-1])} {self.unit}/s"
        which = f"every rate up to {highest}" if len(self.goal.gated) > 1 else highest
        held = f"{which} held, as required"
        return held if self.ending else f"the sweep did not end; so far: {held}"

    def _why_not_measured(self) -> str:
        if self.ending == "too-expensive":
            return "it would exceed the cost limit"
        return "the sweep ended before"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self.is_interrupted:
            return ExitCode.INTERRUPTED
        if self.failure is not None:
            return exit_code_of(self.failure)
        return exit_code_with_orphans(EXIT_CODE_OF_GRADE[self.grade], self.orphaned)


@dataclass(frozen=True, slots=True)
class SweepExperiment:
    """A planned sweep.

    plan     plan of the load test at the highest rate
    usd_max  price of all rates, tried once
    """

    goal: SweepGoal
    scenario: ScaledScenario
    plan: LoadPlan
    usd_max: float

    @classmethod
    def prepare(cls, test: LoadTest, goal: SweepGoal, *, trial_s: float, operation: str) -> SweepExperiment:
        """Plan the sweep over the rates of *goal* with load tests of *test*, *trial_s* long.

        operation  whose rate is raised; empty for that of all operations together

        Raises UsageError with all problems.
        """
        scenario = ScaledScenario.load(test, trial_s, operation=operation)
        plan = structs.replace(scenario.plan_at(goal.rates[-1]), sweep_operation=operation)
        if operation and plan.unit != "requests":
            raise ConfigError(f"the rate of {operation} alone needs a scenario with unit = requests")
        scenario.plan_at(goal.rates[0])
        return cls(goal, scenario, plan, sum(map(scenario.usd_at, goal.rates)))

    @property
    def usd_min(self) -> float:
        """The price of the first load test."""
        return self.scenario.usd_at(self.goal.rates[0])

    def header(self, target: Target) -> Header:
        """Return the header of the result stream."""
        test = self.scenario.test
        return build_run_header(
            "sweep",
            target,
            run=new_run_id(),
            packages=PACKAGES,
            options={
                "scenario": test.scenario,
                "rates": " ".join(f"{rate:g}" for rate in self.goal.rates),
                "trial": f"{self.scenario.trial_s:g}s",
                **({"operation": self.scenario.operation} if self.scenario.operation else {}),
                **({"must_hold": f"{self.goal.must_hold:g}"} if self.goal.must_hold else {}),
                **test.overrides,
            },
        )

    def run(
        self,
        header: Header,
        *,
        results: Path | None,
        folder: Path | None,
        max_usd: float | None,
        on_point: Callable[[SweepPoint], None],
        is_interrupted: Callable[[], bool],
    ) -> SweepOutcome:
        """Run the sweep. An error or a KeyboardInterrupt ends it early, and the outcome says so.

        results         file for the result stream
        folder          folder in which the result streams of the load tests are kept
        max_usd         cost limit of all load tests together
        is_interrupted  returns True if a signal has arrived, which makes a load test fail
        """
        plan, operation = self.plan, self.scenario.operation
        outcome = SweepOutcome(self.goal, plan.unit, operation, plan.thresholds)
        with ExperimentStream(results, header) as stream, open_trial_folder(folder) as trials:
            stream.write(plan)
            runner = TrialRunner(self.scenario, trials, max_usd=max_usd)

            def measure(rate_per_s: float) -> SweepPoint | None:
                if self.scenario.usd_at(rate_per_s) > runner.remaining_usd:
                    return None
                measured = runner.run(rate_per_s)
                point = build_point(measured, len(outcome.points) + 1, rate_per_s, operation)
                stream.write(point)
                outcome.points.append(point)
                on_point(point)
                return point

            try:
                outcome.ending = _run_steps(self.goal, measure)
            except KeyboardInterrupt:
                outcome.is_interrupted = True
            except VecgateError as failure:
                # An interrupted load test returns an incomplete stream, which cannot be judged.
                outcome.is_interrupted = is_interrupted()
                outcome.failure = None if outcome.is_interrupted else failure
            outcome.usd, outcome.orphaned = runner.usd, runner.orphaned
            if outcome.knee is not None:
                stream.write(outcome.knee)
            stream.write_footer(is_complete=outcome.ending is not None, orphaned=outcome.orphaned)
            # The stream does not say which rates had to hold.
            stream.write(outcome.verdict.record)
        return outcome


def build_point(stream: Stream, number: int, rate_per_s: float, operation: str) -> SweepPoint:
    """Return the point of the load run in *stream*. Raises VecgateError if it is incomplete."""
    trial, summary = evaluate_trial(stream, rate_per_s), summarize(stream)
    peak, recall = find_peak(summary), summary.recall
    counts = peak.operations.get(operation, OperationCounts()) if operation else peak.total
    p50_ms, p95_ms, p99_ms = counts.response.percentiles_ms(50, 95, 99)
    within = [each for each in summary.seconds if peak.start_s <= each.at_s and each.at_s + 1 <= peak.end_s]
    return SweepPoint(
        number=number,
        rate_per_s=rate_per_s,
        achieved_per_s=_achieved_per_s(peak, operation) if operation else peak.achieved_per_s,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        requests=counts.requests,
        errors=counts.failed,
        throttled=counts.throttled,
        held=trial.held and not trial.is_inconclusive,
        reason=trial.reason,
        is_inconclusive=trial.is_inconclusive,
        usd=summary.usd,
        usd_per_hour=summary.usd_per_hour,
        recall=recall.mean if recall else None,
        k=recall.k if recall else 0,
        operations=_operations(peak, summary),
        late_starts=describe_late_starts(within, summary.plan),
        noise=point_noise(within, operation=operation, unit=peak.unit, rate_per_s=rate_per_s),
    )


def _run_steps(goal: SweepGoal, measure: Callable[[float], SweepPoint | None]) -> Ending:
    steps = sweep_steps(goal)
    rate = next(steps)
    while True:
        try:
            rate = steps.send(measure(rate))
        except StopIteration as end:
            ending: Ending = end.value
            return ending


def _operations(peak: Span, summary: LoadSummary) -> Mapping[str, PointOperation]:
    found = {}
    for name in summary.plan.operations:
        counts = peak.operations.get(name, OperationCounts())
        p50_ms, p99_ms = counts.response.percentiles_ms(50, 99)
        found[name] = PointOperation(
            achieved_per_s=_achieved_per_s(peak, name),
            p50_ms=p50_ms,
            p99_ms=p99_ms,
            requests=counts.requests,
            errors=counts.failed,
        )
    return found


def _achieved_per_s(peak: Span, operation: str) -> float:
    """Return the successful requests per second of *operation*, as the threshold `rate` measures them."""
    rate = Threshold("", "rate", ">=", 0.0, "requests/s", operation=operation)
    return measure_span(peak, rate, usd=0.0).value or 0.0
