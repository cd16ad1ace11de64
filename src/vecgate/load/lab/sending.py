"""How a worker's requests go out: once each, or as the batch client would send them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import gevent
import numpy as np
from gevent.lock import BoundedSemaphore

from vecgate.bulk.batching import Batch, batch_of
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.delivery import (
    Departure,
    Effect,
    Failed,
    Leave,
    Pause,
    Refused,
    Send,
    Steps,
    Taken,
    deliver,
)
from vecgate.bulk.encoding import Body
from vecgate.bulk.records import Block, Reject
from vecgate.bulk.retry import Failure, Stop, Verdict
from vecgate.bulk.run import Run
from vecgate.bulk.wire import Sender
from vecgate.errors import ProtocolError, ServiceError, TransportError, VecgateError
from vecgate.load.bodies import Bodies, key_of
from vecgate.load.lab.engine import Flight
from vecgate.load.recorder import Recorder
from vecgate.load.requests import Request

#: What is answered with vectors. An answer is looked at so far for its beginning.
READS, VECTORS, LOOK_AHEAD = frozenset({"GetVectors", "ListVectors", "QueryVectors"}), b'"vectors"', 64


class Once:
    """Sends a request once: what fails has failed."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def __call__(self, request: Request, flight: Flight) -> None:
        """Send *request*."""
        answer = self._sender.send(request.operation, request.body)
        flight.bytes_in = len(answer)
        see(request.operation, answer)
        if request.on_ok:
            try:
                request.on_ok(answer)
            except (ValueError, KeyError, TypeError) as error:
                raise _no_answer(request.operation) from error


class AsTheBatchClient:
    """Sends PutVectors with the batch client's pacing and retries; anything else once.

    Its rates are those of *config*, for all users of this worker together.
    """

    def __init__(self, sender: Sender, bodies: Bodies, recorder: Recorder, config: BulkConfig) -> None:
        self._sender, self._bodies, self._recorder, self._once = sender, bodies, recorder, Once(sender)
        self._run = Run(config, aside=_Nowhere(), now_s=time.monotonic())
        self._chance = random.Random()  # noqa: S311 - jitter is no secret
        self._turn = BoundedSemaphore(1)

    def __call__(self, request: Request, flight: Flight) -> None:
        """Send *request* until the service has taken all of it."""
        if not request.records:
            self._once(request, flight)
            return
        batch = _batch_of(request.records)
        self._run.admit(batch.block, ())
        delivery = _Delivery(self._run, self._sender, self._recorder, self._chance, self._turn, flight=flight)
        is_written = delivery.drive(
            deliver(batch, lambda part: self._body(part, request), payload_bytes_max=self._payload_max)
        )
        if not is_written:
            assert delivery.failure is not None
            raise delivery.failure

    @property
    def _payload_max(self) -> int:
        return self._run.config.payload_bytes_max

    def _body(self, part: Batch, request: Request) -> Body:
        if len(part) == len(request.records):
            return request.body
        return self._bodies.put(part.block.positions.tolist())


class _Delivery:
    """Does what the steps of one delivery ask for, in a greenlet, and keeps account of it in *flight*.

    failure  of the last attempt that did fail
    """

    def __init__(
        self,
        run: Run,
        sender: Sender,
        recorder: Recorder,
        chance: random.Random,
        turn: BoundedSemaphore,
        *,
        flight: Flight,
    ) -> None:
        self._run, self._sender, self._recorder, self._chance = run, sender, recorder, chance
        self._turn, self._flight = turn, flight
        self.failure: Failure | None = None
        self._is_refused = False

    def drive(self, steps: Steps) -> bool:
        """Bring *steps* to their end; whether every record was written."""
        answer: object = None
        failure: VecgateError | None = None
        while True:
            try:
                effect = steps.throw(failure) if failure else steps.send(answer)
            except StopIteration as end:
                return bool(end.value) and not self._is_refused
            answer, failure = (
                self._send(effect.body) if isinstance(effect, Send) else (self._do(effect), None)
            )

    def _send(self, body: Body) -> tuple[float, VecgateError | None]:
        flight = self._flight
        flight.retried += flight.left_s is not None
        flight.left_s = left_s = time.monotonic()
        try:
            answer = self._sender.send("PutVectors", body)
        except (ServiceError, TransportError) as failure:
            return 0.0, failure
        flight.bytes_in += len(answer)
        see("PutVectors", answer)
        return time.monotonic() - left_s, None

    def _do(self, effect: Effect) -> object:
        now_s = time.monotonic()
        match effect:
            case Leave(vectors):
                return self._leave(vectors)
            case Pause(seconds):
                gevent.sleep(seconds)
            case Failed():
                return self._judged(effect, now_s)
            case Taken():
                self._run.taken(effect, now_s=now_s)
            case Refused():
                self._run.refused(effect)
                self._is_refused = True
        return None

    def _leave(self, vectors: int) -> Departure:
        # In the order in which they came: whoever waits longest is next, also beyond the quota.
        with self._turn:
            while not isinstance(
                departure := self._run.try_leave(vectors, now_s=time.monotonic()), Departure
            ):
                gevent.sleep(departure)
        return departure

    def _judged(self, failed: Failed, now_s: float) -> Verdict:
        self.failure = failure = failed.failure
        # What stops a run of the batch client ends this request alone: the target may take the next one.
        verdict = self._run.judge(failed, now_s=now_s, chance=self._chance.random())
        if not isinstance(verdict, Stop):
            is_throttled = isinstance(failure, ServiceError) and failure.is_throttling
            self._recorder.attempt_failed("PutVectors", is_throttled=is_throttled)
        return verdict


class _Nowhere:
    """Where records that the service refuses go: their request has failed, and that is counted."""

    path = Path("/dev/null")

    def write(self, rejects: Sequence[Reject]) -> int:
        """Forget *rejects*."""
        del rejects
        return 0


def see(operation: str, answer: bytes) -> None:
    """See that *answer* looks like one to *operation*: whoever stands before a target may say 200 as well.

    Raises ProtocolError. What has nothing to say may say nothing; parsing each answer would take the time of
    the requests.
    """
    needed = VECTORS if operation in READS else b""
    is_object = answer[:LOOK_AHEAD].lstrip().startswith(b"{")
    if not (is_object and needed in answer) and (answer or needed):
        raise _no_answer(operation)


def _no_answer(operation: str) -> ProtocolError:
    return ProtocolError(f"{operation} was answered with something that is no answer to it")


def _batch_of(records: range) -> Batch:
    positions = np.arange(records.start, records.stop)
    keys = [key_of(record) for record in records]
    return batch_of(Block(positions, keys, np.empty((len(keys), 0), np.float32), [None] * len(keys)))
