"""Measures a scaling grid: each cell is the batch client at its highest speed for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import TypeAlias

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import encode_request
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.progress import BatchMetric, Event
from vecgate.bulk.transport.retried_call import call_with_retries
from vecgate.bulk.transport.sender import DIRECT_BATCH_MAX, Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.load.experiments.scaling_grid import KEY_BYTES, UNLIMITED_PER_S, CellRun, CellShape, ScalingGrid
from vecgate.load.traffic.synthetic_source import KEYS, SyntheticSource
from vecgate.load.traffic.vector_pool import generate_pool
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.cost_estimate import vector_bytes
from vecgate.s3vectors.pricing import requests_usd
from vecgate.targets.target import Target

#: Length of the warm-up that opens the connections. Its measurements are discarded.
WARM_UP_S = 0.5
#: Extra time of a cell on a target that throttles every request.
GRACE_S = 10.0
#: Number of distinct vectors, generated before the first cell.
POOL_VECTORS = 2_000

#: Provides the index of a cell while the cell is measured.
OpenIndex: TypeAlias = Callable[[], AbstractContextManager[IndexAddress]]


@dataclass(frozen=True, slots=True)
class Senders:
    """The two senders of requests: through boto3, and the direct sender for small ones."""

    full: Sender
    direct: Sender

    def select(self, shape: CellShape) -> Sender:
        """Return the sender for requests of *shape*."""
        return self.direct if shape.vectors_per_request <= DIRECT_BATCH_MAX else self.full


class CostMeter:
    """Adds up the price of written vectors, and stops the writer when it reaches *limit_usd*.

    usd          price so far
    vectors_max  largest number of vectors written by one writer, which is the number of keys used
    """

    usd: float
    vectors_max: int

    def __init__(self, dimension: int, limit_usd: float | None = None) -> None:
        self._vector_bytes = vector_bytes(dimension, key_bytes=KEY_BYTES)
        self._limit_usd = limit_usd
        self._stop: Callable[[], None] = lambda: None
        self._written = 0
        self.usd, self.vectors_max = 0.0, 0

    @property
    def is_exhausted(self) -> bool:
        """True if the limit is reached."""
        return self._limit_usd is not None and self.usd >= self._limit_usd

    def attach(self, writer: BulkWriter) -> None:
        """Stop *writer*, instead of an earlier one, at the limit."""
        self._stop, self._written = writer.stop, 0

    def on_event(self, event: Event) -> None:
        """Add the price of an acknowledged request."""
        if isinstance(event, BatchMetric):
            self._written += event.vectors
            self.vectors_max = max(self.vectors_max, self._written)
            self.usd += requests_usd({"PutVectors": 1}, put_bytes=event.vectors * self._vector_bytes)
            if self.is_exhausted:
                self._stop()


class GridRunner:
    """Measures the cells of *grid*, each in an index of *open_index*.

    cost_meter  adds up the price, and ends the measurement at its limit
    prefix      start of the keys
    grace_s     extra time of a cell on a target that throttles every request
    warm_up_s   length of the warm-up of each sender before the first cell
    """

    def __init__(
        self,
        grid: ScalingGrid,
        senders: Senders,
        open_index: OpenIndex,
        cost_meter: CostMeter,
        *,
        prefix: str = "v",
        grace_s: float = GRACE_S,
        warm_up_s: float = WARM_UP_S,
    ) -> None:
        self._grid, self._senders, self._open_index, self._cost_meter = grid, senders, open_index, cost_meter
        self._prefix, self._grace_s, self._warm_up_s = prefix, grace_s, warm_up_s
        self._pool = generate_pool(
            POOL_VECTORS, dimension=grid.dimension, clusters=1, spread=1.0, metadata="none", seed=grid.seed
        )

    def run(self) -> Iterator[tuple[CellShape, CellRun]]:
        """Warm up, then measure the cells in order, and yield each measurement until the cost limit.

        Raises the error that stopped a cell.
        """
        for shape in self._warm_up_shapes():
            self.measure(shape, self._warm_up_s)
        for shape in self._grid.order:
            if self._cost_meter.is_exhausted:
                return
            yield shape, self.measure(shape, self._grid.seconds / 2)

    def measure(self, shape: CellShape, seconds: float) -> CellRun:
        """Measure *shape* for *seconds*. Raises the error that stopped it."""
        with self._open_index() as address, TemporaryDirectory(prefix="vecgate-scale-") as folder:
            writer = BulkWriter(
                self._senders.select(shape),
                bucket=address.bucket,
                index=address.arn or address.index,
                config=self._config(shape),
                subscribers=[self._cost_meter],
            )
            self._cost_meter.attach(writer)
            cpu_start_s = time.process_time()
            with stop_after(writer, seconds + self._grace_s):
                outcome = writer.put(
                    self._build_source(shape, seconds), rejects=Path(folder) / "rejected.jsonl", strict=True
                )
            return build_cell_run(outcome, cpu_s=time.process_time() - cpu_start_s)

    def _warm_up_shapes(self) -> list[CellShape]:
        most = max(self._grid.in_flight)
        return [
            CellShape(batch, most) for batch in sorted({min(self._grid.batches), max(self._grid.batches)})
        ]

    def _config(self, shape: CellShape) -> BulkConfig:
        return BulkConfig(
            batch_vectors=shape.vectors_per_request,
            in_flight=shape.in_flight,
            vectors_per_s=self._grid.vectors_per_s or UNLIMITED_PER_S,
            requests_per_s=UNLIMITED_PER_S,
            # An unavailable target ends the measurement.
            retry_for_s=0.0,
        )

    def _build_source(self, shape: CellShape, seconds: float) -> SyntheticSource:
        in_flight = shape.vectors_per_request * shape.in_flight
        # A key is overwritten long after it was last in flight, so that no vector has to wait for its key.
        return SyntheticSource(
            self._pool,
            shape.vectors_per_request,
            seconds=seconds,
            prefix=self._prefix,
            keys=max(KEYS, 4 * in_flight),
        )


def build_cell_run(outcome: BulkOutcome, *, cpu_s: float) -> CellRun:
    """Return the measurement of a cell. Raises the error that stopped it."""
    if outcome.stopped_by is not None:
        raise outcome.stopped_by
    return CellRun(
        vectors=outcome.acknowledged,
        requests=outcome.requests,
        elapsed_s=outcome.elapsed_s,
        cpu_s=cpu_s,
        latencies_s=tuple(metric.latency_s for metric in outcome.metrics),
        throttled=outcome.throttles,
        errors=sum(outcome.failed_attempts.values()) - outcome.throttles,
    )


@contextmanager
def open_senders(target: Target, grid: ScalingGrid) -> Iterator[Senders]:
    """Open both senders to *target*, with a connection for each request in flight."""
    connections = max(grid.in_flight) + 1
    with (
        target.sender(connections=connections) as full,
        target.sender(connections=connections, direct=True) as direct,
    ):
        yield Senders(full, direct)


@contextmanager
def new_index(sender: Sender, address: IndexAddress, dimension: int) -> Iterator[IndexAddress]:
    """Create an index at *address* for a cell, and delete it when the context ends without an error."""
    definition = encode_request(address, dataType="float32", dimension=dimension, distanceMetric="cosine")
    call_with_retries(sender, "CreateIndex", definition)
    yield address
    # Not after an error, which another one must not hide; the bucket is removed with all of its indexes.
    call_with_retries(sender, "DeleteIndex", encode_request(address))


@contextmanager
def stop_after(writer: BulkWriter, seconds: float) -> Iterator[None]:
    """Stop *writer* if the context lasts longer than *seconds*."""
    timer = Timer(seconds, writer.stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
