"""`vecgate put` as a process: killed, interrupted, out of disk; and gone on with."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import Vecgate, write_parquet

from vecgate.bulk.journal import settled_in
from vecgate.bulk.reader import BulkReader

ROWS = 3_000
DEADLINE_S = 30.0


def start(
    file: Path, index: str, target: str, *more: str, limit: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """`vecgate put` in its own process, 60 batches paced so that it takes a while."""
    words = [sys.executable, "-m", "vecgate", "put", str(file), *at(index, target)]
    return subprocess.Popen(
        [*words, "--batch", "50", "--rate", "500", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,  # noqa: PLW1509 - this process has no threads that hold a lock
    )


def at(index: str, target: str) -> tuple[str, ...]:
    """Where the test puts, and the journal that it keeps."""
    return ("--bucket", "bucket", "--index", index, "--target", target, "--journal", "journal")


def wait_until(is_so: Callable[[], bool]) -> None:
    """Poll until *is_so*, or fail after the deadline."""
    until_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def is_under_way() -> bool:
    """The journal holds something, and not everything."""
    return (
        Path("journal").exists()
        and Path("journal-wal").exists()
        and Path("journal-wal").stat().st_size > 40_000
    )


def stored(target: str, index: str) -> dict[str, bytes]:
    """Every vector of the index, by key."""
    client = boto3.client(
        "s3vectors",
        endpoint_url=target,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    try:
        pages = list(BulkReader(client, bucket="bucket", index=index).scan())
    finally:
        client.close()
    return {
        key: row.tobytes()
        for page in pages
        if page.vectors is not None
        for key, row in zip(page.keys, page.vectors, strict=True)
    }


def in_file(file: Path) -> dict[str, bytes]:
    """Every vector of the file, by key."""
    table = pq.read_table(file)
    matrix = np.array(table["vector"].to_pylist(), dtype=np.float32)
    return {str(key): row.tobytes() for key, row in zip(table["key"].to_pylist(), matrix, strict=True)}


def test_a_killed_put_goes_on_where_it_was(vecgate: Vecgate, endpoint: str) -> None:
    """After SIGKILL midway --resume sends the rest, and what was journaled is not sent again."""
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
    assert (outcome["acknowledged"], outcome["pending"], outcome["set_aside"]) == (ROWS, 0, 0)
    assert 0 < outcome["resumed"] < ROWS
    assert stored(endpoint, "killed") == in_file(file)
    assert not Path("journal").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_put_awaits_what_is_in_flight_and_says_what_is_left(
    vecgate: Vecgate, endpoint: str, number: signal.Signals
) -> None:
    """The journal is true, the summary is printed, and --resume ends in the same state."""
    file = write_parquet(Path("films.parquet"), ROWS)
    index = f"interrupted-{number.name.lower()}"
    with start(file, index, endpoint, "--create", "--json") as process:
        wait_until(is_under_way)
        process.send_signal(number)
        out, _ = process.communicate(timeout=DEADLINE_S)
    outcome = json.loads(out)
    assert process.returncode == 130
    assert outcome["interrupted"]
    assert settled_in(Path("journal")) == outcome["acknowledged"] == len(stored(endpoint, index))

    again = vecgate(
        "put",
        file,
        *at(index, endpoint),
        "--resume",
    )

    assert again.code == 0
    assert again.out.splitlines()[-1] == "PASS  3,000 records written"
    assert stored(endpoint, index) == in_file(file)


def test_an_unfinished_run_is_not_begun_again_by_accident(vecgate: Vecgate, endpoint: str) -> None:
    """Without --resume or --restart nothing is sent, and both are named."""
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


def test_a_disk_that_fills_up_midway_loses_nothing(vecgate: Vecgate, endpoint: str) -> None:
    """The run stops with exit code 4 and the cause; the rest goes later."""
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
