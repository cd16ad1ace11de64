"""The exit codes of the commands and the HTTP statuses of the Lambda function, in one table.

"The gate failed" and "vecgate failed" are never the same number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import IntEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from vecgate.errors import (
    IndexUnusable,
    InvalidRecord,
    NoCredentials,
    ProtocolError,
    ServiceError,
    TargetError,
    TooManyRejects,
    TransportError,
    UsageError,
    VecgateError,
)

if TYPE_CHECKING:
    from vecgate.results.verdict_records import Grade


class ExitCode(IntEnum):
    """The exit codes, with one sentence for each."""

    #: The command did what it was asked to do.
    PASS = 0
    #: The command ran, and the result is not good enough: a record was rejected, a check failed.
    GATE_FAILED = 1
    #: The command line, a file or an argument is wrong: correct it and run the command again.
    USAGE = 2
    #: The target cannot be reached or denies access, or resources of the run could not be removed from it.
    TARGET = 3
    #: vecgate itself or the machine it runs on failed, or the run was inconclusive.
    INTERNAL = 4
    #: Stopped by Ctrl-C or SIGTERM.
    INTERRUPTED = 130


EXIT_CODE_OF_GRADE: Mapping[Grade, ExitCode] = {
    "passed": ExitCode.PASS,
    "failed": ExitCode.GATE_FAILED,
    "inconclusive": ExitCode.INTERNAL,
}

#: Exit code and HTTP status of each error. The first class that fits decides, so subclasses come first.
_CODES: tuple[tuple[type[VecgateError], ExitCode, HTTPStatus], ...] = (
    (InvalidRecord, ExitCode.GATE_FAILED, HTTPStatus.INTERNAL_SERVER_ERROR),
    (TooManyRejects, ExitCode.GATE_FAILED, HTTPStatus.INTERNAL_SERVER_ERROR),
    (IndexUnusable, ExitCode.USAGE, HTTPStatus.NOT_FOUND),
    (UsageError, ExitCode.USAGE, HTTPStatus.BAD_REQUEST),
    (NoCredentials, ExitCode.TARGET, HTTPStatus.FORBIDDEN),
    (TargetError, ExitCode.TARGET, HTTPStatus.BAD_GATEWAY),
    (TransportError, ExitCode.TARGET, HTTPStatus.BAD_GATEWAY),
    (ProtocolError, ExitCode.TARGET, HTTPStatus.BAD_GATEWAY),
)
_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
#: Statuses of the service that also hold for the caller of the Lambda function.
_FORWARDED = frozenset({
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS,
})  # fmt: skip


def exit_code_with_orphans(code: ExitCode, orphaned: Collection[str]) -> ExitCode:
    """Return *code*, but TARGET instead of PASS if resources could not be removed."""
    return ExitCode.TARGET if orphaned and code is ExitCode.PASS else code


def exit_code_of(error: VecgateError) -> ExitCode:
    """Return the exit code for *error*."""
    if isinstance(error, ServiceError):
        is_usage = not error.is_retryable and error.status not in _DENIED
        return ExitCode.USAGE if is_usage else ExitCode.TARGET
    return next((code for kind, code, _ in _CODES if isinstance(error, kind)), ExitCode.INTERNAL)


def http_status_of(error: Exception) -> HTTPStatus:
    """Return the HTTP status with which the Lambda function reports *error*."""
    if isinstance(error, ServiceError):
        return HTTPStatus(error.status) if error.status in _FORWARDED else HTTPStatus.BAD_GATEWAY
    fitting = (status for kind, _, status in _CODES if isinstance(error, kind))
    return next(fitting, HTTPStatus.INTERNAL_SERVER_ERROR)
