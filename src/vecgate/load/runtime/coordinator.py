"""The master's side of a run: resources, schedule, accounting and result stream.

Locust says when a test starts and ends; the coordinator decides everything in between. It creates the bucket
before the first user starts, and removes it however the test ends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent
from msgspec.structs import replace

from vecgate.errors import TargetError, VecgateError
from vecgate.exit_codes import EXIT_CODE_OF_GRADE, ExitCode, exit_code_of, exit_code_with_orphans
from vecgate.formatting import format_count, format_duration
from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.gate.verdict import cleanup_line
from vecgate.load.runtime.coordinator_state import ACTIVE, CoordinatorState, enter
from vecgate.load.runtime.failures import as_vecgate_error, print_error
from vecgate.load.runtime.load_run import LoadRun, prepare_run
from vecgate.load.runtime.process_liveness import count_live_children, kill_children
from vecgate.load.runtime.runtime_options import parse_settings, without_foreign_changes
from vecgate.load.runtime.worker_messages import (
    ASSIGNMENT,
    DONE,
    HELLO,
    READY,
    REPARTITION,
    SECOND,
    START,
    Done,
    ForeignMessage,
    IntervalReport,
    Ready,
    Repartition,
    Start,
    decode_message,
)
from vecgate.load.runtime.worker_registry import WorkerRegistry
from vecgate.load.schedule.partition import Partition, partition_arrivals
from vecgate.load.traffic.interval_ledger import TAKEOVER_S
from vecgate.results.load.load_records import EventKind
from vecgate.results.load.load_summary import summarize
from vecgate.results.result_stream import read_stream

#: The schedule begins this long after all workers are ready.
START_IN_S = 0.5
READY_WITHIN_S = 60.0
#: A master waits this long for its workers.
WORKERS_WITHIN_S = 600.0
POLL_EVERY_S = 0.1
#: Why a worker is lost, after its name.
HAS_ENDED, IS_SILENT = "has ended; its part goes to others", "is silent; its part goes to others"


class Coordinator:
    """Coordinates the runs of a master, or of a single process, one after the other.

    secret       shared with the workers of this master
    other_users  users of the locustfile that run beside those of the schedule
    state        state of the current run
    failure      the error that ended the run
    """

    def __init__(self, environment: Any, *, secret: str = "", other_users: int = 0) -> None:  # noqa: ANN401 - Locust's
        self._environment, self._runner = environment, environment.runner
        self._options = copy(environment.parsed_options)
        self._settings = parse_settings(self._options)
        self._other_users = other_users
        self._users = self._settings.load_scenario().in_flight_max + other_users
        self._secret = secret
        self._registry = WorkerRegistry(self._runner, secret)
        self.state: CoordinatorState = CoordinatorState.WAITING_FOR_WORKERS
        self.failure: VecgateError | None = None
        self._run: LoadRun | None = None
        self._run_number = 0
        # The last worker of the current run has left.
        self._is_deserted = False
        self._greenlet: Any = None
        self._stack = ExitStack()
        # A signal has asked the whole process to end; no later run changes that.
        self._cancellations = 0
        for kind, listener in {
            HELLO: self._on_hello,
            READY: self._of_workers(self._on_ready, Ready),
            SECOND: self._of_workers(self._on_second, IntervalReport),
            DONE: self._of_workers(self._on_done, Done),
        }.items():
            self._runner.register_message(kind, listener)

    # Called by Locust's hooks.

    def users(self) -> int | None:
        """Return the number of users that Locust should run; None once the run is over.

        After a signal the users stay until the workers have reported their totals, unless there is a second
        one: Locust would end the workers at once.
        """
        is_draining = self.state in ACTIVE and self._cancellations == 1
        is_over = self.state is CoordinatorState.FINISHED or (self._cancellations and not is_draining)
        return None if is_over or self.failure is not None else self._users

    def begin(self) -> None:
        """Prepare a run and start it. An error is printed and ends the run."""
        self.reset()
        self._enter(CoordinatorState.PREPARING)
        self._run_number += 1
        self._is_deserted = False
        self._environment.process_exit_code = None
        try:
            options = without_foreign_changes(self._options, self._environment.parsed_options)
            self._settings = parse_settings(options, run_number=self._run_number)
            self._run = prepare_run(self._settings, self._stack)
            self._users = self._run.scenario.in_flight_max + self._other_users
            self._enter(CoordinatorState.ASSIGNING)
            self._greenlet = gevent.spawn(self._coordinate, self._run)
        except Exception as error:  # noqa: BLE001 - Locust would log it and continue without a run
            self._fail(error)
            self.end()
        finally:
            # `cancel` may have killed the greenlet that prepares.
            if self.state is CoordinatorState.PREPARING:
                self._enter(CoordinatorState.FINISHED)

    def cancel(self) -> None:
        """End the run, and then the process, in response to a signal."""
        self._cancellations += 1
        self.interrupt()
        shape = self._runner.shape_greenlet
        if shape is None and self.state is CoordinatorState.WAITING_FOR_WORKERS:
            # Locust waits for workers and does nothing else.
            self._exit_before_run()
        if shape is not None and self.state is CoordinatorState.PREPARING:
            # On a master this greenlet runs `begin`.
            shape.kill(block=False)

    def check_forked_workers(self, number: int) -> None:
        """Exit if one of *number* forked workers ends before the first run: Locust would wait forever."""
        if self.state is CoordinatorState.WAITING_FOR_WORKERS and count_live_children() < number:
            self._fail(VecgateError("a worker has ended before the run began"))
            self._exit_before_run()

    def check_missing_workers(self, number: int, *, waited_s: float) -> None:
        """Exit if one of *number* workers has not come in time: Locust would wait forever."""
        if self.state is CoordinatorState.WAITING_FOR_WORKERS and waited_s > WORKERS_WITHIN_S:
            came = f"{len(self._registry.workers):,} of {format_count(number, 'worker')} came"
            hint = "Start all of them within this time; a worker that fails says why."
            self._fail(VecgateError(f"{came} within {format_duration(WORKERS_WITHIN_S)}", hint=hint))
            self._exit_before_run()

    def _exit_before_run(self) -> None:
        # A worker without a connection ignores Locust's SIGINT, and would try for five minutes.
        kill_children()
        sys.exit(ExitCode.INTERNAL)

    def interrupt(self) -> None:
        """Start no further request of a run that is active, because Locust ends the test."""
        run = self._run
        if run is None or self.state not in ACTIVE or run.is_interrupted or self._is_deserted:
            return
        # Locust ends a test without workers. One that receives the order to end says so, on any machine.
        if not self._cancellations and getattr(self._runner, "worker_count", 1) <= 0:
            self._end_deserted(run)
            return
        run.is_interrupted = True
        self._drain(run, "interrupted")

    def _end_deserted(self, run: LoadRun) -> None:
        """End *run*, whose last worker has left: it was not interrupted here."""
        self._is_deserted = True
        if run.start_s is None:
            self._fail_unless_failed(VecgateError("every worker has left before the schedule began"))
            return
        left = sorted(self._registry.workers)
        run.ledger.remove_lost(now_s=run.elapsed_s, ended=left)
        for worker in left:
            self._lose(run, worker, "has left; there is no other worker")
        names = " and ".join(map(self._registry.name, left)) or "every worker"
        self._drain(run, f"{names} left, and there is no other worker")

    def end(self) -> None:
        """End the run, even if it is active, remove its resources and complete its result stream."""
        self.interrupt()
        if self.state in ACTIVE:
            self._greenlet.kill(block=True)
        # A greenlet that is killed before it starts does not change the state itself.
        if self.state in ACTIVE or self.state is CoordinatorState.PREPARING:
            self._enter(CoordinatorState.FINISHED)
        run, self._run = self._run, None
        try:
            if run is not None:
                self._write(run.record_totals)
        finally:
            self._stack.close()
            self._stack = ExitStack()
        if run is not None:
            self._write(lambda: run.close(is_failed=self.failure is not None))
            if not run.settings.has_parent and self.failure is None:
                self._print_verdict(run.settings.results)

    def reset(self) -> None:
        """End the run, and get ready for the next one."""
        self.end()
        self.failure = self._greenlet = None
        if self.state is CoordinatorState.FINISHED:
            self._enter(CoordinatorState.IDLE)

    # Messages from workers.

    def _of_workers(self, listener: Callable[[str, Any], None], kind: type) -> Callable[..., None]:
        """Return a listener of Locust that passes on messages of workers with the secret, and no others."""

        def listen(msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
            with suppress(ForeignMessage):
                listener(msg.node_id, decode_message(msg.data, kind, self._secret))

        return listen

    def _on_hello(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        is_admitted = self._registry.admit(msg.node_id, msg.data)
        if is_admitted and self._run is not None and self.state in ACTIVE:
            self._registry.send(ASSIGNMENT, self._run.assignment(), msg.node_id)

    def _on_ready(self, worker: str, ready: Ready) -> None:
        run = self._run
        if run is None or ready.run != run.settings.run:
            return
        if ready.problem:
            self._on_problem(run, worker, ready.problem)
            return
        run.ready_workers.add(worker)
        if run.start_s is not None:
            self._join(run, worker)

    def _on_problem(self, run: LoadRun, worker: str, problem: str) -> None:
        """A worker that joins late and cannot serve is only noted; otherwise a problem ends the run."""
        if run.start_s is None:
            self._fail_unless_failed(TargetError(f"{self._registry.name(worker)} cannot serve: {problem}"))
        elif worker in run.ready_workers:
            self._fail_unless_failed(VecgateError(problem))
        else:
            self._record_event(run, "note", f"{self._registry.name(worker)} cannot serve: {problem}")

    def _on_second(self, worker: str, report: IntervalReport) -> None:
        run = self._run
        if run is not None and report.run == run.settings.run:
            if worker not in self._registry.workers and self.state is CoordinatorState.RUNNING:
                # The message that it was lost may have been lost as well.
                self._registry.stop(worker, is_lost=True)
            is_counted = run.ledger.add_report(worker, report.second)
            if is_counted:
                self._write(lambda: run.add_requests(report.failures, report.rows))

    def _on_done(self, worker: str, done: Done) -> None:
        if self._run is not None and done.run == self._run.settings.run:
            self._run.ledger.finish_worker(worker, done.totals, done.recall)
            self._run.writes.append(done.writes)

    # The greenlet of a run.

    def _coordinate(self, run: LoadRun) -> None:
        try:
            for worker in sorted(self._registry.workers):
                self._registry.send(ASSIGNMENT, run.assignment(), worker)
            self._wait_until_ready(run)
            if self.state is CoordinatorState.ASSIGNING and self.failure is None:
                self._run_schedule(run)
        except Exception as error:  # noqa: BLE001 - an unexpected error ends the run with a message
            self._fail(error)
        finally:
            self._enter(CoordinatorState.FINISHED)

    def _wait_until_ready(self, run: LoadRun) -> None:
        deadline_s = time.monotonic() + READY_WITHIN_S
        while (
            self.state is CoordinatorState.ASSIGNING
            and self.failure is None
            and time.monotonic() < deadline_s
        ):
            self._forget_ended_workers(run)
            is_ready = self._registry.workers and run.ready_workers >= self._registry.workers
            if is_ready and self._runner.user_count >= self._users:
                return
            gevent.sleep(POLL_EVERY_S)
        if not run.ready_workers and self.state is CoordinatorState.ASSIGNING:
            self._fail_unless_failed(TargetError(f"no worker was ready within {READY_WITHIN_S:g} s"))

    def _forget_ended_workers(self, run: LoadRun) -> None:
        """Do not wait for workers that have ended before the schedule begins."""
        for worker in self._registry.ended():
            self._lose(run, worker, HAS_ENDED)
            if not self._registry.workers:
                self._fail(VecgateError("every worker has ended before the schedule began"))

    def _run_schedule(self, run: LoadRun) -> None:
        self._enter(CoordinatorState.RUNNING)
        run.start_s = time.monotonic() + START_IN_S
        for worker, partition in partition_arrivals(sorted(run.ready_workers), 0).items():
            self._send_partition(run, worker, partition, START)
            run.ledger.add_worker(worker, at_s=0)
        while not run.ledger.is_over:
            gevent.sleep(POLL_EVERY_S)
            self._remove_lost_workers(run)
            self._record_closed_seconds(run)
        # A run that ended early does not pass, whatever is stored.
        if self.state is CoordinatorState.RUNNING:
            run.look_up_writes()

    def _remove_lost_workers(self, run: LoadRun) -> None:
        ended = self._registry.ended()
        if lost := run.ledger.remove_lost(now_s=run.elapsed_s, ended=ended):
            self._repartition(run)
            for worker in lost:
                # It may be slow rather than dead, but its arrivals belong to others now.
                self._registry.stop(worker, is_lost=True)
                self._lose(run, worker, HAS_ENDED if worker in ended else IS_SILENT)

    def _record_closed_seconds(self, run: LoadRun) -> None:
        for second in run.ledger.take_closed():
            if reason := run.record_second(second):
                self._drain(run, reason)

    def _drain(self, run: LoadRun, reason: str) -> None:
        """End the run early: start no further request, and let those in flight finish."""
        if self.state is not CoordinatorState.DRAINING:
            self._enter(CoordinatorState.DRAINING)
        run.ledger.stop()
        self._record_event(run, "aborted", reason)
        self._registry.stop_all()

    def _lose(self, run: LoadRun, worker: str, reason: str) -> None:
        self._registry.forget(worker)
        run.ready_workers.discard(worker)
        name = self._registry.name(worker)
        if totals := run.ledger.lost_totals.get(worker):
            run.ledger.lost_totals[worker] = replace(totals, worker=name)
        self._record_event(run, "worker-lost", f"{name} {reason}")

    def _join(self, run: LoadRun, worker: str) -> None:
        """Give a worker that joins late its part of the remaining arrivals."""
        if worker in run.ledger.active:
            return
        run.ledger.add_worker(worker, at_s=run.elapsed_s + TAKEOVER_S)
        self._record_event(run, "worker-joined", f"{self._registry.name(worker)} takes its part")
        self._repartition(run, new=worker)

    def _repartition(self, run: LoadRun, *, new: str = "") -> None:
        first = run.ledger.schedule.due_before(run.elapsed_s + TAKEOVER_S)
        for worker, partition in partition_arrivals(sorted(run.ledger.active), first).items():
            self._send_partition(run, worker, partition, START if worker == new else REPARTITION)

    def _send_partition(self, run: LoadRun, worker: str, partition: Partition, kind: str) -> None:
        members = {"run": run.settings.run, **asdict(partition)}
        message = Start(in_s=-run.elapsed_s, **members) if kind == START else Repartition(**members)
        self._registry.send(kind, message, worker)

    # Errors, events and the verdict.

    def _enter(self, state: CoordinatorState) -> None:
        self.state = enter(self.state, state)

    def _record_event(self, run: LoadRun, kind: EventKind, text: str) -> None:
        self._write(lambda: run.record_event(kind, text))

    def _write(self, write: Callable[[], None]) -> None:
        """Call *write*. A full disk ends the run, but not the removal of its resources."""
        try:
            write()
        except VecgateError as error:
            self._fail_unless_failed(error)

    def _fail_unless_failed(self, error: VecgateError) -> None:
        """Fail with *error* unless the run failed before: the first error is the cause."""
        if self.failure is None:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failure = failure = as_vecgate_error(error)
        self._environment.process_exit_code = int(exit_code_of(failure))
        print_error(failure)

    def _print_verdict(self, results: Path) -> None:
        """Print the verdict under plain Locust, where no vecgate command does."""
        stream = read_stream(results)
        summary = summarize(stream)
        verdict = judge_load(stream, summary=summary)
        code = exit_code_with_orphans(EXIT_CODE_OF_GRADE[verdict.grade], summary.orphaned)
        self._environment.process_exit_code = int(code)
        lines = (
            load_verdict_line(verdict, summary),
            cleanup_line(summary.orphaned),
            f"vecgate report {results}",
        )
        print("\n".join(filter(None, lines)))  # noqa: T201 - for Locust's user
