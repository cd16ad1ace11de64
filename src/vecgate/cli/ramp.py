"""`vecgate ramp`: a load scenario against a target, and the gate over what it found."""

from __future__ import annotations

import os
from pathlib import Path

import click
import orjson

from vecgate.cli.care import Spending, spending_options
from vecgate.cli.exit_codes import EXIT_OF_GRADE, ExitCode, unless_left
from vecgate.cli.options import (
    FILE,
    arriving_as,
    bucket_prefix_option,
    output_options,
    results_option,
    say,
    target_options,
)
from vecgate.cli.outputs import files_choice
from vecgate.cli.ramp_roles import check_roles, said_in
from vecgate.cli.ramp_run import RampChoice, ramp_run, scenario_lines, serve_as_worker
from vecgate.errors import UsageError
from vecgate.gate.load import judge_load
from vecgate.load.openmetrics import openmetrics_of
from vecgate.reporting.files import look_at, write_text
from vecgate.reporting.load_json import load_dict
from vecgate.reporting.load_terminal import load_text
from vecgate.reporting.outputs import OutputFiles, write_outputs
from vecgate.reporting.terminal import table_lines
from vecgate.results.summary import summary_of
from vecgate.targets.target import TargetChoice

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
    click.option(
        "--master-port", type=click.IntRange(1, 65_535), default=5557, show_default=True, help="Its port."
    ),
    bucket_prefix_option,
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
    check_roles(said_in(click.get_current_context()))
    if what.worker:
        serve_as_worker(what, quiet=quiet)
        return
    if not what.scenario:
        raise UsageError("no scenario is named", hint="`vecgate ramp --list` names ours.")
    look_at(openmetrics)
    ran = ramp_run(choice, what, spending, results, quiet=quiet)
    stream = ran.stream
    summary = summary_of(stream)
    verdict = judge_load(stream, summary=summary)
    code = ExitCode.INTERRUPTED if ran.is_cut else unless_left(EXIT_OF_GRADE[verdict.grade], stream.leaks)
    told = {**load_dict(stream, verdict, summary), "exit_code": int(code)}
    click.echo(orjson.dumps(told).decode() if as_json else load_text(stream, verdict, summary=summary))
    if openmetrics:
        write_text(openmetrics, openmetrics_of(summary, stream.header.target))
    about = Path(what.scenario) if Path(what.scenario).is_file() else None
    for line in write_outputs(stream, verdict, files, environ=os.environ, report=results, about=about):
        say(line)
    raise click.exceptions.Exit(int(code))
