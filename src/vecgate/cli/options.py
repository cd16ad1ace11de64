"""Options that several commands share. A group of options is passed to the command as one argument."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce, wraps
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

import click
from click.shell_completion import CompletionItem

from vecgate.conformance_kit.plugin_options import DEFAULT_PREFIX, PREFIX_PATTERN
from vecgate.errors import ConfigError, ServiceError
from vecgate.loopback import is_loopback
from vecgate.s3vectors.arn import IndexAddress
from vecgate.safe_output import safe_text, trusted_stream

if TYPE_CHECKING:
    from vecgate.bulk.config import BulkConfig
    from vecgate.bulk.core.reject_limit import RejectLimit
    from vecgate.targets.target import Target, TargetChoice

#: Seconds in the units of a duration.
DURATION_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0}

#: Error codes of a local endpoint for credentials that are not its own.
FOREIGN_KEY_CODES = frozenset({
    "InvalidSignatureException", "MissingAuthenticationTokenException", "UnrecognizedClientException",
})  # fmt: skip
OWN_KEYS_HINT = (
    "An endpoint of `vecgate serve` knows only its own keys: use the `export` lines that it printed, or "
    "start it with --no-auth."
)
#: What option texts say about the batch client and the service. Importing those modules takes time, which
#: `--help` need not spend; a test compares them.
PRESET_NAMES = ("full", "steady", "stream")
IN_FLIGHT_DEFAULT, READS_PER_S_DEFAULT, SEGMENTS_MAX, TOP_K_MAX = 5, 100.0, 16, 10_000
#: Targets that have a name.
TARGET_NAMES = ("local", "aws", "moto", "s3mock", "local-s3")

F = TypeVar("F", bound=Callable[..., Any])
#: The names that complete a word, as click asks for them.
Completion: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


class OptionDecorator(Protocol):
    """Adds options to a command."""

    def __call__(self, command: F, /) -> F:
        """Return *command* with the options."""
        ...


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """The index that the user chose with `--bucket` and `--index`."""

    bucket: str
    index: str

    @property
    def address(self) -> IndexAddress:
        """The address of the index. Raises UsageError if a name is missing."""
        return IndexAddress.parse(bucket=self.bucket, index=self.index)


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of an ingest or a deletion, as the user chose them. A path of None is the default one."""

    journal: Path | None
    resume: bool
    restart: bool
    rejects: Path | None


@contextmanager
def open_chosen_target(choice: TargetChoice) -> Iterator[Target]:
    """Open the target of *choice* with the settings of the process environment."""
    from vecgate.targets.resolution import open_target

    with open_target(choice, os.environ) as target:
        try:
            yield target
        except ServiceError as error:
            host = urlsplit(target.endpoint_url or "").hostname or ""
            if error.code in FOREIGN_KEY_CODES and is_loopback(host):
                error.hint = OWN_KEYS_HINT
            raise


def print_status(text: str, *, quiet: bool = False) -> None:
    """Print a status line on stderr, unless *quiet*. Its text may be foreign."""
    if not quiet:
        click.echo(safe_text(text), err=True)


def print_annotations(lines: Iterable[str]) -> None:
    """Print workflow commands on stderr. `reporting.ci.annotations` has escaped the foreign text in them."""
    for line in lines:
        click.echo(line, file=trusted_stream(sys.stderr))


def option_group(
    name: str, make: Callable[..., object] | str, *options: Callable[[F], F]
) -> Callable[[F], F]:
    """Return a decorator that adds *options* to a command, which gets them as one argument *name*.

    *make* builds the argument. Its parameters are those of the options. A ConfigError that it raises names
    the options, not the parameters. Given as `module:name`, it is imported when the command runs.
    """

    def decorate(command: F) -> F:
        @wraps(command)
        def call_with_group(**values: Any) -> Any:  # noqa: ANN401 - click's
            builder = _import_name(make) if isinstance(make, str) else make
            own = {parameter: values.pop(parameter) for parameter in signature(builder).parameters}
            try:
                argument = builder(**own)
            except ConfigError as error:
                raise ConfigError(_with_option_names(str(error), own), hint=error.hint) from error
            return command(**{name: argument}, **values)

        return reduce(lambda wrapped, option: option(wrapped), reversed(options), call_with_group)  # type: ignore[return-value]

    return decorate


