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
from vecgate.cli.options import OutputFile
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
    found = _command(words)
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
    return {flag for each in _command(words).params for flag in each.opts}


def _command(words: tuple[str, ...]) -> click.Command:
    command = import_command(words[0])
    return command.commands[words[1]] if isinstance(command, click.Group) and len(words) > 1 else command


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


RECORD = '{"key": "a", "vector": [1, 2]}\n'


@pytest.mark.parametrize(
    "command",
    [
        "put x.jsonl -o x.jsonl",
        "put x.jsonl --rejects link.jsonl",
        "put x.jsonl --journal hard.jsonl",
        "put x.jsonl -o new.jsonl --rejects ./new.jsonl",
        "put . -o y.jsonl",
        "put --ids x.jsonl y.npy -o x.jsonl",
        "delete x.jsonl -o x.jsonl",
        "copy a/b c/d --journal same --rejects same",
        "scan --target x.toml -o x.toml",
        "ramp x.toml -o x.toml",
        "ramp x.toml --junit x.toml",
        "ramp x.toml -o new.jsonl --csv new.jsonl",
        "capacity x.toml -o x.toml",
        "conform --baseline x.jsonl -o x.jsonl",
        "conform --baseline x.jsonl --junit x.jsonl",
        "conform --rerun-failed x.jsonl -o x.jsonl",
        "conform --deviations x.toml --draft-deviations x.toml",
        "conform -o same --junit same",
        "report x.jsonl -o x.jsonl",
        "compare x.jsonl y.jsonl --markdown y.jsonl",
        "serve --keys x.toml --env-file x.toml",
        "serve --keys x.toml --access-log x.toml",
    ],
)
def test_no_output_is_an_input_or_another_output(vecgate: Vecgate, command: str) -> None:
    """Nothing is opened: no file is changed, and none is created."""
    for name in ("x.jsonl", "x.toml", "y.jsonl", "y.npy"):
        Path(name).write_text(RECORD, encoding="utf-8")
    Path("link.jsonl").symlink_to("x.jsonl")
    Path("hard.jsonl").hardlink_to("x.jsonl")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    done = vecgate(*command.split())
    assert (done.code, done.out) == (2, ""), done.err
    assert done.err.splitlines()[-1] == "hint: Name another file."
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_a_draft_does_not_overwrite_the_deviations_that_the_target_names(vecgate: Vecgate) -> None:
    """They are an input, too."""
    Path("x.toml").write_text('url = "http://127.0.0.1:9"\ndeviations = "d.toml"\n', encoding="utf-8")
    Path("d.toml").write_text("reasons", encoding="utf-8")
    done = vecgate("conform", "--target", "x.toml", "--draft-deviations", "d.toml")
    assert (done.code, Path("d.toml").read_text(encoding="utf-8")) == (2, "reasons")
    assert "d.toml is an input" in done.err


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_full_disk_is_not_a_fault_of_vecgate(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Nor of the target: the exit code is that of a machine that failed, whatever cannot be printed."""
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full, monkeypatch.context() as patch:  # noqa: PTH123
        patch.setattr(sys, "stdout", full)
        done = vecgate("ramp", "--list", *words)
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    assert done.code == 4
    assert done.err.startswith("error: the output cannot be written (No space left on device), so the result")


def test_closed_standard_input_is_named(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no object for it."""
    monkeypatch.setattr(sys, "stdin", None)
    done = vecgate("put", "-", "--check")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: standard input is closed")


def test_devices_take_several_outputs(vecgate: Vecgate) -> None:
    """They keep nothing that could be overwritten."""
    assert "missing" in vecgate("ramp", "missing", "-o", "/dev/null", "--junit", "/dev/null").err


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_the_files_that_commands_write_are_compared_with_their_inputs(words: tuple[str, ...]) -> None:
    """An option that writes a file has the type of output files."""
    for each in _command(words).params:
        text = (each.help or "") if isinstance(each, click.Option) else ""
        if isinstance(each.type, click.Path) and each.type.file_okay:
            is_output = text.startswith(("Write", "Append", "Record", "Page to write", "Copy the data"))
            assert isinstance(each.type, OutputFile) is (is_output or each.name == "access_log"), each.name
