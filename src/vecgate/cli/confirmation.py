"""Asks before something is deleted or changed in place."""

from __future__ import annotations

import sys

import click

from vecgate.errors import UsageError


def confirm(question: str, *, what: str = "a deletion", reads_stdin: bool = False) -> None:
    """Ask *question*. Raises UsageError if nobody can answer, Abort after a no."""
    no_answer = UsageError(
        f"{what} must be confirmed, and there is no terminal to ask on",
        hint="Add --yes to go on without asking.",
    )
    # A line of the input is no answer.
    if reads_stdin or sys.stdin is None or sys.stdin.closed:
        raise no_answer
    try:
        click.confirm(question, abort=True, err=True)
    except OSError:
        raise no_answer from None
    except click.Abort as error:
        if isinstance(error.__context__, EOFError):
            raise no_answer from None
        raise
