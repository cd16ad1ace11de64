"""Runs `vecgate sweep`: confirms the plan, measures each rate, and prints the outcome."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from vecgate.cli.options import open_chosen_target, print_status
from vecgate.cli.run_safeguards import CostLimit, confirm_run, interruptible, require_preflight
from vecgate.cli.runs.load.capacity_run import parse_trial
from vecgate.cli.runs.load.experiment_output import print_outcome
from vecgate.cli.runs.load.sweep_report import build_json, outcome_lines, plan_lines, point_line
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.load.experiments.sweep_experiment import SweepExperiment
from vecgate.load.experiments.sweep_points import SweepGoal, spread_rates
from vecgate.load.load_runner import LoadTest, parse_overrides, require_locust
from vecgate.load.scenario.scenario_file import SweepSpec, load_scenario
from vecgate.reporting.output_files import check_writable
from vecgate.targets.resolution import resolve_target_name
from vecgate.targets.target import TargetChoice

LOW, HIGH, STEPS = 100.0, 3_200.0, 6


@dataclass(frozen=True, slots=True)
class SweepChoice:
    """The options of the sweep. Their names are those of the command line."""

    rates: str
    low: float | None
    high: float | None
    steps: int | None
    operation: str
    trial: str
    must_hold: float | None
    max_failures: int
    thresholds: tuple[str, ...]
    settings: tuple[str, ...]
    processes: int
    bucket_prefix: str
    keep: Path | None

    def goal(self, spec: SweepSpec) -> SweepGoal:
        """Return the rates: those of the options, or else those of the scenario. Raises UsageError."""
        return SweepGoal(self._rates(spec), self.max_failures, self.must_hold or 0.0)

    def _rates(self, spec: SweepSpec) -> tuple[float, ...]:
        spread = (self.low, self.high, self.steps)
        if self.rates and any(each is not None for each in spread):
            raise UsageError("--rates cannot be combined with --from, --to and --steps")
        if self.rates:
            return _parse_rates(self.rates)
        if spec.rates and all(each is None for each in spread):
            return spec.rates
        low, high, steps = (
            default if given is None else given
            for given, default in zip(spread, (LOW, HIGH, STEPS), strict=True)
        )
        return spread_rates(low, high, int(steps))

    def test(self, scenario: str, choice: TargetChoice, cost_limit: CostLimit) -> LoadTest:
        """Return the load test of a step, apart from its rate. Raises UsageError."""
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


def sweep_run(
    scenario: str,
    choice: TargetChoice,
    sweep: SweepChoice,
    cost_limit: CostLimit,
    results: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> ExitCode:
    """Measure each rate, print the outcome, and return the exit code."""
    require_locust()
    check_writable(sweep.keep / "trial-01.jsonl" if sweep.keep else None, results)
    chosen = replace(choice, name=resolve_target_name(choice, os.environ))
    test = sweep.test(scenario, chosen, cost_limit)
    spec = load_scenario(scenario, test.overrides).sweep
    experiment = SweepExperiment.prepare(
        test,
        sweep.goal(spec),
        trial_s=parse_trial(sweep.trial) if sweep.trial else spec.trial_s,
        operation=sweep.operation or spec.operation,
    )
    plan = experiment.plan
    with open_chosen_target(chosen) as target:
        lines = plan_lines(experiment, target)
        confirm_run(target, lines, cost_limit, usd=experiment.usd_min, quiet=quiet)
        require_preflight(target, "sweep", plan.operations, prefix=sweep.bucket_prefix, quiet=quiet)
        header, limit = experiment.header(target), cost_limit.limit_on(target)
    if header.target != "aws":  # `confirm_run` has printed it there
        print_status(lines[0], quiet=quiet)
    with interruptible() as is_interrupted:
        outcome = experiment.run(
            header,
            results=results,
            folder=sweep.keep,
            max_usd=limit,
            on_point=lambda point: print_status(point_line(point, plan.unit), quiet=quiet),
            is_interrupted=is_interrupted,
        )
    return print_outcome(
        outcome_lines(outcome),
        build_json(outcome, header),
        as_json=as_json,
        failure=outcome.failure,
        exit_code=outcome.exit_code,
    )


def _parse_rates(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(each.replace("_", "")) for each in text.replace(" ", "").split(","))
    except ValueError:
        raise UsageError(f"--rates: {text!r} is not a list of rates", hint="Write 100,200,400.") from None
