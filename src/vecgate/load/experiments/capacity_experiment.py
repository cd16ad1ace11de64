"""A capacity search as a whole: its plan, its trials, its result stream and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vecgate.errors import VecgateError
from vecgate.exit_codes import ExitCode, exit_code_of, exit_code_with_orphans
from vecgate.load.experiments.capacity_search import Ending, SearchGoal, SearchResult, find_capacity
from vecgate.load.experiments.capacity_trials import (
    ScaledScenario,
    TrialRunner,
    estimate_search,
    open_trial_folder,
)
from vecgate.load.experiments.experiment_stream import ExperimentStream
from vecgate.load.load_runner import LoadTest
from vecgate.results.load.load_records import Capacity, LoadPlan, Trial, Unit
from vecgate.results.provenance import new_run_id
from vecgate.results.records import Header
from vecgate.targets.run_header import build_run_header
from vecgate.targets.target import Target

PACKAGES = ("vecgate", "boto3", "locust", "gevent", "numpy", "orjson")
EXIT_CODE_OF_ENDING: Mapping[Ending, ExitCode] = {
    "found": ExitCode.PASS,
    "too-low": ExitCode.GATE_FAILED,
    "inconclusive": ExitCode.INTERNAL,
    "exhausted": ExitCode.INTERNAL,
}


@dataclass(slots=True)
class CapacityOutcome:
    """The outcome of a search, filled in while it runs.

    result          result of the search; None if it did not finish
    usd             price of all trials
    is_interrupted  the search was interrupted
    failure         the error that ended the search
    orphaned        resources that the trials could not remove, one line each
    """

    goal: SearchGoal
    unit: Unit
    thresholds: tuple[str, ...]
    trials: list[Trial] = field(default_factory=list)
    result: SearchResult | None = None
    usd: float = 0.0
    is_interrupted: bool = False
    failure: VecgateError | None = None
    orphaned: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self.result is not None:
            return exit_code_with_orphans(EXIT_CODE_OF_ENDING[self.result.ending], self.orphaned)
        return exit_code_of(self.failure) if self.failure else ExitCode.INTERRUPTED


@dataclass(frozen=True, slots=True)
class CapacityExperiment:
    """A planned capacity search.

    plan        plan of a trial at the highest rate
    usd_max     upper bound of the price of the search on a target without random variation
    trials_max  upper bound of the number of trials on such a target
    """

    goal: SearchGoal
    scenario: ScaledScenario
    plan: LoadPlan
    usd_max: float
    trials_max: int

    @classmethod
    def prepare(cls, test: LoadTest, goal: SearchGoal, *, trial_s: float) -> CapacityExperiment:
        """Plan the search for *goal* with trials of *test*. Raises UsageError with all problems."""
        scenario = ScaledScenario.load(test, trial_s)
        plan = scenario.plan_at(goal.high)
        return cls(goal, scenario, plan, *estimate_search(goal, scenario))

    @property
    def usd_min(self) -> float:
        """The price of the first trial."""
        return self.scenario.usd_at(self.goal.low)

    def header(self, target: Target) -> Header:
        """Return the header of the result stream."""
        test = self.scenario.test
        return build_run_header(
            "capacity",
            target,
            run=new_run_id(),
            packages=PACKAGES,
            options={
                "scenario": test.scenario,
                "from": f"{self.goal.low:g}",
                "to": f"{self.goal.high:g}",
                "resolution": f"{self.goal.resolution * 100:g}%",
                "trial": f"{self.scenario.trial_s:g}s",
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
        on_trial: Callable[[Trial], None],
        is_interrupted: Callable[[], bool],
    ) -> CapacityOutcome:
        """Run the search. An error or a KeyboardInterrupt ends it early, and the outcome says so.

        results         file for the result stream
        folder          folder in which the result streams of the trials are kept
        max_usd         cost limit of all trials together
        is_interrupted  returns True if a signal has arrived, which makes a trial fail
        """
        outcome = CapacityOutcome(self.goal, self.plan.unit, self.plan.thresholds)
        with ExperimentStream(results, header) as stream, open_trial_folder(folder) as trials:
            stream.write(self.plan)
            run_trial = TrialRunner(self.scenario, trials, max_usd=max_usd)

            def record(found: Trial | Capacity) -> None:
                stream.write(found)
                if isinstance(found, Trial):
                    outcome.trials.append(found)
                    on_trial(found)

            try:
                outcome.result = find_capacity(self.goal, run_trial, record, unit=outcome.unit)
            except KeyboardInterrupt:
                outcome.is_interrupted = True
            except VecgateError as failure:
                # An interrupted trial returns an incomplete stream, which cannot be judged.
                outcome.is_interrupted = is_interrupted()
                outcome.failure = None if outcome.is_interrupted else failure
            outcome.usd, outcome.orphaned = run_trial.usd, run_trial.orphaned
            stream.write_footer(is_complete=outcome.result is not None, orphaned=outcome.orphaned)
        return outcome
