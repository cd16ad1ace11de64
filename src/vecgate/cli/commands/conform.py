"""`vecgate conform`: run the conformance suite against a target and judge the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vecgate.cli.ci_options import ci_options
from vecgate.cli.options import (
    FILE,
    OUTPUT_FILE,
    OptionDecorator,
    check_bucket_prefix,
    option_group,
    output_options,
    results_option,
    target_options,
)
from vecgate.cli.target_waiting import wait_for_target, wait_option
from vecgate.conformance_kit.plugin_options import TIMEOUT_MAX_S
from vecgate.errors import UsageError

if TYPE_CHECKING:
    from vecgate.cli.runs.conform_run import ConformFiles
    from vecgate.conformance_kit.conformance_run import GateOptions, SuiteOptions
    from vecgate.reporting.ci.ci_outputs import CiOutputs
    from vecgate.targets.target import TargetChoice


def check_capabilities(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> str:
    """Check the names in *value*, and return them separated by commas. Raises UsageError."""
    from vecgate.targets.capabilities import parse_capabilities

    del context, parameter
    return ",".join(parse_capabilities(",".join(value)))


def check_timeout(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Check that *value* is a number of seconds. Raises UsageError."""
    del context, parameter
    try:
        is_valid = not value or 0 < float(value) <= TIMEOUT_MAX_S
    except ValueError:
        is_valid = False
    if not is_valid:
        raise UsageError(
            f"--timeout: {value!r} is not a timeout", hint=f"Use more than 0 and at most {TIMEOUT_MAX_S:g} s."
        )
    return value


suite_options: OptionDecorator = option_group(
    "suite",
    "vecgate.conformance_kit.conformance_run:SuiteOptions",
    click.option(
        "--level",
        type=click.Choice(["quick", "full"]),
        default="full",
        show_default=True,
        help="Run the quick or the full suite.",
    ),
    click.option(
        "-k",
        "expression",
        default="",
        metavar="EXPRESSION",
        help="Run only requirements whose id or test matches, as in pytest.",
    ),
    click.option(
        "-n",
        "workers",
        default="0",
        metavar="N",
        help="Run on N processes, or auto (needs pytest-xdist).  [default: one]",
    ),
    click.option(
        "--rerun-failed",
        type=FILE,
        default=None,
        help="Run only the requirements that failed in this result stream.",
    ),
    click.option("--inferred", is_flag=True, help="Run only the requirements that rest on inference."),
    click.option("--quota", is_flag=True, help="Also test the documented request rates."),
    click.option(
        "--hypothesis",
        type=click.Choice(["quick", "ci", "deep"]),
        default=None,
        help="Profile for the number of random examples.  [default: by --level]",
    ),
    click.option("--shuffle", default="", metavar="SEED", help="Run in a random order with this seed."),
    click.option(
        "--require-capability",
        multiple=True,
        callback=check_capabilities,
        metavar="NAMES",
        help="Fail if the target does not support these capabilities, such as query,tags,auth.",
    ),
    click.option(
        "--timeout",
        callback=check_timeout,
        default="",
        metavar="SECONDS",
        help="Time in which a request must be answered.  [default: 30]",
    ),
    click.option("--deviations", type=FILE, default=None, help="TOML file with the known deviations."),
    click.option(
        "--bucket-prefix",
        callback=check_bucket_prefix,
        default="",
        metavar="PREFIX",
        help="Prefix of the names of created buckets.  [default: vg]",
    ),
    click.option(
        "--evidence",
        type=OUTPUT_FILE,
        default=None,
        help="Record the requests and answers of each requirement, redacted, in this file.",
    ),
    click.option("--yes", is_flag=True, help="Allow requests to real AWS, which cost money."),
)
gate_options: OptionDecorator = option_group(
    "gate",
    "vecgate.conformance_kit.conformance_run:GateOptions",
    click.option(
        "--require",
        "rules",
        multiple=True,
        metavar="RULE",
        help="Rule such as must or 'should>=95%'; may be repeated.  "
        "[default: must, should; with --baseline none]",
    ),
    click.option(
        "--baseline",
        type=FILE,
        default=None,
        help="Result stream of an earlier run: nothing may be worse than in it.",
    ),
)
file_options: OptionDecorator = option_group(
    "conform_files",
    "vecgate.cli.runs.conform_run:ConformFiles",
    results_option,
    click.option(
        "--draft-deviations",
        type=OUTPUT_FILE,
        default=None,
        help="Write the failures to this file as a list of deviations, without reasons.",
    ),
)


@click.command()
@target_options
@suite_options
@gate_options
@file_options
@ci_options
@wait_option
@click.option("--list", "is_list", is_flag=True, help="List the requirements and run nothing.")
@output_options
def conform(
    choice: TargetChoice,
    suite: SuiteOptions,
    gate: GateOptions,
    conform_files: ConformFiles,
    files: CiOutputs,
    wait_s: float,
    is_list: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Test a target against the executable specification of S3 Vectors.

    \b
    vecgate conform --target local
    vecgate conform --target http://127.0.0.1:9000 --require must --require 'should>=95%'
    vecgate conform --target aws --level quick --yes -o run.jsonl
    """  # noqa: D301 - click reads the backspace
    from vecgate.cli.runs.conform_run import conform_run, print_catalogue

    if is_list:
        print_catalogue(as_json=as_json)
    else:
        wait_for_target(choice, wait_s, quiet=quiet)
        code = conform_run(choice, suite, gate, conform_files, files, as_json=as_json, quiet=quiet)
        raise click.exceptions.Exit(int(code))
