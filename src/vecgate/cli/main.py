"""The entry point: finds the command, and turns every error into one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from typing import NoReturn

import click

from vecgate.errors import VecgateError
from vecgate.exit_codes import ExitCode, exit_code_of
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
    "scale": "Measure throughput by batch size and parallelism.",
    "doctor": "Check settings, permissions and quotas; print IAM policies.",
    "report": "Render result streams as an HTML page.",
    "compare": "Compare two runs.",
    "clean": "Find and remove buckets that runs did not remove.",
    "completion": "Print the completion script for a shell.",
}
#: Commands whose module is in a package of `commands`.
PACKAGES = {"scan": "indexes.", "copy": "indexes.", "index": "indexes.", "bucket": "indexes."}
#: Top-level package to the extra that installs it.
EXTRAS = {
    "altair": "report",
    "h5py": "hdf5",
    "hdrh": "load",
    "hypothesis": "conformance",
    "jinja2": "report",
    "locust": "load",
    "markupsafe": "report",
    "moto": "moto",
    "pytest": "conformance",
    "vl_convert": "report",
}


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def import_command(name: str) -> click.Command:
    """Import and return the command of that name, which is in COMMANDS."""
    command = getattr(import_module(f"vecgate.cli.commands.{PACKAGES.get(name, '')}{name}"), name)
    assert isinstance(command, click.Command)
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
        code = command.main(prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        code = fail(error.format_message(), hint=_usage_hint(error), code=ExitCode.USAGE)
    except VecgateError as error:
        code = fail(str(error), hint=error.hint, code=exit_code_of(error))
    except (KeyboardInterrupt, click.exceptions.Abort):
        code = fail("interrupted", code=ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last resort; a traceback is shown only with VECGATE_DEBUG
        if os.environ.get("VECGATE_DEBUG"):
            traceback.print_exc()
        code = _fail_unexpectedly(error)
    return int(code or ExitCode.PASS)


def fail(message: str, *, hint: str = "", code: ExitCode) -> ExitCode:
    """Print *message* and *hint* on stderr, and return *code*."""
    click.echo(safe_text(f"error: {message}"), err=True)
    if hint:
        click.echo(safe_text(f"hint: {hint}"), err=True)
    return code


def _fail_unexpectedly(error: Exception) -> ExitCode:
    """Report that a package of an extra is not installed, or that vecgate itself failed."""
    name = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    if extra := EXTRAS.get(name.partition(".")[0]):
        hint = f"pip install 'vecgate[{extra}]'"
        return fail(f"this command needs {name}, which is not installed", hint=hint, code=ExitCode.USAGE)
    return fail(
        f"vecgate itself failed: {type(error).__name__}: {error}",
        hint="Set VECGATE_DEBUG=1 for a traceback, and please report it.",
        code=ExitCode.INTERNAL,
    )


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"See `{context.command_path} --help`." if context else ""
