"""The front door: help, versions, completion, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from commands import Vecgate

from vecgate.cli.exit_codes import ExitCode, exit_code_of
from vecgate.cli.main import COMMANDS, cli
from vecgate.errors import (
    BadRecord,
    ConfigError,
    IndexUnusable,
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


def test_help_names_every_command(vecgate: Vecgate) -> None:
    """What can be typed is shown."""
    result = vecgate("--help")
    assert result.code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(vecgate: Vecgate, command: str) -> None:
    """Each command explains itself."""
    result = vecgate(command, "--help")
    assert result.code == 0
    assert f"Usage: vecgate {command}" in result.out


def test_an_unknown_command_is_wrong_usage(vecgate: Vecgate) -> None:
    """Exit code 2, and where help is."""
    result = vecgate("ingest")
    assert result.code == 2
    assert "No such command 'ingest'" in result.err
    assert "vecgate --help" in result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_vecgate(vecgate: Vecgate, shell: str) -> None:
    """Each shell gets a script of its own."""
    result = vecgate("completion", shell)
    assert result.code == 0
    assert "_VECGATE_COMPLETE" in result.out


def test_a_bug_of_ours_is_no_traceback_and_no_failed_gate(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is exit code 4 in one line."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("vecgate.cli.completion.get_completion_class", broken)
    result = vecgate("completion", "bash")
    assert result.code == ExitCode.BROKEN
    assert result.err.startswith("error: vecgate itself failed: ZeroDivisionError: division by zero\nhint: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (ConfigError("x"), 2),
        (SourceError("x"), 2),
        (JournalMismatch("x"), 2),
        (IndexUnusable("x"), 2),
        (ServiceError("PutVectors", "ValidationException", 400, "x"), 2),
        (ServiceError("PutVectors", "AccessDeniedException", 403, "x"), 3),
        (ServiceError("PutVectors", "UnrecognizedClientException", 401, "x"), 3),
        (ServiceError("PutVectors", "ServiceUnavailableException", 503, "x", is_retryable=True), 3),
        (NoCredentials("x"), 3),
        (TargetUnreachable("x"), 3),
        (TransportError("PutVectors", "x"), 3),
        (ProtocolError("x"), 3),
        (JournalError("x"), 4),
        (BadRecord("k", "x"), 1),
        (VecgateError("x"), 4),
    ],
)
def test_exit_codes_tell_whose_fault_it_is(error: VecgateError, code: int) -> None:
    """Usage, target and machine are told apart."""
    assert exit_code_of(error) == code


def test_sigterm_ends_a_command_as_ctrl_c_does(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what it made is removed; nothing of that lasts beyond the command."""
    before = signal.getsignal(signal.SIGTERM)
    removed = []

    def told_to_end(**_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            removed.append("the bucket")

    monkeypatch.setattr(cli, "main", told_to_end)
    result = vecgate("any")
    assert (result.code, result.err) == (130, "error: interrupted\n")
    assert removed == ["the bucket"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_importing_vecgate_is_cheap() -> None:
    """`import vecgate` alone loads neither boto3, numpy nor pyarrow."""
    program = (
        "import vecgate, sys; print(sorted({'boto3', 'botocore', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("command", ["put", "delete", "query", "scan"])
def test_examples_in_the_help_keep_their_lines(vecgate: Vecgate, command: str) -> None:
    """An example can be copied as it stands."""
    text = vecgate(command, "--help").out
    assert f"\n  vecgate {command} " in text
    assert "\\b" not in text


def test_what_an_extra_brings_is_named_where_it_is_missing() -> None:
    """The way out is the extra; the exit code says that the command cannot be run as given."""
    without = "import sys; sys.modules['markupsafe'] = None; from vecgate.cli.main import main; main()"
    command = [sys.executable, "-c", without, "report", "run.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "markupsafe, which is not installed" in done.stderr
    assert "pip install 'vecgate[report]'" in done.stderr
