"""The master's side of a run: place, schedule, account, result stream.

Locust tells when a test starts and ends; what happens between is decided here. The place is made before the
first user is, and is gone whatever ends the test.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent

from vecgate.errors import TargetError, VecgateError
from vecgate.gate.load import judge_load, load_line_of
from vecgate.gate.verdict import Grade
from vecgate.load.lab.failures import BROKEN, exit_code_of, ours
from vecgate.load.lab.messages import (
    DONE,
    HELLO,
    MISSION,
    READY,
    SECOND,
    SHARE,
    START,
    Done,
    Hello,
    NewShare,
    Ready,
    Start,
    Told,
    unpacked,
)
from vecgate.load.lab.processes import has_dead_child
from vecgate.load.lab.roster import Roster
from vecgate.load.lab.running import Running, prepared_run
from vecgate.load.lab.settings import complain, settings_of
from vecgate.load.sharing import Share, divided
from vecgate.results.load import EventKind
from vecgate.results.stream import read_stream
from vecgate.results.summary import summary_of

#: The schedule begins so long after every worker is ready; shares change so long after that is told.
START_IN_S, LEAD_S = 0.5, 1.0
READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.1
EXIT_OF_GRADE: Mapping[Grade, int] = {"passed": 0, "failed": 1, "unjudged": BROKEN}
#: Of a run that would have passed, had the target allowed to remove what it made.
UNCLEAN = 3


class Conductor:
    """Conducts the runs of one master, or of a process alone, one after the other.

    secret  that each of its workers knows; empty where any may join
    """

    def __init__(self, environment: Any, *, secret: str = "") -> None:  # noqa: ANN401 - Locust's environment
        self._environment, self._runner = environment, environment.runner
        self._settings = settings_of(environment.parsed_options)
        self._users = self._settings.loaded().in_flight_max
        self._number = 0
        self._is_preparing = False
        self._running: Running | None = None
        self._greenlet: Any = None
        self._stack = ExitStack()
        self._roster = Roster(self._runner, secret)
        self._is_cancelled = False
        self.failure: VecgateError | None = None
        for kind, listener in {
            HELLO: self._on_hello,
            READY: self._on_ready,
            SECOND: self._on_second,
            DONE: self._on_done,
        }.items():
            self._runner.register_message(kind, listener)

    # What Locust asks and tells.

    def users(self) -> int | None:
        """How many users there should be; None once the run is over."""
        is_over = self._greenlet is not None and not self._is_going_on
        return None if is_over or self._is_cancelled or self.failure is not None else self._users

    def begin(self) -> None:
        """Prepare a run and begin it; what is wrong is said, and ends it."""
        self.rest()
        self._number, self._is_preparing = self._number + 1, True
        self._environment.process_exit_code = None
        try:
            # Locust's web interface may have changed them.
            self._settings = settings_of(self._environment.parsed_options, number=self._number)
            self._running = prepared_run(self._settings, self._stack)
            self._users = self._running.scenario.in_flight_max
            self._greenlet = gevent.spawn(self._conducted, self._running)
        except Exception as error:  # noqa: BLE001 - Locust would log it and run on, with nothing to run
            self._fail(error)
            self.end()
        finally:
            self._is_preparing = False

    def cancel(self) -> None:
        """Somebody wants the run to end: it does, and the process after it."""
        self._is_cancelled = True
        self.interrupted()
        shape = self._runner.shape_greenlet
        if shape is None and not self._number:
            # Locust waits for workers, and for nothing else.
            sys.exit(BROKEN)
        if shape is not None and self._is_preparing:
            # On a master it is what prepares.
            shape.kill(block=False)

    def see_to_workers(self) -> None:
        """End the process where a worker that it has forked has ended: Locust would wait for it for ever."""
        if not self._number and has_dead_child():
            self._fail(VecgateError("a worker has ended before the run began"))
            sys.exit(BROKEN)

    def interrupted(self) -> None:
        """Locust ends the test: where the run is still going on, nothing more of it begins."""
        running = self._running
        if running is not None and self._is_going_on and not running.is_cut:
            running.is_cut = True
            running.ledger.stopped()
            self._event(running, "aborted", "interrupted")
            self._roster.stop_all()

    def end(self) -> None:
        """End the run, in the middle where it is still going on, and remove what it made."""
        self.interrupted()
        if self._is_going_on:
            self._greenlet.kill(block=True)
        running, self._running = self._running, None
        try:
            if running is not None:
                self._written(running.account)
        finally:
            self._stack.close()
            self._stack = ExitStack()
        if running is not None:
            self._written(lambda: running.close(is_whole=self.failure is None))
            if not running.settings.has_parent and self.failure is None:
                self._tell_verdict(running.settings.results)

    def rest(self) -> None:
        """End the run, and be ready for the next one."""
        self.end()
        self.failure = self._greenlet = None

    def _event(self, running: Running, kind: EventKind, text: str) -> None:
        self._written(lambda: running.event(kind, text))

    def _written(self, write: Callable[[], None]) -> None:
        """Do *write*; a disk that takes nothing more ends nothing but the run."""
        try:
            write()
        except VecgateError as error:
            if self.failure is None:
                self._fail(error)

    @property
    def _is_going_on(self) -> bool:
        return self._greenlet is not None and not self._greenlet.ready()

    # What workers tell.

    def _on_hello(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        is_admitted = self._roster.admit(msg.node_id, unpacked(msg.data, Hello))
        if is_admitted and self._running is not None and self._greenlet is not None:
            self._roster.send(MISSION, self._running.mission(), msg.node_id)

    def _on_ready(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        ready, running = unpacked(msg.data, Ready), self._running
        if running is None or ready.run != running.settings.run:
            return
        if ready.problem and running.begun_s is not None and msg.node_id not in running.ready:
            self._event(running, "note", f"{self._roster.name(msg.node_id)} cannot serve: {ready.problem}")
            return
        if ready.problem:
            if self.failure is None:
                self._fail((TargetError if running.begun_s is None else VecgateError)(ready.problem))
            return
        running.ready.add(msg.node_id)
        if running.begun_s is not None:
            self._join(running, msg.node_id)

    def _on_second(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        told = unpacked(msg.data, Told)
        if self._running is not None and told.run == self._running.settings.run:
            self._running.ledger.told(msg.node_id, told.second)

    def _on_done(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        done = unpacked(msg.data, Done)
        if self._running is not None and done.run == self._running.settings.run:
            self._running.ledger.done(msg.node_id, done.totals, done.recall)

    # A run.

    def _conducted(self, running: Running) -> None:
        try:
            self._conduct(running)
        except Exception as error:  # noqa: BLE001 - a bug of ours: the run ends, and says so
            self._fail(error)

    def _conduct(self, running: Running) -> None:
        for worker in sorted(self._roster.workers):
            self._roster.send(MISSION, running.mission(), worker)
        self._wait_for_workers(running)
        if self.failure is not None:
            return
        running.begun_s = time.monotonic() + START_IN_S
        for worker, share in divided(sorted(running.ready), 0).items():
            self._deal(running, worker, share, START)
            running.ledger.joined(worker, at_s=0)
        while not running.ledger.is_over:
            gevent.sleep(LOOK_EVERY_S)
            self._look(running)

    def _wait_for_workers(self, running: Running) -> None:
        deadline_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline_s and self.failure is None:
            self._forget_ended(running)
            is_ready = self._roster.workers and running.ready >= self._roster.workers
            if is_ready and self._runner.user_count >= running.scenario.in_flight_max:
                return
            gevent.sleep(LOOK_EVERY_S)
        if not running.ready and self.failure is None:
            self._fail(TargetError(f"no worker was ready within {READY_WITHIN_S:g} s"))

    def _forget_ended(self, running: Running) -> None:
        """Wait no longer for workers that have ended before the schedule began."""
        for worker in self._roster.ended():
            self._lost(running, worker, "has ended")
            if not self._roster.workers:
                self._fail(VecgateError("every worker has ended before the schedule began"))

    def _look(self, running: Running) -> None:
        ended = self._roster.ended()
        if lost := running.ledger.overdue(now_s=running.now_s, ended=ended):
            self._redivide(running)
            for worker in lost:
                # It may be slow and not gone: what it had is others' now.
                self._roster.stop(worker)
                self._lost(running, worker, "has ended" if worker in ended else "is silent")
        for second in running.ledger.closed():
            if problem := running.write(second):
                self._event(running, "aborted", problem)
                running.ledger.stopped()
                self._roster.stop_all()

    def _lost(self, running: Running, worker: str, why: str) -> None:
        self._roster.forget(worker)
        running.ready.discard(worker)
        self._event(running, "worker-lost", f"{self._roster.name(worker)} {why}; its part goes to others")

    def _join(self, running: Running, worker: str) -> None:
        """A worker that came late gets its part of what is still to come."""
        if worker in running.ledger.serving:
            return
        running.ledger.joined(worker, at_s=running.now_s + LEAD_S)
        self._event(running, "worker-joined", f"{self._roster.name(worker)} takes its part")
        self._redivide(running, new=worker)

    def _redivide(self, running: Running, *, new: str = "") -> None:
        first = running.ledger.schedule.due_before(running.now_s + LEAD_S)
        for worker, share in divided(sorted(running.ledger.serving), first).items():
            self._deal(running, worker, share, START if worker == new else SHARE)

    def _tell_verdict(self, results: Path) -> None:
        """Under plain Locust nobody else does."""
        stream = read_stream(results)
        summary = summary_of(stream)
        verdict = judge_load(stream, summary=summary)
        code = EXIT_OF_GRADE[verdict.grade]
        self._environment.process_exit_code = UNCLEAN if summary.leaks and not code else code
        print(f"{load_line_of(verdict, summary)}\nvecgate report {results}")  # noqa: T201 - for Locust's user

    def _deal(self, running: Running, worker: str, share: Share, kind: str) -> None:
        parts = {"run": running.settings.run, **asdict(share)}
        begun_s = running.begun_s or time.monotonic()
        message = Start(in_s=begun_s - time.monotonic(), **parts) if kind == START else NewShare(**parts)
        self._roster.send(kind, message, worker)

    def _fail(self, error: Exception) -> None:
        self.failure = failure = ours(error)
        self._environment.process_exit_code = exit_code_of(failure)
        complain(failure)
