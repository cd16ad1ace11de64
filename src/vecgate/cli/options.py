"""Options that several commands share, and what they come to."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import click

from vecgate.targets.target import Target, TargetChoice, open_target

F = TypeVar("F", bound=Callable[..., Any])


def target_options(command: F) -> F:
    """`--target` and what belongs to it, as the keyword arguments that `opened` takes."""
    for option in reversed(
        (
            click.option("--target", default="", help="local, aws, or a URL.  [env: VECGATE_TARGET]"),
            click.option("--region", default="", help="AWS region.  [env: AWS_REGION, AWS_DEFAULT_REGION]"),
            click.option(
                "--profile", default="", help="Profile of the AWS configuration.  [env: AWS_PROFILE]"
            ),
            click.option(
                "--ca-bundle", default="", help="Certificates to trust, a file.  [env: AWS_CA_BUNDLE]"
            ),
            click.option("--no-verify", is_flag=True, help="Accept any certificate."),
        )
    ):
        command = option(command)
    return command


def index_options(command: F) -> F:
    """`--bucket` and `--index`."""
    for option in reversed(
        (
            click.option("--bucket", default="", help="Vector bucket; not needed with an ARN."),
            click.option("--index", default="", help="Index, by name or ARN."),
        )
    ):
        command = option(command)
    return command


def run_options(command: F) -> F:
    """What a run keeps on disk."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        (
            click.option(
                "--journal",
                type=path,
                default=None,
                help="Where acknowledged records are kept; by default a file of its own per input and index.",
            ),
            click.option("--resume", is_flag=True, help="Go on where an earlier run of this input ended."),
            click.option("--restart", is_flag=True, help="Forget an earlier run of this input."),
            click.option(
                "--set-aside",
                type=path,
                default=None,
                help="File for records that cannot be written; by default FILE.set-aside.jsonl here.",
            ),
        )
    ):
        command = option(command)
    return command


def output_options(command: F) -> F:
    """`--json` and `--quiet`."""
    for option in reversed(
        (
            click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
            click.option("--quiet", "-q", is_flag=True, help="No progress; the result alone."),
        )
    ):
        command = option(command)
    return command


def opened(
    target: str, region: str, profile: str, ca_bundle: str, no_verify: bool
) -> AbstractContextManager[Target]:
    """The target that the options name."""
    choice = TargetChoice(target, region, profile, ca_bundle, verify=not no_verify)
    return open_target(choice, os.environ)


def say(text: str, *, quiet: bool = False) -> None:
    """A line for people, on stderr."""
    if not quiet:
        click.echo(text, err=True)
