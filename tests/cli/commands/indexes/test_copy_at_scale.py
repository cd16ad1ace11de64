"""A copy of 200,000 vectors that is killed five times has every vector of its source, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from child_processes import child_process
from commands import Vecgate, write_parquet

from vecgate.endpoint.local import LocalEndpoint

VECTORS, DIMENSION, KILLS = 200_000, 384, 5
#: For each part of the test.
DEADLINE_S = 900.0


def wait_long(holds: Callable[[], bool]) -> None:
    """Poll until *holds*."""
    until_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.1)


def copied(journal: Path) -> int:
    """Return how far the copy is: the bytes of its journal, which grow with each page."""
    return sum(path.stat().st_size for path in journal.parent.glob("journal-*"))


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_a_copy_that_is_killed_five_times_is_equal(vecgate: Vecgate, tmp_path: Path) -> None:
    """By `diff` with the export of its source, which names what is missing, different and extra."""
    file = write_parquet(tmp_path / "films.parquet", VECTORS, dimension=DIMENSION)
    with LocalEndpoint() as running:
        target = ("--target", running.url)
        source = ("--bucket", "bucket", "--index", "films", *target)
        assert vecgate("put", file, *source, "--create", "--rate", "1e9", "-q").code == 0
        assert vecgate("scan", *source, "-o", "source.parquet").code == 0
        assert pq.read_metadata("source.parquet").num_rows == VECTORS

        words = ("copy", "bucket/films", "bucket/copy", *target, "--journal", "journal", "--rate", "20000")
        journal = tmp_path / "journal"
        killed = 0
        while killed < KILLS:
            command = [sys.executable, "-m", "vecgate", *words, "--resume", "--reads-per-s", "40"]
            with child_process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                wait_long(lambda: copied(journal) > 400_000 or process.poll() is not None)
                assert process.poll() is None, "the copy ended before it was killed"
                process.kill()
                process.wait(30)
            killed += 1
        begun_s = time.monotonic()
        result = vecgate(*words, "--resume", "--reads-per-s", "1000", "--json")
        sys.stderr.write(f"last run: {time.monotonic() - begun_s:.1f} s\n")
        assert result.code == 0, result.err
        outcome = json.loads(result.out)
        assert (outcome["read"], outcome["acknowledged"]) == (VECTORS, VECTORS)
        assert 0 < outcome["resumed"] < VECTORS
        assert outcome["verification"]["compared"] == VECTORS

        where = ("--bucket", "bucket", "--index", "copy", *target)
        difference = vecgate("diff", "source.parquet", *where)
        assert difference.code == 0, difference.out + difference.err
        assert vecgate("index", "count", *where).out == f"{VECTORS}\n"
        Path("source.parquet").unlink()
