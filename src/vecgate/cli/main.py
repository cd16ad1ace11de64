"""The entry point: finds the command, and turns every error into one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import click

from vecgate.cli.command_context import prepare_command
from vecgate.cli.config_file import current_folder, find_config_file
from vecgate.cli.json_output import print_json_error
from vecgate.errors import OutputError, VecgateError
from vecgate.exit_codes import ExitCode, exit_code_of
from vecgate.extras import missing_extra
from vecgate.redaction import register_environment
from vecgate.safe_output import guard_output, safe_text

#: Command to its line in `vecgate --help`. The module of that name in `commands` defines it.
COMMANDS = {
    "demo": "Run ingest, search, conformance and load on a local endpoint.",
    "serve": "Run the local S3 Vectors endpoint.",
    "put": "Ingest files of embeddings into an index.",
    "diff": "Compare files or an index with an index.",
    "delete": "Delete vectors by key or by a filter.",
    "query": "Search an index.",
    "scan": "Export an index.",
    "copy": "Copy an index, or change its metadata in place.",
    "index": "List, describe, count, create and delete indexes.",
    "bucket": "List, describe, create and delete vector buckets.",
    "ramp": "Run a load scenario and check its thresholds.",
    "conform": "Test a target against the documented behaviour of S3 Vectors.",
    "evidence": "List, check and merge evidence from Amazon for the requirements.",
    "capacity": "Find the highest rate at which all thresholds pass.",
    "sweep": "Measure latency against throughput, rate by rate.",
    "scale": "Measure throughput by batch size and parallelism.",
    "doctor": "Check settings, permissions and quotas; print IAM policies.",
    "report": "Render result streams as an HTML page.",
    "compare": "Compare two runs.",
    "clean": "Find and remove buckets that runs did not remove.",
    "completion": "Print the completion script for a shell.",
}
#: Commands whose module is in a package of `commands`.
PACKAGES = {
    **dict.fromkeys(("scan", "copy", "index", "bucket"), "indexes."),
    **dict.fromkeys(("ramp", "capacity", "sweep", "scale"), "load."),
}
#: Words of other programs for a command.
SYNONYMS = {
    "bench": "ramp", "download": "scan", "export": "scan", "get": "query", "ingest": "put", "load": "ramp",
    "search": "query", "server": "serve", "start": "serve", "test": "conform", "upload": "put",
}  # fmt: skip
COMPLETION_VARIABLE = "_VECGATE_COMPLETE"


class LazyGroup(click.Group):
    """Imports a command when it is used, so that `vecgate serve` does not load pyarrow."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of that name."""
        del ctx
        return import_command(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name of the command, the command and its arguments; read its defaults from a file."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = [SYNONYMS[args[0]]] if args[0] in SYNONYMS else get_close_matches(args[0], COMMANDS, n=1)
            suggestion = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{args[0]}'.{suggestion}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        is_help = bool({"-h", "--help"} & {*rest})
        if name and command and not is_help and (file := find_config_file(current_folder(), os.environ)):
            ctx.default_map, used = file.defaults(name, command, COMMANDS, os.environ)
            if used:
                names = ", ".join(dict.fromkeys(used))
                click.echo(safe_text(f"defaults from {file.path}: {names}"), err=True)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def import_command(name: str) -> click.Command:
    """Import and return the command of that name, which is in COMMANDS."""
    command = getattr(import_module(f"vecgate.cli.commands.{PACKAGES.get(name, '')}{name}"), name)
    assert isinstance(command, click.Command)
    prepare_command(command)
    return command


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="vecgate")
def cli() -> None:
    """Release gate and load-test kit for Amazon S3 Vectors."""


def main() -> NoReturn:
    """Run the command line and exit with its exit code."""
    run_as_program(cli, "vecgate")


def run_as_program(command: click.Command, name: str) -> NoReturn:
    """Run *command* and exit with its exit code. SIGTERM, which CI sends to cancel, acts as Ctrl-C.

    Nothing that it prints contains a secret or takes effect on the terminal, see `safe_output`.
    """
    register_environment(os.environ)
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with guard_output():
            sys.exit(_run(command, name))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(command: click.Command, name: str) -> int:
    """Run *command*, print its error if it fails, and return the exit code."""
    try:
        return int(command.main(prog_name=name, standalone_mode=False) or ExitCode.PASS)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return ExitCode.USAGE
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the last resort
        return _report(error, *_describe(error))


def _describe(error: BaseException) -> tuple[ExitCode, str, str]:
    """Return the exit code for *error*, its message and its hint."""
    if isinstance(error, click.ClickException):
        return ExitCode.USAGE, error.format_message(), _usage_hint(error)
    if isinstance(error, VecgateError):
        return exit_code_of(error), str(error), error.hint
    if isinstance(error, KeyboardInterrupt | click.exceptions.Abort):
        return ExitCode.INTERRUPTED, "interrupted", ""
    if os.environ.get("VECGATE_DEBUG"):
        traceback.print_exception(error)
    return _unexpected(error)


def _report(error: BaseException, code: ExitCode, message: str, hint: str) -> ExitCode:
    """Print the *error*, also as JSON if the command line asks for that, and return *code*."""
    if COMPLETION_VARIABLE in os.environ:
        return code  # the shell would print it into the prompt
    arguments = sys.argv[1:]
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" in options:
        message, hint = safe_text(message), safe_text(hint)
        with suppress(OutputError):
            print_json_error(
                _command_words(options), code, kind=type(error).__name__, message=message, hint=hint
            )
    with suppress(OutputError):
        fail(message, hint=hint, code=code)
    return code


def _command_words(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the command in *arguments*, such as `index`, `list`; empty without one."""
    words = [each for each in arguments if not each.startswith("-")][:2]
    if not words or words[0] not in COMMANDS:
        return ()
    command = sys.modules.get(f"vecgate.cli.commands.{PACKAGES.get(words[0], '')}{words[0]}")
    group = getattr(command, words[0], None)
    is_inner = isinstance(group, click.Group) and len(words) > 1 and words[1] in group.commands
    return tuple(words if is_inner else words[:1])


def fail(message: str, *, hint: str = "", code: ExitCode) -> ExitCode:
    """Print *message* and *hint* on stderr, and return *code*."""
    click.echo(safe_text(f"error: {message}"), err=True)
    if hint:
        click.echo(safe_text(f"hint: {hint}"), err=True)
    return code


def _unexpected(error: BaseException) -> tuple[ExitCode, str, str]:
    """Return code, message and hint: a package of an extra is not installed, or vecgate itself failed."""
    if found := missing_extra(error):
        name, extra = found
        message = f"this command needs {name}, which is not installed: pip install 'vecgate[{extra}]'"
        return ExitCode.USAGE, message, ""
    return (
        ExitCode.INTERNAL,
        f"vecgate itself failed: {type(error).__name__}: {error}",
        "Set VECGATE_DEBUG=1 for a traceback, and please report it.",
    )


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"See `{context.command_path} --help`." if context else ""
