"""The master's side of a run: place, schedule, account, result stream.

Locust tells when a test starts and ends; what happens between is decided here. The place is made before the
first user is, and is gone whatever ends the test.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.errors import TargetError, UsageError, VecgateError
from vecgate.gate.load import judge_load, load_line_of
from vecgate.gate.verdict import Grade
from vecgate.load.lab.messages import (
    DONE,
    HELLO,
    MISSION,
    READY,
    SECOND,
    SHARE,
    START,
    STOP,
    Done,
    NewShare,
    Ready,
    Start,
    Told,
    packed,
    unpacked,
)
from vecgate.load.lab.running import Running, prepared_run
from vecgate.load.lab.settings import complain, settings_of
from vecgate.load.sharing import Share, divided
from vecgate.results.stream import read_stream
from vecgate.results.summary import summary_of

#: The schedule begins so long after every worker is ready; shares change so long after that is told.
START_IN_S, LEAD_S = 0.5, 1.0
READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.1
#: As the command line has them.
EXIT_CODES: Mapping[type[VecgateError], int] = {UsageError: 2, TargetError: 3}
BROKEN = 4
EXIT_OF_GRADE: Mapping[Grade, int] = {"passed": 0, "failed": 1, "unjudged": BROKEN}


class Conductor:
    """Conducts the runs of one master, or of a process alone."""

    def __init__(self, environment: Any) -> None:  # noqa: ANN401 - Locust's environment
        self._environment, self._runner = environment, environment.runner
        self._settings = settings_of(environment.parsed_options)
        self._users = self._settings.loaded().in_flight_max
        self._parent = os.getppid()
        self._running: Running | None = None
        self._greenlet: Any = None
        self._stack = ExitStack()
        self._workers: set[str] = set()
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
        self.end()
        self.failure = self._greenlet = None
        try:
            # Locust's web interface may have changed them.
            self._settings = settings_of(self._environment.parsed_options)
            self._running = prepared_run(self._settings, self._stack)
            self._users = self._running.scenario.in_flight_max
            self._greenlet = gevent.spawn(self._conducted, self._running)
        except Exception as error:  # noqa: BLE001 - Locust would log it and run on, with nothing to run
            self._fail(error)
            self.end()

    def cancel(self) -> None:
        """Somebody wants the run to end: it does, and the process after it."""
        self._is_cancelled = True
        self.interrupted()

    def interrupted(self) -> None:
        """Locust ends the test: where the run is still going on, nothing more of it begins."""
        running = self._running
        if running is not None and self._is_going_on and not running.is_cut:
            running.is_cut = True
            running.ledger.stopped()
            running.event("aborted", "interrupted")
            self._send_all(STOP, {})

    def end(self) -> None:
        """End the run, in the middle where it is still going on, and remove what it made."""
        self.interrupted()
        if self._is_going_on:
            self._greenlet.kill(block=True)
        running, self._running = self._running, None
        if running is not None:
            running.account()
        self._stack.close()
        self._stack = ExitStack()
        if running is not None:
            running.close(is_whole=self.failure is None)
            if not running.settings.has_parent and self.failure is None:
                self._tell_verdict(running.settings.results)

    @property
    def _is_going_on(self) -> bool:
        return self._greenlet is not None and not self._greenlet.ready()

    # What workers tell.

    def _on_hello(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        self._workers.add(msg.node_id)
        if self._running is not None and self._greenlet is not None:
            self._send_mission(self._running, msg.node_id)

    def _on_ready(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        ready, running = unpacked(msg.data, Ready), self._running
        if running is None or ready.run != running.settings.run:
            return
        if ready.problem and running.begun_s is not None and msg.node_id not in running.ready:
            running.event("note", f"{self._name(msg.node_id)} cannot serve: {ready.problem}")
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
        for worker in sorted(self._workers):
            self._send_mission(running, worker)
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
            if self._is_orphan():
                self._runner.quit()

    def _wait_for_workers(self, running: Running) -> None:
        deadline_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline_s and self.failure is None:
            is_ready = self._workers and running.ready >= self._workers
            if is_ready and self._runner.user_count >= running.scenario.in_flight_max:
                return
            gevent.sleep(LOOK_EVERY_S)
        if not running.ready and self.failure is None:
            self._fail(TargetError(f"no worker was ready within {READY_WITHIN_S:g} s"))

    def _is_orphan(self) -> bool:
        return self._settings.has_parent and os.getppid() != self._parent

    def _look(self, running: Running) -> None:
        now_s = running.now_s
        if silent := running.ledger.overdue(now_s=now_s):
            self._workers -= set(silent)
            running.ready -= set(silent)
            self._redivide(running)
            for worker in silent:
                # It may be slow and not gone: what it had is others' now.
                self._runner.send_message(STOP, {}, worker)
                running.event("worker-lost", f"{self._name(worker)} is silent; its part goes to others")
        for second in running.ledger.closed():
            if problem := running.write(second):
                running.event("aborted", problem)
                running.ledger.stopped()
                self._send_all(STOP, {})

    def _join(self, running: Running, worker: str) -> None:
        """A worker that came late gets its part of what is still to come."""
        if worker in running.ledger.serving:
            return
        running.ledger.joined(worker, at_s=running.now_s + LEAD_S)
        running.event("worker-joined", f"{self._name(worker)} takes its part")
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
        self._environment.process_exit_code = EXIT_OF_GRADE[verdict.grade]
        print(f"{load_line_of(verdict, summary)}\nvecgate report {results}")  # noqa: T201 - for Locust's user

    # Messages out.

    def _send_mission(self, running: Running, worker: str) -> None:
        self._runner.send_message(MISSION, packed(running.mission()), worker)

    def _deal(self, running: Running, worker: str, share: Share, kind: str) -> None:
        parts = {"run": running.settings.run, **asdict(share)}
        begun_s = running.begun_s or time.monotonic()
        message = Start(in_s=begun_s - time.monotonic(), **parts) if kind == START else NewShare(**parts)
        self._runner.send_message(kind, packed(message), worker)

    def _send_all(self, kind: str, data: dict[str, Any]) -> None:
        for worker in self._workers:
            self._runner.send_message(kind, data, worker)

    def _name(self, worker: str) -> str:
        index = getattr(self._runner, "get_worker_index", lambda _: 0)(worker)
        return f"worker-{index + 1}"

    def _fail(self, error: Exception) -> None:
        if isinstance(error, BotoCoreError | ClientError):
            error = TargetError(str(error))
        elif isinstance(error, OSError):
            error = UsageError(str(error))
        elif not isinstance(error, VecgateError):
            error = VecgateError(f"vecgate itself failed: {type(error).__name__}: {error}")
        self.failure = error
        self._environment.process_exit_code = next(
            (code for kind, code in EXIT_CODES.items() if isinstance(self.failure, kind)), BROKEN
        )
        complain(self.failure)
