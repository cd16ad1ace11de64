"""The delivery of one batch: every record of it ends up acknowledged, rejected, or still pending.

`deliver` only decides: it yields the next effect and is sent the reply. A `DeliveryHandler` performs effects.
So the same decisions run on threads (`writer`), in greenlets (load runs), and in tests under a clock and in
an order that the test chooses. `Delivery.step` is the one place that maps an effect to the method of the
handler.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from vecgate.bulk.core.batching import Batch, key_named, pieces_needed
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.retry import Attempt, Failure, Reject, Retry, RetryDecision, Split, Stop
from vecgate.errors import ServiceError, TransportError


@dataclass(frozen=True, slots=True)
class Acquire:
    """Wait until a request of *vectors* may be sent. The reply is a `Departure`."""

    vectors: int


@dataclass(frozen=True, slots=True)
class Departure:
    """A request departs at *at_s*, when *successes* requests of the run have been acknowledged.

    is_probe  it departs alone, to find out whether an outage is over
    """

    at_s: float
    successes: int
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send *body*. The reply is the latency in seconds; a ServiceError or TransportError is thrown in
    instead.
    """

    body: Body


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt to send *batch* failed. The reply is a `RetryDecision`.

    number    attempts so far
    counted   those of them that were not throttled and count
    first     departure of the first attempt that counts
    is_probe  the attempt departed alone; see `Departure`
    """

    failure: Failure
    batch: Batch
    number: int
    counted: int
    first: Departure
    is_probe: bool = False

    def attempt(self, *, now_s: float, successes: int) -> Attempt:
        """Return the failed attempt in the form that `decide_retry` takes."""
        return Attempt(
            number=self.number,
            counted=self.counted,
            records=len(self.batch),
            since_s=now_s - self.first.at_s,
            others_succeed=successes > self.first.successes,
        )


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait *seconds* before the next attempt."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The service acknowledged *batch* after *attempts*, the last of which took *latency_s*."""

    batch: Batch
    payload_bytes: int
    attempts: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """The only record of *batch* cannot be written, because of *problem*."""

    batch: Batch
    problem: str


Effect: TypeAlias = Acquire | Send | Failed | Pause | Acknowledged | Rejected
Reply: TypeAlias = Departure | float | RetryDecision | None
Steps: TypeAlias = Generator[Effect, Reply, bool]


class RunEnded(Exception):
    """Raised by a handler to abandon a delivery when the run ends. Its records stay pending."""


class DeliveryHandler(Protocol):
    """Performs the effects of a delivery.

    `send` raises ServiceError or TransportError for an attempt that failed. Any other exception leaves the
    delivery at its current effect, so `Delivery.step` can be called again.
    """

    def acquire(self, vectors: int) -> Departure:
        """Wait until a request of *vectors* may be sent. Raises RunEnded."""
        ...

    def send(self, body: Body) -> float:
        """Send *body* once and return the latency in seconds."""
        ...

    def decide_retry(self, failed: Failed) -> RetryDecision:
        """Record a failed attempt and return what to do about it."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait *seconds*. Raises RunEnded."""
        ...

    def record_acknowledged(self, acknowledged: Acknowledged) -> None:
        """Record that the service acknowledged a batch."""
        ...

    def record_rejected(self, rejected: Rejected) -> None:
        """Record that a record cannot be written."""
        ...


class Delivery:
    """Runs *steps* one effect at a time.

    effect      the effect to perform next, None at the end
    is_settled  at the end: every record of the batch is acknowledged or rejected
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.effect: Effect | None = next(steps)
        self.is_settled: bool = False

    def step(self, handler: DeliveryHandler) -> None:
        """Perform the current effect through *handler* and advance to the next one."""
        try:
            self.effect = self._advance(handler)
        except StopIteration as end:
            self.effect, self.is_settled = None, end.value

    def _advance(self, handler: DeliveryHandler) -> Effect:
        reply: Reply = None
        match self.effect:
            case Acquire(vectors):
                reply = handler.acquire(vectors)
            case Send(body):
                try:
                    reply = handler.send(body)
                except (ServiceError, TransportError) as failure:
                    return self._steps.throw(failure)
            case Failed() as failed:
                reply = handler.decide_retry(failed)
            case Pause(seconds):
                handler.pause(seconds)
            case Acknowledged() as acknowledged:
                handler.record_acknowledged(acknowledged)
            case Rejected() as rejected:
                handler.record_rejected(rejected)
        return self._steps.send(reply)


def drive(steps: Steps, handler: DeliveryHandler) -> bool:
    """Perform all effects of *steps*. Return False if the run ended before every record was settled."""
    delivery = Delivery(steps)
    try:
        while delivery.effect is not None:
            delivery.step(handler)
    except RunEnded:
        return False
    return delivery.is_settled


def deliver(batch: Batch, encode: Callable[[Batch], Body], *, payload_bytes_max: int) -> Steps:
    """Yield the effects that deliver *batch*. Return True if every record of it is settled."""
    todo = [batch]
    while todo:
        part = todo.pop()
        body = encode(part)
        pieces = pieces_needed(len(body.data), payload_bytes_max)
        if pieces > 1 and len(part) == 1:
            yield Rejected(part, _too_large(len(body.data), payload_bytes_max))
            remaining: list[Batch] | None = part.fallback()
        elif pieces > 1:
            remaining = part.pieces(min(pieces, len(part)))
        else:
            remaining = yield from _send_until_decided(part, body)
        if remaining is None:
            return False
        # First piece first: `todo` is a stack.
        todo.extend(reversed(remaining))
    return True


def _send_until_decided(batch: Batch, body: Body) -> Generator[Effect, Reply, list[Batch] | None]:
    """Send *batch* until it is acknowledged. Return the pieces to send next, or None to stop the run."""
    number = counted = 0
    first: Departure | None = None
    while True:
        departure = yield Acquire(len(batch))
        assert isinstance(departure, Departure)
        first = first or departure
        number += 1
        try:
            latency_s = yield Send(body)
        except (ServiceError, TransportError) as error:
            failure: Failure = error
        else:
            assert isinstance(latency_s, float)
            yield Acknowledged(batch, len(body.data), number, latency_s)
            return []
        counted += not (isinstance(failure, ServiceError) and failure.is_throttling)
        match (yield Failed(failure, batch, number, counted, first, departure.is_probe)):
            case Retry(wait_s, restarts):
                if restarts:
                    counted, first = 0, None
                yield Pause(wait_s)
            case Split():
                return _split(batch, failure)
            case Reject(problem):
                yield Rejected(batch, problem)
                return batch.fallback()
            case Stop():
                return None


def _split(batch: Batch, failure: Failure) -> list[Batch]:
    key = key_named(failure.message) if isinstance(failure, ServiceError) else None
    return batch.without(key) if key in batch.block.keys and key is not None else batch.pieces(2)


def _too_large(payload_bytes: int, payload_bytes_max: int) -> str:
    return f"record encodes to {payload_bytes:,} bytes; a request may carry {payload_bytes_max:,}"
