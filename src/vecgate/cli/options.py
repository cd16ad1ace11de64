"""Options that several commands share. Those that belong together arrive as one argument."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import reduce, wraps
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

import click

from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice, open_target
from vecgate.testing.options import DEFAULT_PREFIX, PREFIX

PREFIX_HINT = "Up to 36 lower-case letters, digits and hyphens, the first no hyphen."
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """The index that the user named, by `--bucket` and `--index`."""

    bucket: str
    index: str

    @property
    def address(self) -> IndexAddress:
        """Where it is. Raises UsageError where the names are not enough."""
        return IndexAddress.parse(bucket=self.bucket, index=self.index)


@dataclass(frozen=True, slots=True)
class KeepChoice:
    """What a run keeps on disk, as the user said it: None leaves a path to us."""

    journal: Path | None
    resume: bool
    restart: bool
    set_aside: Path | None


def opened(choice: TargetChoice) -> AbstractContextManager[Target]:
    """The target of *choice*, in this environment."""
    return open_target(choice, os.environ)


def say(text: str, *, quiet: bool = False) -> None:
    """A line for people, on stderr."""
    if not quiet:
        click.echo(text, err=True)


def arriving_as(name: str, make: Callable[..., object], *options: Callable[[F], F]) -> Callable[[F], F]:
    """A decorator: *options* for a command, which arrive as one argument *name* that *make* makes of them."""

    def decorate(command: F) -> F:
        @wraps(command)
        def gathered(**values: Any) -> Any:  # noqa: ANN401 - click's
            own = {parameter: values.pop(parameter) for parameter in signature(make).parameters}
            return command(**{name: make(**own)}, **values)

        return reduce(lambda made, option: option(made), reversed(options), gathered)  # type: ignore[return-value]

    return decorate


def _target_choice(target: str, region: str, profile: str, ca_bundle: str, no_verify: bool) -> TargetChoice:
    return TargetChoice(target, region, profile, ca_bundle, verify=not no_verify)


#: A file, which may be there or not.
FILE = click.Path(path_type=Path, dir_okay=False)

#: `--target` and what belongs to it, as `choice`.
target_options = arriving_as(
    "choice",
    _target_choice,
    click.option(
        "--target", default="", help="local, moto, aws, a URL or a TOML file.  [env: VECGATE_TARGET]"
    ),
    click.option("--region", default="", help="AWS region.  [env: AWS_REGION, AWS_DEFAULT_REGION]"),
    click.option("--profile", default="", help="Profile of the AWS configuration.  [env: AWS_PROFILE]"),
    click.option("--ca-bundle", default="", help="Certificates to trust, a file.  [env: AWS_CA_BUNDLE]"),
    click.option("--no-verify", is_flag=True, help="Accept any certificate."),
)

#: `--bucket` and `--index`, as `where`.
index_options = arriving_as(
    "where",
    IndexChoice,
    click.option("--bucket", default="", help="Vector bucket; not needed with an ARN."),
    click.option("--index", default="", help="Index, by name or ARN."),
)

#: What a run keeps on disk, as `keep`.
run_options = arriving_as(
    "keep",
    KeepChoice,
    click.option(
        "--journal",
        type=FILE,
        default=None,
        help="Where acknowledged records are kept; by default a file of its own per input and index.",
    ),
    click.option("--resume", is_flag=True, help="Go on where an earlier run of this input ended."),
    click.option("--restart", is_flag=True, help="Forget an earlier run of this input."),
    click.option(
        "--set-aside",
        type=FILE,
        default=None,
        help="File for records that cannot be written; by default FILE.set-aside.jsonl here.",
    ),
)


def bucket_prefix(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """*value*, which can begin a bucket's name; empty for the usual beginning. As a callback of an option."""
    if value and not PREFIX.fullmatch(value):
        told = f"{value!r} starts no bucket name. {PREFIX_HINT}"
        raise click.BadParameter(told, context, parameter)
    return value


bucket_prefix_option = click.option(
    "--bucket-prefix",
    callback=bucket_prefix,
    default=DEFAULT_PREFIX,
    show_default=True,
    help="Start of the name of what is made.",
)


def output_options(command: F) -> F:
    """`--json` and `--quiet`."""
    command = click.option("--quiet", "-q", is_flag=True, help="No progress; the result alone.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def results_option(command: F) -> F:
    """`--results`."""
    return click.option("-o", "--results", type=FILE, default=None, help="Keep the result stream here.")(
        command
    )
