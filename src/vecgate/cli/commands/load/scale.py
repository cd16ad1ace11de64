"""`vecgate scale`: throughput by vectors per request and requests in flight, and a recommendation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.options import OptionDecorator, option_group, output_options, results_option, target_options
from vecgate.cli.run_safeguards import CostLimit, cost_options
from vecgate.errors import UsageError

if TYPE_CHECKING:
    from vecgate.load.experiments.scaling_grid import ScalingGrid
    from vecgate.targets.target import TargetChoice


def build_grid(
    dimension: int, batches: str, in_flight: str, seconds: float, vectors_per_s: float | None, seed: int
) -> ScalingGrid:
    """Build the grid of the options. Raises UsageError."""
    from vecgate.load.experiments.scaling_grid import ScalingGrid

    return ScalingGrid(
        batches=parse_numbers("--batches", batches),
        in_flight=parse_numbers("--in-flight", in_flight),
        dimension=dimension,
        seconds=seconds,
        vectors_per_s=vectors_per_s,
        seed=seed,
    )


def parse_numbers(option: str, text: str) -> tuple[int, ...]:
    """Parse a list such as `1,10,100`. Raises UsageError."""
    try:
        return tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError:
        message = f"{option}: {text!r} is not a list of whole numbers"
        raise UsageError(message, hint="Write 1,10,100.") from None


grid_options: OptionDecorator = option_group(
    "grid",
    build_grid,
    click.option("--dimension", type=int, default=1024, show_default=True, help="Dimension of the vectors."),
    click.option("--batches", default="1,10,50,100,500", show_default=True, help="Vectors per request."),
    click.option("--in-flight", default="1,2,4,8", show_default=True, help="Requests in flight."),
    click.option("--seconds", type=float, default=3.0, show_default=True, help="Time for each cell."),
    click.option(
        "--vectors-per-s", "--rate", type=float, default=None, help="Rate limit; by default there is none."
    ),
    click.option(
        "--seed",
        type=int,
        default=1,
        show_default=True,
        help="Seed of the vectors and of the order of cells.",
    ),
)


@click.command()
@target_options
@grid_options
@cost_options
@results_option
@output_options
def scale(
    choice: TargetChoice,
    grid: ScalingGrid,
    cost_limit: CostLimit,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how throughput grows with vectors per request and requests in flight.

    Each cell is the batch client at full speed, measured twice, in an order that favours no cell. It writes
    synthetic vectors into its own index, in a bucket that is removed at the end.

    \b
    vecgate scale --target local
    vecgate scale --target aws --batches 30,100,500 --in-flight 2,4,8 --yes --max-cost 0.50
    """  # noqa: D301 - click reads the backspace
    from vecgate.cli.runs.load.scale_run import scale_run

    code = scale_run(choice, grid, cost_limit, results, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(code))
