"""Runs `vecgate scale`: confirms the plan, measures the grid, and prints the outcome."""

from __future__ import annotations

from pathlib import Path

from vecgate.cli.options import open_chosen_target, print_status
from vecgate.cli.run_safeguards import CostLimit, confirm_run, require_preflight
from vecgate.cli.runs.load.experiment_output import print_outcome
from vecgate.cli.runs.load.scale_report import build_json, cell_run_line, outcome_lines, plan_lines
from vecgate.exit_codes import ExitCode
from vecgate.load.experiments.scaling_experiment import build_header, estimate_usd, run_scaling
from vecgate.load.experiments.scaling_grid import CellRun, CellShape, ScalingGrid
from vecgate.targets.target import TargetChoice


def scale_run(
    choice: TargetChoice,
    grid: ScalingGrid,
    cost_limit: CostLimit,
    results: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> ExitCode:
    """Measure *grid* on the target of *choice*, print the outcome, and return the exit code."""

    def print_run(number: int, shape: CellShape, run: CellRun) -> None:
        print_status(cell_run_line(number, len(grid.order), shape, run), quiet=quiet)

    with open_chosen_target(choice) as target:
        confirm_run(target, plan_lines(grid, target), cost_limit, usd=estimate_usd(grid), quiet=quiet)
        require_preflight(target, "scale", quiet=quiet)
        header, limit = build_header(target, grid), cost_limit.limit_on(target)
        outcome = run_scaling(target, grid, header, results=results, max_usd=limit, on_cell_run=print_run)
    return print_outcome(
        outcome_lines(outcome),
        build_json(outcome, header),
        as_json=as_json,
        failure=outcome.failure,
        exit_code=outcome.exit_code,
    )
