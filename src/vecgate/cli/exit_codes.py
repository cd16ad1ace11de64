"""What the exit code of a command means. "It failed" and "vecgate failed" are never the same number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import IntEnum

from vecgate.errors import (
    BadRecord,
    ProtocolError,
    ServiceError,
    TargetError,
    TransportError,
    UsageError,
    VecgateError,
)
from vecgate.gate.verdict import Grade


class ExitCode(IntEnum):
    """A sentence each."""

    #: All that was asked for is done.
    PASS = 0
    #: The command ran, and what it found is not good enough: a record was set aside, a check failed.
    GATE_FAILED = 1
    #: The command makes no sense as given: mend it and try again.
    USAGE = 2
    #: The target is not reachable, or does not allow this; also where what was made could not be removed.
    TARGET = 3
    #: vecgate itself failed, or the machine under it.
    BROKEN = 4
    #: Stopped by Ctrl-C or SIGTERM.
    INTERRUPTED = 130


#: What a verdict leaves with.
EXIT_OF_GRADE: Mapping[Grade, ExitCode] = {
    "passed": ExitCode.PASS,
    "failed": ExitCode.GATE_FAILED,
    "unjudged": ExitCode.BROKEN,
}


def unless_left(code: ExitCode, leaks: Collection[str]) -> ExitCode:
    """*code*; where *leaks* are left behind it is no pass: the target did not allow them to be removed."""
    return ExitCode.TARGET if leaks and code is ExitCode.PASS else code


def exit_code_of(error: VecgateError) -> ExitCode:
    """The exit code for *error*."""
    match error:
        case BadRecord():
            return ExitCode.GATE_FAILED
        case UsageError():
            return ExitCode.USAGE
        case TargetError() | TransportError() | ProtocolError():
            return ExitCode.TARGET
        case ServiceError(status=status, is_retryable=False) if status not in {401, 403}:
            return ExitCode.USAGE
        case ServiceError():
            return ExitCode.TARGET
        case _:
            return ExitCode.BROKEN
