"""The coordinator with a fake Locust runner: its states, its messages to workers, and its result stream."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from result_builders import header

from vecgate import __version__
from vecgate.errors import TargetError
from vecgate.load.runtime import coordinator as module
from vecgate.load.runtime.coordinator import Coordinator
from vecgate.load.runtime.coordinator_state import CoordinatorState, enter
from vecgate.load.runtime.load_run import LoadRun
from vecgate.load.runtime.runtime_options import RunSettings, parse_settings
from vecgate.load.runtime.worker_messages import (
    ASSIGNMENT,
    DONE,
    HELLO,
    READY,
    REPARTITION,
    SECOND,
    START,
    STOP,
    Done,
    Hello,
    IntervalReport,
    Ready,
    Repartition,
    Start,
    Stop,
    decode_message,
    encode_message,
)
from vecgate.load.scenario.scenario_spec import Scenario, VectorsSpec
from vecgate.load.traffic.interval_ledger import IntervalLedger
from vecgate.resources.run_index import RunIndex
from vecgate.results.load.load_records import Event, Second, Stage, WorkerTotals
from vecgate.results.result_stream import StreamWriter, read_stream
from vecgate.s3vectors.arn import IndexAddress

WITHIN_S = 30.0
SECRET = "a secret of this test"
SCENARIO = Scenario(
    name="test",
    unit="requests",
    in_flight_max=3,
    vectors=VectorsSpec(dimension=2, per_request=1),
    stages=(Stage(kind="constant", from_per_s=10, to_per_s=10, duration_s=1.0),),
)


class FakeRunner:
    """Locust's runner: keeps the messages to workers, and delivers messages from them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, str]] = []
        self.listeners: dict[str, Callable[..., None]] = {}
        self.user_count = SCENARIO.in_flight_max
        self.shape_greenlet: Any = None
        self.worker_count = 1

    def register_message(self, kind: str, listener: Callable[..., None]) -> None:
        self.listeners[kind] = listener

    def send_message(self, kind: str, data: Any, worker: str) -> None:
        self.sent.append((kind, data, worker))

    def get_worker_index(self, worker: str) -> int:
        return "abc".index(worker)

    def deliver(self, kind: str, worker: str, message: object) -> None:
        self.listeners[kind](msg=SimpleNamespace(node_id=worker, data=encode_message(message, SECRET)))

    def receivers(self, kind: str) -> list[str]:
        return [worker for each, _, worker in self.sent if each == kind]


class FakeGate:
    """Ends the run after a second in which requests were dropped."""

    def add(self, second: Second) -> str:
        return "dropped == 0: 1" if second.dropped else ""


