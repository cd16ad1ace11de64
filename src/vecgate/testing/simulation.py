"""The batch client without threads: the caller chooses who moves next, and when time goes by.

Every interleaving that threads could produce is a sequence of moves here, so a property test can look for
the one that loses a vector.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from vecgate.bulk.batching import Batch, batches
from vecgate.bulk.delivery import (
    Departure,
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
from vecgate.bulk.records import Block
from vecgate.bulk.run import Run
from vecgate.errors import ServiceError, TransportError
from vecgate.testing.scripted import Mishap, ScriptedService


@dataclass(slots=True)
class Flight:
    """A batch on its way: what it waits for, and until when."""

    batch: Batch
    steps: Steps
    effect: Any = None
    wakes_at_s: float = 0.0
    #: What the service made of the request, while the answer is on its way.
    answer: float | ServiceError | TransportError | None = None


class Simulation:
    """*run* over *blocks* against *service*. `now_s` is moved with `tick`."""

    def __init__(
        self,
        run: Run,
        blocks: Iterable[Block],
        service: ScriptedService,
        encode: Callable[[Batch], Body],
        *,
        operation: str = "PutVectors",
    ) -> None:
        self.run, self.service, self.now_s = run, service, 0.0
        self.flights: list[Flight] = []
        self.departures: list[tuple[float, int]] = []
        self.is_read = False
        self._encode, self._operation = encode, operation
        self._batches = batches((run.admit(block, block.rejects) for block in blocks), run.rows)
        self._next: Batch | None = None

    @property
    def is_over(self) -> bool:
        """Nothing is left to move."""
        return not self.flights and (self.is_read or self.run.stopped_by is not None)

    def tick(self, seconds: float) -> None:
        """Let time go by."""
        self.now_s += seconds

    def dispatch(self) -> bool:
        """Hand out the next batch; False where there is none, no room, or a key of it is in flight."""
        if self.run.stopped_by or self.is_read or len(self.flights) >= self.run.config.in_flight:
            return False
        self._next = self._next or next(self._batches, None)
        if self._next is None:
            self.is_read = True
            return False
        if not self.run.keys.claim(self._next.block.keys):
            return False
        steps = deliver(self._next, self._encode, payload_bytes_max=self.run.config.payload_bytes_max)
        flight = Flight(self._next, steps)
        flight.effect = next(steps)
        self.flights.append(flight)
        self._next = None
        return True

    def advance(
        self, flight: Flight, *, mishap: Mishap | Exception = Mishap.NONE, chance: float = 0.5
    ) -> None:
        """Move *flight* by one step; a request arrives with one move and is answered with the next."""
        if self.run.stopped_by and isinstance(flight.effect, Leave | Pause):
            self._land(flight, is_settled=False)
            return
        match flight.effect:
            case Leave(vectors):
                self._leave(flight, vectors)
            case Send(body):
                self._send(flight, body, mishap)
            case Failed() as failed:
                self._reply(flight, self.run.judge(failed, now_s=self.now_s, chance=chance))
            case Pause():
                if self.now_s >= flight.wakes_at_s:
                    self._reply(flight, None)
            case Taken() as taken:
                self.run.taken(taken, now_s=self.now_s)
                self._reply(flight, None)
            case Refused() as refused:
                self.run.refused(refused)
                self._reply(flight, None)

    def finish(self) -> None:
        """Move everything to its end, without further mishaps."""
        while not self.is_over:
            moved = self.dispatch()
            for flight in list(self.flights):
                self.advance(flight)
            self.tick(0.0 if moved else 1.0)

    def _leave(self, flight: Flight, vectors: int) -> None:
        departure = self.run.try_leave(vectors, now_s=self.now_s)
        if isinstance(departure, Departure):
            self.departures.append((self.now_s, vectors))
            self._reply(flight, departure)

    def _send(self, flight: Flight, body: Body, mishap: Mishap | Exception) -> None:
        if flight.answer is not None:
            answer, flight.answer = flight.answer, None
            self._reply(flight, answer)
            return
        try:
            self.service.meet(self._operation, json.loads(body.data), mishap)
            flight.answer = 0.01
        except (ServiceError, TransportError) as error:
            flight.answer = error

    def _reply(self, flight: Flight, answer: object) -> None:
        try:
            if isinstance(answer, Exception):
                flight.effect = flight.steps.throw(answer)
            else:
                flight.effect = flight.steps.send(answer)
        except StopIteration as end:
            self._land(flight, is_settled=bool(end.value))
            return
        if isinstance(flight.effect, Pause):
            flight.wakes_at_s = self.now_s + flight.effect.seconds

    def _land(self, flight: Flight, *, is_settled: bool) -> None:
        self.flights.remove(flight)
        flight.steps.close()
        if is_settled:
            self.run.keys.release(flight.batch.block.keys)
