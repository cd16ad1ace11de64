"""The entry point: help, completion, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import click
import pytest
from commands import Vecgate

from vecgate.cli.main import COMMANDS, cli, run_as_program
from vecgate.exit_codes import ExitCode


def test_help_names_every_command(vecgate: Vecgate) -> None:
    """The help lists all commands."""
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
    """Exit code 2, and a hint at the help."""
    result = vecgate("ingest")
    assert result.code == 2
    assert "No such command 'ingest'" in result.err
    assert "vecgate --help" in result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_vecgate(vecgate: Vecgate, shell: str) -> None:
    """Each shell has its own script."""
    result = vecgate("completion", shell)
    assert result.code == 0
    assert "_VECGATE_COMPLETE" in result.out


def test_an_unexpected_error_is_neither_a_traceback_nor_a_failed_gate(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one line and exit code 4."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("vecgate.cli.commands.completion.get_completion_class", broken)
    result = vecgate("completion", "bash")
    assert result.code == ExitCode.INTERNAL
    assert result.err.startswith("error: vecgate itself failed: ZeroDivisionError: division by zero\nhint: ")


def test_sigterm_ends_a_command_like_ctrl_c(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """So its resources are removed. The signal handler is restored after the command."""
    before = signal.getsignal(signal.SIGTERM)
    removed = []

    def interrupted(**_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            removed.append("the bucket")

    monkeypatch.setattr(cli, "main", interrupted)
    result = vecgate("any")
    assert (result.code, result.err) == (130, "error: interrupted\n")
    assert removed == ["the bucket"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_importing_vecgate_is_cheap() -> None:
    """`import vecgate` alone loads neither boto3, numpy nor pyarrow."""
    program = (
        "import vecgate, sys; print(sorted({'boto3', 'botocore', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("command", ["put", "diff", "delete", "query", "scan"])
def test_examples_in_the_help_keep_their_lines(vecgate: Vecgate, command: str) -> None:
    """Examples can be copied."""
    text = vecgate(command, "--help").out
    assert f"\n  vecgate {command} " in text
    assert "\\b" not in text


def test_a_missing_package_is_reported_with_its_extra() -> None:
    """The hint names the extra, and the exit code is that of wrong usage."""
    without = "import sys; sys.modules['markupsafe'] = None; from vecgate.cli.main import main; main()"
    command = [sys.executable, "-c", without, "report", "run.jsonl"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "markupsafe, which is not installed" in ended.stderr
    assert "pip install 'vecgate[report]'" in ended.stderr


def test_a_traceback_is_redacted_and_no_failed_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With VECGATE_DEBUG, the traceback comes before the error; the exit code stays 4."""

    def fail() -> None:
        raise RuntimeError("no connection with key-of-this-test\n::error::x\x1b[2J")

    monkeypatch.setenv("VECGATE_DEBUG", "1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key-of-this-test")
    monkeypatch.setattr(sys, "argv", ["vecgate"])
    with pytest.raises(SystemExit) as exited:
        run_as_program(click.Command("vecgate", callback=fail), "vecgate")
    assert exited.value.code == ExitCode.INTERNAL
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert printed.count("no connection with (redacted)\n\\u003a:error::x\\u001b[2J") == 2
