"""`vecgate ramp` as a command: its output, its files and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from child_processes import WITHIN_S, child_process, wait_until
from commands import Vecgate
from load_builders import stream, unfinished
from result_builders import footer

from vecgate.cli.runs.load.ramp_run import FinishedRun
from vecgate.endpoint.local import LocalEndpoint
from vecgate.load.master_secret import SECRET_VARIABLE
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream
from vecgate.results.result_stream import read_stream

SECRET = "a secret of this test"
SHORT = ("--set", "stages.duration=0.2", "--set", "vectors.dimension=8")


def test_a_ramp_ends_with_its_verdict_and_writes_the_files_for_ci(
    vecgate: Vecgate, endpoint: str, tmp_path: Path
) -> None:
    """Text on stdout, progress on stderr; the stream, JUnit, Markdown and metrics in files.

    The verdict itself depends on the speed of the machine.
    """
    files = {name: tmp_path / f"out.{name}" for name in ("jsonl", "xml", "md", "prom", "svg", "csv", "hlog")}
    result = vecgate(
        "ramp", "smoke", "--target", endpoint, *SHORT, "-o", files["jsonl"], "--junit", files["xml"],
        "--markdown", files["md"], "--openmetrics", files["prom"], "--badge", files["svg"],
        "--csv", files["csv"], "--hlog", files["hlog"],
    )  # fmt: skip
    word = {0: "PASS", 1: "FAIL", 4: "INCONCLUSIVE"}[result.code]
    assert result.out.splitlines()[-1].startswith(f"{word}  "), result.out + result.err
    assert f"smoke on {endpoint}: 40 requests in 2 s" in result.err
    assert read_stream(files["jsonl"]).header.kind == "load"
    assert files["xml"].read_text().startswith("<?xml")
    assert word in files["md"].read_text()
    assert files["prom"].read_text().endswith("# EOF\n")
    assert "<svg" in files["svg"].read_text()
    assert "#[Histogram log format version 1.3]" in files["hlog"].read_text()
    rows, requests = files["csv"].read_text().splitlines(), summarize(read_stream(files["jsonl"])).requests
    assert len(rows) == requests + 1


def test_a_failed_threshold_fails_the_run(vecgate: Vecgate, endpoint: str) -> None:
    """A threshold of the command line counts like those of the scenario; JSON has the measured values."""
    result = vecgate(
        "ramp", "smoke", "--target", endpoint, *SHORT, "--threshold", "p(50) < 1us", "--json", "--quiet"
    )
    found = json.loads(result.out)
    # On a machine that is too slow for the load the run as a whole is inconclusive.
    assert (result.code, found["verdict"]) in {(1, "failed"), (4, "inconclusive")}
    assert result.err == ""
    assert [check["name"] for check in found["checks"] if check["verdict"] == "failed"] == ["p(50) < 1us"]
    assert found["operations"]["PutVectors"]["response_ms"]["p99"] > 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "the name of a scenario is missing"),
        (("nothing",), 2, "'nothing' is neither a scenario nor a file"),
        (("smoke", "--set", "vectors.dimension"), 2, "'vectors.dimension' is not a setting"),
        (("smoke", "--set", "vectors.dimension=0"), 2, "allowed is a whole number from 1 to 4,096"),
        (("smoke", "--threshold", "p(99) < 5"), 2, "p needs a unit"),
        (("smoke", "--target", "http://127.0.0.1:9"), 3, "does not answer"),
        (("smoke", "--target", "aws"), 3, "no AWS credentials were found"),
        (("smoke", "--openmetrics", "/dev/null/metrics"), 2, "/dev/null/metrics cannot be written"),
        (("smoke", "--bucket-prefix", "UP_"), 2, "'UP_' cannot start a bucket name"),
        (("smoke", "--master", "--processes", "2"), 2, "--master cannot be combined with --processes"),
        (("smoke", "--master", "--master-port", "70000"), 2, "70000 is not in the range"),
        (("smoke", "--master-port", "5000"), 2, "--master-port needs --master or --worker"),
        (("smoke", "--master-host", "there"), 2, "--master-host needs --worker"),
        (("smoke", "--expect-workers", "2"), 2, "--expect-workers needs --master"),
        (("smoke", "--secret-file", "x"), 2, "--secret-file needs --master or --worker"),
    ],
)
def test_a_usage_error_is_reported_in_one_line(
    vecgate: Vecgate, words: tuple[str, ...], code: int, message: str
) -> None:
    """Before anything is started."""
    given = words if "--target" in words else (*words, "--target", "local")
    result = vecgate("ramp", *given, "--region", "us-east-1")
    assert (result.code, result.out) == (code, "")
    assert message in result.err.replace("\n", " ")


def test_the_scenarios_are_listed(vecgate: Vecgate) -> None:
    """With their duration and their price on AWS."""
    lines = vecgate("ramp", "--list").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "mixed", "query", "quota-2500", "ramp-1000", "slo-ingest", "smoke", "soak", "spike", "stream-1000",
    ]  # fmt: skip
    assert all("$" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--master",), "--worker cannot be combined with --master"),
        (
            ("smoke", "--web", "-o", "run.jsonl"),
            "--worker cannot be combined with SCENARIO, --web, --results",
        ),
        (("--target", "local"), "--worker cannot be combined with --target"),
        (("--master-port", "-1"), "-1 is not in the range"),
        (("--master-port", "99999"), "99999 is not in the range"),
        ((), "the secret of the master is missing"),
        (("--secret-file", "none.txt"), "none.txt: No such file"),
    ],
)
def test_a_worker_accepts_only_the_address_of_its_master(
    vecgate: Vecgate, words: tuple[str, ...], message: str
) -> None:
    """Options without an effect are rejected."""
    result = vecgate("ramp", "--worker", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_worker_command_ends_with_all_of_its_processes() -> None:
    """It prints what it waits for, and starts the requested number."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        words = ("ramp", "--worker", "--processes", "2", "--master-port", str(port))
        command = [sys.executable, "-m", "vecgate", *words]
        environment = {**os.environ, SECRET_VARIABLE: SECRET}
        with child_process(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == f"waiting for a master at 127.0.0.1:{port}, 2 workers\n"
            wait_until(lambda: len(psutil.Process(process.pid).children()) == 2)
            workers = psutil.Process(process.pid).children()
            assert not any(SECRET in word for worker in workers for word in worker.cmdline())
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN_S) == 130
            assert not any(worker.is_running() for worker in workers)


