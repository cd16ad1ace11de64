"""A worker and what it tells its master, with a runner that only listens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from vecgate.bulk.wire import Sender
from vecgate.load.lab.messages import (
    DONE,
    HELLO,
    MISSION,
    READY,
    SECOND,
    START,
    Done,
    Hello,
    Mission,
    Ready,
    Start,
    Told,
    packed,
    unpacked,
)
from vecgate.load.lab.processes import Watched
from vecgate.load.lab.worker import Worker
from vecgate.load.requests import Requests
from vecgate.load.specs import Scenario, VectorsSpec
from vecgate.results.load import Recall, Stage
from vecgate.targets.target import Target

WITHIN_S = 30.0
RECALL = Recall(k=10, queries=1, mean=0.5, lowest=0.5)
NOBODY = "http://127.0.0.1:9"


@dataclass
class Listening:
    """Locust's runner as a worker sees it: keeps what is sent to the master, and says what it is told to."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    listeners: dict[str, Callable[..., None]] = field(default_factory=dict)

    def register_message(self, kind: str, listener: Callable[..., None], *, concurrent: bool) -> None:
        assert concurrent
        self.listeners[kind] = listener

    def send_message(self, kind: str, data: dict[str, Any]) -> None:
        self.sent.append((kind, data))

    def says(self, kind: str, message: object) -> None:
        self.listeners[kind](msg=SimpleNamespace(data=packed(message)))

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [data for each, data in self.sent if each == kind]


def wait_until(holds: Callable[[], object]) -> None:
    with gevent.Timeout(WITHIN_S):
        while not holds():
            gevent.sleep(0.01)


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many connections each sender that is opened may have."""
    asked: list[int] = []
    opened = Target.sender

    def sender(
        target: Target, *, connections: int = 10, direct: bool = False
    ) -> AbstractContextManager[Sender]:
        asked.append(connections)
        return opened(target, connections=connections, direct=direct)

    monkeypatch.setattr(Target, "sender", sender)
    return asked


@pytest.fixture
def runner() -> Iterator[Listening]:
    """A worker has begun on a schedule that asks for one request in a tenth of a second, of nobody."""
    listening = Listening()
    worker = Worker(listening, lambda: "worker-1")
    stage = Stage(kind="constant", from_per_s=10, to_per_s=10, duration_s=0.1)
    vectors = VectorsSpec(dimension=2, pool=5, per_request=1)
    scenario = Scenario(vectors=vectors, stages=(stage,), in_flight_max=17)
    mission = Mission(
        run="r", scenario=scenario, bucket="b", index="i", target=NOBODY, region="us-east-1", keys=("k", "s")
    )
    listening.says(MISSION, mission)
    assert worker.engine is not None
    listening.says(START, Start(run="r", in_s=0.0, from_arrival=0, part=0, parts=1))
    user = gevent.spawn(worker.engine.serve)
    yield listening
    user.join(WITHIN_S)
    worker.close()


def test_a_worker_says_which_process_it_is(runner: Listening) -> None:
    """So that its end can be seen."""
    (hello,) = (unpacked(data, Hello) for data in runner.heard(HELLO))
    assert not Watched(hello.pid, hello.where).has_ended()


@pytest.mark.usefixtures("runner")
def test_as_many_connections_may_be_open_as_requests_in_flight(connections: list[int]) -> None:
    """Else those beyond would open one each time, or wait."""
    assert connections == [17]


def test_a_worker_goes_on_telling_while_it_judges_answers(
    runner: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The master would take it for lost; seconds in which it does nothing else are empty."""
    may_end = threading.Event()

    def slow(_: Requests) -> Recall:
        may_end.wait(WITHIN_S)
        return RECALL

    monkeypatch.setattr(Requests, "recall", slow)
    wait_until(lambda: len(runner.heard(SECOND)) >= 3)
    assert not runner.heard(DONE)
    may_end.set()
    wait_until(lambda: runner.heard(DONE))
    (done,) = (unpacked(data, Done) for data in runner.heard(DONE))
    seconds = [unpacked(data, Told).second for data in runner.heard(SECOND)]
    assert done.recall == RECALL
    assert [each.at_s for each in seconds] == list(range(len(seconds)))
    assert [each.started for each in seconds] == [1] + [0] * (len(seconds) - 1)
    assert done.totals.started == 1


def test_what_goes_wrong_while_answers_are_judged_is_told(
    runner: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that falls silent would count as lost, and nobody would know why."""

    def broken(_: Requests) -> Recall:
        raise MemoryError("no room")

    monkeypatch.setattr(Requests, "recall", broken)
    monkeypatch.setattr(gevent.get_hub(), "handle_error", lambda *_: None)
    wait_until(lambda: len(runner.heard(READY)) >= 2)
    told = [unpacked(data, Ready).problem for data in runner.heard(READY)]
    assert told == ["", "vecgate itself failed: MemoryError: no room"]
