"""Who serves a master: whom it takes, whom it still has, and what it tells them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from vecgate import __version__
from vecgate.load.lab.messages import MISSION, REFUSED, STOP, Hello, Ready, Refused, packed
from vecgate.load.lab.processes import whereabouts
from vecgate.load.lab.roster import Roster


class Runner:
    """Keeps what is sent, as Locust would send it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, str]] = []

    def send_message(self, kind: str, data: Any, worker: str) -> None:
        self.sent.append((kind, data, worker))

    def get_worker_index(self, worker: str) -> int:
        return ["a", "b"].index(worker)


def hello(pid: int = 1, where: str = "elsewhere", *, secret: str = "", version: str = __version__) -> Hello:
    return Hello(pid=pid, where=where, version=version, secret=secret)


def test_a_worker_that_knows_the_secret_is_taken() -> None:
    """It has a name for people, and is sent what it needs until it is forgotten; all are told to stop."""
    runner = Runner()
    roster = Roster(runner, "s")
    assert [roster.admit(worker, hello(secret="s")) for worker in ("a", "b")] == [True, True]
    assert (set(roster.workers), roster.name("b")) == ({"a", "b"}, "worker-2")
    roster.send(MISSION, Ready(run="r"), "a")
    roster.forget("a")
    roster.forget("a")
    roster.stop_all()
    assert runner.sent == [(MISSION, packed(Ready(run="r")), "a"), (STOP, {}, "b")]


@pytest.mark.parametrize(
    ("stranger", "why"),
    [
        (hello(secret="other"), "the master has workers of its own, and takes no others"),
        (hello(secret="s", version="0.0.1"), f"the master runs vecgate {__version__}, and this worker 0.0.1"),
        (
            hello(secret="s", version=""),
            f"the master runs vecgate {__version__}, and this worker another one",
        ),
    ],
)
def test_a_stranger_is_told_why_it_is_of_no_use(stranger: Hello, why: str) -> None:
    """And is sent nothing else."""
    runner = Runner()
    roster = Roster(runner, "s")
    assert not roster.admit("a", stranger)
    roster.stop_all()
    assert runner.sent == [(REFUSED, packed(Refused(why=why)), "a")]


def test_a_process_that_is_gone_twice_has_ended() -> None:
    """What it said last may have been under way the first time; one from elsewhere never seems to end."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    roster = Roster(Runner(), "")
    roster.admit("a", hello(process.pid, whereabouts()))
    roster.admit("b", hello(process.pid))
    assert roster.ended() == set()
    assert roster.ended() == ({"a"} if whereabouts() else set())
