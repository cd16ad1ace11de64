"""Measures a scaling grid: every cell is the batch client going as fast as it can for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import TypeAlias

from vecgate.bulk.calls import call
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.encoding import encode_request
from vecgate.bulk.progress import BatchMetric, Event
from vecgate.bulk.run import BulkOutcome
from vecgate.bulk.wire import DIRECT_UP_TO, Sender
from vecgate.bulk.writer import BulkWriter
from vecgate.load.data import synthetic_pool
from vecgate.load.scale import KEY_BYTES, UNLIMITED_PER_S, Grid, Shape, Slice
from vecgate.load.supply import KEYS, Supply
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.estimate import vector_bytes
from vecgate.s3vectors.pricing import requests_usd
from vecgate.targets.target import Target

#: Before the first cell, to open connections; what it finds is forgotten.
WARM_UP_S = 0.5
#: A target that throttles until nothing moves must not hold a cell for ever.
GRACE_S = 10.0
#: Distinct vectors, drawn before the first cell.
POOL_VECTORS = 2_000

#: Gives a cell its index for as long as it is measured.
OpenIndex: TypeAlias = Callable[[], AbstractContextManager[IndexAddress]]


@dataclass(frozen=True, slots=True)
class Senders:
    """How requests leave: through boto3, and directly where they are small."""

    full: Sender
    direct: Sender

    def of(self, shape: Shape) -> Sender:
        """The one for requests of *shape*."""
        return self.direct if shape.vectors_per_request <= DIRECT_UP_TO else self.full


class Purse:
    """Counts what is written and what that costs, and stops whoever writes once it has cost *limit_usd*.

    usd   so far
    most  vectors that were written in one go, at most: so many keys were used
    """

    def __init__(self, dimension: int, limit_usd: float | None = None) -> None:
        self._vector_bytes = vector_bytes(dimension, key_bytes=KEY_BYTES)
        self._limit_usd = limit_usd
        self._stop: Callable[[], None] = lambda: None
        self._written = 0
        self.usd, self.most = 0.0, 0

    @property
    def is_empty(self) -> bool:
        """The limit is reached."""
        return self._limit_usd is not None and self.usd >= self._limit_usd

    def guard(self, writer: BulkWriter) -> None:
        """Stop *writer* from now on."""
        self._stop, self._written = writer.stop, 0

    def on_event(self, event: Event) -> None:
        """Pay for a request that was taken."""
        if isinstance(event, BatchMetric):
            self._written += event.vectors
            self.most = max(self.most, self._written)
            self.usd += requests_usd({"PutVectors": 1}, put_bytes=event.vectors * self._vector_bytes)
            if self.is_empty:
                self._stop()


class Meter:
    """Measures the cells of *grid*, each in an index that *open_index* gives it.

    purse      what may be spent
    prefix     of the keys
    grace_s    by which a cell may outlast its time, where the target throttles until nothing moves
    warm_up_s  for each way of sending, before the first cell
    """

    def __init__(
        self,
        grid: Grid,
        senders: Senders,
        open_index: OpenIndex,
        purse: Purse,
        *,
        prefix: str = "v",
        grace_s: float = GRACE_S,
        warm_up_s: float = WARM_UP_S,
    ) -> None:
        self._grid, self._senders, self._open_index, self._purse = grid, senders, open_index, purse
        self._prefix, self._grace_s, self._warm_up_s = prefix, grace_s, warm_up_s
        self._pool = synthetic_pool(
            POOL_VECTORS, dimension=grid.dimension, clusters=1, spread=1.0, metadata="none", seed=grid.seed
        )

    def walk(self) -> Iterator[tuple[Shape, Slice]]:
        """Warm up, then measure there and back, each slice as it ends; an empty purse ends it early.

        Raises what stopped a cell.
        """
        for shape in self._warm_up():
            self.measure(shape, self._warm_up_s)
        for shape in self._grid.order:
            if self._purse.is_empty:
                return
            yield shape, self.measure(shape, self._grid.seconds / 2)

    def measure(self, shape: Shape, seconds: float) -> Slice:
        """What *shape* does in so many seconds. Raises what stopped it."""
        with self._open_index() as address, TemporaryDirectory(prefix="vecgate-scale-") as folder:
            writer = BulkWriter(
                self._senders.of(shape),
                bucket=address.bucket,
                index=address.arn or address.index,
                config=self._config(shape),
                subscribers=[self._purse],
            )
            self._purse.guard(writer)
            begun_s = time.process_time()
            with stopped_after(writer, seconds + self._grace_s):
                outcome = writer.put(
                    self._supply(shape, seconds), set_aside=Path(folder) / "aside.jsonl", strict=True
                )
            return slice_of(outcome, cpu_s=time.process_time() - begun_s)

    def _warm_up(self) -> list[Shape]:
        most = max(self._grid.in_flight)
        return [Shape(batch, most) for batch in sorted({min(self._grid.batches), max(self._grid.batches)})]

    def _config(self, shape: Shape) -> BulkConfig:
        return BulkConfig(
            batch_vectors=shape.vectors_per_request,
            in_flight=shape.in_flight,
            vectors_per_s=self._grid.vectors_per_s or UNLIMITED_PER_S,
            requests_per_s=UNLIMITED_PER_S,
        )

    def _supply(self, shape: Shape, seconds: float) -> Supply:
        flying = shape.vectors_per_request * shape.in_flight
        # A key is written over only long after it was last in flight: nothing ever waits for one.
        return Supply(
            self._pool,
            shape.vectors_per_request,
            seconds=seconds,
            prefix=self._prefix,
            keys=max(KEYS, 4 * flying),
        )


def slice_of(outcome: BulkOutcome, *, cpu_s: float) -> Slice:
    """What a cell did. Raises what stopped it."""
    if outcome.stopped_by is not None:
        raise outcome.stopped_by
    return Slice(
        vectors=outcome.acknowledged,
        requests=outcome.requests,
        elapsed_s=outcome.elapsed_s,
        cpu_s=cpu_s,
        latencies_s=tuple(metric.latency_s for metric in outcome.metrics),
        throttled=outcome.throttles,
        errors=sum(outcome.failed_attempts.values()) - outcome.throttles,
    )


@contextmanager
def opened_senders(target: Target, grid: Grid) -> Iterator[Senders]:
    """Both ways to send to *target*, with a connection for each request in flight."""
    connections = max(grid.in_flight) + 1
    with (
        target.sender(connections=connections) as full,
        target.sender(connections=connections, direct=True) as direct,
    ):
        yield Senders(full, direct)


@contextmanager
def fresh_index(sender: Sender, address: IndexAddress, dimension: int) -> Iterator[IndexAddress]:
    """A new index at *address*, so that each cell begins with an empty one."""
    made = encode_request(address, dataType="float32", dimension=dimension, distanceMetric="cosine")
    call(sender, "CreateIndex", made)
    yield address
    # Not after an error, which must not be hidden by another: the bucket is removed with all that is in it.
    call(sender, "DeleteIndex", encode_request(address))


@contextmanager
def stopped_after(writer: BulkWriter, seconds: float) -> Iterator[None]:
    """Stop *writer* should the context last so long."""
    timer = Timer(seconds, writer.stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
