"""The workers of a master: which it admits, which have ended, and the messages to them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from child_processes import WITHIN_S, child_process
from hypothesis import given
from hypothesis import strategies as st

from vecgate import __version__
from vecgate.load.runtime.process_liveness import pid_namespace
from vecgate.load.runtime.worker_messages import (
    ASSIGNMENT,
    STOP,
    WORKER_REJECTED,
    ForeignMessage,
    Hello,
    Ready,
    Stop,
    WorkerRejected,
    decode_message,
    decode_unverified,
    encode_message,
)
from vecgate.load.runtime.worker_registry import WorkerRegistry

SECRET = "a secret of this test"


class Runner:
    """Keeps the messages that Locust would send."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, str]] = []
        self.clients = {"a": 1, "b": 1}

    def send_message(self, kind: str, data: Any, worker: str) -> None:
        self.sent.append((kind, data, worker))

    def get_worker_index(self, worker: str) -> int:
        return ["a", "b"].index(worker)


def hello(
    pid: int = 1, namespace: str = "elsewhere", *, secret: str = SECRET, version: str = __version__
) -> dict[str, Any]:
    return encode_message(Hello(pid=pid, pid_namespace=namespace, version=version), secret)


def test_a_worker_with_the_secret_is_admitted() -> None:
    """It has a name, receives messages until it is forgotten, and is stopped with all others."""
    runner = Runner()
    registry = WorkerRegistry(runner, SECRET)
    assert [registry.admit(worker, hello()) for worker in ("a", "b")] == [True, True]
    assert (set(registry.workers), registry.name("b")) == ({"a", "b"}, "worker-2")
    registry.send(ASSIGNMENT, Ready(run="r"), "a")
    registry.forget("a")
    registry.forget("a")
    registry.stop_all()
    assert runner.sent == [
        (ASSIGNMENT, encode_message(Ready(run="r"), SECRET), "a"),
        (STOP, encode_message(Stop(), SECRET), "b"),
    ]


@pytest.mark.parametrize(
    ("unknown", "reason"),
    [
        (hello(secret="another secret"), "it does not have the secret of the master"),
        (hello(secret=""), "it does not have the secret of the master"),
        ({**hello(), "code": "ä"}, "it does not have the secret of the master"),
        ({"json": hello()["json"]}, "it does not have the secret of the master"),
        (hello(version="0.0.1"), f"the master runs vecgate {__version__}, the worker 0.0.1"),
        (
            hello(secret="another secret", version=""),
            f"the master runs vecgate {__version__}, the worker another version",
        ),
        ({}, f"the master runs vecgate {__version__}, the worker another version"),
        ({"json": "[" * 100_000}, f"the master runs vecgate {__version__}, the worker another version"),
    ],
)
def test_an_unknown_worker_is_rejected_with_the_reason(unknown: dict[str, Any], reason: str) -> None:
    """And receives nothing else. It can read the rejection without the secret."""
    runner = Runner()
    registry = WorkerRegistry(runner, SECRET)
    assert not registry.admit("a", unknown)
    assert runner.clients == {"b": 1}
    registry.stop_all()
    ((kind, data, worker),) = runner.sent
    assert (kind, worker) == (WORKER_REJECTED, "a")
    assert decode_unverified(data, WorkerRejected).reason == f"the master rejects this worker: {reason}"


@given(text=st.text(max_size=50), secret=st.text(max_size=20), other=st.text(max_size=20))
def test_a_message_is_read_only_with_its_secret(text: str, secret: str, other: str) -> None:
    """And only as a message of its own kind: none can be sent back as another one."""
    message = Ready(run=text)
    data = encode_message(message, secret)
    assert decode_message(data, Ready, secret) == message
    changed = {**data, "json": data["json"].replace('"run"', '"run" ')}
    for wrong, kind, key in ((data, Ready, secret + "x"), (data, Hello, secret), (changed, Ready, secret)):
        with pytest.raises(ForeignMessage):
            decode_message(wrong, kind, key)
    if other != secret:
        with pytest.raises(ForeignMessage):
            decode_message(data, Ready, other)


def test_a_process_has_ended_when_it_is_missing_twice() -> None:
    """Its last messages may be in transit the first time; the end of a remote process is not noticed."""
    with child_process([sys.executable, "-c", ""]) as process:
        process.wait(WITHIN_S)
    registry = WorkerRegistry(Runner(), SECRET)
    registry.admit("a", hello(process.pid, pid_namespace()))
    registry.admit("b", hello(process.pid))
    assert registry.ended() == set()
    assert registry.ended() == ({"a"} if pid_namespace() else set())
