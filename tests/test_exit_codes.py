"""Exit codes and HTTP statuses: one table says who has to act."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from vecgate.errors import (
    ConfigError,
    IndexUnusable,
    InvalidRecord,
    JournalError,
    JournalMismatch,
    NoCredentials,
    ProtocolError,
    ServiceError,
    SourceError,
    TargetUnreachable,
    TransportError,
    UsageError,
    VecgateError,
)
from vecgate.exit_codes import ExitCode, exit_code_of, exit_code_with_orphans, http_status_of


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (UsageError("x"), 2, 400),
        (ConfigError("x"), 2, 400),
        (SourceError("x"), 2, 400),
        (JournalMismatch("x"), 2, 400),
        (IndexUnusable("x"), 2, 404),
        (ServiceError("PutVectors", "ValidationException", 400, "x"), 2, 400),
        (ServiceError("GetIndex", "NotFoundException", 404, "x"), 2, 404),
        (ServiceError("CreateIndex", "ConflictException", 409, "x"), 2, 502),
        (ServiceError("PutVectors", "AccessDeniedException", 403, "x"), 3, 403),
        (ServiceError("PutVectors", "UnrecognizedClientException", 401, "x"), 3, 502),
        (ServiceError("PutVectors", "TooManyRequestsException", 429, "x", is_retryable=True), 3, 429),
        (ServiceError("PutVectors", "ServiceUnavailableException", 503, "x", is_retryable=True), 3, 502),
        (NoCredentials("x"), 3, 403),
        (TargetUnreachable("x"), 3, 502),
        (TransportError("PutVectors", "x"), 3, 502),
        (ProtocolError("x"), 3, 502),
        (JournalError("x"), 4, 500),
        (InvalidRecord("k", "x"), 1, 500),
        (VecgateError("x"), 4, 500),
    ],
)
def test_codes_tell_usage_target_and_machine_apart(error: VecgateError, code: int, status: int) -> None:
    """The exit code of a command, and the HTTP status of the Lambda function."""
    assert (exit_code_of(error), http_status_of(error)) == (code, status)


def test_an_unexpected_exception_is_an_internal_error() -> None:
    """The caller of the Lambda function is not to blame."""
    assert http_status_of(KeyError("x")) is HTTPStatus.INTERNAL_SERVER_ERROR


@pytest.mark.parametrize(
    ("code", "orphaned", "expected"),
    [
        (ExitCode.PASS, ["bucket vg-1"], ExitCode.TARGET),
        (ExitCode.PASS, [], ExitCode.PASS),
        (ExitCode.GATE_FAILED, ["bucket vg-1"], ExitCode.GATE_FAILED),
        (ExitCode.INTERRUPTED, ["bucket vg-1"], ExitCode.INTERRUPTED),
    ],
)
def test_orphaned_resources_change_a_pass_only(
    code: ExitCode, orphaned: list[str], expected: ExitCode
) -> None:
    """A run that failed for another reason keeps its own exit code."""
    assert exit_code_with_orphans(code, orphaned) is expected
