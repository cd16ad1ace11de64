"""The batch client without threads: the test decides which batch moves next and when time passes.

Every interleaving that threads could produce is a sequence of these moves, so a property test can search for
the one that loses a vector.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from vecgate.bulk.core.batching import Batch, batches
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.delivery import (
    Acknowledged,
    Acquire,
    Delivery,
    Departure,
    Effect,
    Failed,
    Pause,
    Rejected,
    deliver,
)
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.retry import RetryDecision
from vecgate.bulk.core.run_state import BulkRun
from vecgate.errors import ServiceError, TransportError
from vecgate.testing.scripted_service import ScriptedService, ServiceFault

LATENCY_S = 0.01


class NotYet(Exception):
    """Raised by an effect that must wait: it is performed by a later move."""


@dataclass(slots=True)
class BatchInFlight:
    """A batch that is being delivered.

    wakes_at_s  end of the current pause
    result      the latency or the error of a request that has arrived and is not answered yet
    """

    batch: Batch
    delivery: Delivery
    wakes_at_s: float = 0.0
    result: float | ServiceError | TransportError | None = None

    @property
    def effect(self) -> Effect | None:
        """The next effect of the delivery."""
        return self.delivery.effect


class Simulation:
    """Delivers *blocks* to *service* in the state of *run*. `now_s` moves only with `tick`.

    batches_in_flight  in the order in which they were dispatched
    departures         time and number of vectors of each request
    """

    run: BulkRun
    service: ScriptedService
    operation: str
    now_s: float

    def __init__(
        self,
        run: BulkRun,
        blocks: Iterable[Block],
        service: ScriptedService,
        encode: Callable[[Batch], Body],
        *,
        operation: str = "PutVectors",
    ) -> None:
        self.run, self.service, self.operation, self.now_s = run, service, operation, 0.0
        self.batches_in_flight: list[BatchInFlight] = []
        self.departures: list[tuple[float, int]] = []
        self.is_exhausted: bool = False
        self._encode = encode
        self._batches = batches((run.admit(block, block.rejects) for block in blocks), run.batch_rows)
        self._next: Batch | None = None

    @property
    def is_done(self) -> bool:
        """True if no move remains."""
        return not self.batches_in_flight and (self.is_exhausted or self.run.stopped_by is not None)

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def dispatch(self) -> bool:
        """Dispatch the next batch.

        Returns False if all batches are dispatched, if enough are in flight, or if a key of the batch is in
        flight.
        """
        run = self.run
        if run.stopped_by or self.is_exhausted or len(self.batches_in_flight) >= run.config.in_flight:
            return False
        self._next = self._next or next(self._batches, None)
        if self._next is None:
            self.is_exhausted = True
            return False
        if not run.keys.claim(self._next.block.keys):
            return False
        steps = deliver(self._next, self._encode, payload_bytes_max=run.config.payload_bytes_max)
        self.batches_in_flight.append(BatchInFlight(self._next, Delivery(steps)))
        self._next = None
        return True

    def advance(
        self,
        batch: BatchInFlight,
        *,
        fault: ServiceFault | Exception = ServiceFault.NONE,
        random_value: float = 0.5,
    ) -> None:
        """Move *batch* by one step. A request arrives with one step and is answered with the next."""
        if self.run.stopped_by and isinstance(batch.effect, Acquire | Pause):
            self.batches_in_flight.remove(batch)
            return
        with suppress(NotYet):
            batch.delivery.step(_Step(self, batch, fault, random_value))
            if isinstance(batch.effect, Pause):
                batch.wakes_at_s = self.now_s + batch.effect.seconds
        if batch.effect is None:
            self.batches_in_flight.remove(batch)
            if batch.delivery.is_settled:
                self.run.keys.release(batch.batch.block.keys)

    def finish(self) -> None:
        """Move everything to its end without further faults."""
        while not self.is_done:
            is_dispatched = self.dispatch()
            for batch in list(self.batches_in_flight):
                self.advance(batch)
            self.tick(0.0 if is_dispatched else 1.0)


@dataclass(frozen=True, slots=True)
class _Step:
    """Performs one effect of a delivery, or raises NotYet."""

    simulation: Simulation
    batch: BatchInFlight
    fault: ServiceFault | Exception
    random_value: float

    def acquire(self, vectors: int) -> Departure:
        simulation = self.simulation
        departure = simulation.run.try_acquire(vectors, now_s=simulation.now_s)
        if not isinstance(departure, Departure):
            raise NotYet
        simulation.departures.append((simulation.now_s, vectors))
        return departure

    def send(self, body: Body) -> float:
        if self.batch.result is None:
            self.batch.result = self._arrive(body)
            raise NotYet
        result, self.batch.result = self.batch.result, None
        if isinstance(result, Exception):
            raise result
        return result

    def _arrive(self, body: Body) -> float | ServiceError | TransportError:
        service, operation = self.simulation.service, self.simulation.operation
        try:
            service.handle(operation, json.loads(body.data), self.fault)
        except (ServiceError, TransportError) as error:
            return error
        return LATENCY_S

    def decide_retry(self, failed: Failed) -> RetryDecision:
        simulation = self.simulation
        return simulation.run.decide_retry(failed, now_s=simulation.now_s, random_value=self.random_value)

    def pause(self, seconds: float) -> None:  # noqa: ARG002 - `wakes_at_s` was set when the pause began
        if self.simulation.now_s < self.batch.wakes_at_s:
            raise NotYet

    def record_acknowledged(self, acknowledged: Acknowledged) -> None:
        self.simulation.run.record_acknowledged(acknowledged, now_s=self.simulation.now_s)

    def record_rejected(self, rejected: Rejected) -> None:
        self.simulation.run.record_rejected(rejected)