class Bench:
    """A coordinator with a fake runner, fake resources, and the states that it has entered."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "run.jsonl"
        self.runner = FakeRunner()
        options = Namespace(
            vecgate_scenario="smoke",
            vecgate_results=str(self.results),
            vecgate_run="r1",
            vecgate_parent="yes",
        )
        self.environment = SimpleNamespace(runner=self.runner, parsed_options=options, process_exit_code=None)
        self.coordinator = Coordinator(self.environment, secret=SECRET)
        self.states: list[str] = []
        self.is_removed = False
        self.settings: list[RunSettings] = []
        self.failure: Exception | None = None
        self.gate = FakeGate()

    def enter(self, state: CoordinatorState, new: CoordinatorState) -> CoordinatorState:
        self.states.append(new.name)
        return enter(state, new)

    def prepare_run(self, settings: RunSettings, stack: ExitStack) -> LoadRun:
        """Return a run without resources. Closing *stack* sets `is_removed`."""
        self.settings.append(settings)
        if self.failure:
            raise self.failure
        stack.callback(self.remove)
        ledger = IntervalLedger(SCENARIO.schedule(), 1.0)
        writer, plan = StreamWriter(settings.results), SCENARIO.plan()
        target: Any = SimpleNamespace(endpoint_url="http://127.0.0.1:9")
        index, gate = RunIndex(IndexAddress("bucket", "vectors")), self.gate
        run = LoadRun(settings, SCENARIO, plan, target, index, writer, ledger, gate, ("k", "s"))  # type: ignore[arg-type] # fakes
        writer.write(header(kind="load"))
        writer.write(plan)
        return run

    def remove(self) -> None:
        self.is_removed = True

    def add_workers(self, *workers: str) -> None:
        for worker in workers:
            self.runner.deliver(HELLO, worker, Hello(pid=1, version=__version__))

    def ready(self, *workers: str, problem: str = "") -> None:
        for worker in workers:
            self.runner.deliver(READY, worker, Ready(run="r1", problem=problem))

    def report(self, worker: str, *, dropped: int = 0) -> None:
        second = Second(at_s=0, due=5, due_vectors=5, started=5 - dropped, dropped=dropped)
        self.runner.deliver(SECOND, worker, IntervalReport(run="r1", second=second))

    def done(self, *workers: str) -> None:
        for worker in workers:
            self.runner.deliver(DONE, worker, Done(run="r1", totals=WorkerTotals(worker=worker)))

    def wait_for(self, kind: str, *workers: str) -> None:
        wait_until(lambda: set(workers) <= set(self.runner.receivers(kind)))

    def wait_for_state(self, state: CoordinatorState) -> None:
        wait_until(lambda: self.coordinator.state is state)

    def start(self, *workers: str) -> None:
        """Bring the run to RUNNING with *workers*."""
        self.add_workers(*workers)
        self.coordinator.begin()
        self.wait_for(ASSIGNMENT, *workers)
        self.ready(*workers)
        self.wait_for(START, *workers)

    def events(self) -> list[tuple[str, str]]:
        return [(event.kind, event.text) for event in read_stream(self.results).of(Event)]

    def is_complete(self) -> bool:
        foot = read_stream(self.results).footer
        assert foot is not None
        return foot.is_complete


def wait_until(holds: Callable[[], object]) -> None:
    with gevent.Timeout(WITHIN_S):
        while not holds():
            gevent.sleep(0.005)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    monkeypatch.setattr(module, "prepare_run", bench.prepare_run)
    monkeypatch.setattr(module, "enter", bench.enter)
    monkeypatch.setattr(module, "START_IN_S", 0.0)
    monkeypatch.setattr(module, "POLL_EVERY_S", 0.005)
    yield bench
    bench.coordinator.end()


def test_a_run_goes_through_all_states_and_leaves_a_complete_stream(bench: Bench) -> None:
    """From the assignment to the totals of all workers; then the resources are removed."""
    assert bench.coordinator.state is CoordinatorState.WAITING_FOR_WORKERS
    bench.start("a", "b")
    assert bench.coordinator.users() == SCENARIO.in_flight_max
    for worker in "ab":
        bench.report(worker)
    bench.done("a", "b")
    bench.wait_for_state(CoordinatorState.FINISHED)
    assert (bench.coordinator.users(), bench.is_removed) == (None, False)
    bench.coordinator.reset()
    assert bench.states == ["PREPARING", "ASSIGNING", "RUNNING", "FINISHED", "IDLE"]
    assert (bench.is_removed, bench.is_complete()) == (True, True)
    stream = read_stream(bench.results)
    assert [each.worker for each in stream.of(WorkerTotals)] == ["a", "b"]
    assert [each.due for each in stream.of(Second)] == [10]
    # The process may run the next test.
    assert bench.coordinator.users() == SCENARIO.in_flight_max
    bench.coordinator.begin()
    assert bench.states[5:] == ["PREPARING", "ASSIGNING"]


def test_the_arrivals_are_partitioned_among_the_ready_workers(bench: Bench) -> None:
    """Each one has its part, from the first arrival on."""
    bench.start("a", "b")
    starts = [decode_message(data, Start, SECRET) for kind, data, _ in bench.runner.sent if kind == START]
    assert [(each.from_arrival, each.part, each.parts) for each in starts] == [(0, 0, 2), (0, 1, 2)]


def test_a_worker_that_joins_during_the_run_takes_its_part(bench: Bench) -> None:
    """From an arrival in the near future on; the others learn of it."""
    bench.start("a")
    bench.add_workers("b")
    bench.wait_for(ASSIGNMENT, "b")
    bench.ready("b")
    bench.wait_for(START, "b")
    (start,) = [
        decode_message(data, Start, SECRET)
        for kind, data, to in bench.runner.sent
        if (kind, to) == (START, "b")
    ]
    (other,) = [
        decode_message(data, Repartition, SECRET)
        for kind, data, _ in bench.runner.sent
        if kind == REPARTITION
    ]
    assert start.from_arrival == other.from_arrival > 0
    assert ((other.part, other.parts), (start.part, start.parts)) == ((0, 2), (1, 2))
    assert ("worker-joined", "worker-2 takes its part") in bench.events()


def test_an_interrupt_drains_the_run(bench: Bench) -> None:
    """Once, however often it comes; requests in flight finish, and the run is not complete."""
    bench.start("a")
    bench.coordinator.interrupt()
    bench.coordinator.interrupt()
    assert bench.runner.receivers(STOP) == ["a"]
    bench.done("a")
    bench.wait_for_state(CoordinatorState.FINISHED)
    bench.coordinator.end()
    assert bench.states == ["PREPARING", "ASSIGNING", "RUNNING", "DRAINING", "FINISHED"]
    assert bench.events() == [("aborted", "interrupted")]
    assert (bench.is_removed, bench.is_complete()) == (True, False)


def test_a_failed_threshold_drains_the_run_and_an_interrupt_may_follow(bench: Bench) -> None:
    """Both are recorded. Without the interrupt the run would be complete: it ended as planned."""
    bench.start("a")
    bench.report("a", dropped=1)
    bench.wait_for_state(CoordinatorState.DRAINING)
    assert bench.events()[1:] == [("aborted", "dropped == 0: 1")]
    bench.coordinator.interrupt()
    bench.done("a")
    bench.wait_for_state(CoordinatorState.FINISHED)
    bench.coordinator.end()
    assert [text for kind, text in bench.events() if kind == "aborted"] == ["dropped == 0: 1", "interrupted"]
    assert not bench.is_complete()


def test_a_run_whose_last_worker_has_left_was_not_interrupted(bench: Bench) -> None:
    """It ends with the name of the worker, and is as complete as one that a threshold ended."""
    bench.start("a")
    bench.report("a")
    bench.runner.worker_count = 0
    bench.coordinator.interrupt()
    bench.coordinator.end()
    assert [each for each in bench.events() if each[0] != "stage"] == [
        ("worker-lost", "worker-1 has left; there is no other worker"),
        ("aborted", "worker-1 left, and there is no other worker"),
    ]
    assert (bench.is_removed, bench.is_complete()) == (True, True)


def test_workers_that_leave_before_the_schedule_are_an_error(bench: Bench) -> None:
    """There is nothing to report."""
    bench.add_workers("a")
    bench.coordinator.begin()
    bench.wait_for(ASSIGNMENT, "a")
    bench.runner.worker_count = 0
    bench.coordinator.interrupt()
    bench.wait_for_state(CoordinatorState.FINISHED)
    assert "every worker has left before the schedule began" in str(bench.coordinator.failure)


def test_an_interrupt_before_the_schedule_ends_the_run_without_a_start(bench: Bench) -> None:
    """Workers that become ready afterwards send nothing."""
    bench.add_workers("a")
    bench.coordinator.begin()
    bench.wait_for(ASSIGNMENT, "a")
    bench.coordinator.interrupt()
    bench.wait_for_state(CoordinatorState.FINISHED)
    bench.ready("a")
    bench.coordinator.end()
    assert bench.states == ["PREPARING", "ASSIGNING", "DRAINING", "FINISHED"]
    assert bench.runner.receivers(START) == []
    assert not bench.is_complete()


def test_the_end_of_an_active_run_stops_it(bench: Bench) -> None:
    """Locust quits: the resources are removed, whatever the workers still do."""
    bench.start("a")
    bench.coordinator.end()
    assert bench.states[-2:] == ["DRAINING", "FINISHED"]
    assert (bench.is_removed, bench.is_complete()) == (True, False)
    bench.coordinator.end()
    assert bench.coordinator.state is CoordinatorState.FINISHED


def test_a_run_can_end_before_its_greenlet_has_started(bench: Bench) -> None:
    """The end comes directly after the beginning."""
    bench.coordinator.begin()
    bench.coordinator.end()
    assert bench.states == ["PREPARING", "ASSIGNING", "DRAINING", "FINISHED"]
    assert bench.is_removed


def test_an_error_in_the_preparation_ends_the_run(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed, and decides the exit code; another run may begin."""
    bench.failure = TargetError("it is closed", hint="Open it.")
    bench.coordinator.begin()
    assert bench.states == ["PREPARING", "FINISHED"]
    assert (bench.coordinator.users(), bench.environment.process_exit_code) == (None, 3)
    assert capsys.readouterr().err == "error: it is closed\nhint: Open it.\n"
    bench.coordinator.reset()
    assert (bench.coordinator.state, bench.coordinator.failure) == (CoordinatorState.IDLE, None)


