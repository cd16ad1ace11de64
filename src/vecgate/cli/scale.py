"""`vecgate scale`: throughput over vectors in a request and requests in flight, and what to send like."""

from __future__ import annotations

from pathlib import Path

import click

from vecgate.cli.care import Spending, spending_options
from vecgate.cli.options import arriving_as, output_options, results_option, target_options
from vecgate.cli.scale_run import scale_run
from vecgate.errors import UsageError
from vecgate.load.scale import Grid
from vecgate.targets.target import TargetChoice


def grid_of(
    dimension: int, batches: str, in_flight: str, seconds: float, vectors_per_s: float | None, seed: int
) -> Grid:
    """The grid that the options say. Raises UsageError."""
    return Grid(
        batches=numbers_of(batches),
        in_flight=numbers_of(in_flight),
        dimension=dimension,
        seconds=seconds,
        vectors_per_s=vectors_per_s,
        seed=seed,
    )


def numbers_of(text: str) -> tuple[int, ...]:
    """`1,10,100` as numbers. Raises UsageError."""
    try:
        return tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError:
        raise UsageError(f"{text!r} is no list of whole numbers", hint="It reads 1,10,100.") from None


grid_options = arriving_as(
    "grid",
    grid_of,
    click.option("--dimension", type=int, default=1024, show_default=True, help="Of the vectors."),
    click.option("--batches", default="1,10,50,100,500", show_default=True, help="Vectors in a request."),
    click.option("--in-flight", default="1,2,4,8", show_default=True, help="Requests at once."),
    click.option("--seconds", type=float, default=3.0, show_default=True, help="For each cell."),
    click.option(
        "--vectors-per-s", "--rate", type=float, default=None, help="Never more; by default, all that goes."
    ),
    click.option("--seed", type=int, default=1, show_default=True, help="Of the vectors and the order."),
)


@click.command(short_help="Throughput over batch size and parallelism, and a recommendation.")
@target_options
@grid_options
@spending_options
@results_option
@output_options
def scale(
    choice: TargetChoice,
    grid: Grid,
    spending: Spending,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how throughput grows with vectors in a request and requests in flight.

    Each cell is the batch client going as fast as it can, twice, in an order that favours none, into an
    index of its own. What it writes is synthetic, in a bucket of its own that is removed at the end.

    \b
    vecgate scale --target local
    vecgate scale --target aws --batches 30,100,500 --in-flight 2,4,8 --yes --max-cost 0.50
    """  # noqa: D301 - click reads the backspace
    code = scale_run(choice, grid, spending, results, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(code))
