"""The messages of a worker to its master, with a fake Locust runner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from vecgate.bulk.transport.sender import Sender
from vecgate.load.runtime.process_liveness import WatchedProcess
from vecgate.load.runtime.worker import Worker
from vecgate.load.runtime.worker_messages import (
    ASSIGNMENT,
    DONE,
    HELLO,
    READY,
    REPARTITION,
    SECOND,
    START,
    STOP,
    WORKER_REJECTED,
    Assignment,
    Done,
    Hello,
    IntervalReport,
    Ready,
    Repartition,
    Start,
    Stop,
    WorkerRejected,
    decode_message,
    encode_message,
)
from vecgate.load.scenario.scenario_spec import Scenario, VectorsSpec
from vecgate.load.traffic.planned_requests import RequestPlanner
from vecgate.results.load.load_records import Recall, Stage
from vecgate.targets.target import Target

WITHIN_S = 30.0
RECALL = Recall(k=10, queries=1, mean=0.5, lowest=0.5)
NO_SERVER = "http://127.0.0.1:9"


SECRET = "a secret of this test"


@dataclass
class FakeRunner:
    """Locust's runner as a worker sees it: keeps the messages to the master, and delivers messages from it."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    listeners: dict[str, Callable[..., None]] = field(default_factory=dict)
    environment: Any = field(default_factory=lambda: SimpleNamespace(process_exit_code=None))
    quits: int = 0

    def quit(self) -> None:
        self.quits += 1

    def register_message(self, kind: str, listener: Callable[..., None], *, concurrent: bool) -> None:
        assert concurrent
        self.listeners[kind] = listener

    def send_message(self, kind: str, data: dict[str, Any]) -> None:
        self.sent.append((kind, data))

    def deliver(self, kind: str, message: object) -> None:
        self.listeners[kind](msg=SimpleNamespace(data=encode_message(message, SECRET)))

    def messages(self, kind: str) -> list[dict[str, Any]]:
        return [data for each, data in self.sent if each == kind]


def wait_until(holds: Callable[[], object]) -> None:
    with gevent.Timeout(WITHIN_S):
        while not holds():
            gevent.sleep(0.01)


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The maximum number of connections of each opened sender."""
    limits: list[int] = []
    opened = Target.sender

    def sender(
        target: Target, *, connections: int = 10, direct: bool = False
    ) -> AbstractContextManager[Sender]:
        limits.append(connections)
        return opened(target, connections=connections, direct=direct)

    monkeypatch.setattr(Target, "sender", sender)
    return limits


def assignment(scenario: Scenario) -> Assignment:
    return Assignment(
        run="r",
        scenario=scenario,
        bucket="b",
        index="i",
        target=NO_SERVER,
        region="us-east-1",
        credentials=("k", "s"),
    )


@pytest.fixture
def runner() -> Iterator[FakeRunner]:
    """A worker has started a schedule of one request in a tenth of a second, to a port without a server."""
    fake = FakeRunner()
    worker = Worker(fake, lambda: "worker-1", secret=SECRET)
    stage = Stage(kind="constant", from_per_s=10, to_per_s=10, duration_s=0.1)
    vectors = VectorsSpec(dimension=2, pool=5, per_request=1)
    scenario = Scenario(vectors=vectors, stages=(stage,), in_flight_max=17)
    fake.deliver(ASSIGNMENT, assignment(scenario))
    assert worker.dispatcher is not None
    fake.deliver(START, Start(run="r", in_s=0.0, from_arrival=0, part=0, parts=1))
    user = gevent.spawn(worker.dispatcher.serve)
    yield fake
    user.join(WITHIN_S)
    worker.close()


def test_a_worker_introduces_its_process(runner: FakeRunner) -> None:
    """So that the master can notice its end."""
    (hello,) = (decode_message(data, Hello, SECRET) for data in runner.messages(HELLO))
    assert not WatchedProcess(hello.pid, hello.pid_namespace).has_ended()


@pytest.mark.usefixtures("runner")
def test_as_many_connections_may_be_open_as_requests_in_flight(connections: list[int]) -> None:
    """More requests would open a new connection each time, or wait."""
    assert connections == [17]


def test_a_worker_reports_every_second_while_it_computes_recall(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the master would consider it lost; these seconds are empty."""
    may_end = threading.Event()

    def slow(_: RequestPlanner) -> Recall:
        may_end.wait(WITHIN_S)
        return RECALL

    monkeypatch.setattr(RequestPlanner, "recall", slow)
    wait_until(lambda: len(runner.messages(SECOND)) >= 3)
    assert not runner.messages(DONE)
    may_end.set()
    wait_until(lambda: runner.messages(DONE))
    (done,) = (decode_message(data, Done, SECRET) for data in runner.messages(DONE))
    seconds = [decode_message(data, IntervalReport, SECRET).second for data in runner.messages(SECOND)]
    assert done.recall == RECALL
    assert [each.at_s for each in seconds] == list(range(len(seconds)))
    assert [each.started for each in seconds] == [1] + [0] * (len(seconds) - 1)
    assert done.totals.started == 1


