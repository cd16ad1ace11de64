"""Serves the arrivals of one worker: waits until each is due, sends its request, records the outcome.

Locust runs one user for each request that may be in flight, and every user calls `serve` in a loop. A user
takes the next arrival shortly before it is due, builds the request, waits for the due time and sends it. So a
slow answer delays one user and never the schedule. An arrival for which no user was free in time is dropped
and counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from vecgate.errors import NoCredentials, ProtocolError, ServiceError, TransportError, VecgateError
from vecgate.load.schedule.arrival_cursor import ArrivalCursor
from vecgate.load.schedule.arrival_schedule import Schedule
from vecgate.load.schedule.partition import Partition
from vecgate.load.traffic.acknowledged_writes import WriteSampler
from vecgate.load.traffic.planned_requests import PlannedRequest
from vecgate.load.traffic.request_log import LoggedRequest, RequestState
from vecgate.load.traffic.request_recorder import RequestRecorder
from vecgate.results.load.load_records import NO_CREDENTIALS, PROTOCOL, TRANSPORT, UNANSWERED

#: A request is built this long before it is due.
LEAD_S = 0.05


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """The outcome of a request.

    response_s  time since it was due
    service_s   time since it was sent
    bytes_in    bytes of the answers
    code        error code; empty for a success
    """

    operation: str
    response_s: float
    service_s: float
    bytes_in: int
    code: str = ""
    failure: Exception | None = None


@dataclass(slots=True)
class SendProgress:
    """The progress of a request in flight, kept up to date by the function that sends it.

    bytes_in     bytes of the answers so far
    retried      number of retries so far
    last_sent_s  when the last attempt was sent, on the monotonic clock; None before the first
    """

    bytes_in: int = 0
    retried: int = 0
    last_sent_s: float | None = None


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A request in flight, when it was due, and when it was handed to the sending function."""

    request: PlannedRequest
    due_s: float
    sent_s: float
    progress: SendProgress = field(default_factory=SendProgress)


#: Sends a request until it succeeds. Raises ServiceError, TransportError or ProtocolError if it fails.
SendRequest: TypeAlias = Callable[[PlannedRequest, SendProgress], None]


class _EndedBeforeSending(gevent.GreenletExit):  # type: ignore[misc]  # gevent has no types
    """Locust ends a user that has an arrival and has not sent it."""


