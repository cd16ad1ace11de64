from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.load.recorder import Recorder, joined_second, merged_second
from vecgate.results.load import OperationSecond, Second, WorkerTotals

PUT_MIN_USD = 0.20 / 8192  # a GB has 8,192 times 128 KiB


class Request(NamedTuple):
    """One that a worker has sent."""

    worker: int
    operation: str
    response_s: float
    code: str
    late_s: float


requests = st.builds(
    Request,
    st.integers(0, 2),
    st.sampled_from(["PutVectors", "QueryVectors"]),
    st.floats(min_value=0.001, max_value=5),
    st.sampled_from(["", "", "", "TooManyRequestsException", "Transport"]),
    st.floats(min_value=0, max_value=0.02),
)


def record(recorder: Recorder, request: Request) -> None:
    recorder.due(1, 7)
    recorder.started(request.late_s)
    recorder.ended(
        request.operation,
        response_s=request.response_s,
        service_s=request.response_s / 2,
        vectors=0 if request.code else 7,
        bytes_out=100,
        bytes_in=20,
        code=request.code,
        is_throttled=request.code == "TooManyRequestsException",
    )


def put(recorder: Recorder, response_s: float = 0.030, **more: Any) -> None:
    recorder.started(0.0)
    recorder.ended("PutVectors", response_s=response_s, service_s=0.020, **more)


def test_a_second_tells_what_happened_in_it() -> None:
    """Two PutVectors of ten, one of them throttled, and a third that was dropped."""
    recorder = Recorder()
    recorder.due(3, 30)
    put(recorder, vectors=10, bytes_out=1000, bytes_in=2)
    put(recorder, 0.5, bytes_out=1000, bytes_in=50, code="TooManyRequestsException", is_throttled=True)
    recorder.dropped()
    recorder.lag(0.004)
    recorder.lag(0.002)
    found = recorder.take(4, cores=0.25)
    told = found.operations["PutVectors"]
    assert (found.at_s, found.due, found.due_vectors, found.started, found.dropped) == (4, 3, 30, 2, 1)
    assert (found.workers, found.generator_cores, found.busiest_cores, found.loop_lag_ms) == (
        1,
        0.25,
        0.25,
        4,
    )
    assert (told.ok, told.vectors, told.errors, told.throttled) == (1, 10, {"TooManyRequestsException": 1}, 1)
    assert (told.bytes_out, told.bytes_in, told.response.count, told.service.count) == (2000, 52, 2, 2)
    assert [round(each) for each in (told.response.p50_ms, told.response.max_ms)] == [30, 500]
    assert round(told.service.max_ms) == 20


@pytest.mark.parametrize(("late_s", "late"), [(0.0, 0), (0.010, 0), (0.0101, 1), (3.0, 1)])
def test_ten_milliseconds_are_not_late_yet(late_s: float, late: int) -> None:
    """More than that is."""
    recorder = Recorder()
    recorder.started(late_s)
    assert recorder.take(0).late == late


def test_what_has_not_ended_is_in_flight() -> None:
    """Into the next second, and the one after that; it counts where it ends."""
    recorder = Recorder()
    recorder.started(0.0)
    put(recorder)
    seconds = [recorder.take(0), recorder.take(1)]
    recorder.ended("GetVectors", response_s=2.5, service_s=2.5)
    seconds.append(recorder.take(2))
    assert [each.in_flight for each in seconds] == [1, 1, 0]
    assert [list(each.operations) for each in seconds] == [["PutVectors"], [], ["GetVectors"]]


def test_a_new_second_begins_at_nothing() -> None:
    """But for what is in flight."""
    recorder = Recorder()
    put(recorder, vectors=10)
    recorder.dropped(5)
    recorder.lag(1.0)
    recorder.take(0, cores=1.0)
    assert recorder.take(1) == Second(at_s=1)


def test_an_attempt_that_failed_is_no_request_that_ended() -> None:
    """The batch client sends it again: one request, done at last, two answers that asked for less."""
    recorder = Recorder()
    for is_throttled in (True, True, False):
        recorder.attempt_failed("PutVectors", is_throttled=is_throttled)
    put(recorder, vectors=10, retried=3)
    told = recorder.take(0).operations["PutVectors"]
    assert (told.ok, told.errors, told.throttled, told.retried, told.response.count) == (1, {}, 2, 3, 1)


@given(seconds=st.lists(st.lists(requests, max_size=10), max_size=4))
def test_totals_are_the_sum_of_the_seconds(seconds: list[list[Request]]) -> None:
    """Histograms counter for counter."""
    recorder, at_once, taken = Recorder(), Recorder(), []
    for at_s, made in enumerate(seconds):
        for request in made:
            record(recorder, request)
            record(at_once, request)
        taken.append(recorder.take(at_s, cores=0.5))
    totals = recorder.totals("worker-1")
    assert totals.operations == at_once.take(0).operations
    assert totals.operations == merged_second(taken, at_s=0).operations
    assert (totals.worker, totals.started, totals.cpu_s) == (
        "worker-1",
        sum(map(len, seconds)),
        0.5 * len(seconds),
    )


@given(made=st.lists(requests, max_size=30))
@example(made=[])
def test_workers_together_are_as_one(made: list[Request]) -> None:
    """However requests are spread over three of them, sums and histograms are those of one that did all."""
    workers, alone = [Recorder(), Recorder(), Recorder()], Recorder()
    for request in made:
        record(workers[request.worker], request)
        record(alone, request)
    together = merged_second([worker.take(7) for worker in workers], at_s=7)
    expected = msgspec.structs.replace(alone.take(7), workers=3)
    assert together.usd == pytest.approx(expected.usd)
    assert msgspec.structs.replace(together, usd=0.0) == msgspec.structs.replace(expected, usd=0.0)


