"""Sends the requests of a worker: once each, or with the pacing and retries of the batch client."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import gevent
import numpy as np
from gevent.lock import BoundedSemaphore

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.batching import Batch, batch_of
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.delivery import (
    Acknowledged,
    Departure,
    Failed,
    Rejected,
    deliver,
    drive,
)
from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.core.retry import Failure, RetryDecision, Stop
from vecgate.bulk.core.run_state import BulkRun
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import ServiceError, UnexpectedResponse
from vecgate.load.runtime.dispatcher import SendProgress
from vecgate.load.traffic.planned_requests import PlannedRequest
from vecgate.load.traffic.request_bodies import RequestBodies, record_key
from vecgate.load.traffic.request_recorder import RequestRecorder


class SingleAttemptSender:
    """Sends each request once, without retries."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def __call__(self, request: PlannedRequest, progress: SendProgress) -> None:
        """Send *request*. Raises ServiceError, TransportError or ProtocolError if it fails."""
        answer = self._sender.send(request.operation, request.body)
        progress.bytes_in = len(answer)
        try:
            if request.check:
                request.check(answer)
            if request.on_ok:
                request.on_ok(answer)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnexpectedResponse(
                request.operation, "status 200 with an answer of another form"
            ) from error


class BatchClientSender:
    """Sends PutVectors with the pacing and retries of the batch client, and other requests once.

    The rates of *config* apply to all users of this worker together.
    """

    def __init__(
        self, sender: Sender, bodies: RequestBodies, recorder: RequestRecorder, config: BulkConfig
    ) -> None:
        self._sender, self._bodies, self._recorder = sender, bodies, recorder
        self._single_attempt = SingleAttemptSender(sender)
        self._run = BulkRun(config, rejects=_DiscardedRejects(), now_s=time.monotonic())
        self._random = random.Random()  # noqa: S311 - jitter is not a secret
        self._turn = BoundedSemaphore(1)

    def __call__(self, request: PlannedRequest, progress: SendProgress) -> None:
        """Send *request* until the service has acknowledged all of its records."""
        if not request.records:
            self._single_attempt(request, progress)
            return
        batch = _build_batch(request.records)
        self._run.admit(batch.block, ())
        delivery = _Delivery(
            self._run, self._sender, self._recorder, self._random, self._turn, progress=progress
        )
        steps = deliver(
            batch, lambda part: self._build_body(part, request), payload_bytes_max=self._payload_max
        )
        is_settled = drive(steps, delivery)
        if not is_settled or delivery.is_rejected:
            assert delivery.failure is not None
            raise delivery.failure

    @property
    def _payload_max(self) -> int:
        return self._run.config.payload_bytes_max

    def _build_body(self, part: Batch, request: PlannedRequest) -> Body:
        if len(part) == len(request.records):
            return request.body
        return self._bodies.put(part.block.positions.tolist())


class _Delivery:
    """The `DeliveryHandler` of one request, in a greenlet. It records the attempts in *progress*.

    failure      of the last attempt that failed
    is_rejected  the service rejected a record
    """

    def __init__(
        self,
        run: BulkRun,
        sender: Sender,
        recorder: RequestRecorder,
        jitter: random.Random,
        turn: BoundedSemaphore,
        *,
        progress: SendProgress,
    ) -> None:
        self._run, self._sender, self._recorder, self._jitter = run, sender, recorder, jitter
        self._turn, self._progress = turn, progress
        self.failure: Failure | None = None
        self.is_rejected = False

    def acquire(self, vectors: int) -> Departure:
        """Wait until the pace allows a request of *vectors*."""
        # The semaphore is fair: requests depart in the order in which they came, also beyond the quota.
        with self._turn:
            while not isinstance(
                departure := self._run.try_acquire(vectors, now_s=time.monotonic()), Departure
            ):
                gevent.sleep(departure)
        return departure

    def send(self, body: Body) -> float:
        """Send *body* and return the latency in seconds."""
        progress = self._progress
        progress.retried += progress.last_sent_s is not None
        progress.last_sent_s = sent_s = time.monotonic()
        answer = self._sender.send("PutVectors", body)
        progress.bytes_in += len(answer)
        return time.monotonic() - sent_s

    def decide_retry(self, failed: Failed) -> RetryDecision:
        """Let the run decide, and record an attempt that is not the last one."""
        self.failure = failure = failed.failure
        # A failure that would stop the batch client ends only this request: the next one may succeed.
        decision = self._run.decide_retry(failed, now_s=time.monotonic(), random_value=self._jitter.random())
        if not isinstance(decision, Stop):
            is_throttled = isinstance(failure, ServiceError) and failure.is_throttling
            self._recorder.record_failed_attempt("PutVectors", is_throttled=is_throttled)
        return decision

    def pause(self, seconds: float) -> None:
        """Let other greenlets run for *seconds*."""
        gevent.sleep(seconds)

    def record_acknowledged(self, acknowledged: Acknowledged) -> None:
        """Record an acknowledged batch."""
        self._run.record_acknowledged(acknowledged, now_s=time.monotonic())

    def record_rejected(self, rejected: Rejected) -> None:
        """Record a rejected record."""
        self._run.record_rejected(rejected)
        self.is_rejected = True


class _DiscardedRejects:
    """Discards rejected records: their request counts as failed, which is all that a load test needs."""

    path = Path("/dev/null")

    def write(self, rejects: Sequence[RejectedRecord]) -> int:
        """Discard *rejects*."""
        del rejects
        return 0


def _build_batch(records: range) -> Batch:
    positions = np.arange(records.start, records.stop)
    keys = [record_key(record) for record in records]
    return batch_of(Block(positions, keys, np.empty((len(keys), 0), np.float32), [None] * len(keys)))