def test_a_worker_that_cannot_get_ready_fails_the_run(bench: Bench) -> None:
    """Before the schedule this is an error of the target."""
    bench.add_workers("a", "b")
    bench.coordinator.begin()
    bench.wait_for(ASSIGNMENT, "a", "b")
    bench.ready("a", problem="it is closed")
    bench.wait_for_state(CoordinatorState.FINISHED)
    assert str(bench.coordinator.failure) == "worker-1 cannot serve: it is closed"
    assert bench.environment.process_exit_code == 3


def test_a_worker_that_was_lost_may_come_back(bench: Bench) -> None:
    """It is told so when the master hears of it again, and then takes its part like one that joins."""
    bench.start("a", "b")
    run = bench.coordinator._run
    assert run is not None
    run.ledger.active["b"] = -60  # it has been silent for a minute
    wait_until(lambda: "b" in bench.runner.receivers(STOP))
    bench.report("b")
    orders = [decode_message(data, Stop, SECRET) for kind, data, _ in bench.runner.sent if kind == STOP]
    assert [each.is_lost for each in orders] == [True, True]
    bench.add_workers("b")
    wait_until(lambda: bench.runner.receivers(ASSIGNMENT).count("b") == 2)
    bench.ready("b")
    wait_until(lambda: bench.runner.receivers(START).count("b") == 2)
    assert [kind for kind, _ in bench.events()] == ["worker-lost", "worker-joined"]


