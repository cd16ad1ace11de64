"""`vecgate put` as a process that is killed, interrupted or out of disk space, and then resumed."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from child_processes import child_process
from commands import Vecgate, write_parquet
from put_processes import in_file, stored

from vecgate.bulk.journal import count_settled

ROWS = 3_000
DEADLINE_S = 30.0


def start(
    file: Path, index: str, target: str, *more: str, limit: Callable[[], None] | None = None
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Start `vecgate put` with 60 batches, paced so that it takes some seconds."""
    words = [sys.executable, "-m", "vecgate", "put", str(file), *at(index, target)]
    return child_process(
        [*words, "--batch", "50", "--rate", "500", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,  # safe: this process has no threads that hold a lock
    )


def at(index: str, target: str) -> tuple[str, ...]:
    """Return the options for the index and the journal of the test."""
    return ("--bucket", "bucket", "--index", index, "--target", target, "--journal", "journal")


def wait_until(is_so: Callable[[], bool]) -> None:
    """Poll until *is_so*, or fail after the deadline."""
    until_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def is_under_way() -> bool:
    """Return True if the journal has some records, but not all."""
    return (
        Path("journal").exists()
        and Path("journal-wal").exists()
        and Path("journal-wal").stat().st_size > 80_000
    )


def test_a_killed_put_can_be_resumed(vecgate: Vecgate, endpoint: str) -> None:
    """After SIGKILL halfway, --resume sends the other records; journaled ones are not sent again."""
    file = write_parquet(Path("films.parquet"), ROWS)
    with start(file, "killed", endpoint, "--create") as process:
        wait_until(is_under_way)
        process.kill()
    assert process.returncode == -signal.SIGKILL

    result = vecgate(
        "put",
        file,
        *at("killed", endpoint),
        "--resume",
        "--json",
    )

    outcome = json.loads(result.out)
    assert result.code == 0
    assert (outcome["acknowledged"], outcome["pending"], outcome["rejected"]) == (ROWS, 0, 0)
    assert 0 < outcome["resumed"] < ROWS
    assert stored(endpoint, "killed") == in_file(file)
    assert not Path("journal").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_put_waits_for_requests_in_flight(
    vecgate: Vecgate, endpoint: str, number: signal.Signals
) -> None:
    """The journal is complete, the summary is printed, and --resume ends in the same state."""
    file = write_parquet(Path("films.parquet"), ROWS)
    index = f"interrupted-{number.name.lower()}"
    with start(file, index, endpoint, "--create", "--json") as process:
        wait_until(is_under_way)
        process.send_signal(number)
        out, _ = process.communicate(timeout=DEADLINE_S)
    outcome = json.loads(out)
    assert process.returncode == 130
    assert outcome["interrupted"]
    assert count_settled(Path("journal")) == outcome["acknowledged"] == len(stored(endpoint, index))

    again = vecgate(
        "put",
        file,
        *at(index, endpoint),
        "--resume",
    )

    assert again.code == 0
    assert again.out.splitlines()[-1] == "PASS  3,000 records written"
    assert stored(endpoint, index) == in_file(file)


def test_an_unfinished_run_is_not_repeated_by_accident(vecgate: Vecgate, endpoint: str) -> None:
    """Without --resume or --restart nothing is sent, and the error names both."""
    file = write_parquet(Path("films.parquet"), ROWS)
    with start(file, "unfinished", endpoint, "--create") as process:
        wait_until(is_under_way)
        process.kill()
    words = (
        "put",
        file,
        *at("unfinished", endpoint),
    )

    result = vecgate(*words)
    assert result.code == 2
    assert "did not finish" in result.err
    assert "--resume" in result.err

    assert vecgate(*words, "--restart", "--rate", "100000").code == 0
    assert stored(endpoint, "unfinished") == in_file(file)


def test_a_disk_that_fills_up_loses_nothing(vecgate: Vecgate, endpoint: str) -> None:
    """The run stops with exit code 4 and the cause; the other records can be sent later."""
    file = write_parquet(Path("films.parquet"), ROWS)

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))

    with start(file, "full", endpoint, "--create", limit=small_files) as process:
        out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 4
    assert "error: the journal journal cannot be written" in err
    assert "STOPPED" in out

    result = vecgate(
        "put",
        file,
        *at("full", endpoint),
        "--resume",
    )

    assert result.code == 0
    assert stored(endpoint, "full") == in_file(file)
