"""What goes wrong with a run, and the exit code it leaves with."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from vecgate.errors import ConfigError, TargetError, UsageError, VecgateError
from vecgate.load.lab.failures import exit_code_of, ours


@pytest.mark.parametrize(
    ("error", "kind", "told", "code"),
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
def test_a_failure_is_told_as_one_of_ours(error: Exception, kind: type, told: str, code: int) -> None:
    """Wrong usage is what the command said; a full disk is not."""
    found = ours(error)
    assert (type(found), str(found), exit_code_of(found)) == (kind, told, code)