def test_a_worker_that_fails_during_the_run_fails_it(bench: Bench) -> None:
    """The first error counts; Locust ends the test, because no users are wanted any more."""
    bench.start("a")
    bench.ready("a", problem="vecgate itself failed: KeyError: 1")
    bench.ready("a", problem="another one")
    assert (bench.coordinator.users(), bench.environment.process_exit_code) == (None, 4)
    assert str(bench.coordinator.failure) == "vecgate itself failed: KeyError: 1"
    bench.coordinator.end()
    assert not bench.is_complete()


def test_a_late_worker_that_cannot_get_ready_is_only_noted(bench: Bench) -> None:
    """The others continue."""
    bench.start("a")
    bench.add_workers("b")
    bench.ready("b", problem="no route")
    assert ("note", "worker-2 cannot serve: no route") in bench.events()
    assert bench.coordinator.failure is None


def test_no_ready_worker_is_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while."""
    monkeypatch.setattr(module, "READY_WITHIN_S", 0.05)
    bench.add_workers("a")
    bench.coordinator.begin()
    bench.wait_for_state(CoordinatorState.FINISHED)
    assert str(bench.coordinator.failure) == "no worker was ready within 0.05 s"


def test_a_signal_ends_a_process_that_waits_for_workers(bench: Bench) -> None:
    """Locust would continue to wait."""
    with pytest.raises(SystemExit) as caught:
        bench.coordinator.cancel()
    assert caught.value.code == 4


def test_a_signal_during_the_preparation_kills_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resources created by then are removed, and Locust runs no further user."""

    def prepare_slowly(settings: RunSettings, stack: ExitStack) -> LoadRun:
        stack.callback(bench.remove)
        gevent.sleep(60)
        return bench.prepare_run(settings, stack)

    monkeypatch.setattr(module, "prepare_run", prepare_slowly)
    bench.runner.shape_greenlet = gevent.spawn(bench.coordinator.begin)
    bench.wait_for_state(CoordinatorState.PREPARING)
    bench.coordinator.cancel()
    bench.runner.shape_greenlet.join(WITHIN_S)
    assert bench.states == ["PREPARING", "FINISHED"]
    assert bench.coordinator.users() is None
    bench.coordinator.end()
    assert bench.is_removed


