"""Common to all commands: help in groups, and no output overwrites an input or another output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from vecgate.cli.help_format import GroupedFormatter
from vecgate.cli.options import OutputFile
from vecgate.reporting.output_files import refuse_overwriting

#: Options of plain text that may name a file. All arguments may, and options of the type `click.Path` do.
NAMED_FILES = frozenset({"target", "ca_bundle"})


class CommandContext(click.Context):
    """The context of a command. Before the command runs, its output files are compared with its inputs."""

    formatter_class: type[click.HelpFormatter] = GroupedFormatter

    def invoke(self, callback: Any, /, *args: Any, **values: Any) -> Any:  # noqa: ANN401 - click's
        """Call *callback*, the function of the command. Raises UsageError if an output is another file."""
        refuse_overwriting(_files(self, is_output=False), list(_files(self, is_output=True)))
        return super().invoke(callback, *args, **values)


def prepare_command(command: click.Command) -> None:
    """Give *command*, and the commands in that group, this context."""
    command.context_class = CommandContext
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        each.context_class = CommandContext


def _files(context: click.Context, *, is_output: bool) -> Iterator[Path]:
    """Yield the output files that the user named, or everything that may name an input."""
    for parameter in context.command.params:
        may_be_file = (
            isinstance(parameter, click.Argument)
            or (isinstance(parameter.type, click.Path) and parameter.type.file_okay)
            or parameter.name in NAMED_FILES
        )
        if not may_be_file or isinstance(parameter.type, OutputFile) is not is_output:
            continue
        value = context.params.get(parameter.name or "")
        for each in value if isinstance(value, tuple) else (value,):
            if each not in {None, "", "-"}:
                yield Path(each)
