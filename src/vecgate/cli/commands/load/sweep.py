"""`vecgate sweep`: latency against throughput, one load test for each rate."""

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
    from vecgate.cli.runs.load.sweep_run import SweepChoice
    from vecgate.targets.target import TargetChoice

sweep_options: OptionDecorator = option_group(
    "sweep_choice",
    "vecgate.cli.runs.load.sweep_run:SweepChoice",
    click.option(
        "--rates",
        default="",
        metavar="RATE,RATE,…",
        help="The rates, ascending.  [default: those of the scenario, or --from, --to and --steps]",
    ),
    click.option("--from", "low", type=float, default=None, help="Lowest rate.  [default: 100]"),
    click.option("--to", "high", type=float, default=None, help="Highest rate.  [default: 3200]"),
    click.option(
        "--steps",
        type=int,
        default=None,
        help="Number of rates from the lowest to the highest, each by the same factor higher.  [default: 6]",
    ),
    click.option(
        "--operation",
        default="",
        metavar="NAME",
        help="Raise the rate of this operation only, such as QueryVectors; the others keep theirs.",
    ),
    click.option(
        "--trial", default="", help="Duration at each rate.  [default: that of the scenario, or 20s]"
    ),
    click.option(
        "--must-hold",
        type=float,
        default=None,
        metavar="RATE",
        help="Fail unless every rate up to this one holds.  [default: the lowest one]",
    ),
    click.option(
        "--max-failures",
        type=int,
        default=2,
        show_default=True,
        help="Number of rates in a row that do not hold, after which the sweep ends.",
    ),
    threshold_option,
    set_option,
    processes_option,
    bucket_prefix_option,
    click.option(
        "--keep",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Keep the result stream of each rate in this folder.",
    ),
)


@click.command()
@click.argument("scenario", shell_complete=complete_scenario)
@target_options
@sweep_options
@cost_options
@results_option
@output_options
def sweep(
    scenario: str,
    choice: TargetChoice,
    sweep_choice: SweepChoice,
    cost_limit: CostLimit,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure the latencies of SCENARIO at one rate after the other, and mark the knee of the curve.

    SCENARIO is the name of a scenario that ships with vecgate, or a TOML file. Each rate is a separate load
    test: the scenario, scaled so that its highest stage has that rate.

    \b
    vecgate sweep query --target local --rates 50,100,200,400 -o sweep.jsonl
    vecgate sweep slo-ingest --target aws --yes --max-cost 2 --must-hold 100
    """  # noqa: D301 - click reads the backspace
    from vecgate.cli.runs.load.sweep_run import sweep_run

    code = sweep_run(scenario, choice, sweep_choice, cost_limit, results, as_json=as_json, quiet=quiet)
    raise click.exceptions.Exit(int(code))
