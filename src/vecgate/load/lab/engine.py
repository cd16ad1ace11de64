"""One worker's part of the schedule: which request is next, when it is due, and what came of it.

As many of Locust's users as may be in flight ask the engine for work. Each takes an arrival shortly before it
is due, makes its body, waits for the moment, and sends. So a slow answer holds up one user and never the
schedule; what no user was free for in time is dropped, and counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from vecgate.errors import NoCredentials, ProtocolError, ServiceError, TransportError, VecgateError
from vecgate.load.arrivals import Schedule
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Request
from vecgate.load.sharing import Share, Shares

#: Bodies are made so long before they are due.
LEAD_S = 0.05
#: Arrival times are computed so many at once.
CHUNK = 1_024
#: Codes of failures that no service has named.
TRANSPORT, PROTOCOL = "Transport", "Protocol"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a request: a failure has a code, and throttled ones say so."""

    operation: str
    response_s: float
    service_s: float
    bytes_in: int
    code: str = ""
    failure: Exception | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How a request was done: the length of the answer, how often it was sent again, when it left last."""

    bytes_in: int
    retried: int = 0
    left_s: float | None = None


#: Sends a request until it is done. Raises ServiceError or TransportError where it is not.
Sending: TypeAlias = Callable[[Request], Answered]


class Engine:
    """Deals out the arrivals of one worker.

    schedule        of all workers together; `shares` says which of it is ours
    make            makes the request of an arrival
    send            sends it
    start_within_s  an arrival that could not start so long after it was due is dropped
    clock, sleep    of the greenlets that serve
    """

    def __init__(
        self,
        schedule: Schedule,
        make: Callable[[int], Request],
        send: Sending,
        recorder: Recorder,
        *,
        start_within_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = gevent.sleep,
    ) -> None:
        self._schedule, self._make, self._send, self.recorder = schedule, make, send, recorder
        self._start_within_s, self._clock, self._sleep = start_within_s, clock, sleep
        self._turn = BoundedSemaphore(1)
        self.started = Event()
        self.begun_s = 0.0
        self.shares = Shares(())
        # Every arrival of ours below `_untaken` was taken; `_next` is the first that was not.
        self._untaken = self._next = 0
        self._end = schedule.total
        self._chunk_first = 0
        self._chunk: tuple[float, ...] = ()
        self._held = 0

    def begin(self, share: Share, *, at_s: float) -> None:
        """Start the schedule at *at_s* of the clock, with *share* of it."""
        self.begun_s = at_s
        self.take_share(share)
        self.started.set()

    def take_share(self, share: Share) -> None:
        """From its first arrival on, *share* is ours; what of that was passed over already is dropped."""
        before, self.shares = self.shares, self.shares.then(share)
        passed = share.from_arrival, self._untaken
        self.recorder.dropped(max(0, self.shares.count(*passed) - before.count(*passed)))
        self._next = self.shares.next_mine(self._untaken)

    def stop(self) -> None:
        """Begin no further arrival; those in flight come to their end."""
        self._end = min(self._end, self._untaken)

    @property
    def is_done(self) -> bool:
        """Every arrival of ours has come to its end."""
        return self.started.is_set() and self.is_idle and not self._held

    @property
    def is_over(self) -> bool:
        """So it is, and there is nothing to wait for: the schedule has run out, or was stopped."""
        is_cut = self._end < self._schedule.total
        return self.is_done and (is_cut or self._clock() - self.begun_s >= self._schedule.duration_s)

    @property
    def is_idle(self) -> bool:
        """There is no arrival left to begin."""
        return self._next >= self._end

    def due_between(self, from_s: float, to_s: float) -> int:
        """How many of our arrivals are due from *from_s* until before *to_s*."""
        first, last = (min(self._schedule.due_before(at_s), self._end) for at_s in (from_s, to_s))
        return self.shares.count(first, last)

    def give_up(self) -> int:
        """Drop what is due and has not begun; how many those are."""
        left = 0
        while self._next < self._end:
            left += 1
            self._advance()
        self.recorder.dropped(left)
        return left

    def serve(self) -> Sent | None:
        """Bring one arrival to its end; None where there is none left, or it was dropped."""
        self.started.wait()
        arrival, due_s = self._taken()
        if arrival is None:
            return None
        try:
            if self._is_too_late(due_s):
                self.recorder.dropped()
                return None
            return self._fly(self._make(arrival), due_s)
        finally:
            self._held -= 1

    def _is_too_late(self, due_s: float) -> bool:
        return self._clock() - due_s > self._start_within_s

    def _taken(self) -> tuple[int | None, float]:
        with self._turn:  # users take arrivals one after the other, in order
            while self._next < self._end:
                due_s = self.begun_s + self._due(self._next)
                wait_s = due_s - LEAD_S - self._clock()
                if wait_s <= 0:
                    break
                # The share may change, or the run stop, while we wait.
                self._sleep(min(wait_s, 1.0))
            else:
                return None, 0.0
            arrival = self._next
            self._advance()
            self._held += 1
        return arrival, due_s

    def _fly(self, request: Request, due_s: float) -> Sent | None:
        if (wait_s := due_s - self._clock()) > 0:
            self._sleep(wait_s)
        if self._is_too_late(due_s):
            self.recorder.dropped()
            return None
        sent_s = self._clock()
        self.recorder.started(sent_s - due_s)
        answered = Answered(0)
        failure: VecgateError | None = None
        try:
            answered = self._send(request)
        except (ServiceError, TransportError, NoCredentials, ProtocolError) as error:
            failure = error
        except gevent.GreenletExit:
            # Locust ends this user, and will hear of nothing more.
            self._ended(request, due_s, sent_s, answered, TransportError(request.operation, "cut off"))
            raise
        return self._ended(request, due_s, sent_s, answered, failure)

    def _ended(
        self, request: Request, due_s: float, sent_s: float, answered: Answered, failure: VecgateError | None
    ) -> Sent:
        ended_s = self._clock()
        left_s = sent_s if answered.left_s is None else answered.left_s
        sent = Sent(
            request.operation,
            response_s=ended_s - due_s,
            service_s=ended_s - left_s,
            bytes_in=answered.bytes_in,
            code=code_of(failure),
            failure=failure,
        )
        self._record(request, sent, answered)
        return sent

    def _record(self, request: Request, sent: Sent, answered: Answered) -> None:
        failure = sent.failure
        self.recorder.ended(
            request.operation,
            response_s=sent.response_s,
            service_s=sent.service_s,
            vectors=0 if failure else request.vectors,
            stored_bytes=request.stored_bytes,
            bytes_out=len(request.body.data),
            bytes_in=sent.bytes_in,
            code=sent.code,
            is_throttled=isinstance(failure, ServiceError) and failure.is_throttling,
            retried=answered.retried,
        )

    def _advance(self) -> None:
        self._untaken = self._next + 1
        self._next = self.shares.next_mine(self._untaken)

    def _due(self, arrival: int) -> float:
        at = arrival - self._chunk_first
        if not 0 <= at < len(self._chunk):
            self._chunk_first = arrival
            last = min(arrival + CHUNK, self._schedule.total)
            self._chunk = tuple(self._schedule.due_s(arrival, last).tolist())
            at = 0
        return self._chunk[at]


def code_of(failure: Exception | None) -> str:
    """The code that a failure is counted under; empty for none."""
    if failure is None:
        return ""
    if isinstance(failure, ProtocolError):
        return PROTOCOL
    return failure.code if isinstance(failure, ServiceError) else TRANSPORT
