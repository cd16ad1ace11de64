"""One batch on its way to an end: every record of it acknowledged, set aside, or left pending.

`deliver` decides and does nothing: it yields what should happen next and is told what came of it. So the same
decisions run on threads (`writer`), and in tests under a clock and in an order that the test chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from vecgate.bulk.batching import Batch, key_named, pieces_needed
from vecgate.bulk.encoding import Body
from vecgate.bulk.retry import Again, Attempt, Failure, Narrow, SetAside, Stop, Verdict
from vecgate.errors import ServiceError, TransportError


@dataclass(frozen=True, slots=True)
class Leave:
    """Wait until a request of *vectors* may leave. Answered with a `Departure`."""

    vectors: int


@dataclass(frozen=True, slots=True)
class Departure:
    """A request leaves at *at_s*; *successes* requests of the run were taken before."""

    at_s: float
    successes: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send *body*. Answered with the latency in seconds; a ServiceError or TransportError is thrown in."""

    body: Body


@dataclass(frozen=True, slots=True)
class Failed:
    """*batch* could not be sent. *first* was its first departure. Answered with a `Verdict`."""

    failure: Failure
    batch: Batch
    number: int
    counted: int
    first: Departure

    def attempt(self, *, now_s: float, successes: int) -> Attempt:
        """The failed attempt as `retry` judges it."""
        return Attempt(
            number=self.number,
            counted=self.counted,
            records=len(self.batch),
            since_s=now_s - self.first.at_s,
            others_do=successes > self.first.successes,
        )


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait *seconds* before the next attempt."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The service has taken *batch* after *attempts*, the last of which took *latency_s*."""

    batch: Batch
    payload_bytes: int
    attempts: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The one record of *batch* cannot be written, because of *problem*."""

    batch: Batch
    problem: str


Effect: TypeAlias = Leave | Send | Failed | Pause | Taken | Refused
Steps: TypeAlias = Generator[Effect, Any, bool]


def deliver(batch: Batch, encode: Callable[[Batch], Body], *, payload_bytes_max: int) -> Steps:
    """The steps that bring *batch* to its end; True when every record of it is settled."""
    todo = [batch]
    while todo:
        part = todo.pop()
        body = encode(part)
        pieces = pieces_needed(len(body.data), payload_bytes_max)
        if pieces > 1 and len(part) == 1:
            yield Refused(part, _too_large(len(body.data), payload_bytes_max))
            rest: list[Batch] | None = part.fallback()
        elif pieces > 1:
            rest = part.pieces(min(pieces, len(part)))
        else:
            rest = yield from _insist(part, body)
        if rest is None:
            return False
        # First piece first: `todo` is a stack.
        todo.extend(reversed(rest))
    return True


def _insist(batch: Batch, body: Body) -> Generator[Effect, Any, list[Batch] | None]:
    """Send *batch* until it is taken, or tell in which pieces to go on; None when the run must stop."""
    number = counted = 0
    first: Departure | None = None
    while True:
        departure: Departure = yield Leave(len(batch))
        first = first or departure
        number += 1
        try:
            latency_s: float = yield Send(body)
        except (ServiceError, TransportError) as error:
            failure: Failure = error
        else:
            yield Taken(batch, len(body.data), number, latency_s)
            return []
        counted += not (isinstance(failure, ServiceError) and failure.is_throttling)
        verdict: Verdict = yield Failed(failure, batch, number, counted, first)
        match verdict:
            case Again(wait_s):
                yield Pause(wait_s)
            case Narrow():
                return _narrowed(batch, failure)
            case SetAside(problem):
                yield Refused(batch, problem)
                return batch.fallback()
            case Stop():
                return None


def _narrowed(batch: Batch, failure: Failure) -> list[Batch]:
    key = key_named(failure.message) if isinstance(failure, ServiceError) else None
    return batch.without(key) if key in batch.block.keys and key is not None else batch.pieces(2)


def _too_large(payload_bytes: int, payload_bytes_max: int) -> str:
    return f"record encodes to {payload_bytes:,} bytes; a request may carry {payload_bytes_max:,}"
