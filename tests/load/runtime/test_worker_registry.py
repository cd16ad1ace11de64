"""The workers of a master: which it admits, which have ended, and the messages to them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from vecgate import __version__
from vecgate.load.runtime.process_liveness import pid_namespace
from vecgate.load.runtime.worker_messages import (
    ASSIGNMENT,
    STOP,
    WORKER_REJECTED,
    Hello,
    Ready,
    WorkerRejected,
    encode_message,
)
from vecgate.load.runtime.worker_registry import WorkerRegistry


class Runner:
    """Keeps the messages that Locust would send."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, str]] = []

    def send_message(self, kind: str, data: Any, worker: str) -> None:
        self.sent.append((kind, data, worker))

    def get_worker_index(self, worker: str) -> int:
        return ["a", "b"].index(worker)


def hello(
    pid: int = 1, namespace: str = "elsewhere", *, secret: str = "", version: str = __version__
) -> Hello:
    return Hello(pid=pid, pid_namespace=namespace, version=version, secret=secret)


def test_a_worker_with_the_secret_is_admitted() -> None:
    """It has a name, receives messages until it is forgotten, and is stopped with all others."""
    runner = Runner()
    registry = WorkerRegistry(runner, "s")
    assert [registry.admit(worker, hello(secret="s")) for worker in ("a", "b")] == [True, True]
    assert (set(registry.workers), registry.name("b")) == ({"a", "b"}, "worker-2")
    registry.send(ASSIGNMENT, Ready(run="r"), "a")
    registry.forget("a")
    registry.forget("a")
    registry.stop_all()
    assert runner.sent == [(ASSIGNMENT, encode_message(Ready(run="r")), "a"), (STOP, {}, "b")]


@pytest.mark.parametrize(
    ("unknown", "reason"),
    [
        (hello(secret="other"), "the master accepts only the workers that it has started itself"),
        (hello(secret="s", version="0.0.1"), f"the master runs vecgate {__version__}, this worker 0.0.1"),
        (
            hello(secret="s", version=""),
            f"the master runs vecgate {__version__}, this worker another version",
        ),
    ],
)
def test_an_unknown_worker_is_rejected_with_the_reason(unknown: Hello, reason: str) -> None:
    """And receives nothing else."""
    runner = Runner()
    registry = WorkerRegistry(runner, "s")
    assert not registry.admit("a", unknown)
    registry.stop_all()
    assert runner.sent == [(WORKER_REJECTED, encode_message(WorkerRejected(reason=reason)), "a")]


def test_a_process_has_ended_when_it_is_missing_twice() -> None:
    """Its last messages may be in transit the first time; the end of a remote process is not noticed."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    registry = WorkerRegistry(Runner(), "")
    registry.admit("a", hello(process.pid, pid_namespace()))
    registry.admit("b", hello(process.pid))
    assert registry.ended() == set()
    assert registry.ended() == ({"a"} if pid_namespace() else set())
