"""Runs `vecgate capacity`: confirms the plan, searches, and prints the outcome."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from vecgate.cli.options import open_chosen_target, print_status
from vecgate.cli.run_safeguards import CostLimit, confirm_run, interruptible, require_preflight
from vecgate.cli.runs.load.capacity_report import build_json, outcome_lines, plan_lines, trial_line
from vecgate.cli.runs.load.experiment_output import print_outcome
from vecgate.errors import ConfigError, UsageError
from vecgate.exit_codes import ExitCode
from vecgate.load.experiments.capacity_experiment import CapacityExperiment
from vecgate.load.experiments.capacity_search import SearchGoal
from vecgate.load.load_runner import LoadTest, parse_overrides, require_locust
from vecgate.reporting.output_files import check_writable
from vecgate.targets.resolution import resolve_target_name
from vecgate.targets.target import TargetChoice
from vecgate.toml_schema import parse_duration

PERCENTAGE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
TRIAL_MIN_S, TRIAL_MAX_S = 1.0, 3_600.0


@dataclass(frozen=True, slots=True)
class SearchChoice:
    """The options of the search. Their names are those of the command line."""

    low: float
    high: float
    resolution: str
    confirmations: int
    max_failures: int
    trial: str
    trials_max: int
    thresholds: tuple[str, ...]
    settings: tuple[str, ...]
    processes: int
    bucket_prefix: str
    keep: Path | None

    @property
    def goal(self) -> SearchGoal:
        """The limits of the search. Raises UsageError."""
        match = PERCENTAGE.fullmatch(self.resolution.strip())
        if match is None:
            raise UsageError(f"--resolution: {self.resolution!r} is not a percentage", hint="Write 5%.")
        resolution = float(match[1]) / 100
        return SearchGoal(
            self.low, self.high, resolution, self.confirmations, self.max_failures, self.trials_max
        )

    @property
    def trial_s(self) -> float:
        """The duration of a trial. Raises UsageError."""
        return parse_trial(self.trial)

    def test(self, scenario: str, choice: TargetChoice, cost_limit: CostLimit) -> LoadTest:
        """Return the load test of a trial, apart from its rate. Raises UsageError."""
        return LoadTest(
            scenario,
            choice,
            Path(),
            overrides=parse_overrides(self.settings),
            thresholds=self.thresholds,
            processes=self.processes,
            is_aws_allowed=cost_limit.yes,
            bucket_prefix=self.bucket_prefix,
        )


def parse_trial(text: str) -> float:
    """Return the seconds of the option `--trial`. Raises UsageError."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise UsageError(f"--trial: {text!r} is not a duration", hint="Use 20s or 1m30s.") from None
    if not TRIAL_MIN_S <= seconds <= TRIAL_MAX_S:
        raise ConfigError(f"--trial: {seconds:g} s, allowed is {TRIAL_MIN_S:g} to {TRIAL_MAX_S:,g} s")
    return seconds


def capacity_run(
    scenario: str,
    choice: TargetChoice,
    search: SearchChoice,
    cost_limit: CostLimit,
    results: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> ExitCode:
    """Search for the capacity, print the outcome, and return the exit code."""
    require_locust()
    check_writable(search.keep / "trial-01.jsonl" if search.keep else None)
    goal, chosen = search.goal, replace(choice, name=resolve_target_name(choice, os.environ))
    test = search.test(scenario, chosen, cost_limit)
    experiment = CapacityExperiment.prepare(test, goal, trial_s=search.trial_s)
    plan = experiment.plan
    with open_chosen_target(chosen) as target:
        lines = plan_lines(experiment, target)
        confirm_run(target, lines, cost_limit, usd=experiment.usd_min, quiet=quiet)
        require_preflight(target, "capacity", plan.operations, prefix=search.bucket_prefix, quiet=quiet)
        header, limit = experiment.header(target), cost_limit.limit_on(target)
    if header.target != "aws":  # `confirm_run` has printed it there
        print_status(lines[0], quiet=quiet)
    with interruptible() as is_interrupted:
        outcome = experiment.run(
            header,
            results=results,
            folder=search.keep,
            max_usd=limit,
            on_trial=lambda trial: print_status(trial_line(trial, plan.unit), quiet=quiet),
            is_interrupted=is_interrupted,
        )
    return print_outcome(
        outcome_lines(outcome),
        build_json(outcome, header),
        as_json=as_json,
        failure=outcome.failure,
        exit_code=outcome.exit_code,
    )
