"""A scaling grid as a whole: its measurement on a target, its result stream and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.errors import VecgateError
from vecgate.exit_codes import ExitCode, exit_code_of, exit_code_with_orphans
from vecgate.load.experiments.experiment_stream import ExperimentStream
from vecgate.load.experiments.scaling_grid import (
    CellRun,
    CellShape,
    ScalingGrid,
    summarize_cells,
    usd_at_quota,
)
from vecgate.load.experiments.scaling_measurement import (
    WARM_UP_S,
    CostMeter,
    GridRunner,
    new_index,
    open_senders,
)
from vecgate.load.runtime.failures import as_vecgate_error
from vecgate.resources.run_index import create_run_index
from vecgate.results.load.load_records import Cell
from vecgate.results.provenance import new_run_id
from vecgate.results.records import Header
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.run_header import build_run_header
from vecgate.targets.target import Target

PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson")


@dataclass(slots=True)
class ScalingOutcome:
    """The outcome of measuring *grid*, filled in during the measurement.

    runs            measurements of each cell so far
    usd             price so far
    is_interrupted  the measurement was interrupted
    is_over_budget  the cost limit ended the measurement
    failure         the error that ended the measurement
    orphaned        resources that could not be removed, one line each
    """

    grid: ScalingGrid
    runs: dict[CellShape, list[CellRun]] = field(default_factory=dict)
    usd: float = 0.0
    is_interrupted: bool = False
    is_over_budget: bool = False
    failure: VecgateError | None = None
    orphaned: list[str] = field(default_factory=list)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The measured cells."""
        return summarize_cells(self.grid, self.runs)

    @property
    def is_complete(self) -> bool:
        """True if every cell was measured twice."""
        return sum(map(len, self.runs.values())) == len(self.grid.order)

    @property
    def recommended(self) -> Cell | None:
        """The recommended cell, if the grid is complete."""
        return next((cell for cell in self.cells if cell.is_recommended), None)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self.is_interrupted:
            return ExitCode.INTERRUPTED
        if self.failure is not None:
            return exit_code_of(self.failure)
        if self.recommended:
            return exit_code_with_orphans(ExitCode.PASS, self.orphaned)
        return ExitCode.INTERNAL if self.is_over_budget else ExitCode.GATE_FAILED


def estimate_usd(grid: ScalingGrid) -> float:
    """Return the price of *grid* on an index with exactly the documented quotas."""
    return usd_at_quota(grid, extra_s=2 * WARM_UP_S)


def build_header(target: Target, grid: ScalingGrid) -> Header:
    """Return the header of the result stream."""
    return build_run_header(
        "scale",
        target,
        run=new_run_id(),
        packages=PACKAGES,
        options={
            "dimension": str(grid.dimension),
            "seconds": f"{grid.seconds:g}",
            "vectors_per_s": f"{grid.vectors_per_s:g}" if grid.vectors_per_s else "unlimited",
            "seed": str(grid.seed),
        },
    )


def run_scaling(
    target: Target,
    grid: ScalingGrid,
    header: Header,
    *,
    results: Path | None,
    max_usd: float | None,
    on_cell_run: Callable[[int, CellShape, CellRun], None],
) -> ScalingOutcome:
    """Measure *grid* on *target*. An error or a KeyboardInterrupt ends it early, and the outcome says so.

    results      file for the result stream
    max_usd      cost limit
    on_cell_run  called after each measurement with its number, counted from 1
    """
    outcome = ScalingOutcome(grid)
    with ExperimentStream(results, header) as stream:
        _measure(target, outcome, CostMeter(grid.dimension, max_usd), header.run, on_cell_run)
        for cell in outcome.cells:
            stream.write(cell)
        requests = sum(run.requests for runs in outcome.runs.values() for run in runs)
        stream.write_footer(
            is_complete=outcome.is_complete, orphaned=outcome.orphaned, requests={"PutVectors": requests}
        )
    return outcome


def _measure(
    target: Target,
    outcome: ScalingOutcome,
    cost_meter: CostMeter,
    run: str,
    on_cell_run: Callable[[int, CellShape, CellRun], None],
) -> None:
    grid, numbers = outcome.grid, count(1)
    try:
        with (
            create_run_index(target, run=run, dimension=grid.dimension) as run_index,
            open_senders(target, grid) as senders,
        ):
            outcome.orphaned, bucket = run_index.orphaned, run_index.address.bucket
            runner = GridRunner(
                grid,
                senders,
                lambda: new_index(
                    senders.full, IndexAddress(bucket, f"cell-{next(numbers)}"), grid.dimension
                ),
                cost_meter,
            )
            for number, (shape, cell_run) in enumerate(runner.run(), start=1):
                outcome.runs.setdefault(shape, []).append(cell_run)
                on_cell_run(number, shape, cell_run)
    except KeyboardInterrupt:
        outcome.is_interrupted = True
    except (VecgateError, BotoCoreError, ClientError) as error:
        outcome.failure = as_vecgate_error(error)
    outcome.usd = cost_meter.usd
    outcome.is_over_budget = cost_meter.is_exhausted and not outcome.is_complete
