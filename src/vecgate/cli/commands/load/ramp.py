"""`vecgate ramp`: runs a load scenario against a target and judges it by its thresholds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.ci_options import ci_options
from vecgate.cli.json_output import print_json
from vecgate.cli.load_options import complete_scenario, processes_option, set_option, threshold_option
from vecgate.cli.options import (
    FILE,
    OUTPUT_FILE,
    OptionDecorator,
    bucket_prefix_option,
    option_group,
    output_options,
    print_annotations,
    results_option,
    target_options,
)
from vecgate.cli.run_safeguards import CostLimit, cost_options
from vecgate.cli.runs.load.ramp_roles import check_roles, given_parameters
from vecgate.cli.target_waiting import wait_for_target, wait_option
from vecgate.errors import UsageError
from vecgate.exit_codes import EXIT_CODE_OF_GRADE, ExitCode, exit_code_with_orphans
from vecgate.reporting.output_files import check_writable

if TYPE_CHECKING:
    from vecgate.cli.runs.load.ramp_run import RampChoice
    from vecgate.cli.runs.metric_files import MetricFiles
    from vecgate.reporting.ci.ci_outputs import CiOutputs
    from vecgate.targets.target import TargetChoice

ramp_choice: OptionDecorator = option_group(
    "run",
    "vecgate.cli.runs.load.ramp_run:RampChoice",
    click.argument("scenario", default="", shell_complete=complete_scenario),
    set_option,
    threshold_option,
    processes_option,
    click.option("--web", is_flag=True, help="Start the run from Locust's web interface."),
    click.option("--master", is_flag=True, help="Wait for workers on other machines and coordinate them."),
    click.option(
        "--expect-workers",
        type=click.IntRange(1),
        default=1,
        help="With --master: number of worker processes to wait for.",
    ),
    click.option("--worker", is_flag=True, help="Be a worker of a master on another machine."),
    click.option(
        "--master-host", default="127.0.0.1", show_default=True, help="With --worker: host of the master."
    ),
    click.option(
        "--master-port",
        type=click.IntRange(1, 65_535),
        default=5557,
        show_default=True,
        help="With --master or --worker: port of the master.",
    ),
    click.option(
        "--secret-file",
        type=FILE,
        default=None,
        help="With --master or --worker: file with their shared secret.  [default: VECGATE_MASTER_SECRET]",
    ),
    bucket_prefix_option,
    click.option(
        "--csv",
        type=OUTPUT_FILE,
        default=None,
        help="Write a row for each request to this file while it runs.",
    ),
    click.option(
        "--otlp",
        default="",
        metavar="URL",
        help="Send metrics to this OpenTelemetry collector every second, such as http://localhost:4318.",
    ),
    click.option(
        "--prometheus",
        default="",
        metavar="PORT",
        help="Serve metrics to Prometheus at this port of this machine, or at HOST:PORT, while it runs.",
    ),
)
metric_files: OptionDecorator = option_group(
    "metrics",
    "vecgate.cli.runs.metric_files:MetricFiles",
    click.option(
        "--openmetrics",
        type=OUTPUT_FILE,
        default=None,
        help="Write the metrics as OpenMetrics text to this file.",
    ),
    click.option(
        "--hlog",
        type=OUTPUT_FILE,
        default=None,
        help="Write all latencies as a log of HdrHistogram to this file.",
    ),
)


@click.command()
@target_options
@ramp_choice
@cost_options
@wait_option
@results_option
@ci_options
@metric_files
@click.option(
    "--list", "is_list", is_flag=True, help="List the scenarios that ship with vecgate, and run nothing."
)
@output_options
def ramp(
    choice: TargetChoice,
    run: RampChoice,
    cost_limit: CostLimit,
    wait_s: float,
    results: Path | None,
    files: CiOutputs,
    metrics: MetricFiles,
    is_list: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run a load SCENARIO and judge it by its thresholds.

    SCENARIO is the name of a scenario that ships with vecgate, or a TOML file. Requests are sent at scheduled
    times, even if the target answers slowly; latencies are measured from these times.

    \b
    vecgate ramp smoke --target local
    vecgate ramp ramp-1000 --target aws --yes --max-cost 0.20 -o run.jsonl
    vecgate ramp my.toml --target http://127.0.0.1:9000 --threshold 'p(99) < 200ms'
    """  # noqa: D301 - click reads the backspace
    from vecgate.cli.runs.load.ramp_run import ramp_run, run_as_worker, scenario_lines
    from vecgate.gate.load_verdict import judge_load
    from vecgate.reporting.ci.ci_outputs import write_ci_outputs
    from vecgate.reporting.text.load_json import load_dict
    from vecgate.reporting.text.load_text import load_text
    from vecgate.reporting.text.terminal_tables import table_lines
    from vecgate.results.load.load_summary import summarize

    if is_list:
        rows = scenario_lines()
        if as_json:
            names = ("name", "duration", "requests", "price", "description")
            print_json({"scenarios": [dict(zip(names, row, strict=True)) for row in rows]})
        else:
            click.echo("\n".join(table_lines(rows)))
        return
    check_roles(given_parameters(click.get_current_context()))
    if run.worker:
        run_as_worker(run, quiet=quiet)
        return
    if not run.scenario:
        raise UsageError("the name of a scenario is missing", hint="`vecgate ramp --list` lists scenarios.")
    check_writable(run.csv, *metrics.paths)
    wait_for_target(choice, wait_s, quiet=quiet)
    finished = ramp_run(choice, run, cost_limit, results, quiet=quiet)
    stream = finished.stream
    summary = summarize(stream)
    verdict = judge_load(stream, summary=summary)
    code = exit_code_with_orphans(EXIT_CODE_OF_GRADE[verdict.grade], stream.orphaned)
    if finished.is_interrupted:
        code = ExitCode.INTERRUPTED
    # The text comes first, so that a full disk does not cost the result. JSON comes last: it is one document,
    # with the exit code of the command.
    if not as_json:
        click.echo(load_text(stream, verdict, summary=summary))
    metrics.write(stream, summary)
    scenario_file = Path(run.scenario) if Path(run.scenario).is_file() else None
    annotations = write_ci_outputs(
        stream, verdict, files, environ=os.environ, report=results, config_file=scenario_file
    )
    if as_json:
        print_json(load_dict(stream, verdict, summary), code=code)
    print_annotations(annotations)
    raise click.exceptions.Exit(int(code))
