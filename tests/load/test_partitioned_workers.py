"""A worker on another host whose link is cut: it is lost, comes back, or says why it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from child_processes import WITHIN_S, wait_until
from network_namespaces import Host, network_hosts
from whole_runs import count_seconds, is_accounted_for

from vecgate.results.load.load_records import Event
from vecgate.results.load.load_summary import summarize
from vecgate.results.result_stream import read_stream

SECRET = "a-secret-of-this-test"
SERVE_PORT, MASTER_PORT = 7333, 5557
SCENARIO = """
unit = "requests"
in_flight_max = 20
start_within = "60s"
drain_within = "5s"
thresholds = ["errors < 1%"]

[vectors]
dimension = 4
per_request = 1
pool = 20

[[stages]]
kind = "constant"
rate = 20
for = "40s"
"""


def vecgate(*words: str) -> list[str]:
    return [sys.executable, "-m", "vecgate", *words]


def environment(tmp_path: Path) -> dict[str, str]:
    own = {"VECGATE_MASTER_SECRET": SECRET, "XDG_STATE_HOME": str(tmp_path / "state")}
    return {**os.environ, **own, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


class Cluster:
    """An endpoint, a master and a worker on the first host, a worker on the second."""

    def __init__(self, stack: ExitStack, tmp_path: Path) -> None:
        self.first, self.second = stack.enter_context(network_hosts(2))
        self.results, self._stack, self._folder = tmp_path / "run.jsonl", stack, tmp_path
        (tmp_path / "test.toml").write_text(SCENARIO, encoding="utf-8")
        url = f"http://{self.first.address}:{SERVE_PORT}"
        serve = vecgate("serve", "--host", self.first.address, "--port", str(SERVE_PORT), "--no-auth")
        endpoint = self._start(self.first, serve, "serve")
        wait_until(lambda: b"http://" in self.output("serve"), endpoint)
        ramp = vecgate("ramp", str(tmp_path / "test.toml"), "--target", url, "-o", str(self.results))
        self.master = self._start(self.first, [*ramp, "--master", "--expect-workers", "2"], "master")
        self.near = self._start(self.first, self._worker(), "near")
        self.far = self._start(self.second, self._worker(), "far")
        wait_until(lambda: count_seconds(self.results) >= 3, self.master)

    def _worker(self) -> list[str]:
        return vecgate("ramp", "--worker", "--master-host", self.first.address)

    def _start(self, host: Host, command: list[str], name: str) -> subprocess.Popen[Any]:
        log = self._stack.enter_context((self._folder / name).open("wb"))
        options = {"stdout": log, "stderr": log, "env": environment(self._folder)}
        return self._stack.enter_context(host.start(*command, **options))

    def output(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def events(self) -> list[str]:
        return [event.kind for event in read_stream(self.results).of(Event) if event.kind != "stage"]


@pytest.mark.nightly
@pytest.mark.serial
@pytest.mark.timeout(300)
def test_a_worker_behind_a_cut_link_comes_back(tmp_path: Path) -> None:
    """It is lost, and its requests with it; when the link works again, it says so and takes its part."""
    with ExitStack() as stack:
        cluster = Cluster(stack, tmp_path)
        cluster.second.cut()
        wait_until(lambda: "worker-lost" in cluster.events(), cluster.master)
        cluster.second.restore()
        wait_until(lambda: "worker-joined" in cluster.events(), cluster.master)
        cluster.master.wait(WITHIN_S)
        stream = read_stream(cluster.results)
    assert cluster.events() == ["worker-lost", "worker-joined"]
    assert b"it joins again" in cluster.output("far")
    summary = summarize(stream)
    assert is_accounted_for(stream)
    # It may have sent them behind the cut.
    assert summary.unknown > 0
    # They were lost by the generator: the target is not to blame.
    assert cluster.master.returncode == 4, cluster.output("master")
    assert b"because the master lost worker-" in cluster.output("master")


@pytest.mark.nightly
@pytest.mark.serial
@pytest.mark.timeout(300)
def test_a_worker_that_stays_cut_off_says_why_it_ends(tmp_path: Path) -> None:
    """A minute after it heard from its master for the last time."""
    with ExitStack() as stack:
        cluster = Cluster(stack, tmp_path)
        cluster.second.cut()
        cluster.master.wait(WITHIN_S)
        cluster.far.wait(WITHIN_S)
    assert b"this worker has not heard from its master for 6" in cluster.output("far")
    assert cluster.far.returncode != 0
    assert b"KeyboardInterrupt" not in cluster.output("far")
