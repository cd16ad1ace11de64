"""After kills and outages, `vecgate put --verify` passes, and the index has every record as it is in the input.

The short tests run always, those with 200,000 records or a minute of outage every night.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from child_processes import child_process, wait_until
from commands import write_parquet
from put_processes import free_port, in_file, listens, read_until, serve, stored

from vecgate.endpoint.local import LocalEndpoint

INDEX = ("--bucket", "bucket", "--index", "films", "--create", "--journal", "journal")


def start_put(file: Path, url: str, *more: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """Start or resume a put that reads its records back."""
    words = ["put", str(file), *INDEX, "--target", url, "--resume", "--verify", "--json", *more]
    return child_process(
        [sys.executable, "-m", "vecgate", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def journal_written(times: int) -> Callable[[], bool]:
    """Return a function that returns true when the journal was seen to change so many times."""
    log = Path("journal-wal")
    seen = {log.stat().st_mtime_ns if log.exists() else 0}

    def is_written() -> bool:
        if log.exists():
            seen.add(log.stat().st_mtime_ns)
        return len(seen) > times

    return is_written


def put_with_kills(file: Path, url: str, *more: str, kills: int, writes_max: int, timeout_s: float) -> Any:
    """Kill a put at random moments, also while it reads back, and return the result of the last one."""
    moments = random.Random(1)  # noqa: S311 - no secret
    for _ in range(kills):
        with start_put(file, url, *more) as process:
            wait_until(journal_written(moments.randint(1, writes_max)), process)
            process.kill()
    with start_put(file, url, *more) as process:
        read_until(process, "reading the records back", within_s=timeout_s)
        process.kill()
    with start_put(file, url, *more) as process:
        out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, err
    return json.loads(out)


def check_nothing_is_lost(result: Any, file: Path, url: str, rows: int) -> None:
    """The command says so, and the index proves it."""
    verification = result["verification"]
    assert (verification["read"], verification["compared"]) == (rows, rows)
    assert (verification["missing"], verification["different"]) == (0, 0)
    assert (result["acknowledged"], result["rejected"], result["pending"]) == (rows, 0, 0)
    assert stored(url, "films") == in_file(file)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a temporary folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.timeout(300)
def test_a_put_that_is_killed_twice_loses_nothing() -> None:
    """While it writes, and while it reads back."""
    file = write_parquet(Path("films.parquet"), 2_000)
    options = ("--batch", "50", "--rate", "500")
    with LocalEndpoint() as endpoint:
        result = put_with_kills(file, endpoint.url, *options, kills=1, writes_max=3, timeout_s=60)
        check_nothing_is_lost(result, file, endpoint.url, 2_000)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_put_of_200_000_records_that_is_killed_ten_times_loses_nothing() -> None:
    """Nine times while it writes, and once while it reads back."""
    rows = 200_000
    file = write_parquet(Path("films.parquet"), rows, dimension=32)
    options = ("--rate", "5000")
    with LocalEndpoint() as endpoint:
        result = put_with_kills(file, endpoint.url, *options, kills=9, writes_max=30, timeout_s=300)
        check_nothing_is_lost(result, file, endpoint.url, rows)


@pytest.mark.nightly
@pytest.mark.timeout(400)
def test_an_outage_of_a_minute_loses_nothing() -> None:
    """The server is killed and started again on its data; the same run waits, passes and is verified."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    file = write_parquet(Path("films.parquet"), 20_000)
    with serve(port) as first:
        wait_until(lambda: listens(port), first)
        with start_put(file, url, "--batch", "50", "--rate", "2000") as process:
            wait_until(journal_written(20), process)
            first.send_signal(signal.SIGKILL)
            first.wait(30)
            read_until(process, "target unavailable for 1 min", within_s=150)
            with serve(port) as second:
                wait_until(lambda: listens(port), second)
                out, err = process.communicate(timeout=120)
                assert process.returncode == 0, err
                result = json.loads(out)
                assert result["resumed"] == 0
                check_nothing_is_lost(result, file, url, 20_000)


@pytest.mark.nightly
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["writing", "reading back"])
def test_a_server_that_is_restarted_loses_nothing(kind: str) -> None:
    """While records are written, or while they are read back."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    file = write_parquet(Path("films.parquet"), 60_000, dimension=32)
    with serve(port) as first:
        wait_until(lambda: listens(port), first)
        with start_put(file, url, "--rate", "10000") as process:
            if kind == "writing":
                wait_until(journal_written(10), process)
            else:
                read_until(process, "reading the records back")
            first.send_signal(signal.SIGKILL)
            first.wait(30)
            with serve(port) as second:
                wait_until(lambda: listens(port), second)
                out, err = process.communicate(timeout=200)
                assert process.returncode == 0, err
                check_nothing_is_lost(json.loads(out), file, url, 60_000)
