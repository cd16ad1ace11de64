"""Whether `vecgate put` and the endpoint lose anything: `python -m loadtests.soak.soak`, see README.md."""

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
from urllib.request import urlopen

import boto3
import numpy as np
from botocore.config import Config
from loadtests.soak.records import Records, settled_rows

from vecgate.bulk.reader import BulkReader
from vecgate.endpoint.local import LocalEndpoint

FAULTS = ("--inject", "soak")
#: So high that the client's lowest pace, a thousandth, is still quick: every fifth answer is a 429.
RATES = ("--rate", "20000000", "--requests-per-s", "1000000")
DEADLINE_S = 600.0
POLL_S = 0.01
#: Longest that a client and an endpoint are left alone.
MOMENT_S_MAX = 1.5
AS_IF_IN_TURN = "bytes and metadata as a sequential writer leaves them"
OK, REQUESTS, FAULTS_CAUSED = "OK", "vecgate_requests_total", "vecgate_injected_faults_total"
#: What the client calls it where the endpoint sent no answer.
ANSWERS = {"none": "no answer"}
SAMPLE_LINE = re.compile(r'(\w+){(?:operation="(\w+)",?)?(?:(?:code|kind)="([\w-]+)")?} (\d+)')
PASS, UNREACHABLE = 0, 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run keeps its files, and what it sends."""

    folder: Path
    records: Records
    seed: int

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def endpoint(self, port: int = 0) -> LocalEndpoint:
        """The endpoint on the data of this run."""
        options = (*FAULTS, "--seed", str(self.seed))
        return LocalEndpoint(port=port, data_dir=self.folder / "data", options=options)

    def put(self, url: str, *more: str) -> subprocess.Popen[str]:
        """`vecgate put` in a process of its own."""
        words = ["put", "input.parquet", "--bucket", "soak", "--index", "soak", "--target", url, *RATES]
        return subprocess.Popen(
            [sys.executable, "-m", "vecgate", *words, "--journal", "journal", "--json", "--quiet", *more],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@contextmanager
def place(count: int, seed: int) -> Iterator[Place]:
    """A folder with an input of *count* records."""
    with TemporaryDirectory(prefix="vecgate-soak-") as name:
        records = Records.random(count, seed=seed)
        records.write(Path(name) / "input.parquet")
        yield Place(Path(name), records, seed)


@contextmanager
def reader(url: str) -> Iterator[BulkReader]:
    """Reads what the endpoint holds."""
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


def metrics(url: str) -> Counter[tuple[str, str]]:
    """What the endpoint has counted: by metric, or for PutVectors by error code; and faults by kind."""
    with urlopen(f"{url}/_vecgate/metrics") as answer:  # noqa: S310 - our own endpoint
        text = answer.read().decode()
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


def finished(client: subprocess.Popen[str]) -> dict[str, Any]:
    """The result of a client that ends by itself."""
    out, err = client.communicate(timeout=DEADLINE_S)
    assert out, err
    result: dict[str, Any] = json.loads(out)
    return result


# --- through faults ---


def through_faults(at: Place) -> list[str]:
    """One run, interrupted once and gone on with; the lines to report."""
    count, begun_s = len(at.records.keys), time.monotonic()
    with at.endpoint() as server:
        first = at.put(server.url, "--create")
        wait_until(lambda: metrics(server.url)["vecgate_written_vectors_total", ""] > count // 3)
        first.send_signal(signal.SIGTERM)
        results = [finished(first)]
        with reader(server.url) as reading:
            settled = at.records.check_settled(reading, at.journal, random=np.random.default_rng(at.seed))
        assert settled == results[0]["acknowledged"] < count
        results.append(finished(at.put(server.url, "--resume")))
        put_s = time.monotonic() - begun_s
        assert results[1]["resumed"] == settled
        check_outcome(results[1], count)
        lines = compared(results, metrics(server.url))
        os.kill(server.pid, signal.SIGKILL)
    with at.endpoint() as server, reader(server.url) as reading:
        held = at.records.check_final(reading)
    return [
        f"{count:,} records, {count - held:,} of them of a repeated key, in {put_s:.0f} s",
        f"interrupted once at {settled:,}: client and journal agree; --resume sent the rest",
        *lines,
        f"endpoint killed and started anew: {held:,} vectors, {AS_IF_IN_TURN}",
    ]


def check_outcome(result: dict[str, Any], count: int) -> None:
    """A finished run has acknowledged all of *count* records."""
    found = {name: result[name] for name in ("acknowledged", "set_aside", "pending", "exit_code")}
    assert found == {"acknowledged": count, "set_aside": 0, "pending": 0, "exit_code": PASS}, result


def compared(results: list[dict[str, Any]], counted: Counter[tuple[str, str]]) -> list[str]:
    """What the client met is what the endpoint did, cause by cause; the lines to report."""
    met = Counter[str]({OK: sum(result["requests"] for result in results)})
    for result in results:
        met.update(result["failed_attempts"])
    done = {ANSWERS.get(code, code): n for (name, code), n in counted.items() if name == REQUESTS}
    assert met == done, f"the client met {met}, the endpoint did {done}"
    faults = {kind: n for (name, kind), n in counted.items() if name == FAULTS_CAUSED}
    return [
        "client and endpoint agree: " + ", ".join(f"{n:,} x {cause}" for cause, n in met.most_common()),
        "faults: " + ", ".join(f"{n:,} x {kind}" for kind, n in sorted(faults.items())),
    ]


# --- killed ---


@dataclass(slots=True)
class Run:
    """A client and an endpoint that are killed again and again.

    passes   runs of the client that came to the end of the input
    resumed  the journal, as the last client to start found it
    """

    at: Place
    server: LocalEndpoint
    client: subprocess.Popen[str]
    random: np.random.Generator
    passes: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)

    def kill(self, victim: str) -> None:
        """Kill `client`, `server`, or `both`, and start again what is dead."""
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
        """Look at what the client left, and start one that goes on from there."""
        out, err = self.client.communicate(timeout=DEADLINE_S)
        code = self.client.returncode
        self.exits[code] += 1
        assert code in {PASS, UNREACHABLE, -signal.SIGKILL}, err
        with reader(self.server.url) as reading:
            if code == PASS:
                self.passes += 1
                check_outcome(json.loads(out), len(self.at.records.keys))
                self.at.records.check_final(reading)
            else:
                self.at.records.check_settled(reading, self.at.journal, random=self.random)
        self.client = self.at.put(self.server.url, "--create", *self._way_on())

    def end(self) -> int:
        """Let the client come to its end; how many vectors there are then."""
        settled = int(settled_rows(self.at.journal, len(self.at.records.keys)).sum())
        result = finished(self.at.put(self.server.url, "--create", *self._way_on()))
        assert result["resumed"] == settled
        check_outcome(result, len(self.at.records.keys))
        with reader(self.server.url) as reading:
            return self.at.records.check_final(reading)

    def _way_on(self) -> tuple[str, ...]:
        return ("--resume",) if self.at.journal.exists() else ()


def through_kills(at: Place, kills: int) -> list[str]:
    """Both sides killed at random moments; the lines to report."""
    begun_s, random = time.monotonic(), np.random.default_rng(at.seed)
    with at.endpoint(port=free_port()) as server:
        run = Run(at, server, at.put(server.url, "--create"), random)
        try:
            for _ in range(kills):
                time.sleep(random.uniform(0, MOMENT_S_MAX))
                run.kill(str(random.choice(["client", "server", "both"])))
        finally:
            run.client.kill()
            run.client.communicate()
        held = run.end()
    count = len(at.records.keys)
    each = ", ".join(f"{n} x {victim}" for victim, n in sorted(run.kills.items()))
    return [
        f"{count:,} records, {kills} kills at random moments in {time.monotonic() - begun_s:.0f} s: {each}",
        f"input sent to its end {run.passes + 1} times; each time {held:,} vectors, {AS_IF_IN_TURN}",
        "after each kill what the journal held was in the endpoint, and --resume went on from there",
    ]


def free_port() -> int:
    """A port for an endpoint that is to come back at the same address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def main() -> None:
    """Run both parts and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=1_000_000, help="sent through faults")
    parser.add_argument("--killed-records", type=int, default=40_000, help="sent through kills")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--keep", action="store_true", help="write the result beside this file too")
    options = parser.parse_args()
    lines = [f"{datetime.now(UTC):%Y-%m-%d}  {machine()}  seed {options.seed}"]
    with place(options.records, options.seed) as at:
        lines += through_faults(at)
    with place(options.killed_records, options.seed) as at:
        lines += through_kills(at, options.kills)
    lines.append("PASS  nothing lost, nothing altered")
    print("\n".join(lines))
    if options.keep:
        Path(__file__).with_name("last-result.txt").write_text("\n".join([*lines, ""]))


def machine() -> str:
    """What it ran on."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
