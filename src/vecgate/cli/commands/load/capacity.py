"""`vecgate capacity`: the highest rate at which a scenario meets its thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.load_options import complete_scenario, processes_option, set_option, threshold_option
from vecgate.cli.options import (
    OptionDecorator,
    bucket_prefix_option,
    option_group,
    output_options,
    results_option,
    target_options,
)
from vecgate.cli.run_safeguards import CostLimit, cost_options

if TYPE_CHECKING:
    from vecgate.cli.runs.load.capacity_run import SearchChoice
    from vecgate.targets.target import TargetChoice

search_options: OptionDecorator = option_group(
    "search",
    "vecgate.cli.runs.load.capacity_run:SearchChoice",
    click.option("--from", "low", type=float, default=100.0, show_default=True, help="Lowest rate to try."),
    click.option("--to", "high", type=float, default=4_000.0, show_default=True, help="Highest rate to try."),
    click.option(
        "--resolution",
        default="5%",
        show_default=True,
        help="How far below the true capacity the result may be.",
    ),
    click.option(
        "--confirm",
        "confirmations",
        type=int,
        default=2,
        show_default=True,
        help="Number of further trials that the result must pass.",
    ),
    click.option(
        "--max-failures",
        type=int,
        default=2,
        show_default=True,
        help="Number of failures in a row after which a rate is given up.",
    ),
    click.option("--trial", default="20s", show_default=True, help="Duration of a trial."),
    click.option(
        "--trials", "trials_max", type=int, default=40, show_default=True, help="Maximum number of trials."
    ),
    threshold_option,
    set_option,
    processes_option,
    bucket_prefix_option,
    click.option(
        "--keep",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Keep the result stream of each trial in this folder.",
    ),
)


@click.command()
@click.argument("scenario", shell_complete=complete_scenario)
@target_options
@search_options
@cost_options
@results_option
@output_options
def capacity(
    scenario: str,
    choice: TargetChoice,
    search: SearchChoice,
    cost_limit: CostLimit,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the highest rate at which SCENARIO meets its thresholds: bracket it, bisect, confirm.

    SCENARIO is the name of a scenario that ships with vecgate, or a TOML file. Each trial is a separate load
    test: the scenario, scaled so that its highest stage has the rate of the trial.

    \b
    vecgate capacity ramp-1000 --target local --from 500 --to 16000 --threshold 'p(99) < 200ms'
    vecgate capacity ramp-1000 --target aws --yes --max-cost 2
    """  # noqa: D301 - click reads the backspace
    from vecgate.cli.runs.load.capacity_run import capacity_run

    code = capacity_run(scenario, choice, search, cost_limit, results, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(code))