def test_a_forked_worker_that_ends_before_the_first_run_ends_the_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later the run continues without it."""
    monkeypatch.setattr(module, "count_live_children", lambda: 2)
    bench.coordinator.check_forked_workers(2)
    monkeypatch.setattr(module, "count_live_children", lambda: 1)
    with pytest.raises(SystemExit) as caught:
        bench.coordinator.check_forked_workers(2)
    assert caught.value.code == bench.environment.process_exit_code == 4
    bench.start("a")
    bench.coordinator.check_forked_workers(2)


def test_a_master_does_not_wait_forever_for_workers(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them may have failed on its machine."""
    monkeypatch.setattr(module, "kill_children", lambda: None)
    bench.coordinator.check_missing_workers(3, waited_s=599)
    with pytest.raises(SystemExit) as caught:
        bench.coordinator.check_missing_workers(3, waited_s=601)
    assert caught.value.code == 4
    assert capsys.readouterr().err.startswith("error: 0 of 3 workers came within 10 min")
    bench.start("a")
    bench.coordinator.check_missing_workers(3, waited_s=601)


def test_under_plain_locust_the_verdict_is_printed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """And decides the exit code: this run sent nothing that was answered."""
    bench.environment.parsed_options.vecgate_parent = ""
    bench.coordinator = Coordinator(bench.environment, secret=SECRET)
    bench.start("a")
    second = Second(at_s=0, due=10, due_vectors=10, started=10)
    bench.runner.deliver(SECOND, "a", IntervalReport(run="r1", second=second))
    bench.done("a")
    bench.wait_for_state(CoordinatorState.FINISHED)
    bench.coordinator.reset()
    *verdict, last = capsys.readouterr().out.splitlines()
    assert verdict[0].startswith("FAIL  ")
    assert last == f"vecgate report {bench.results}"
    assert bench.environment.process_exit_code == 1


def test_messages_without_the_secret_change_nothing(bench: Bench) -> None:
    """A process that is no worker of this master can neither report nor end the run."""
    bench.start("a")
    for kind, message in (
        (READY, Ready(run="r1", problem="no")),
        (DONE, Done(run="r1", totals=WorkerTotals(worker="a"))),
    ):
        data = encode_message(message, "another secret")
        bench.runner.listeners[kind](msg=SimpleNamespace(node_id="a", data=data))
    assert bench.coordinator.failure is None
    bench.report("a")
    bench.done("a")
    bench.wait_for_state(CoordinatorState.FINISHED)
    bench.coordinator.end()
    assert [each.due for each in read_stream(bench.results).of(Second)] == [10]


@pytest.mark.parametrize(
    ("name", "value"),
    [("target", "http://evil.example"), ("results", "/dev/null"), ("yes", "yes"), ("max_cost", "1000"),
     ("profile", "other"), ("no_verify", "yes"), ("run", "x"), ("parent", ""), ("bucket_prefix", "x")],
)  # fmt: skip
def test_a_form_cannot_change_where_a_run_goes(bench: Bench, name: str, value: str) -> None:
    """Whatever changes Locust's options: a run has those of the command line."""
    setattr(bench.environment.parsed_options, f"vecgate_{name}", value)
    bench.environment.parsed_options.vecgate_thresholds = "p(99) < 1s"
    before = parse_settings(Namespace(vecgate_scenario="smoke", vecgate_results=str(bench.results),
                                      vecgate_run="r1", vecgate_parent="yes",
                                      vecgate_thresholds="p(99) < 1s"), run_number=1)  # fmt: skip
    bench.coordinator.begin()
    assert bench.settings == [before]