def test_orphaned_resources_are_listed_after_the_verdict(vecgate: Vecgate, tmp_path: Path) -> None:
    """On stdout, in the job summary and in JSON; a run that passed has its own exit code."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "unavailable"\nrate = 1.0\noperations = ["DeleteVectorBucket"]\n')
    with LocalEndpoint(options=["--inject", str(faults)]) as stuck:
        words = ("ramp", "smoke", "--target", stuck.url, *SHORT, "-q")
        text = vecgate(*words, "--markdown", "summary.md")
        as_json = vecgate(*words, "--json")
    *_, verdict, cleanup = text.out.splitlines()
    word = verdict.partition("  ")[0]
    # The run keeps its own verdict; a machine that is too slow has another one.
    assert (word, text.code) in {("PASS", 3), ("FAIL", 1), ("INCONCLUSIVE", 4)}
    assert cleanup.startswith("CLEANUP FAILED  1 resource could not be removed: bucket vg-")
    assert "ServiceUnavailableException" in text.out
    summary = Path("summary.md").read_text()
    assert summary.startswith(f"## {word}  ")
    assert "CLEANUP FAILED  1 resource could not be removed: bucket vg-" in summary
    found = json.loads(as_json.out)
    (orphan,) = found["orphaned"]
    assert orphan.startswith("bucket vg-")
    assert (
        found["exit_code"] == as_json.code == {"passed": 3, "failed": 1, "inconclusive": 4}[found["verdict"]]
    )


@pytest.mark.parametrize(
    ("found", "received_signal", "is_interrupted"),
    [
        (stream(), False, False),
        (stream(), True, False),
        (stream(foot=footer(is_complete=False)), False, True),
        (unfinished(), True, True),
        (unfinished(), False, False),
    ],
)
def test_a_run_is_interrupted_if_it_says_so_or_was_killed(
    found: Stream, received_signal: bool, is_interrupted: bool
) -> None:
    """A signal that arrives after the end changes nothing."""
    assert FinishedRun(found, received_signal=received_signal).is_interrupted is is_interrupted


def test_a_second_interrupt_ends_the_command_with_130(endpoint: str, tmp_path: Path) -> None:
    """Whatever the child still had to write: the results so far are printed."""
    results = tmp_path / "run.jsonl"
    words = ("ramp", "mixed", "--target", endpoint, "--processes", "2", "--set", "vectors.dimension=8")
    command = [sys.executable, "-m", "vecgate", *words, "-o", str(results)]
    with child_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: results.exists() and b'"record":"second"' in results.read_bytes(), process)
        process.send_signal(signal.SIGINT)
        # The system merges two signals that are sent at once.
        wait_until(lambda: b'"aborted"' in results.read_bytes() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, err
    assert out.splitlines()[-1].startswith("INCONCLUSIVE  ")
