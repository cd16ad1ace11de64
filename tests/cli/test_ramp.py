"""`vecgate ramp`, as people type it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from commands import Vecgate
from loads import cut, stream
from runs import footer

from vecgate.cli.ramp_run import Ran
from vecgate.endpoint.local import LocalEndpoint
from vecgate.results.records import Stream
from vecgate.results.stream import read_stream

SHORT = ("--set", "stages.duration=0.2", "--set", "vectors.dimension=8")


def test_a_ramp_ends_with_its_verdict_and_leaves_what_ci_asks_for(
    vecgate: Vecgate, endpoint: str, tmp_path: Path
) -> None:
    """Text on stdout, progress on stderr; the stream, JUnit, Markdown and metrics in files. Whether this
    machine is quick enough is another matter.
    """
    files = {name: tmp_path / f"out.{name}" for name in ("jsonl", "xml", "md", "prom", "svg")}
    result = vecgate(
        "ramp", "smoke", "--target", endpoint, *SHORT, "-o", files["jsonl"], "--junit", files["xml"],
        "--markdown", files["md"], "--openmetrics", files["prom"], "--badge", files["svg"],
    )  # fmt: skip
    word = {0: "PASS", 1: "FAIL", 4: "NOT JUDGED"}[result.code]
    assert result.out.splitlines()[-1].startswith(f"{word}  "), result.out + result.err
    assert "smoke: 40 requests in 2 s" in result.err
    assert read_stream(files["jsonl"]).header.kind == "load"
    assert files["xml"].read_text().startswith("<?xml")
    assert word in files["md"].read_text()
    assert files["prom"].read_text().endswith("# EOF\n")
    assert "<svg" in files["svg"].read_text()


def test_a_threshold_that_does_not_hold_fails_the_run(vecgate: Vecgate, endpoint: str) -> None:
    """One of the command line counts like those of the file; JSON says what was measured."""
    result = vecgate(
        "ramp", "smoke", "--target", endpoint, *SHORT, "--threshold", "p(50) < 1us", "--json", "--quiet"
    )
    found = json.loads(result.out)
    assert result.code == 1
    assert result.err == ""
    assert found["verdict"] == "failed"
    assert [check["name"] for check in found["checks"] if check["verdict"] == "failed"] == ["p(50) < 1us"]
    assert found["operations"]["PutVectors"]["response_ms"]["p99"] > 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "no scenario is named"),
        (("nothing",), 2, "'nothing' is neither a scenario nor a file"),
        (("smoke", "--set", "vectors.dimension"), 2, "'vectors.dimension' sets nothing"),
        (("smoke", "--set", "vectors.dimension=0"), 2, "allowed is a whole number from 1 to 4,096"),
        (("smoke", "--threshold", "p(99) < 5"), 2, "p needs a unit"),
        (("smoke", "--target", "http://127.0.0.1:9"), 3, "does not answer"),
        (("smoke", "--target", "aws"), 3, "there are no AWS credentials"),
        (("smoke", "--openmetrics", "/dev/null/metrics"), 2, "/dev/null/metrics cannot be written"),
        (("smoke", "--bucket-prefix", "UP_"), 2, "'UP_' starts no bucket name"),
        (("smoke", "--master", "--processes", "2"), 2, "--master waits for workers elsewhere"),
        (("smoke", "--master", "--master-port", "70000"), 2, "70000 is not in the range"),
        (("smoke", "--master-port", "5000"), 2, "--master-port says nothing without --master or --worker"),
        (("smoke", "--master-host", "there"), 2, "--master-host says nothing without --worker"),
        (("smoke", "--expect-workers", "2"), 2, "--expect-workers says nothing without --master"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(
    vecgate: Vecgate, words: tuple[str, ...], code: int, told: str
) -> None:
    """Nothing is started for it."""
    given = words if "--target" in words else (*words, "--target", "local")
    result = vecgate("ramp", *given, "--region", "us-east-1")
    assert (result.code, result.out) == (code, "")
    assert told in result.err.replace("\n", " ")


def test_the_scenarios_are_listed(vecgate: Vecgate) -> None:
    """With how long each takes and what it costs on Amazon."""
    lines = vecgate("ramp", "--list").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "mixed", "query", "quota-2500", "ramp-1000", "smoke", "soak", "spike", "stream-1000",
    ]  # fmt: skip
    assert all("$" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--master",), "takes no --master"),
        (("smoke", "--web", "-o", "run.jsonl"), "takes no SCENARIO, --web, --results"),
        (("--target", "local"), "takes no --target"),
        (("--master-port", "-1"), "-1 is not in the range"),
        (("--master-port", "99999"), "99999 is not in the range"),
    ],
)
def test_a_worker_is_told_where_its_master_is_and_nothing_else(
    vecgate: Vecgate, words: tuple[str, ...], told: str
) -> None:
    """What would be ignored is refused."""
    result = vecgate("ramp", "--worker", *words)
    assert (result.code, result.out) == (2, "")
    assert told in result.err


def test_a_worker_says_what_it_waits_for_and_ends_with_its_processes() -> None:
    """As many as were asked for, none of which outlives it."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        words = ("ramp", "--worker", "--processes", "2", "--master-port", str(port))
        with subprocess.Popen(
            [sys.executable, "-m", "vecgate", *words], stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == f"waiting for a master at 127.0.0.1:{port}, 2 workers\n"
            wait_until(lambda: len(psutil.Process(process.pid).children()) == 2)
            workers = psutil.Process(process.pid).children()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 130
    assert not any(worker.is_running() for worker in workers)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_left_behind_is_named_and_is_no_pass(vecgate: Vecgate, tmp_path: Path) -> None:
    """On stdout, in the summary of the job, in JSON: the thresholds hold, and the bucket is still there."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "unavailable"\nrate = 1.0\noperations = ["DeleteVectorBucket"]\n')
    with LocalEndpoint(options=["--inject", str(faults)]) as stuck:
        words = ("ramp", "smoke", "--target", stuck.url, *SHORT, "-q")
        told = vecgate(*words, "--markdown", "summary.md")
        as_json = vecgate(*words, "--json")
    assert told.code == as_json.code == 3
    *_, last = told.out.splitlines()
    assert last.startswith("NOT CLEAN  1 resource is left behind, `vecgate clean` finds it; ")
    (row,) = [line for line in told.out.splitlines() if line.startswith("left behind   bucket vg-")]
    assert "ServiceUnavailableException" in row
    summary = Path("summary.md").read_text()
    assert summary.startswith("## NOT CLEAN  1 resource is left behind")
    assert "- left behind: bucket vg-" in summary
    found = json.loads(as_json.out)
    (leak,) = found["left_behind"]
    assert leak.startswith("bucket vg-")
    assert (found["line"].split("  ")[0], found["verdict"]) == ("NOT CLEAN", "passed")
    assert found["exit_code"] == 3


@pytest.mark.parametrize(
    ("found", "is_interrupted", "is_cut"),
    [
        (stream(), False, False),
        (stream(), True, False),
        (stream(foot=footer(is_complete=False)), False, True),
        (cut(), True, True),
        (cut(), False, False),
    ],
)
def test_a_run_was_cut_where_it_says_so_or_was_killed(
    found: Stream, is_interrupted: bool, is_cut: bool
) -> None:
    """An interrupt that comes when all is done takes nothing back."""
    assert Ran(found, is_interrupted=is_interrupted).is_cut is is_cut


def test_a_second_interrupt_is_an_interrupt_too(endpoint: str, tmp_path: Path) -> None:
    """Whatever the child still had to write down: exit code 130, with the figures so far."""
    results = tmp_path / "run.jsonl"
    words = ("ramp", "mixed", "--target", endpoint, "--processes", "2", "--set", "vectors.dimension=8")
    with subprocess.Popen(
        [sys.executable, "-m", "vecgate", *words, "-o", str(results)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: results.exists() and b'"record":"second"' in results.read_bytes())
        process.send_signal(signal.SIGINT)
        # Two signals at once are one.
        wait_until(lambda: b'"aborted"' in results.read_bytes() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert out.splitlines()[-1].startswith("NOT JUDGED  ")