def test_a_worker_that_joins_again_does_not_finish_its_new_part_with_the_old_one(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The master had lost it while it computed recall, and has assigned it a part since."""
    is_computing, may_end = threading.Event(), threading.Event()

    def slow(_: RequestPlanner) -> Recall:
        is_computing.set()
        may_end.wait(WITHIN_S)
        return RECALL

    monkeypatch.setattr(RequestPlanner, "recall", slow)
    wait_until(is_computing.is_set)
    vectors = VectorsSpec(dimension=2, pool=5, per_request=1)
    runner.deliver(ASSIGNMENT, assignment(Scenario(vectors=vectors)))
    may_end.set()
    # The old part would finish at once.
    with gevent.Timeout(0.5, exception=False):
        wait_until(lambda: runner.messages(DONE))
    assert not runner.messages(DONE)


def test_an_error_in_computing_recall_is_reported(
    runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent worker would count as lost, without a reason."""

    def broken(_: RequestPlanner) -> Recall:
        raise MemoryError("no room")

    monkeypatch.setattr(RequestPlanner, "recall", broken)
    monkeypatch.setattr(gevent.get_hub(), "handle_error", lambda *_: None)
    wait_until(lambda: len(runner.messages(READY)) >= 2)
    problems = [decode_message(data, Ready, SECRET).problem for data in runner.messages(READY)]
    assert problems == ["", "vecgate itself failed: MemoryError: no room"]


def test_a_worker_without_the_secret_of_the_master_ends(
    runner: FakeRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says why. Its master would name a target, to which the worker would send signed requests."""
    foreign = encode_message(Repartition(run="r", from_arrival=0, part=0, parts=1), "another secret")
    runner.listeners[REPARTITION](msg=SimpleNamespace(data=foreign))
    rejected = encode_message(WorkerRejected(reason="the master rejects this worker: a reason"), "")
    runner.listeners[WORKER_REJECTED](msg=SimpleNamespace(data=rejected))
    assert runner.environment.process_exit_code == 2
    assert runner.quits == 2
    first, hint, second, _ = capsys.readouterr().err.splitlines()
    assert first == "error: the master and this worker do not have the same secret"
    assert "VECGATE_MASTER_SECRET" in hint
    assert second == "error: the master rejects this worker: a reason"


def test_a_worker_that_its_master_had_lost_joins_again(
    runner: FakeRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, and it says so; a usual stop is silent."""
    runner.deliver(STOP, Stop(is_lost=True))
    runner.deliver(STOP, Stop(is_lost=True))
    runner.deliver(STOP, Stop())
    assert len(runner.messages(HELLO)) == 2
    assert "it joins again" in capsys.readouterr().err


def test_a_worker_without_credentials_ends_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its master has some: with placeholders, the target would seem to reject every request."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    fake = FakeRunner()
    worker = Worker(fake, lambda: "worker-1", secret=SECRET)
    for needed in (False, True):
        fake.deliver(
            ASSIGNMENT,
            Assignment(
                run="r",
                scenario=Scenario(vectors=VectorsSpec(dimension=2, pool=5, per_request=1)),
                bucket="b",
                index="i",
                target=NO_SERVER,
                needs_credentials=needed,
            ),
        )
    worker.close()
    first, second = (decode_message(data, Ready, SECRET).problem for data in fake.messages(READY))
    assert (first, fake.environment.process_exit_code, fake.quits) == ("", 3, 1)
    assert second == "this worker finds no AWS credentials, and its master has some"
    assert f"error: {second}" in capsys.readouterr().err
