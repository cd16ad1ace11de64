"""Measuring a grid on scripted services."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from vecgate.bulk.core.body_encoding import Body
from vecgate.errors import ServiceError
from vecgate.load.experiments.scaling_grid import CellShape, ScalingGrid
from vecgate.load.experiments.scaling_measurement import CostMeter, GridRunner, Senders, new_index
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error

GRID = ScalingGrid(batches=(5, 20), in_flight=(1, 2), dimension=2, seconds=0.06)


class Service(ScriptedService):
    """A thread-safe scripted service that records the indexes that are created and deleted."""

    def __init__(self, script: list[ServiceFault | Exception] | None = None) -> None:
        super().__init__(script or [])
        self._lock = threading.Lock()
        self.indexes: list[str] = []

    def send(self, operation: str, body: Body) -> bytes:
        if operation in {"CreateIndex", "DeleteIndex"}:
            self.indexes.append(operation)
            return b"{}"
        with self._lock:
            return super().send(operation, body)


class AlwaysThrottled(Service):
    """Throttles every PutVectors."""

    def send(self, operation: str, body: Body) -> bytes:
        if operation == "PutVectors":
            raise modelled_error("TooManyRequestsException")
        return super().send(operation, body)


def runner_on(
    full: Service,
    direct: Service | None = None,
    *,
    cost_meter: CostMeter | None = None,
    grace_s: float = 10.0,
) -> GridRunner:
    numbers = count(1)

    @contextmanager
    def open_index() -> Iterator[IndexAddress]:
        with new_index(full, IndexAddress("b", f"cell-{next(numbers)}"), 2) as address:
            yield address

    senders = Senders(full, direct or full)
    return GridRunner(GRID, senders, open_index, cost_meter or CostMeter(2), grace_s=grace_s, warm_up_s=0.01)


def test_every_cell_is_measured_twice_each_time_in_a_new_index() -> None:
    """After a warm-up, with its batch size and in the order of the grid."""
    service = Service()
    measured = list(runner_on(service).run())
    assert [shape for shape, _ in measured] == list(GRID.order)
    # Two warm-ups and eight measurements.
    assert service.indexes == ["CreateIndex", "DeleteIndex"] * 10
    for shape, run in measured:
        assert run.vectors == run.requests * shape.vectors_per_request
        assert run.requests == len(run.latencies_s) > 0
        # The last answer may come before the end of the time, if a slow machine starts no further request.
        assert run.elapsed_s > 0
        assert (run.throttled, run.errors) == (0, 0)


def test_small_requests_use_the_direct_sender() -> None:
    """Full ones gain nothing from it."""
    full, direct = Service(), Service()
    list(runner_on(full, direct).run())
    assert {len(members["vectors"]) for _, members in full.requests} == {20}
    assert {len(members["vectors"]) for _, members in direct.requests} == {5}


def test_errors_are_counted_apart_from_throttled_requests() -> None:
    """Both are retried, and the measurement continues."""
    service = Service([ServiceFault.THROTTLED, ServiceFault.UNAVAILABLE, ServiceFault.NONE])
    run = runner_on(service).measure(CellShape(5, 1), 0.02)
    assert (run.throttled, run.errors) == (1, 1)
    assert run.vectors > 0


def test_an_error_that_stops_a_cell_is_raised() -> None:
    """A grid on a target that denies access is useless."""
    service = Service([modelled_error("AccessDeniedException")])
    with pytest.raises(ServiceError, match="AccessDeniedException"):
        runner_on(service).measure(CellShape(5, 1), 0.02)


def test_a_target_that_throttles_everything_does_not_block_a_cell() -> None:
    """It is stopped after its time plus the grace period, with nothing written."""
    run = runner_on(AlwaysThrottled(), grace_s=2.0).measure(CellShape(5, 1), 0.02)
    assert (run.vectors, run.requests) == (0, 0)
    assert run.throttled > 0


def test_the_cost_limit_ends_the_grid() -> None:
    """After the request that reaches it and two in flight, each charged as at least 128 KiB."""
    cost_meter, request_usd = CostMeter(2, 0.000_5), 131_072 / 2**30 * 0.20
    runs = list(runner_on(Service(), cost_meter=cost_meter).run())
    assert len(runs) < len(GRID.order)
    assert cost_meter.is_exhausted
    assert 0.000_5 <= cost_meter.usd <= 0.000_5 + 3 * request_usd
    assert cost_meter.vectors_max > 0


def test_a_cost_meter_without_a_limit_only_counts() -> None:
    """However high the price is."""
    cost_meter = CostMeter(2)
    runner_on(Service(), cost_meter=cost_meter).measure(CellShape(20, 1), 0.02)
    assert cost_meter.usd > 0
    assert not cost_meter.is_exhausted
