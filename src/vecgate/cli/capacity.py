"""`vecgate capacity`: the highest rate of a scenario whose thresholds hold."""

from __future__ import annotations

from pathlib import Path

import click

from vecgate.cli.capacity_run import SearchChoice, capacity_run
from vecgate.cli.care import Spending, spending_options
from vecgate.cli.options import (
    arriving_as,
    bucket_prefix_option,
    output_options,
    results_option,
    target_options,
)
from vecgate.targets.target import TargetChoice

search_options = arriving_as(
    "what",
    SearchChoice,
    click.option("--from", "low", type=float, default=100.0, show_default=True, help="Lowest rate to try."),
    click.option("--to", "high", type=float, default=4_000.0, show_default=True, help="Highest rate to try."),
    click.option(
        "--resolution", default="5%", show_default=True, help="By how much the answer may be too low."
    ),
    click.option(
        "--confirm", "confirmations", type=int, default=2, show_default=True, help="How often it holds again."
    ),
    click.option(
        "--chances", type=int, default=2, show_default=True, help="A rate is given up after such failures."
    ),
    click.option("--trial", default="20s", show_default=True, help="How long a trial is."),
    click.option("--trials", "trials_max", type=int, default=40, show_default=True, help="At most."),
    click.option(
        "--threshold",
        "thresholds",
        multiple=True,
        metavar="EXPR",
        help="What a trial must meet beside the scenario's own: 'p(99) < 500ms'.",
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Instead of what the scenario says: vectors.dimension=128.",
    ),
    click.option(
        "--processes", type=click.IntRange(0), default=0, help="Workers; by default one process does all."
    ),
    bucket_prefix_option,
    click.option(
        "--keep",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Keep the result stream of each trial in this folder.",
    ),
)


@click.command(short_help="The highest rate whose thresholds hold.")
@click.argument("scenario")
@target_options
@search_options
@spending_options
@results_option
@output_options
def capacity(
    scenario: str,
    choice: TargetChoice,
    what: SearchChoice,
    spending: Spending,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the highest rate at which SCENARIO holds its thresholds: bracket it, bisect, confirm.

    SCENARIO is the name of one that comes with vecgate, or a TOML file. A trial is the scenario scaled so
    that its highest stage has the rate of the trial, into a bucket of its own.

    \b
    vecgate capacity ramp-1000 --target local --from 500 --to 16000 --threshold 'p(99) < 200ms'
    vecgate capacity ramp-1000 --target aws --yes --max-cost 2
    """  # noqa: D301 - click reads the backspace
    code = capacity_run(scenario, choice, what, spending, results, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(code))
