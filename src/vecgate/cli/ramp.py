"""`vecgate ramp`: a load scenario against a target, and the gate over what it found."""

from __future__ import annotations

import os
from pathlib import Path

import click
import orjson

from vecgate.cli.care import Spending, spending_options
from vecgate.cli.exit_codes import EXIT_OF_GRADE, ExitCode
from vecgate.cli.options import arriving_as, output_options, results_option, say, target_options
from vecgate.cli.outputs import files_choice
from vecgate.cli.ramp_run import RampChoice, ramp_run, scenario_lines, serve_as_worker
from vecgate.errors import UsageError
from vecgate.gate.load import judge_load
from vecgate.load.openmetrics import openmetrics_of
from vecgate.reporting.load_json import load_dict
from vecgate.reporting.load_terminal import load_text
from vecgate.reporting.outputs import OutputFiles, write_outputs
from vecgate.reporting.terminal import table_lines
from vecgate.results.summary import summary_of
from vecgate.targets.target import TargetChoice

FILE = click.Path(path_type=Path, dir_okay=False)

ramp_choice = arriving_as(
    "what",
    RampChoice,
    click.argument("scenario", default=""),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Instead of what the scenario says: vectors.dimension=128, stages.rate=0.5 (a factor).",
    ),
    click.option(
        "--threshold",
        "thresholds",
        multiple=True,
        metavar="EXPR",
        help="What the run must meet beside the scenario's own: 'p(99) < 500ms'.",
    ),
    click.option(
        "--processes", type=click.IntRange(0), default=0, help="Workers; by default one process does all."
    ),
    click.option("--web", is_flag=True, help="With Locust's web interface, from which the run is started."),
    click.option("--master", is_flag=True, help="Wait for workers on other machines, and lead them."),
    click.option("--expect-workers", type=click.IntRange(1), default=1, help="How many, with --master."),
    click.option("--worker", is_flag=True, help="Serve a master elsewhere."),
    click.option("--master-host", default="127.0.0.1", show_default=True, help="Where it is, with --worker."),
    click.option("--master-port", type=int, default=5557, show_default=True, help="Its port."),
    click.option(
        "--bucket-prefix", default="vg", show_default=True, help="Start of the name of what is made."
    ),
)


@click.command(short_help="Run a load scenario, open loop, with thresholds and price.")
@target_options
@ramp_choice
@spending_options
@results_option
@files_choice
@click.option("--openmetrics", type=FILE, default=None, help="Write the metrics as OpenMetrics text here.")
@click.option("--list", "is_list", is_flag=True, help="List the scenarios, run nothing.")
@output_options
def ramp(
    choice: TargetChoice,
    what: RampChoice,
    spending: Spending,
    results: Path | None,
    files: OutputFiles,
    openmetrics: Path | None,
    is_list: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run a load SCENARIO, one of ours or a TOML file, and judge it by its thresholds.

    Requests leave when the schedule says, whatever the answers take; latencies count from then.

    \b
    vecgate ramp smoke --target local
    vecgate ramp ramp-1000 --target aws --yes --max-cost 0.20 -o run.jsonl
    vecgate ramp my.toml --target http://127.0.0.1:9000 --threshold 'p(99) < 200ms'
    """  # noqa: D301 - click reads the backspace
    if is_list:
        click.echo("\n".join(table_lines(scenario_lines())))
        return
    if what.worker:
        raise click.exceptions.Exit(int(serve_as_worker(what)))
    if not what.scenario:
        raise UsageError("no scenario is named", hint="`vecgate ramp --list` names ours.")
    stream = ramp_run(choice, what, spending, results, quiet=quiet)
    summary = summary_of(stream)
    verdict = judge_load(stream, summary=summary)
    click.echo(
        orjson.dumps(load_dict(stream, verdict, summary)).decode()
        if as_json
        else load_text(stream, verdict, summary=summary)
    )
    if openmetrics:
        openmetrics.write_text(openmetrics_of(summary, stream.header.target), encoding="utf-8")
    about = Path(what.scenario) if Path(what.scenario).is_file() else None
    for line in write_outputs(stream, verdict, files, environ=os.environ, report=results, about=about):
        say(line)
    is_cut = stream.footer is not None and not stream.footer.is_complete
    code = ExitCode.INTERRUPTED if is_cut else EXIT_OF_GRADE[verdict.grade]
    raise click.exceptions.Exit(int(code))
