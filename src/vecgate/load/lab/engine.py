"""One worker's part of the schedule: which request is next, when it is due, and what came of it.

As many of Locust's users as may be in flight ask the engine for work. Each takes an arrival shortly before it
is due, makes its body, waits for the moment, and sends. So a slow answer holds up one user and never the
schedule; what no user was free for in time is dropped, and counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from vecgate.errors import NoCredentials, ProtocolError, ServiceError, TransportError, VecgateError
from vecgate.load.arrivals import Schedule
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Request
from vecgate.load.sharing import NEVER, Share, Shares

#: Bodies are made so long before they are due.
LEAD_S = 0.05
#: Arrival times are computed so many at once.
CHUNK = 1_024
#: Codes of failures that no service has named; the last is that of what was under way when a run had waited
#: long enough.
TRANSPORT, PROTOCOL, UNANSWERED = "Transport", "Protocol", "Unanswered"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a request: a failure has a code, and throttled ones say so."""

    operation: str
    response_s: float
    service_s: float
    bytes_in: int
    code: str = ""
    failure: Exception | None = None


@dataclass(slots=True)
class Flight:
    """What is known of a request under way, however it ends: filled in by who sends it.

    bytes_in  of answers
    retried   how often it was sent again
    left_s    when it left last; None where that was when it was sent
    """

    bytes_in: int = 0
    retried: int = 0
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Flying:
    """A request under way: when it was due, and when it left."""

    request: Request
    due_s: float
    sent_s: float
    flight: Flight = field(default_factory=Flight)


#: Sends a request until it is done. Raises ServiceError, TransportError or ProtocolError where it is not.
Sending: TypeAlias = Callable[[Request, Flight], None]


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
        self._stopped_s, self._is_given_up = inf, False
        # By the greenlet of the user that waits for the answer.
        self._flying: dict[Any, _Flying] = {}

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
        self._stopped_s = min(self._stopped_s, self._clock())

    @property
    def ends_s(self) -> float:
        """When nothing more begins, on the clock: at the end of the schedule, or when it was stopped."""
        return min(self.begun_s + self._schedule.duration_s, self._stopped_s)

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

    def give_up(self) -> None:
        """Drop what is due and has not begun; what is under way has failed, as it was never answered."""
        waiting = self._held - len(self._flying)
        self.recorder.dropped(waiting + self.shares.count(self._untaken, self._end))
        self._untaken, self._next, self._is_given_up = self._end, NEVER, True
        for user, flying in list(self._flying.items()):
            never = TransportError(flying.request.operation, "none had come when the run was over")
            self._ended(user, never, code=UNANSWERED)
            # Nobody waits for it any longer, and Locust does not wait for its user.
            user.kill(block=False)

    def serve(self) -> Sent | None:
        """Bring one arrival to its end; None where there is none left, or it was dropped."""
        self.started.wait()
        arrival, due_s = self._taken()
        if arrival is None:
            return None
        try:
            return None if self._drops(due_s) else self._fly(self._make(arrival), due_s)
        finally:
            self._held -= 1

    def _drops(self, due_s: float) -> bool:
        """Whether it is too late for what was due at *due_s*; then it is dropped, if it was not yet."""
        is_late = self._clock() - due_s > self._start_within_s
        if is_late and not self._is_given_up:
            self.recorder.dropped()
        return is_late or self._is_given_up

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
        if self._drops(due_s):
            return None
        sent_s, user = self._clock(), gevent.getcurrent()
        self.recorder.started(sent_s - due_s)
        flying = self._flying[user] = _Flying(request, due_s, sent_s)
        failure: VecgateError | None = None
        try:
            self._send(request, flying.flight)
        except (ServiceError, TransportError, NoCredentials, ProtocolError) as error:
            failure = error
        except gevent.GreenletExit:
            # Locust ends this user, and will hear of nothing more.
            self._ended(user, TransportError(request.operation, "cut off"))
            raise
        return self._ended(user, failure)

    def _ended(self, user: object, failure: VecgateError | None, *, code: str = "") -> Sent | None:
        """Count what *user* was waiting for, under *code* or that of *failure*; None where that was done."""
        flying = self._flying.pop(user, None)
        if flying is None:
            return None
        ended_s, flight = self._clock(), flying.flight
        left_s = flying.sent_s if flight.left_s is None else flight.left_s
        sent = Sent(
            flying.request.operation,
            response_s=ended_s - flying.due_s,
            service_s=ended_s - left_s,
            bytes_in=flight.bytes_in,
            code=code or code_of(failure),
            failure=failure,
        )
        self._record(flying.request, sent, flight.retried)
        return sent

    def _record(self, request: Request, sent: Sent, retried: int) -> None:
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
            retried=retried,
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
