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
from vecgate.bulk.transport.sender import DirectSender, Sender
from vecgate.errors import NoCredentials, UsageError, VecgateError
from vecgate.exit_codes import exit_code_of
from vecgate.load.master_secret import SECRET_HINT
from vecgate.load.runtime.dispatcher import Dispatcher, SendRequest
from vecgate.load.runtime.failures import as_vecgate_error, print_error, print_note
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
from vecgate.load.traffic.acknowledged_writes import WriteSampler
from vecgate.load.traffic.planned_requests import RequestPlanner
from vecgate.load.traffic.query_set import build_queries
from vecgate.load.traffic.request_bodies import RequestBodies
from vecgate.load.traffic.request_log import RequestLog, RowFormat
from vecgate.load.traffic.request_recorder import RequestRecorder
from vecgate.load.traffic.vector_pool import build_pool
from vecgate.results.load.load_records import Second
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import LOCAL_CREDENTIALS, target_from_url

#: Interval at which the lag of the event loop is measured.
LAG_CHECK_EVERY_S = 0.05
#: Rate of the batch client relative to the highest rate of the schedule, so that it can catch up.
CATCH_UP_FACTOR = 1.2
#: Workers may begin the schedule this much apart.
CLOCK_SKEW_S = 0.1


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
        self._sampler: WriteSampler | None = None
        self._stack = ExitStack()
        for kind, listener in {
            ASSIGNMENT: self._of_master(self._on_assignment, Assignment),
            START: self._of_master(self._on_start, Start),
            REPARTITION: self._of_master(self._on_repartition, Repartition),
            STOP: self._of_master(self._on_stop, Stop),
            WORKER_REJECTED: self._on_rejected,
        }.items():
            # Concurrent: getting ready takes a while, and Locust's heartbeats use the same loop.
            runner.register_message(kind, listener, concurrent=True)
        self._introduce()

    def stop(self) -> None:
        """Start no further request. Those in flight finish."""
        if self.dispatcher is not None:
            self.dispatcher.stop()

    def report_failure(self, error: BaseException) -> None:
        """Report an unexpected *error* to the master, which ends the run with it."""
        problem = str(as_vecgate_error(error))
        self._send(READY, Ready(run=self._run, problem=problem))

    def _introduce(self) -> None:
        self._send(HELLO, Hello(pid=os.getpid(), pid_namespace=pid_namespace(), version=__version__))

    def _on_stop(self, stop: Stop) -> None:
        if stop.is_lost and self.dispatcher is not None and not self.dispatcher.cursor.is_stopped:
            print_note("the master had lost this worker and gave its part to others; it joins again")
            self._introduce()
        self.stop()

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
        problem, failure = "", None
        try:
            self._get_ready(assignment)
        except (VecgateError, BotoCoreError) as error:
            problem, failure = str(error), error
        self._send(READY, Ready(run=assignment.run, problem=problem))
        if isinstance(failure, NoCredentials):
            # No later run can have any either, so this process says what is missing where it is missing.
            self._end(failure)

    def _get_ready(self, assignment: Assignment) -> None:
        scenario = assignment.scenario
        target = self._stack.enter_context(_open_target(assignment))
        sender = self._stack.enter_context(target.sender(connections=scenario.in_flight_max, direct=True))
        pool = build_pool(scenario)
        queries = build_queries(scenario, pool)
        bodies = RequestBodies(IndexAddress(assignment.bucket, assignment.index), scenario, pool, queries)
        self._planner = RequestPlanner(scenario, bodies, pool)
        self._sampler, recorder = WriteSampler(scenario), RequestRecorder()
        if isinstance(sender, DirectSender):
            # A server that closes connections instead of answering must not look as if it had answered.
            sender.repeats = False
            sender.on_connect = recorder.record_connect
        self.dispatcher = Dispatcher(
            scenario.schedule(),
            self._planner.plan,
            _build_sender(scenario, sender, bodies, recorder),
            recorder,
            start_deadline_s=scenario.start_deadline_s,
            operation_of=self._planner.operation_of,
            sampler=self._sampler,
        )

    def _on_start(self, start: Start) -> None:
        if start.run == self._run and self.dispatcher is not None:
            at_s = time.monotonic() + start.in_s
            if self._planner is not None and start.parts:
                answers = self._planner.answers
                answers.part, answers.parts = start.part, start.parts
                self._planner.count_due(lambda: time.monotonic() - at_s + CLOCK_SKEW_S)
            if self._assignment is not None and self._assignment.wants_rows:
                self.dispatcher.recorder.log.row_of = self._row_format(start.in_s)
            self.dispatcher.start(Partition(start.from_arrival, start.part, start.parts), at_s=at_s)
            gevent.spawn(self._measure_lag, self.dispatcher)
            reports = gevent.spawn(self._send_reports, self.dispatcher, first=max(0, int(-start.in_s)))
            reports.link_exception(lambda ended: self.report_failure(ended.exception))

    def _row_format(self, in_s: float) -> RowFormat:
        """Return the format of the rows of a schedule that begins in *in_s* seconds."""
        assert self._assignment is not None
        scenario = self._assignment.scenario
        names = tuple(stage.label for stage in scenario.stages)
        return RowFormat(time.time() + in_s, scenario.schedule().stage_at, names, self._name())

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
        assert self._sampler is not None
        assert self._assignment is not None
        run, planner, sampler, at_s = self._run, self._planner, self._sampler, first
        reporter = IntervalReporter(
            dispatcher, self._assignment.scenario, lambda: self.dispatcher is not dispatcher
        )
        for second in reporter.seconds(first):
            self._report_second(run, second, dispatcher.recorder.log)
            at_s = second.at_s + 1
        totals = dispatcher.recorder.totals(self._name())
        # In a thread: it may take a while, and the master must receive a report every second until then.
        recall = gevent.get_hub().threadpool.spawn(planner.recall)
        while not recall.ready() and self.dispatcher is dispatcher:
            recall.wait(dispatcher.start_s + at_s + 1 - time.monotonic())
            if not recall.ready():
                self._report_second(run, Second(at_s=at_s), dispatcher.recorder.log)
                at_s += 1
        # A worker that joins again after it was lost must not end its new part with this.
        if recall.ready() and self.dispatcher is dispatcher:
            done = Done(run=run, totals=totals, recall=recall.get(), writes=sampler.writes())
            self._send(DONE, done)

    def _report_second(self, run: str, second: Second, log: RequestLog) -> None:
        report = IntervalReport(run=run, second=second, failures=log.failures.take(), rows=log.take_rows())
        self._send(SECOND, report)

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
        if assignment.needs_credentials and target.credentials is LOCAL_CREDENTIALS:
            raise NoCredentials(
                "this worker finds no AWS credentials, and its master has some",
                hint="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, on the worker too.",
            )
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
