"""The front door: finds the command, and turns every failure into one clear line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import NoReturn

import click

from vecgate.cli.exit_codes import ExitCode, exit_code_of
from vecgate.errors import VecgateError

#: Command to the sentence that `vecgate --help` shows; the module of that name in this package defines it.
COMMANDS = {
    "demo": "The whole story on the embedded endpoint, with real embeddings.",
    "serve": "Run the local S3 Vectors endpoint.",
    "put": "Ingest files of embeddings into an index.",
    "delete": "Delete vectors by key.",
    "query": "Search an index.",
    "scan": "Export an index.",
    "ramp": "Run a load scenario, open loop, with thresholds and price.",
    "conform": "Hold a target against the specification of S3 Vectors.",
    "capacity": "The highest rate whose thresholds hold.",
    "scale": "Throughput over batch size and parallelism, and a recommendation.",
    "doctor": "Look at credentials, clock, permissions and quotas; print the IAM policy of a run.",
    "bench": "The microbenchmarks, with a baseline or against a revision.",
    "report": "Render result streams as one HTML page.",
    "compare": "Hold two runs against each other.",
    "clean": "Find, and remove, what runs have left on a target.",
    "completion": "Print the completion script for a shell.",
}


#: Package to the extra that brings it.
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
    """Imports a command when it is used: `vecgate serve` has no need of parquet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"vecgate.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing one."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="vecgate")
def cli() -> None:
    """Release gate and load-test kit for Amazon S3 Vectors."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code. SIGTERM, which is how CI cancels, is as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(_code())
    finally:
        signal.signal(signal.SIGTERM, before)


def _code() -> int:
    """The exit code of the command, which has run."""
    try:
        code = cli.main(prog_name="vecgate", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        code = fail(error.format_message(), hint=_usage_hint(error), code=ExitCode.USAGE)
    except VecgateError as error:
        code = fail(str(error), hint=error.hint, code=exit_code_of(error))
    except (KeyboardInterrupt, click.exceptions.Abort):
        code = fail("interrupted", code=ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left (`vecgate scan | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.PASS
    except Exception as error:  # the last resort: nobody is shown a traceback unasked
        if os.environ.get("VECGATE_DEBUG"):
            raise
        code = _broken(error)
    return int(code or ExitCode.PASS)


def fail(message: str, *, hint: str = "", code: ExitCode) -> ExitCode:
    """Say what is wrong and the way out, on stderr."""
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return code


def _broken(error: Exception) -> ExitCode:
    """Something that an extra brings is not installed, or vecgate itself failed."""
    name = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    if extra := EXTRAS.get(name.partition(".")[0]):
        hint = f"pip install 'vecgate[{extra}]'"
        return fail(f"this needs {name}, which is not installed", hint=hint, code=ExitCode.USAGE)
    return fail(
        f"vecgate itself failed: {type(error).__name__}: {error}",
        hint="Set VECGATE_DEBUG=1 to see where, and please report it.",
        code=ExitCode.BROKEN,
    )


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"See `{context.command_path} --help`." if context else ""
