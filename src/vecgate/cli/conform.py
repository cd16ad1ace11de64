"""`vecgate conform`: the conformance suite against a target, and the gate over what it found."""

from __future__ import annotations

import click

from vecgate.cli.conform_run import GateChoice, Outputs, RunChoice, catalogue, conform_run, list_catalogue
from vecgate.cli.options import (
    FILE,
    arriving_as,
    bucket_prefix,
    output_options,
    results_option,
    target_options,
)
from vecgate.cli.outputs import files_choice
from vecgate.reporting.outputs import OutputFiles
from vecgate.targets.target import TargetChoice

run_choice = arriving_as(
    "what",
    RunChoice,
    click.option(
        "--level", type=click.Choice(["quick", "full"]), default="full", show_default=True, help="How much."
    ),
    click.option("-k", "expression", default="", help="Only what matches: ids or tests, as in pytest."),
    click.option("-n", "workers", default="0", show_default=True, help="Processes, or auto (pytest-xdist)."),
    click.option("--rerun-failed", type=FILE, default=None, help="Only what failed in this result stream."),
    click.option("--quota", is_flag=True, help="Also test the documented request rates."),
    click.option(
        "--hypothesis",
        type=click.Choice(["quick", "ci", "deep"]),
        default=None,
        help="How hard to look for examples.",
    ),
    click.option("--shuffle", default="", metavar="SEED", help="In an order drawn from SEED."),
    click.option(
        "--deviations", type=FILE, default=None, help="Where the target is known to differ, a TOML file."
    ),
    click.option(
        "--bucket-prefix",
        callback=bucket_prefix,
        default="",
        help="Start of the name of what is made.  [default: vg]",
    ),
    click.option("--yes", is_flag=True, help="Real AWS may be used, and charged for."),
)
gate_choice = arriving_as(
    "gate",
    GateChoice,
    click.option(
        "--require",
        "rules",
        multiple=True,
        metavar="RULE",
        help="Such as must or 'should>=95%'; by default must, should.",
    ),
    click.option("--baseline", type=FILE, default=None, help="Nothing that passed in it may be worse."),
)
outputs_choice = arriving_as(
    "outputs",
    Outputs,
    results_option,
    click.option(
        "--draft-deviations", type=FILE, default=None, help="List what failed here, to be explained as known."
    ),
)


@click.command(short_help="Hold a target against the specification of S3 Vectors.")
@target_options
@run_choice
@gate_choice
@outputs_choice
@files_choice
@click.option("--list", "is_list", is_flag=True, help="List the requirements, run nothing.")
@output_options
def conform(
    choice: TargetChoice,
    what: RunChoice,
    gate: GateChoice,
    outputs: Outputs,
    files: OutputFiles,
    is_list: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Hold a target against the executable specification of S3 Vectors.

    \b
    vecgate conform --target local
    vecgate conform --target http://127.0.0.1:9000 --require must --require 'should>=95%'
    vecgate conform --target aws --level quick --yes -o run.jsonl
    """  # noqa: D301 - click reads the backspace
    if is_list:
        click.echo(list_catalogue(catalogue(), as_json=as_json))
    else:
        code = conform_run(choice, what, gate, outputs, files, as_json=as_json, quiet=quiet)
        raise click.exceptions.Exit(int(code))
