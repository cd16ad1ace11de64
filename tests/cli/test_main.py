"""The entry point: help, completion, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_lines import find_problems
from commands import Vecgate

from vecgate.cli.help_format import HEADINGS, group_rows
from vecgate.cli.main import COMMANDS, cli, import_command, run_as_program
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


@pytest.mark.parametrize(
    ("wrong", "right"), [("ingest", "put"), ("rmap", "ramp"), ("test", "conform"), ("qurey", "query")]
)
def test_an_unknown_command_suggests_one(vecgate: Vecgate, wrong: str, right: str) -> None:
    """A similar word, or what other programs call it."""
    assert f"No such command '{wrong}'. Did you mean '{right}'?" in vecgate(wrong).err
    assert "Did you mean" not in vecgate("xyzzy").err


def test_an_unknown_option_suggests_one(vecgate: Vecgate) -> None:
    """Of the same command."""
    assert "--vector-column" in vecgate("put", "x", "--vectr-column", "y").err


@pytest.mark.parametrize("words", [(), ("index",), ("bucket",)])
def test_without_a_command_the_help_is_shown(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """With the exit code of wrong usage: a job in which the command is missing must not pass."""
    result = vecgate(*words)
    assert (result.code, result.err) == (2, "")
    assert result.out.startswith("Usage: vecgate ")
    assert "Commands:" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch", "5000"], "--batch is 5,000, allowed is 1 to 500"),
        (
            ["--in-flight", "0", "--rate", "-1"],
            "--in-flight is 0, allowed is 1 to 256; --vectors-per-s is -1.0",
        ),
    ],
)
def test_a_wrong_setting_names_its_option(vecgate: Vecgate, words: list[str], message: str) -> None:
    """Not the field of a class that users of the command line do not know."""
    result = vecgate("put", "x.parquet", "--target", "local", "--bucket", "bbb", "--index", "iii", *words)
    assert (result.code, message in result.err) == (2, True), result.err


def test_an_error_during_completion_is_silent(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell would print it into the prompt."""

    def broken(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("no module", name="pyarrow")

    monkeypatch.setenv("_VECGATE_COMPLETE", "bash_complete")
    monkeypatch.setattr(cli, "main", broken)
    result = vecgate("report", "--")
    assert (result.out, result.err) == ("", "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("vecgate ra", {"ramp"}),
        ("vecgate ramp ra", {"ramp-1000"}),
        ("vecgate capacity strea", {"stream-1000"}),
        ("vecgate put --target lo", {"local", "local-s3"}),
        ("vecgate put --preset s", {"steady", "stream"}),
        ("vecgate serve --inject fl", {"flaky"}),
        ("vecgate serve --quotas doc", {"documented"}),
        ("vecgate ramp my", {"my.toml", "my-folder/"}),
    ],
)
def test_completion_of_values(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch, words: str, expected: set[str]
) -> None:
    """Commands, scenarios, targets and presets, and TOML files where one may be."""
    Path("my.toml").touch()
    Path("my.txt").touch()
    Path("my-folder").mkdir()
    monkeypatch.setenv("_VECGATE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    found = {line.partition(",")[2] for line in vecgate().out.splitlines()}
    assert found == expected


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


def every_command() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command."""
    for name in COMMANDS:
        command = import_command(name)
        yield (name,)
        yield from ((name, word) for word in getattr(command, "commands", ()))


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_every_help_has_two_examples_that_can_be_copied(vecgate: Vecgate, words: tuple[str, ...]) -> None:
    """They keep their lines, and are valid commands."""
    text = vecgate(*words, "--help").out
    shown = [line.strip() for line in text.splitlines() if f"vecgate {words[0]} " in f"{line} "]
    examples = [line for line in shown if not line.startswith("Usage:")]
    assert len(examples) >= 2, text
    assert "\\b" not in text
    assert [problem for example in examples for problem in find_problems(example)] == []


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_the_help_lists_every_option_once(words: tuple[str, ...]) -> None:
    """In its group, or in that of all others."""
    command = import_command(words[0])
    found = command.commands[words[1]] if isinstance(command, click.Group) and len(words) > 1 else command
    context = found.make_context("vecgate", [], resilient_parsing=True)
    options = [each for each in found.get_params(context) if isinstance(each, click.Option)]
    records = [row for each in options if (row := each.get_help_record(context))]
    grouped = [row for part in group_rows(records).values() for row in part]
    assert sorted(grouped) == sorted(records)
    text = found.get_help(context)
    assert all(f"  {flags.split(' ')[0].rstrip(',')}" in text for flags, _ in records)


def test_many_options_are_grouped(vecgate: Vecgate) -> None:
    """Each group has a heading; few options have one."""
    text = vecgate("put", "--help").out
    headings = ["Options:", "Index and target:", "Reading the input:", "Speed and endurance:", "Output:"]
    assert [line for line in text.splitlines() if line in headings] == headings
    assert "Output:" not in vecgate("completion", "--help").out


def test_the_headings_name_options_that_exist() -> None:
    """A renamed option would silently lose its group."""
    flags = {flag for words in every_command() for flag in _flags(words)}
    assert {flag for flags_ in HEADINGS.values() for flag in flags_.split()} - flags <= {"--csv", "--help"}


def _flags(words: tuple[str, ...]) -> set[str]:
    command = import_command(words[0])
    found = command.commands[words[1]] if isinstance(command, click.Group) and len(words) > 1 else command
    return {flag for each in found.params for flag in each.opts}


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