def _import_name(path: str) -> Callable[..., object]:
    module, _, name = path.partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    return found


def _with_option_names(message: str, parameters: Iterable[str]) -> str:
    """Return *message* with the option, such as `--batch`, in place of each of the *parameters*."""
    command = click.get_current_context().command
    options = {
        each.name or "": next(opt for opt in each.opts if opt.startswith("--"))
        for each in command.params
        if isinstance(each, click.Option) and each.name in parameters
    }
    for parameter, option in options.items():
        message = re.sub(rf"(?<![\w-]){parameter}(?![\w-])", option, message) if "_" in parameter else message
    return message


def complete_from(get_names: Callable[[], Iterable[str]], *, suffix: str) -> Completion:
    """Return a completion of click: the names that *get_names* returns, and files that end in *suffix*."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del context, parameter
        folder = Path(incomplete if incomplete.endswith("/") else os.path.dirname(incomplete) or ".")  # noqa: PTH120
        names = [each for each in get_names() if each.startswith(incomplete)]
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        prefix = incomplete[: incomplete.rfind("/") + 1]
        for path in found:
            text = f"{prefix}{path.name}"
            if text.startswith(incomplete) and not path.name.startswith("."):
                names += [f"{text}/"] if path.is_dir() else [text] * text.endswith(suffix)
        return [CompletionItem(each) for each in names]

    return complete


def check_reject_limit(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> RejectLimit | None:
    """Return *value* as a limit. A callback of click."""
    from vecgate.bulk.core.reject_limit import RejectLimit

    try:
        return None if value is None else RejectLimit.parse(value)
    except ConfigError as error:
        raise click.BadParameter(str(error), context, parameter) from error


def check_retry_for(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return *value*, such as `90s` or `10m`, in seconds. A callback of click."""
    if value is None:
        return None
    number, unit = (value[:-1], value[-1:]) if value[-1:] in DURATION_UNITS_S else (value, "s")
    if not number.isascii() or not number.isdecimal():
        raise click.BadParameter(f"{value!r} is not a duration; use 90s, 10m or 2h", context, parameter)
    return int(number) * DURATION_UNITS_S[unit]


def _write_config(
    preset: str,
    vectors_per_s: float | None,
    requests_per_s: float | None,
    batch_vectors: int | None,
    in_flight: int | None,
    retry_for_s: float | None,
    rejects_max: RejectLimit | None,
) -> BulkConfig:
    """Return the settings of *preset*, with those that are not None. Raises ConfigError."""
    given = {name: value for name, value in locals().items() if name != "preset" and value is not None}
    from vecgate.bulk.config import PRESETS  # after `locals()`

    return replace(PRESETS[preset], **given)


def _deletion_config(
    preset: str, vectors_per_s: float | None, retry_for_s: float | None, rejects_max: RejectLimit | None
) -> BulkConfig:
    return _write_config(preset, vectors_per_s, None, None, None, retry_for_s, rejects_max)


_PRESET = click.option(
    "--preset",
    type=click.Choice(PRESET_NAMES),
    default="full",
    show_default=True,
    help="Defaults of the following options.",
)

#: When an ingest or a deletion stops early.
_ENDURANCE = (
    click.option(
        "--retry-for",
        "retry_for_s",
        callback=check_retry_for,
        default=None,
        metavar="DURATION",
        help="Wait this long for a target that is unavailable, then stop: 90s, 10m, 2h.  [default: 10m]",
    ),
    click.option(
        "--max-rejects",
        "rejects_max",
        callback=check_reject_limit,
        default=None,
        metavar="N|N%",
        help="Stop when more records are rejected; a share is judged from 1,000 records on.  [default: 10%]",
    ),
)

#: The settings of the batch client for an ingest or a copy, as `config`.
write_options: OptionDecorator = option_group(
    "config",
    _write_config,
    _PRESET,
    click.option(
        "--vectors-per-s", "--rate", type=float, default=None, help="Limit of vectors written per second."
    ),
    click.option("--requests-per-s", type=float, default=None, help="Limit of writes per second."),
    click.option("--batch", "batch_vectors", type=int, default=None, help="Vectors per write."),
    click.option("--in-flight", type=int, default=None, help="Writes in flight at most."),
    *_ENDURANCE,
)

