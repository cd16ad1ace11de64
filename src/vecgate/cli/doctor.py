"""`vecgate doctor`: whether a run could work on a target, and the IAM policy that it needs."""

from __future__ import annotations

import click
import orjson

from vecgate.cli.doctor_run import Visit, diagnose, policy_for, render
from vecgate.cli.options import IndexChoice, arriving_as, index_options, output_options, target_options
from vecgate.errors import UsageError
from vecgate.targets.policy import USED
from vecgate.targets.target import TargetChoice

visit_options = arriving_as(
    "visit",
    Visit,
    click.option(
        "--for",
        "command",
        type=click.Choice(list(USED)),
        default="ramp",
        show_default=True,
        help="The command whose permissions are looked at.",
    ),
    click.option("--write", is_flag=True, help="Try what writes, in a bucket made for it and removed."),
    click.option(
        "--bucket-prefix", "prefix", default="", help="Start of the name of what runs make.  [default: vg]"
    ),
    click.option("--account", default="", help="The account, for a policy."),
)


@click.command(
    short_help="Look at credentials, clock, permissions and quotas; print the IAM policy of a run."
)
@target_options
@index_options
@visit_options
@click.option(
    "--policy", type=click.Choice(list(USED)), default=None, help="Print the policy of this command."
)
@output_options
def doctor(
    choice: TargetChoice,
    where: IndexChoice,
    visit: Visit,
    policy: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look at whether a run could work: target, region, credentials, clock, permissions, quotas, versions.

    Nothing is changed, but with --write. With --policy nothing is sent: the least-privilege IAM policy of a
    command is printed.

    \b
    vecgate doctor --target aws
    vecgate doctor --target aws --for put --bucket media --index films
    vecgate doctor --policy ramp --region eu-west-1 --account 123456789012
    """  # noqa: D301 - click reads the backspace
    if policy:
        click.echo(
            orjson.dumps(policy_for(policy, choice, where, visit), option=orjson.OPT_INDENT_2).decode()
        )
        return
    if visit.write and where.bucket:
        raise UsageError(
            "--write makes a bucket of its own and writes to no other", hint="Leave out --bucket and --index."
        )
    del quiet  # there is no progress to leave out
    findings, code = diagnose(choice, where, visit)
    click.echo(render(findings, code, as_json=as_json))
    raise click.exceptions.Exit(int(code))
