"""Turns the errors that end a run into errors of vecgate, and prints them."""

from __future__ import annotations

import sys

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.errors import TargetError, VecgateError


def as_vecgate_error(error: BaseException) -> VecgateError:
    """Return *error* as a VecgateError. An unexpected one is a failure of vecgate or its machine."""
    match error:
        case VecgateError():
            return error
        case BotoCoreError() | ClientError():
            return TargetError(str(error))
        case OSError():
            file = f"{error.filename}: " if error.filename else ""
            return VecgateError(f"{file}{error.strerror or error}")
        case _:
            return VecgateError(f"vecgate itself failed: {type(error).__name__}: {error}")


def print_note(text: str) -> None:
    """Print *text*, which ends nothing, to stderr."""
    print(f"note: {text}", file=sys.stderr, flush=True)  # noqa: T201 - Locust owns this command line


def print_error(error: VecgateError) -> None:
    """Print *error* and its hint to stderr in the format of the vecgate commands.

    `load_runner`, which starts this process, reads them there.
    """
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 - Locust owns this command line
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)  # noqa: T201