#: The settings of the batch client for a deletion, as `config`.
deletion_options: OptionDecorator = option_group(
    "config",
    _deletion_config,
    _PRESET,
    click.option("--vectors-per-s", "--rate", type=float, default=None, help="Limit of keys per second."),
    *_ENDURANCE,
)


def _target_choice(target: str, region: str, profile: str, ca_bundle: str, no_verify: bool) -> TargetChoice:
    from vecgate.targets.target import TargetChoice

    return TargetChoice(target, region, profile, ca_bundle, verify=not no_verify)


class OutputFile(click.Path):
    """A file that the command writes. `command_context` refuses one that is also another of its files."""


#: A file, existing or not.
FILE = click.Path(path_type=Path, dir_okay=False)
OUTPUT_FILE = OutputFile(path_type=Path, dir_okay=False)

#: `--target` and its settings, as `choice`.
target_options: OptionDecorator = option_group(
    "choice",
    _target_choice,
    click.option(
        "--target",
        default="",
        metavar="TARGET",
        shell_complete=complete_from(lambda: TARGET_NAMES, suffix=".toml"),
        help="local, aws, moto, s3mock, local-s3, a URL or a TOML file.  [env: VECGATE_TARGET]",
    ),
    click.option(
        "--region", default="", metavar="REGION", help="AWS region.  [env: AWS_REGION, AWS_DEFAULT_REGION]"
    ),
    click.option(
        "--profile", default="", metavar="NAME", help="Profile of the AWS configuration.  [env: AWS_PROFILE]"
    ),
    click.option(
        "--ca-bundle",
        default="",
        metavar="FILE",
        help="File with trusted certificates.  [env: AWS_CA_BUNDLE]",
    ),
    click.option("--no-verify", is_flag=True, help="Accept any TLS certificate."),
)

#: `--bucket` and `--index`, as `index_choice`.
index_options: OptionDecorator = option_group(
    "index_choice",
    IndexChoice,
    click.option(
        "--bucket", default="", metavar="NAME", help="Vector bucket. Not needed if --index is an ARN."
    ),
    click.option("--index", default="", metavar="NAME", help="Index, by name or ARN."),
)

#: The files of an ingest or a deletion, as `run_files`.
run_file_options: OptionDecorator = option_group(
    "run_files",
    RunFiles,
    click.option(
        "--journal",
        type=OUTPUT_FILE,
        default=None,
        help="Record acknowledged records in this file.  [default: a file for each input and index]",
    ),
    click.option("--resume", is_flag=True, help="Continue the unfinished run of this input."),
    click.option("--restart", is_flag=True, help="Discard the unfinished run of this input and start again."),
    click.option(
        "--rejects",
        type=OUTPUT_FILE,
        default=None,
        help="Write rejected records to this file.  [default: FILE.rejected.jsonl in the current folder]",
    ),
)


def check_bucket_prefix(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return *value* if a bucket name can begin with it, or empty for the default. A callback of click."""
    if value and not PREFIX_PATTERN.fullmatch(value):
        raise click.BadParameter(
            f"{value!r} cannot start a bucket name; use up to 36 lower-case letters, digits and hyphens, "
            "and start with a letter or digit",
            context,
            parameter,
        )
    return value


bucket_prefix_option: OptionDecorator = click.option(
    "--bucket-prefix",
    callback=check_bucket_prefix,
    default=DEFAULT_PREFIX,
    show_default=True,
    metavar="PREFIX",
    help="Prefix of the names of created buckets.",
)


def output_options(command: F) -> F:
    """Add `--json` and `--quiet`."""
    command = click.option("--quiet", "-q", is_flag=True, help="Print only the result, without progress.")(
        command
    )
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


#: `--segments`
segments_option: OptionDecorator = click.option(
    "--segments",
    type=click.IntRange(1, SEGMENTS_MAX),
    default=4,
    show_default=True,
    help="Parts of the index to read in parallel.",
)
#: `--reads-per-s` of a comparison
reads_option: OptionDecorator = click.option(
    "--reads-per-s",
    type=click.FloatRange(0, min_open=True),
    default=READS_PER_S_DEFAULT,
    show_default=True,
    help="Limit of reads per second, when records are compared with an index.",
)


def results_option(command: F) -> F:
    """Add `--results`."""
    return click.option(
        "-o", "--results", type=OUTPUT_FILE, default=None, help="Write the result stream to this file."
    )(command)
