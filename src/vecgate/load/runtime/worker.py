"""The worker's side of a run: gets ready, sends its part of the arrivals, and reports every second."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import gevent
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from vecgate import __version__
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import UsageError, VecgateError
from vecgate.exit_codes import exit_code_of
from vecgate.load.master_secret import SECRET_HINT
from vecgate.load.runtime.dispatcher import Dispatcher, SendRequest
from vecgate.load.runtime.failures import as_vecgate_error, print_error
from vecgate.load.runtime.interval_reports import IntervalReporter
from vecgate.load.runtime.process_liveness import pid_namespace
from vecgate.load.runtime.request_sending import BatchClientSender, SingleAttemptSender
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
    ForeignMessage,
    Hello,
    IntervalReport,
    Ready,
    Repartition,
    Start,
    Stop,
    WorkerRejected,
    decode_message,
    decode_unverified,
    encode_message,
)
from vecgate.load.scenario.scenario_file import Scenario
from vecgate.load.schedule.partition import Partition
from vecgate.load.traffic.planned_requests import RequestPlanner
from vecgate.load.traffic.request_bodies import RequestBodies
from vecgate.load.traffic.request_recorder import RequestRecorder
from vecgate.load.traffic.vector_pool import build_pool
from vecgate.results.load_records import Second
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

#: Interval at which the lag of the event loop is measured.
LAG_CHECK_EVERY_S = 0.05
#: Rate of the batch client relative to the highest rate of the schedule, so that it can catch up.
CATCH_UP_FACTOR = 1.2


class Worker:
    """Sends the arrivals of one process.

    dispatcher  serves the current run; None before the first assignment
    """

    def __init__(self, runner: Any, name: Callable[[], str], *, secret: str = "") -> None:  # noqa: ANN401 - Locust's
        self._runner, self._name, self._secret = runner, name, secret
        self.dispatcher: Dispatcher | None = None
        self._run = ""
        self._assignment: Assignment | None = None
        self._planner: RequestPlanner | None = None
        self._stack = ExitStack()
        for kind, listener in {
            ASSIGNMENT: self._of_master(self._on_assignment, Assignment),
            START: self._of_master(self._on_start, Start),
            REPARTITION: self._of_master(self._on_repartition, Repartition),
            STOP: self._of_master(lambda _: self.stop(), Stop),
            WORKER_REJECTED: self._on_rejected,
        }.items():
            # Concurrent: getting ready takes a while, and Locust's heartbeats use the same loop.
            runner.register_message(kind, listener, concurrent=True)
        self._send(HELLO, Hello(pid=os.getpid(), pid_namespace=pid_namespace(), version=__version__))

    def stop(self) -> None:
        """Start no further request. Those in flight finish."""
        if self.dispatcher is not None:
            self.dispatcher.stop()

    def report_failure(self, error: BaseException) -> None:
        """Report an unexpected *error* to the master, which ends the run with it."""
        problem = str(as_vecgate_error(error))
        self._send(READY, Ready(run=self._run, problem=problem))

    def close(self) -> None:
        """Close the connections."""
        self.dispatcher = None
        self._stack.close()

    def _send(self, kind: str, message: object) -> None:
        self._runner.send_message(kind, encode_message(message, self._secret))

    def _of_master(self, listener: Callable[[Any], None], kind: type[Any]) -> Callable[..., None]:
        """Return a listener of Locust for messages of a master with the secret; others end this worker."""

        def listen(msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
            try:
                message = decode_message(msg.data, kind, self._secret)
            except ForeignMessage as error:
                self._end(error)
            else:
                listener(message)

        return listen

    def _end(self, error: VecgateError) -> None:
        """End this process because of *error*, without a further request."""
        print_error(error)
        self.stop()
        self._runner.environment.process_exit_code = int(exit_code_of(error))
        self._runner.quit()

    def _on_assignment(self, assignment: Assignment) -> None:
        self.close()
        self._run, self._assignment = assignment.run, assignment
        problem = ""
        try:
            self._get_ready(assignment)
        except (VecgateError, BotoCoreError) as error:
            problem = str(error)
        self._send(READY, Ready(run=assignment.run, problem=problem))

    def _get_ready(self, assignment: Assignment) -> None:
        scenario = assignment.scenario
        target = self._stack.enter_context(_open_target(assignment))
        sender = self._stack.enter_context(target.sender(connections=scenario.in_flight_max, direct=True))
        pool = build_pool(scenario)
        bodies = RequestBodies(IndexAddress(assignment.bucket, assignment.index), scenario, pool)
        self._planner = RequestPlanner(scenario, bodies, pool)
        recorder = RequestRecorder()
        self.dispatcher = Dispatcher(
            scenario.schedule(),
            self._planner.plan,
            _build_sender(scenario, sender, bodies, recorder),
            recorder,
            start_deadline_s=scenario.start_deadline_s,
        )

    def _on_start(self, start: Start) -> None:
        if start.run == self._run and self.dispatcher is not None:
            at_s = time.monotonic() + start.in_s
            if self._planner is not None and start.parts:
                answers = self._planner.answers
                answers.part, answers.parts = start.part, start.parts
            self.dispatcher.start(Partition(start.from_arrival, start.part, start.parts), at_s=at_s)
            gevent.spawn(self._measure_lag, self.dispatcher)
            reports = gevent.spawn(self._send_reports, self.dispatcher, first=max(0, int(-start.in_s)))
            reports.link_exception(lambda ended: self.report_failure(ended.exception))

    def _on_repartition(self, new: Repartition) -> None:
        if new.run == self._run and self.dispatcher is not None:
            self.dispatcher.repartition(Partition(new.from_arrival, new.part, new.parts))

    def _on_rejected(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's messages
        # Without a code: a worker without the secret must be able to read it. It can only end the worker.
        rejected = decode_unverified(msg.data, WorkerRejected)
        self._end(UsageError(rejected.reason, hint=SECRET_HINT))

    def _send_reports(self, dispatcher: Dispatcher, *, first: int) -> None:
        """Report every second until all arrivals are finished, and then the totals."""
        assert self._planner is not None
        assert self._assignment is not None
        run, planner, at_s = self._run, self._planner, first
        reporter = IntervalReporter(
            dispatcher, self._assignment.scenario, lambda: self.dispatcher is not dispatcher
        )
        for second in reporter.seconds(first):
            self._report_second(run, second)
            at_s = second.at_s + 1
        totals = dispatcher.recorder.totals(self._name())
        # In a thread: it may take a while, and the master must receive a report every second until then.
        recall = gevent.get_hub().threadpool.spawn(planner.recall)
        while not recall.ready() and self.dispatcher is dispatcher:
            recall.wait(dispatcher.start_s + at_s + 1 - time.monotonic())
            if not recall.ready():
                self._report_second(run, Second(at_s=at_s))
                at_s += 1
        if recall.ready():
            done = Done(run=run, totals=totals, recall=recall.get())
            self._send(DONE, done)

    def _report_second(self, run: str, second: Second) -> None:
        self._send(SECOND, IntervalReport(run=run, second=second))

    def _measure_lag(self, dispatcher: Dispatcher) -> None:
        while not dispatcher.is_over and self.dispatcher is dispatcher:
            expected_s = time.monotonic() + LAG_CHECK_EVERY_S
            gevent.sleep(LAG_CHECK_EVERY_S)
            dispatcher.recorder.record_loop_lag(max(0.0, round(time.monotonic() - expected_s, 6)))


@contextmanager
def _open_target(assignment: Assignment) -> Iterator[Target]:
    choice = TargetChoice(
        assignment.target,
        assignment.region,
        assignment.profile,
        assignment.ca_bundle,
        verify=assignment.verify,
    )
    if assignment.credentials:
        yield target_from_url(
            assignment.target, choice, os.environ, credentials=Credentials(*assignment.credentials)
        )
        return
    with open_target(choice, os.environ) as target:
        yield target


def _build_sender(
    scenario: Scenario, sender: Sender, bodies: RequestBodies, recorder: RequestRecorder
) -> SendRequest:
    if scenario.client == "direct":
        return SingleAttemptSender(sender)
    highest = max(max(stage.from_per_s, stage.to_per_s) for stage in scenario.stages)
    vectors_per_s = (
        highest * CATCH_UP_FACTOR * (1 if scenario.unit == "vectors" else scenario.vectors.per_request)
    )
    config = BulkConfig(
        batch_vectors=scenario.vectors.per_request,
        vectors_per_s=vectors_per_s,
        requests_per_s=vectors_per_s / scenario.vectors.per_request * CATCH_UP_FACTOR,
        retry=RetryPolicy(base_s=0.05),
        # A request that fails is a result of the load test, so do not wait for an unavailable target.
        retry_for_s=0.0,
    )
    return BatchClientSender(sender, bodies, recorder, config)
