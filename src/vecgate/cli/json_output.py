"""The JSON that commands print with `--json`: one document, with the name and version of its schema.

`{"schema": "vecgate.put/1", "ok": true, "exit_code": 0, …}`, and for a command that could not give a result
`{"schema": "vecgate.put/1", "ok": false, "exit_code": 2, "error": {"kind": …, "message": …, "hint": …}}`.
`ok` is true if and only if the exit code is 0.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import IO, Any

import click
import orjson

from vecgate.errors import VecgateError
from vecgate.exit_codes import ExitCode

#: A change that breaks programs makes this a 2.
JSON_VERSION = 1


def schema_name(words: tuple[str, ...]) -> str:
    """Return the name of the schema of the command with these *words*: `vecgate.index.list/1`."""
    return f"{'.'.join(('vecgate', *words))}/{JSON_VERSION}"


def json_text(words: tuple[str, ...], code: ExitCode, members: Mapping[str, Any]) -> str:
    """Return the document of a command that exits with *code*."""
    head = {"schema": schema_name(words), "ok": code is ExitCode.PASS, "exit_code": int(code)}
    return orjson.dumps({**head, **members} | head).decode()


def print_json(
    members: Mapping[str, Any],
    *,
    code: ExitCode = ExitCode.PASS,
    failure: VecgateError | None = None,
    file: IO[Any] | None = None,
) -> None:
    """Print the result of the command that runs, which exits with *code*; *failure* ended it early."""
    error = {"error": error_members(failure)} if failure else {}
    context = click.get_current_context(silent=True)
    click.echo(json_text(_words(context), code, {**members, **error}), file=file)


def print_json_error(words: tuple[str, ...], code: ExitCode, *, kind: str, message: str, hint: str) -> None:
    """Print that the command with these *words* gave no result."""
    error = {"kind": kind, "message": message, "hint": hint}
    click.echo(json_text(words, code, {"error": error}), file=sys.stdout)


def error_members(error: VecgateError) -> dict[str, str]:
    """Return the member `error` of a document."""
    return {"kind": type(error).__name__, "message": str(error), "hint": error.hint}


def _words(context: click.Context | None) -> tuple[str, ...]:
    """Return the words of the command, without the name of the program."""
    words: list[str] = []
    current = context
    while current is not None and current.parent is not None:
        words.insert(0, current.info_name or "")
        current = current.parent
    return tuple(words)
