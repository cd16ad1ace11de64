"""Whole load runs in processes of their own, for tests of what the load lab promises about them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vecgate.endpoint.local import LocalEndpoint
from vecgate.load.runner import Test as LoadTest
from vecgate.results.load import Plan
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of
from vecgate.targets.target import TargetChoice

#: A whole run, on a machine that has other things to do.
WITHIN_S = 120.0
ADMIN = "/_vecgate/injection"


def load_test(endpoint: LocalEndpoint, scenario: str, folder: Path, **given: object) -> LoadTest:
    return LoadTest(scenario, TargetChoice(endpoint.url), folder / "run.jsonl", **given)  # type: ignore[arg-type]


def inject(endpoint: LocalEndpoint, plan: dict[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own endpoint
        f"{endpoint.url}{ADMIN}", data=json.dumps(plan).encode(), method="PUT"
    )
    urllib.request.urlopen(request).close()  # noqa: S310


def started(endpoint: LocalEndpoint, test: LoadTest) -> subprocess.Popen[bytes]:
    """The run as a process of its own, which is not followed."""
    command = [word for word in test.command() if word != "--vecgate-parent=yes"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)


def wait_until(holds: Callable[[], object], process: subprocess.Popen[Any]) -> None:
    """Wait while *process* is to bring it about."""
    deadline_s = time.monotonic() + WITHIN_S
    while not holds():
        assert process.poll() is None, f"the process has ended, with {process.returncode}"
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def seconds_in(path: Path) -> int:
    return path.read_bytes().count(b'"record":"second"') if path.exists() else 0


def is_accounted_for(stream: Stream, *, unheard: int = 0) -> bool:
    """Every scheduled request was started, dropped or lost, and every one that was started ended.

    unheard  so many of these may be missing: they were under way on a worker that was killed
    """
    summary, plan = summary_of(stream), stream.first(Plan)
    assert plan is not None
    is_ended = summary.started - unheard <= summary.requests <= summary.started
    return summary.started + summary.dropped + summary.lost == plan.scheduled == summary.due and is_ended


def buckets_left(endpoint: LocalEndpoint) -> int:
    """How many buckets the endpoint has."""
    command = [sys.executable, "-m", "vecgate", "clean", "--target", endpoint.url, "--json"]
    told = subprocess.run(command, check=True, capture_output=True, env={**os.environ}).stdout
    return len(json.loads(told)["buckets"])


def unused_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
