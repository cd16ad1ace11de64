"""Measuring a grid, on services that are scripted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from vecgate.bulk.encoding import Body
from vecgate.errors import ServiceError
from vecgate.load.scale import Grid, Shape
from vecgate.load.scale_run import Meter, Purse, Senders, fresh_index
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import Mishap, ScriptedService, error_of

GRID = Grid(batches=(5, 20), in_flight=(1, 2), dimension=2, seconds=0.06)


class Service(ScriptedService):
    """A scripted one that threads may share; counts the indexes that are made and deleted."""

    def __init__(self, script: list[Mishap | Exception] | None = None) -> None:
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
    """Says so to every PutVectors."""

    def send(self, operation: str, body: Body) -> bytes:
        if operation == "PutVectors":
            raise error_of("TooManyRequestsException")
        return super().send(operation, body)


def meter_on(
    full: Service, direct: Service | None = None, *, purse: Purse | None = None, grace_s: float = 10.0
) -> Meter:
    numbers = count(1)

    @contextmanager
    def open_index() -> Iterator[IndexAddress]:
        with fresh_index(full, IndexAddress("b", f"cell-{next(numbers)}"), 2) as address:
            yield address

    senders = Senders(full, direct or full)
    return Meter(GRID, senders, open_index, purse or Purse(2), grace_s=grace_s, warm_up_s=0.01)


def test_every_cell_is_measured_twice_in_an_index_of_its_own() -> None:
    """After a warm-up, each with its own batch size, in the order of the grid."""
    service = Service()
    measured = list(meter_on(service).walk())
    assert [shape for shape, _ in measured] == list(GRID.order)
    # Two warm-ups and eight turns.
    assert service.indexes == ["CreateIndex", "DeleteIndex"] * 10
    for shape, slice_ in measured:
        assert slice_.vectors == slice_.requests * shape.vectors_per_request
        assert slice_.requests == len(slice_.latencies_s) > 0
        assert slice_.elapsed_s >= GRID.seconds / 2
        assert (slice_.throttled, slice_.errors) == (0, 0)


def test_small_requests_leave_through_the_direct_sender() -> None:
    """Full ones gain nothing from it."""
    full, direct = Service(), Service()
    list(meter_on(full, direct).walk())
    assert {len(members["vectors"]) for _, members in full.requests} == {20}
    assert {len(members["vectors"]) for _, members in direct.requests} == {5}


def test_failures_are_counted_apart_from_throttles() -> None:
    """Both are tried again, and the cell goes on."""
    service = Service([Mishap.THROTTLED, Mishap.UNAVAILABLE, Mishap.NONE])
    slice_ = meter_on(service).measure(Shape(5, 1), 0.02)
    assert (slice_.throttled, slice_.errors) == (1, 1)
    assert slice_.vectors > 0


def test_what_stops_a_cell_is_raised() -> None:
    """A grid on a target that refuses is no grid."""
    service = Service([error_of("AccessDeniedException")])
    with pytest.raises(ServiceError, match="AccessDeniedException"):
        meter_on(service).measure(Shape(5, 1), 0.02)


def test_a_target_that_throttles_until_nothing_moves_does_not_hold_a_cell() -> None:
    """Past its time and the grace it is stopped, with nothing written."""
    slice_ = meter_on(AlwaysThrottled(), grace_s=2.0).measure(Shape(5, 1), 0.02)
    assert (slice_.vectors, slice_.requests) == (0, 0)
    assert slice_.throttled > 0


def test_an_empty_purse_ends_the_grid() -> None:
    """Whoever writes is stopped with two requests in flight at most, each of 128 KiB at least."""
    purse, request_usd = Purse(2, 0.000_5), 131_072 / 2**30 * 0.20
    turns = list(meter_on(Service(), purse=purse).walk())
    assert len(turns) < len(GRID.order)
    assert purse.is_empty
    assert 0.000_5 <= purse.usd <= 0.000_5 + 2 * request_usd
    assert purse.most > 0


def test_a_purse_without_a_limit_only_counts() -> None:
    """However much it is."""
    purse = Purse(2)
    meter_on(Service(), purse=purse).measure(Shape(20, 1), 0.02)
    assert purse.usd > 0
    assert not purse.is_empty