def test_of_what_does_not_add_up_the_worst_counts() -> None:
    """Cores add up, but one worker is the busiest, and one loop the latest."""
    parts = [
        Second(at_s=3, generator_cores=0.4, busiest_cores=0.4, loop_lag_ms=90.0, in_flight=5, due=1, lost=1),
        Second(at_s=3, generator_cores=0.9, busiest_cores=0.9, loop_lag_ms=1.0, in_flight=2, due=3, lost=3),
    ]
    found = merged_second(parts, at_s=3, usd=1.5)
    assert found.generator_cores == pytest.approx(1.3)
    assert (found.busiest_cores, found.loop_lag_ms) == (0.9, 90.0)
    assert (found.in_flight, found.workers, found.usd) == (7, 2, 1.5)
    assert (found.due, found.lost) == (4, 4)


def test_the_parts_of_a_second_are_the_second() -> None:
    """Taken one after the other: what is in flight is so at the end, and the price is told once."""
    recorder = Recorder()
    recorder.due(2, 20)
    recorder.started(0.0)
    recorder.started(0.0)
    recorder.ended("PutVectors", response_s=0.1, service_s=0.1, vectors=10, bytes_out=200_000)
    before = recorder.take(4, cores=0.2)
    recorder.ended("PutVectors", response_s=0.3, service_s=0.3, code="Odd", bytes_out=200_000)
    after = recorder.take(4, cores=0.3)
    found = joined_second([before, after])
    assert (found.due, found.started, found.in_flight, found.workers) == (2, 2, 0, 1)
    assert (found.generator_cores, found.busiest_cores) == (0.5, 0.5)
    assert found.usd == before.usd + after.usd > 0
    assert [(each.started, each.in_flight, each.usd) for each in found.parts] == [(2, 1, 0.0), (0, 0, 0.0)]
    assert [each.operations["PutVectors"].ok for each in found.parts] == [1, 0]
    assert joined_second([before]) == before


def test_the_parts_of_workers_are_merged_in_their_order() -> None:
    """One of them was over before the second stage began; one that only judges answers has no parts."""
    parts = [Second(at_s=4, due=1), Second(at_s=4, due=2)]
    workers = [joined_second(parts), joined_second([*parts, Second(at_s=4, due=4)]), Second(at_s=4)]
    assert [each.due for each in merged_second(workers, at_s=4).parts] == [2, 4, 4]


def test_a_second_without_workers_is_empty() -> None:
    """All are gone, the schedule goes on, and the price stays."""
    assert merged_second([], at_s=9, usd=0.5) == Second(at_s=9, workers=0, usd=0.5)


@given(made=st.lists(requests, max_size=10))
def test_seconds_and_totals_travel_as_plain_data(made: list[Request]) -> None:
    """Between processes, and back, unchanged."""
    recorder = Recorder()
    for request in made:
        record(recorder, request)
    taken = recorder.take(0, cores=0.5)
    totals = recorder.totals("w")
    assert msgspec.convert(msgspec.to_builtins(taken), Second) == taken
    assert msgspec.convert(msgspec.to_builtins(totals), WorkerTotals) == totals


@pytest.mark.parametrize(
    ("sent", "usd"),
    [
        ([("PutVectors", {"stored_bytes": 1})], PUT_MIN_USD),
        ([("PutVectors", {"stored_bytes": 1})] * 10, 10 * PUT_MIN_USD),
        ([("PutVectors", {"stored_bytes": 1024 * 1024})], 8 * PUT_MIN_USD),
        (
            [("PutVectors", {"stored_bytes": 1024 * 1024}), ("PutVectors", {"stored_bytes": 1})],
            9 * PUT_MIN_USD,
        ),
        ([("PutVectors", {"bytes_out": 1024 * 1024})], 8 * PUT_MIN_USD),
        ([("PutVectors", {"bytes_out": 3_000_000, "stored_bytes": 1024 * 1024})], 8 * PUT_MIN_USD),
        ([("PutVectors", {"stored_bytes": 1, "retried": 2})], 3 * PUT_MIN_USD),
        ([("PutVectors", {"stored_bytes": 1, "code": "Transport"})], PUT_MIN_USD),
        ([("QueryVectors", {"bytes_out": 1024 * 1024})] * 4, 4 * 2.50e-6),
        ([("GetVectors", {}), ("ListVectors", {}), ("DeleteVectors", {})], 3 * 0.055e-3),
    ],
)
def test_a_second_has_the_price_of_its_requests(sent: list[tuple[str, dict[str, Any]]], usd: float) -> None:
    """Each PutVectors costs as much as 128 KiB at least, however large the others are; failures cost too."""
    recorder = Recorder()
    for operation, more in sent:
        recorder.started(0.0)
        recorder.ended(operation, response_s=0.01, service_s=0.01, **more)
    assert recorder.take(0).usd == pytest.approx(usd)


def test_the_price_of_a_run_adds_up() -> None:
    """A worker tells that of a second; together it is that of the run so far."""
    recorder, usd = Recorder(), 0.0
    for at_s in range(3):
        put(recorder, stored_bytes=1)
        usd = merged_second([recorder.take(at_s)], at_s=at_s, usd=usd).usd
    assert usd == pytest.approx(3 * PUT_MIN_USD)


def test_what_one_worker_did_is_not_decoded() -> None:
    """It is handed on as it came: the usual case is one worker."""
    told = {"PutVectors": OperationSecond(ok=1)}
    assert merged_second([Second(at_s=0, operations=told)], at_s=0).operations == told
