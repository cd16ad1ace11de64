"""`kill -9` of `serve` and `put` together: what was acknowledged is stored, and `--resume` writes the rest."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from child_processes import child_process, wait_until
from commands import write_parquet
from put_processes import free_port

from vecgate.endpoint.local import LocalEndpoint

ROWS, BATCH, PER_S = 3_000, 25, 3_000
#: Records that are stored between the start of `put` and the kill, at most.
STORED_MAX = 1_000
KILLS, KILLS_NIGHTLY = 2, 200
WITHIN_S = 60.0


def post(url: str, operation: str, members: dict[str, Any]) -> dict[str, Any]:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=WITHIN_S)) as connection:
        connection.request("POST", f"/{operation}", json.dumps(members))
        response = connection.getresponse()
        found: dict[str, Any] = json.loads(response.read())
        return found if response.status == 200 else {}


def stored_keys(url: str, index: str) -> set[str]:
    keys, members = set[str](), {"vectorBucketName": "bucket", "indexName": index, "maxResults": 1000}
    while True:
        page = post(url, "ListVectors", members)
        keys |= {vector["key"] for vector in page.get("vectors", ())}
        if "nextToken" not in page:
            return keys
        members["nextToken"] = page["nextToken"]


def journaled_keys(journal: Path) -> set[str]:
    """Return the keys that `put` has acknowledged, according to its journal."""
    if not journal.exists():
        return set()
    with closing(sqlite3.connect(journal)) as database:
        rows = database.execute("SELECT start, stop FROM settled WHERE NOT is_rejected").fetchall()
    return {f"k{position}" for start, stop in rows for position in range(start, stop)}


def count_vectors(endpoint: LocalEndpoint) -> int:
    with closing(HTTPConnection(urlsplit(endpoint.url).netloc, timeout=WITHIN_S)) as connection:
        connection.request("GET", "/_vecgate/state", headers=endpoint.admin_headers)
        return int(json.loads(connection.getresponse().read())["vectors"])


def run_killed(folder: Path, *, kills: int, seed: int) -> tuple[int, int]:
    """Kill both processes *kills* times; return the numbers of checked and of lost acknowledgements."""
    rng, port = random.Random(seed), free_port()  # noqa: S311 - repeatable as far as processes are
    url = f"http://127.0.0.1:{port}"
    file, journal = write_parquet(folder / "films.parquet", ROWS), folder / "journal"
    checked = lost = run = 0
    for kill in range(kills + 1):
        with LocalEndpoint(port=port, data_dir=folder / "data") as endpoint:
            acknowledged = journaled_keys(journal)
            checked += len(acknowledged)
            lost += len(acknowledged - stored_keys(url, f"run-{run}"))
            words = ["put", str(file), "--bucket", "bucket", "--index", f"run-{run}", "--target", url]
            words += ["--create", "--journal", str(journal), "--batch", str(BATCH)]
            words += ["--resume"] if acknowledged else ["--restart"]
            if kill < kills:
                words += ["--rate", str(PER_S)]
            with child_process([sys.executable, "-m", "vecgate", *words]) as put:
                if kill < kills:
                    enough = count_vectors(endpoint) + rng.randrange(BATCH, STORED_MAX)
                    wait_until(lambda: put.poll() is not None or count_vectors(endpoint) >= enough)  # noqa: B023 - ends before the next round
                    for pid in rng.sample([endpoint.pid, put.pid], 2):
                        if pid != put.pid or put.poll() is None:
                            os.kill(pid, signal.SIGKILL)
                put.wait(WITHIN_S)
            if put.returncode == 0:
                run += 1
                assert not journal.exists()
        if put.returncode == 0:
            with LocalEndpoint(port=port, data_dir=folder / "data"):
                keys = stored_keys(url, f"run-{run - 1}")
                checked += ROWS
                lost += ROWS - len(keys)
    assert run > 0
    return checked, lost


def test_nothing_is_lost_when_both_are_killed(tmp_path: Path) -> None:
    """After each kill, and at the end of the last run."""
    checked, lost = run_killed(tmp_path, kills=KILLS, seed=1)
    assert lost == 0
    assert checked > ROWS


@pytest.mark.nightly
def test_nothing_is_lost_when_both_are_killed_many_times(tmp_path: Path) -> None:
    checked, lost = run_killed(tmp_path, kills=KILLS_NIGHTLY, seed=2)
    assert lost == 0
    assert checked > KILLS_NIGHTLY * BATCH
