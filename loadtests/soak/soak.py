"""Checks that `vecgate put` and the endpoint lose nothing: `python -m loadtests.soak.soak`, see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import boto3
import numpy as np
from botocore.config import Config
from loadtests.soak.records import Records, settled_rows

from vecgate.bulk.reader import BulkReader
from vecgate.endpoint.local import LocalEndpoint

FAULTS = ("--inject", "soak")
#: High, so that the client is fast even at its lowest rate, a thousandth: every fifth response is a 429.
RATES = ("--rate", "20000000", "--requests-per-s", "1000000")
DEADLINE_S = 600.0
POLL_S = 0.01
#: Longest time between two kills.
KILL_INTERVAL_S_MAX = 1.5
AS_SEQUENTIAL = "bytes and metadata as a sequential writer leaves them"
OK, REQUESTS, FAULTS_INJECTED = "OK", "vecgate_requests_total", "vecgate_injected_faults_total"
#: The client's name for the result of a request to which the endpoint sent no response.
RESULT_NAMES = {"none": "no answer"}
SAMPLE_LINE = re.compile(r'(\w+){(?:operation="(\w+)",?)?(?:(?:code|kind)="([\w-]+)")?} (\d+)')
PASS, UNREACHABLE = 0, 3


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of a run, and its input."""

    folder: Path
    records: Records
    seed: int

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def endpoint(self, port: int = 0) -> LocalEndpoint:
        """Return an endpoint with the data of this run."""
        options = (*FAULTS, "--seed", str(self.seed))
        return LocalEndpoint(port=port, data_dir=self.folder / "data", options=options)

    def put(self, url: str, *more: str) -> subprocess.Popen[str]:
        """Start `vecgate put` in a process."""
        arguments = ["put", "input.parquet", "--bucket", "soak", "--index", "soak", "--target", url, *RATES]
        return subprocess.Popen(
            [sys.executable, "-m", "vecgate", *arguments, "--journal", "journal", "--json", "--quiet", *more],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@contextmanager
def new_workspace(count: int, seed: int) -> Iterator[Workspace]:
    """Create a folder with an input of *count* records."""
    with TemporaryDirectory(prefix="vecgate-soak-") as name:
        records = Records.random(count, seed=seed)
        records.write(Path(name) / "input.parquet")
        yield Workspace(Path(name), records, seed)


@contextmanager
def reader(url: str) -> Iterator[BulkReader]:
    """Open a reader of the index."""
    client = boto3.client(
        "s3vectors",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="soak",
        aws_secret_access_key="soak",
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        yield BulkReader(client, bucket="soak", index="soak")
    finally:
        client.close()


def metrics(server: LocalEndpoint) -> Counter[tuple[str, str]]:
    """Return the counts of the endpoint: metrics, requests of PutVectors by error code, faults by kind."""
    request = Request(f"{server.url}/_vecgate/metrics", headers=server.admin_headers)  # noqa: S310 - local
    with urlopen(request) as response:  # noqa: S310 - local
        text = response.read().decode()
    counts = Counter[tuple[str, str]]()
    for name, operation, label, value in SAMPLE_LINE.findall(text):
        if operation in {"", "PutVectors"}:
            counts[name, label] += int(value)
    return counts


def wait_until(is_so: Callable[[], bool]) -> None:
    """Poll until *is_so*, or fail after the deadline."""
    until_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(POLL_S)


def wait_for_result(client: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end of a client, and return its result."""
    out, err = client.communicate(timeout=DEADLINE_S)
    assert out, err
    result: dict[str, Any] = json.loads(out)
    return result


# --- faults ---


def run_through_faults(workspace: Workspace) -> list[str]:
    """Run once through faults, interrupted and resumed. Return the lines of the report."""
    count, begun_s = len(workspace.records.keys), time.monotonic()
    with workspace.endpoint() as server:
        first = workspace.put(server.url, "--create")
        wait_until(lambda: metrics(server)["vecgate_written_vectors_total", ""] > count // 3)
        first.send_signal(signal.SIGTERM)
        results = [wait_for_result(first)]
        with reader(server.url) as index:
            settled = workspace.records.check_settled(
                index, workspace.journal, random=np.random.default_rng(workspace.seed)
            )
        assert settled == results[0]["acknowledged"] < count
        results.append(wait_for_result(workspace.put(server.url, "--resume")))
        put_s = time.monotonic() - begun_s
        assert results[1]["resumed"] == settled
        check_outcome(results[1], count)
        lines = compare_counts(results, metrics(server))
        os.kill(server.pid, signal.SIGKILL)
    with workspace.endpoint() as server, reader(server.url) as index:
        stored = workspace.records.check_final(index)
    return [
        f"{count:,} records, {count - stored:,} of them with a repeated key, in {put_s:.0f} s",
        f"interrupted once at {settled:,}: client and journal agree; --resume sent the other records",
        *lines,
        f"endpoint killed and restarted: {stored:,} vectors, {AS_SEQUENTIAL}",
    ]


def check_outcome(result: dict[str, Any], count: int) -> None:
    """Check that a finished run has acknowledged all of *count* records."""
    found = {name: result[name] for name in ("acknowledged", "rejected", "pending", "exit_code")}
    assert found == {"acknowledged": count, "rejected": 0, "pending": 0, "exit_code": PASS}, result


def compare_counts(results: list[dict[str, Any]], counted: Counter[tuple[str, str]]) -> list[str]:
    """Compare the counts of client and endpoint by cause. Return the lines of the report."""
    client_counts = Counter[str]({OK: sum(result["requests"] for result in results)})
    for result in results:
        client_counts.update(result["failed_attempts"])
    endpoint_counts = {
        RESULT_NAMES.get(code, code): n for (name, code), n in counted.items() if name == REQUESTS
    }
    assert client_counts == endpoint_counts, f"client: {client_counts}, endpoint: {endpoint_counts}"
    faults = {kind: n for (name, kind), n in counted.items() if name == FAULTS_INJECTED}
    return [
        "client and endpoint agree: "
        + ", ".join(f"{n:,} x {cause}" for cause, n in client_counts.most_common()),
        "faults: " + ", ".join(f"{n:,} x {kind}" for kind, n in sorted(faults.items())),
    ]


# --- kills ---


@dataclass(slots=True)
class KillRun:
    """A client and an endpoint that are killed repeatedly.

    passes  runs of the client that reached the end of the input
    kills   by victim
    exits   of clients, by exit code
    """

    workspace: Workspace
    server: LocalEndpoint
    client: subprocess.Popen[str]
    random: np.random.Generator
    passes: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)

    def kill(self, victim: str) -> None:
        """Kill `client`, `server`, or `both`, and restart them."""
        self.kills[victim] += 1
        if victim != "client":
            os.kill(self.server.pid, signal.SIGKILL)
        if victim != "server":
            self.client.kill()
        if victim != "client":
            self.server.stop()
            self.server.start()
        if self.client.poll() is not None or victim != "server":
            self.next_client()

    def next_client(self) -> None:
        """Check the state that the client left, and start a client that resumes."""
        out, err = self.client.communicate(timeout=DEADLINE_S)
        code = self.client.returncode
        self.exits[code] += 1
        assert code in {PASS, UNREACHABLE, -signal.SIGKILL}, err
        with reader(self.server.url) as index:
            if code == PASS:
                self.passes += 1
                check_outcome(json.loads(out), len(self.workspace.records.keys))
                self.workspace.records.check_final(index)
            else:
                self.workspace.records.check_settled(index, self.workspace.journal, random=self.random)
        self.client = self.workspace.put(self.server.url, "--create", *self._resume_options())

    def end(self) -> int:
        """Let a last client finish, and return the number of vectors then."""
        settled = int(settled_rows(self.workspace.journal, len(self.workspace.records.keys)).sum())
        result = wait_for_result(self.workspace.put(self.server.url, "--create", *self._resume_options()))
        assert result["resumed"] == settled
        check_outcome(result, len(self.workspace.records.keys))
        with reader(self.server.url) as index:
            return self.workspace.records.check_final(index)

    def _resume_options(self) -> tuple[str, ...]:
        return ("--resume",) if self.workspace.journal.exists() else ()


def run_through_kills(workspace: Workspace, kills: int) -> list[str]:
    """Kill both sides at random times. Return the lines of the report."""
    begun_s, random = time.monotonic(), np.random.default_rng(workspace.seed)
    with workspace.endpoint(port=free_port()) as server:
        run = KillRun(workspace, server, workspace.put(server.url, "--create"), random)
        try:
            for _ in range(kills):
                time.sleep(random.uniform(0, KILL_INTERVAL_S_MAX))
                run.kill(str(random.choice(["client", "server", "both"])))
        finally:
            run.client.kill()
            run.client.communicate()
        stored = run.end()
    count = len(workspace.records.keys)
    each = ", ".join(f"{n} x {victim}" for victim, n in sorted(run.kills.items()))
    return [
        f"{count:,} records, {kills} kills at random times in {time.monotonic() - begun_s:.0f} s: {each}",
        f"input sent completely {run.passes + 1} times; each time {stored:,} vectors, {AS_SEQUENTIAL}",
        "after each kill all journaled records were in the endpoint, and --resume continued from there",
    ]


def free_port() -> int:
    """Return a port for an endpoint that is restarted at the same address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def main() -> None:
    """Run both parts and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=1_000_000, help="records of the run with faults")
    parser.add_argument("--killed-records", type=int, default=40_000, help="records of the run with kills")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--keep", action="store_true", help="also write the report to last-result.txt")
    options = parser.parse_args()
    lines = [f"{datetime.now(UTC):%Y-%m-%d}  {machine()}  seed {options.seed}"]
    with new_workspace(options.records, options.seed) as workspace:
        lines += run_through_faults(workspace)
    with new_workspace(options.killed_records, options.seed) as workspace:
        lines += run_through_kills(workspace, options.kills)
    lines.append("PASS  nothing lost, nothing changed")
    print("\n".join(lines))
    if options.keep:
        Path(__file__).with_name("last-result.txt").write_text("\n".join([*lines, ""]))


def machine() -> str:
    """Describe the machine."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
