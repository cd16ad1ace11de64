"""Prints the outcome of an experiment, as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from vecgate.cli.json_output import print_json
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
    if as_json:
        print_json(result, code=exit_code, failure=failure)
    else:
        click.echo("\n".join(lines))
    if failure is not None:
        fail(str(failure), hint=failure.hint, code=exit_code)
    return exit_code