class Dispatcher:
    """Hands the arrivals of one worker to the users that call `serve`.

    schedule          schedule of all workers; `cursor` selects the arrivals of this one
    plan              returns the request of an arrival
    send              sends a request
    operation_of      returns the operation of an arrival, for those that are not sent
    start_deadline_s  an arrival that did not start within this time after it was due is dropped
    sampler           samples the writes that were acknowledged
    clock, sleep      clock and sleep function of the users' greenlets
    """

    cursor: ArrivalCursor
    recorder: RequestRecorder

    def __init__(
        self,
        schedule: Schedule,
        plan: Callable[[int], PlannedRequest],
        send: SendRequest,
        recorder: RequestRecorder,
        *,
        start_deadline_s: float,
        operation_of: Callable[[int], str] = lambda _: "",
        sampler: WriteSampler | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = gevent.sleep,
    ) -> None:
        self.cursor, self.recorder = ArrivalCursor(schedule), recorder
        self._duration_s, self._plan, self._send = schedule.duration_s, plan, send
        self._operation_of, self._sampler = operation_of, sampler
        self._start_deadline_s, self._clock, self._sleep = start_deadline_s, clock, sleep
        self._turn = BoundedSemaphore(1)
        self.started: Event = Event()
        self.start_s: float = 0.0
        # Arrivals that a user has taken and not finished; some of them are in flight, by the user's greenlet.
        self._active = 0
        # Those of them that are not in flight.
        self._waiting: set[int] = set()
        self._in_flight: dict[Any, _InFlight] = {}
        self._stopped_s, self._is_abandoned = inf, False

    def start(self, partition: Partition, *, at_s: float) -> None:
        """Start the schedule at *at_s* on the clock, and serve the arrivals of *partition*."""
        self.start_s = at_s
        self.repartition(partition)
        self.started.set()

    def repartition(self, partition: Partition) -> None:
        """Serve the arrivals of *partition* from its first one on; drop those that come too late."""
        before = self.cursor.partitions
        self.recorder.record_drops(late := self.cursor.repartition(partition))
        if late and self.recorder.log.wants_rows:
            self._log_unsent(self.cursor.gained(before, late))

    def stop(self) -> None:
        """Start no further request. Those in flight finish."""
        self.cursor.stop()
        self._stopped_s = min(self._stopped_s, self._clock())

    @property
    def end_s(self) -> float:
        """When the last request may start, on the clock: the end of the schedule, or when it was stopped."""
        return min(self.start_s + self._duration_s, self._stopped_s)

    @property
    def is_idle(self) -> bool:
        """True if no further arrival can start."""
        return self.cursor.is_exhausted

    @property
    def is_done(self) -> bool:
        """True if all arrivals of this worker have finished."""
        return self.started.is_set() and self.is_idle and not self._active

    @property
    def is_over(self) -> bool:
        """True if all arrivals have finished and no partition can add more: the schedule has ended."""
        return self.is_done and (self.cursor.is_stopped or self._clock() - self.start_s >= self._duration_s)

    def abandon(self) -> None:
        """Drop all arrivals that have not started, and fail the requests in flight as unanswered."""
        waiting = self._active - len(self._in_flight)
        if self.recorder.log.wants_rows:
            self._log_unsent([*sorted(self._waiting), *self.cursor.remaining()])
        self.recorder.record_drops(waiting + self.cursor.skip_remaining())
        self._is_abandoned = True
        for user, in_flight in list(self._in_flight.items()):
            failure = TransportError(in_flight.request.operation, "no answer before the end of the run")
            self._finish(user, failure, code=UNANSWERED)
            # The greenlet waits for an answer that is not needed any more.
            user.kill(block=False)

    def serve(self) -> CompletedRequest | None:
        """Serve one arrival to its end. Return None if no arrival was left, or if it was dropped."""
        self.started.wait()
        acquired = self._acquire_arrival()
        if acquired is None:
            return None
        arrival, due_s = acquired
        self._waiting.add(arrival)
        try:
            if self._drop_if_late(arrival, due_s):
                return None
            return self._send_when_due(arrival, self._plan(arrival), due_s)
        except _EndedBeforeSending:
            if not self._is_abandoned:
                self.recorder.record_lost()
                self._log_unsent([arrival], "lost")
            raise
        finally:
            self._active -= 1
            self._waiting.discard(arrival)

    def _acquire_arrival(self) -> tuple[int, float] | None:
        """Wait until shortly before the next arrival is due; return it and its due time on the clock."""
        with self._turn:  # users take arrivals one at a time and in order
            while not self.cursor.is_exhausted:
                due_s = self.start_s + self.cursor.next_due_s
                wait_s = due_s - LEAD_S - self._clock()
                if wait_s <= 0:
                    self._active += 1
                    return self.cursor.advance(), due_s
                # The partition may change, or the run may be stopped, during the wait.
                self._sleep(min(wait_s, 1.0))
        return None

    def _drop_if_late(self, arrival: int, due_s: float) -> bool:
        """Return True if an *arrival* due at *due_s* must not start any more, and count it once."""
        is_late = self._clock() - due_s > self._start_deadline_s
        if is_late and not self._is_abandoned:
            self.recorder.record_drops()
            self._log_unsent([arrival])
        return is_late or self._is_abandoned

    def _log_unsent(self, arrivals: Iterable[int], state: RequestState = "dropped") -> None:
        """Let each of *arrivals* have a row, if rows are wanted."""
        if self.recorder.log.wants_rows:
            for arrival in arrivals:
                operation, due_s = self._operation_of(arrival), self.cursor.due_s(arrival)
                self.recorder.log.record(LoggedRequest(operation, due_s, None, None, state))

    def _send_when_due(self, arrival: int, request: PlannedRequest, due_s: float) -> CompletedRequest | None:
        if (wait_s := due_s - self._clock()) > 0:
            try:
                self._sleep(wait_s)
            except gevent.GreenletExit as ended:
                raise _EndedBeforeSending from ended
        if self._drop_if_late(arrival, due_s):
            return None
        self._waiting.discard(arrival)
        sent_s, user = self._clock(), gevent.getcurrent()
        self.recorder.record_start(sent_s - due_s)
        in_flight = self._in_flight[user] = _InFlight(request, due_s, sent_s)
        failure: VecgateError | None = None
        try:
            self._send(request, in_flight.progress)
        except (ServiceError, TransportError, NoCredentials, ProtocolError) as error:
            failure = error
        except gevent.GreenletExit:
            # Locust ends this user, for example because a worker joins: the target is not to blame.
            if self._in_flight.pop(user, None) is not None:
                self.recorder.record_unknown(
                    request.operation,
                    bytes_out=len(request.body.data),
                    stored_bytes=request.stored_bytes,
                    retried=in_flight.progress.retried,
                )
                self.recorder.log.record(
                    LoggedRequest(
                        request.operation,
                        due_s - self.start_s,
                        sent_s - self.start_s,
                        None,
                        "unknown",
                        bytes_out=len(request.body.data),
                    )
                )
            raise
        return self._finish(user, failure)

    def _finish(
        self, user: object, failure: VecgateError | None, *, code: str = ""
    ) -> CompletedRequest | None:
        """Record the end of the request that *user* has in flight; None if it was recorded before."""
        in_flight = self._in_flight.pop(user, None)
        if in_flight is None:
            return None
        ended_s, progress = self._clock(), in_flight.progress
        last_sent_s = in_flight.sent_s if progress.last_sent_s is None else progress.last_sent_s
        completed = CompletedRequest(
            in_flight.request.operation,
            response_s=ended_s - in_flight.due_s,
            service_s=ended_s - last_sent_s,
            bytes_in=progress.bytes_in,
            code=code or failure_code(failure),
            failure=failure,
        )
        self._record(in_flight.request, completed, progress.retried)
        if self._sampler is not None and not completed.code:
            self._sampler.record(
                in_flight.request, sent_s=in_flight.sent_s, ended_s=ended_s, retried=progress.retried
            )
        self.recorder.log.record(
            LoggedRequest(
                completed.operation,
                due_s=in_flight.due_s - self.start_s,
                sent_s=last_sent_s - self.start_s,
                ended_s=ended_s - self.start_s,
                bytes_out=len(in_flight.request.body.data),
                bytes_in=completed.bytes_in,
                code=completed.code,
                failure=failure,
            )
        )
        return completed

    def _record(self, request: PlannedRequest, completed: CompletedRequest, retried: int) -> None:
        failure = completed.failure
        self.recorder.record_end(
            request.operation,
            response_s=completed.response_s,
            service_s=completed.service_s,
            vectors=0 if failure else request.vectors,
            stored_bytes=request.stored_bytes,
            bytes_out=len(request.body.data),
            bytes_in=completed.bytes_in,
            code=completed.code,
            is_throttled=isinstance(failure, ServiceError) and failure.is_throttling,
            retried=retried,
        )


def failure_code(failure: Exception | None) -> str:
    """Return the error code under which *failure* is counted; empty for None."""
    if failure is None:
        return ""
    if isinstance(failure, ProtocolError):
        return PROTOCOL
    if isinstance(failure, NoCredentials):
        return NO_CREDENTIALS
    return failure.code if isinstance(failure, ServiceError) else TRANSPORT
