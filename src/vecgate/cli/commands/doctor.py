"""`vecgate doctor`: check whether a run could work on a target, and print the IAM policy that it needs."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import orjson

from vecgate.cli.json_output import print_json
from vecgate.cli.options import (
    IndexChoice,
    bucket_prefix_option,
    index_options,
    output_options,
    print_status,
    target_options,
)
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count
from vecgate.targets.iam_policy import BUCKET_PREFIX, COMMANDS, SINGLE_INDEX_COMMANDS

if TYPE_CHECKING:
    from vecgate.diagnostics.diagnostic import Diagnostic
    from vecgate.targets.target import TargetChoice

COMMAND = click.Choice(COMMANDS)


def _check_account(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not re.fullmatch("[0-9]{12}", value):
        raise click.BadParameter(f"{value!r} is not an AWS account; use twelve digits", context, parameter)
    return value


@click.command()
@target_options
@index_options
@click.option(
    "--for",
    "command",
    type=COMMAND,
    default="ramp",
    show_default=True,
    help="Check the permissions of this command.",
)
@click.option("--write", is_flag=True, help="Also test the operations that write, in a temporary bucket.")
@bucket_prefix_option
@click.option(
    "--policy", type=COMMAND, default=None, help="Print the IAM policy of this command, and send nothing."
)
@click.option(
    "--account",
    default="",
    callback=_check_account,
    metavar="ID",
    help="AWS account in the policy.  [default: any]",
)
@click.option(
    "--check-policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Find wrong ARNs and actions in the policy in FILE, and send nothing.",
)
@output_options
def doctor(
    choice: TargetChoice,
    index_choice: IndexChoice,
    command: str,
    write: bool,
    bucket_prefix: str,
    policy: str | None,
    account: str,
    check_policy: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check whether a run could work: target, region, credentials, clock, permissions, quotas, versions.

    Changes nothing, except with --write. With --policy it sends nothing, and prints the least-privilege IAM
    policy of a command.

    \b
    vecgate doctor --target aws
    vecgate doctor --target aws --for put --bucket media --index films
    vecgate doctor --policy ramp --region eu-west-1 --account 123456789012
    vecgate doctor --check-policy policy.json
    """  # noqa: D301 - click reads the backspace
    from vecgate.diagnostics.diagnosis import diagnose

    prefix = bucket_prefix or BUCKET_PREFIX
    if policy:
        _print_policy(policy, choice, index_choice, prefix=prefix, account=account, as_json=as_json)
        return
    if check_policy:
        _check_policy_file(check_policy, choice, account=account, as_json=as_json)
    if write and index_choice.bucket:
        raise UsageError("--write uses its own bucket only", hint="Remove --bucket and --index.")
    del quiet  # this command prints no progress
    index = index_choice.address if index_choice.bucket or index_choice.index else None
    diagnostics, code = diagnose(
        choice, os.environ, command=command, index=index, prefix=prefix, is_write=write
    )
    print_diagnostics(diagnostics, code, as_json=as_json)
    raise click.exceptions.Exit(int(code))


def _check_policy_file(path: Path, choice: TargetChoice, *, account: str, as_json: bool) -> NoReturn:
    from vecgate.diagnostics.diagnostic import is_good
    from vecgate.diagnostics.policy_check import check_policy as check_policy_document

    try:
        document = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    found = [check_policy_document(document, path.name, region=choice.region, account=account)]
    code = ExitCode.PASS if is_good(found) else ExitCode.GATE_FAILED
    print_diagnostics(found, code, as_json=as_json)
    raise click.exceptions.Exit(int(code))


def _print_policy(
    command: str,
    choice: TargetChoice,
    index_choice: IndexChoice,
    *,
    prefix: str,
    account: str,
    as_json: bool,
) -> None:
    from vecgate.diagnostics.command_policy import build_command_policy

    bucket, index = index_choice.bucket, index_choice.index
    policy = build_command_policy(
        command, choice, os.environ, bucket=bucket, index=index, prefix=prefix, account=account
    )
    is_any_index = not index.startswith("arn:") and not (bucket and index)
    if is_any_index and command in SINGLE_INDEX_COMMANDS:
        print_status("note: the policy allows any index; restrict it with --bucket and --index")
    if as_json:
        print_json({"policy": policy})
    else:
        click.echo(orjson.dumps(policy, option=orjson.OPT_INDENT_2).decode())


def print_diagnostics(diagnostics: Sequence[Diagnostic], code: ExitCode, *, as_json: bool) -> None:
    """Print the diagnostics, as text or as JSON."""
    from vecgate.diagnostics.diagnostic import is_good

    if as_json:
        verdict = "passed" if is_good(diagnostics) else "failed"
        print_json({"verdict": verdict, "checks": [asdict(each) for each in diagnostics]}, code=code)
    else:
        click.echo(to_text(diagnostics))


def to_text(diagnostics: Sequence[Diagnostic]) -> str:
    """Return one line for each diagnostic, its hint below it, and the verdict last."""
    from vecgate.reporting.text.terminal_tables import table_lines

    cells = [("FAIL" if each.grade == "failed" else each.grade, each.check) for each in diagnostics]
    rows = table_lines([[*pair, each.message] for pair, each in zip(cells, diagnostics, strict=True)])
    indent = " " * sum(max(map(len, column)) + 3 for column in zip(*cells, strict=True))
    hints = [f"{indent}→ {each.hint}" if each.hint else "" for each in diagnostics]
    lines = [line for pair in zip(rows, hints, strict=True) for line in pair if line]
    return "\n".join([*lines, _verdict_line(diagnostics)])


def _verdict_line(diagnostics: Sequence[Diagnostic]) -> str:
    from vecgate.diagnostics.diagnostic import is_good

    counts = Counter(each.grade for each in diagnostics)
    notable = [f"{counts[grade]} {grade}" for grade in ("failed", "warning", "skipped") if counts[grade]]
    line = f"{'PASS' if is_good(diagnostics) else 'FAIL'}  {format_count(len(diagnostics), 'check')}"
    return f"{line}: {', '.join(notable)}" if notable else line
