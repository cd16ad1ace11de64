"""Errors that end a run: their messages, their exit codes and how they are printed."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from vecgate.errors import ConfigError, TargetError, UsageError, VecgateError
from vecgate.exit_codes import exit_code_of
from vecgate.load.runtime.failures import as_vecgate_error, print_error


@pytest.mark.parametrize(
    ("error", "kind", "message", "code"),
    [
        (UsageError("x is 3"), UsageError, "x is 3", 2),
        (ConfigError("x is 3"), ConfigError, "x is 3", 2),
        (TargetError("shut"), TargetError, "shut", 3),
        (
            EndpointConnectionError(endpoint_url="u"),
            TargetError,
            'Could not connect to the endpoint URL: "u"',
            3,
        ),
        (
            OSError(28, "No space left on device", "a.jsonl"),
            VecgateError,
            "a.jsonl: No space left on device",
            4,
        ),
        (OSError(24, "Too many open files"), VecgateError, "Too many open files", 4),
        (KeyError("k"), VecgateError, "vecgate itself failed: KeyError: 'k'", 4),
    ],
)
def test_every_error_becomes_a_vecgate_error(error: Exception, kind: type, message: str, code: int) -> None:
    """A usage error keeps its message; a full disk is not a usage error."""
    found = as_vecgate_error(error)
    assert (type(found), str(found), exit_code_of(found)) == (kind, message, code)


def test_an_error_is_printed_to_stderr_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """The hint has its own line."""
    print_error(VecgateError("it is broken"))
    print_error(VecgateError("it is closed", hint="Open it."))
    assert capsys.readouterr() == ("", "error: it is broken\nerror: it is closed\nhint: Open it.\n")
