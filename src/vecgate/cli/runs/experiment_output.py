"""Prints the outcome of an experiment, as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
import orjson

from vecgate.cli.main import fail
from vecgate.errors import VecgateError
from vecgate.exit_codes import ExitCode


def print_outcome(
    lines: Sequence[str],
    result: Mapping[str, object],
    *,
    as_json: bool,
    failure: VecgateError | None,
    exit_code: ExitCode,
) -> ExitCode:
    """Print *lines*, or *result* as JSON, and the *failure* that ended the experiment; return *exit_code*."""
    click.echo(orjson.dumps(result).decode() if as_json else "\n".join(lines))
    if failure is not None:
        fail(str(failure), hint=failure.hint, code=exit_code)
    return exit_code
