from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.load.traffic.request_recorder import RequestRecorder, join_parts, merge_seconds
from vecgate.results.load.load_records import OperationSecond, Second, WorkerTotals

PUT_MIN_USD = 0.20 / 8192  # a GB has 8,192 times 128 KiB


class FakeRequest(NamedTuple):
    """A request that a worker has sent."""

    worker: int
    operation: str
    response_s: float
    code: str
    late_s: float


requests = st.builds(
    FakeRequest,
    st.integers(0, 2),
    st.sampled_from(["PutVectors", "QueryVectors"]),
    st.floats(min_value=0.001, max_value=5),
    st.sampled_from(["", "", "", "TooManyRequestsException", "Transport"]),
    st.floats(min_value=0, max_value=0.02),
)


def record(recorder: RequestRecorder, request: FakeRequest) -> None:
    recorder.record_due(1, 7)
    recorder.record_start(request.late_s)
    recorder.record_end(
        request.operation,
        response_s=request.response_s,
        service_s=request.response_s / 2,
        vectors=0 if request.code else 7,
        bytes_out=100,
        bytes_in=20,
        code=request.code,
        is_throttled=request.code == "TooManyRequestsException",
    )


def put(recorder: RequestRecorder, response_s: float = 0.030, **more: Any) -> None:
    recorder.record_start(0.0)
    recorder.record_end("PutVectors", response_s=response_s, service_s=0.020, **more)


def test_a_second_has_the_counts_of_its_requests() -> None:
    """Two PutVectors of ten vectors, one of them throttled, and a dropped one."""
    recorder = RequestRecorder()
    recorder.record_due(3, 30)
    put(recorder, vectors=10, bytes_out=1000, bytes_in=2)
    put(recorder, 0.5, bytes_out=1000, bytes_in=50, code="TooManyRequestsException", is_throttled=True)
    recorder.record_drops()
    recorder.record_loop_lag(0.004)
    recorder.record_loop_lag(0.002)
    found = recorder.take_second(4, cores=0.25)
    counts = found.operations["PutVectors"]
    assert (found.at_s, found.due, found.due_vectors, found.started, found.dropped) == (4, 3, 30, 2, 1)
    assert (found.workers, found.generator_cores, found.busiest_cores, found.loop_lag_ms) == (
        1,
        0.25,
        0.25,
        4,
    )
    assert (counts.ok, counts.vectors, counts.errors, counts.throttled) == (
        1,
        10,
        {"TooManyRequestsException": 1},
        1,
    )
    assert (counts.bytes_out, counts.bytes_in, counts.response.count, counts.service.count) == (
        2000,
        52,
        2,
        2,
    )
    assert [round(each) for each in (counts.response.p50_ms, counts.response.max_ms)] == [30, 500]
    assert round(counts.service.max_ms) == 20


@pytest.mark.parametrize(("late_s", "late"), [(0.0, 0), (0.010, 0), (0.0101, 1), (3.0, 1)])
def test_a_request_is_late_after_more_than_ten_milliseconds(late_s: float, late: int) -> None:
    """Exactly ten are on time."""
    recorder = RequestRecorder()
    recorder.record_start(late_s)
    assert recorder.take_second(0).late == late


def test_a_request_is_in_flight_until_it_ends() -> None:
    """Over several seconds; it counts in the second in which it ends."""
    recorder = RequestRecorder()
    recorder.record_start(0.0)
    put(recorder)
    seconds = [recorder.take_second(0), recorder.take_second(1)]
    recorder.record_end("GetVectors", response_s=2.5, service_s=2.5)
    seconds.append(recorder.take_second(2))
    assert [each.in_flight for each in seconds] == [1, 1, 0]
    assert [list(each.operations) for each in seconds] == [["PutVectors"], [], ["GetVectors"]]


def test_a_new_second_starts_at_zero() -> None:
    """Except for requests in flight."""
    recorder = RequestRecorder()
    put(recorder, vectors=10)
    recorder.record_drops(5)
    recorder.record_loop_lag(1.0)
    recorder.take_second(0, cores=1.0)
    assert recorder.take_second(1) == Second(at_s=1)


def test_a_failed_attempt_is_not_a_request_that_ended() -> None:
    """The batch client retries it: one request that succeeds in the end, and two throttled attempts."""
    recorder = RequestRecorder()
    for is_throttled in (True, True, False):
        recorder.record_failed_attempt("PutVectors", is_throttled=is_throttled)
    put(recorder, vectors=10, retried=3)
    counts = recorder.take_second(0).operations["PutVectors"]
    assert (counts.ok, counts.errors, counts.throttled, counts.retried, counts.response.count) == (
        1,
        {},
        2,
        3,
        1,
    )


@given(seconds=st.lists(st.lists(requests, max_size=10), max_size=4))
def test_totals_are_the_sum_of_the_seconds(seconds: list[list[FakeRequest]]) -> None:
    """Histograms are equal in every counter."""
    recorder, at_once, taken = RequestRecorder(), RequestRecorder(), []
    for at_s, made in enumerate(seconds):
        for request in made:
            record(recorder, request)
            record(at_once, request)
        taken.append(recorder.take_second(at_s, cores=0.5))
    totals = recorder.totals("worker-1")
    assert totals.operations == at_once.take_second(0).operations
    assert totals.operations == merge_seconds(taken, at_s=0).operations
    assert (totals.worker, totals.started, totals.cpu_s) == (
        "worker-1",
        sum(map(len, seconds)),
        0.5 * len(seconds),
    )


@given(made=st.lists(requests, max_size=30))
@example(made=[])
def test_merged_workers_equal_a_single_one(made: list[FakeRequest]) -> None:
    """For any distribution of requests over three workers, sums and histograms are the same."""
    workers, alone = [RequestRecorder(), RequestRecorder(), RequestRecorder()], RequestRecorder()
    for request in made:
        record(workers[request.worker], request)
        record(alone, request)
    together = merge_seconds([worker.take_second(7) for worker in workers], at_s=7)
    expected = msgspec.structs.replace(alone.take_second(7), workers=3)
    assert together.usd == pytest.approx(expected.usd)
    assert msgspec.structs.replace(together, usd=0.0) == msgspec.structs.replace(expected, usd=0.0)


def test_values_that_do_not_add_up_use_the_worst() -> None:
    """Cores add up, but the busiest worker and the largest loop lag are maxima."""
    parts = [
        Second(at_s=3, generator_cores=0.4, busiest_cores=0.4, loop_lag_ms=90.0, in_flight=5, due=1, lost=1),
        Second(at_s=3, generator_cores=0.9, busiest_cores=0.9, loop_lag_ms=1.0, in_flight=2, due=3, lost=3),
    ]
    found = merge_seconds(parts, at_s=3, usd=1.5)
    assert found.generator_cores == pytest.approx(1.3)
    assert (found.busiest_cores, found.loop_lag_ms) == (0.9, 90.0)
    assert (found.in_flight, found.workers, found.usd) == (7, 2, 1.5)
    assert (found.due, found.lost) == (4, 4)


def test_the_parts_of_a_second_join_to_the_second() -> None:
    """In order: requests in flight are those at the end, and the price is that of all parts."""
    recorder = RequestRecorder()
    recorder.record_due(2, 20)
    recorder.record_start(0.0)
    recorder.record_start(0.0)
    recorder.record_end("PutVectors", response_s=0.1, service_s=0.1, vectors=10, bytes_out=200_000)
    before = recorder.take_second(4, cores=0.2)
    recorder.record_end("PutVectors", response_s=0.3, service_s=0.3, code="Odd", bytes_out=200_000)
    after = recorder.take_second(4, cores=0.3)
    found = join_parts([before, after])
    assert (found.due, found.started, found.in_flight, found.workers) == (2, 2, 0, 1)
    assert (found.generator_cores, found.busiest_cores) == (0.5, 0.5)
    assert found.usd == before.usd + after.usd > 0
    assert [(each.started, each.in_flight, each.usd) for each in found.parts] == [(2, 1, 0.0), (0, 0, 0.0)]
    assert [each.operations["PutVectors"].ok for each in found.parts] == [1, 0]
    assert join_parts([before], is_split=False) == before
    # The worker has finished before the stage ended: the parts of others are merged with its only one.
    assert [each.started for each in join_parts([before]).parts] == [2]


def test_the_parts_of_workers_are_merged_in_their_order() -> None:
    """One worker finished before the second stage began; one that only computes recall has no parts."""
    parts = [Second(at_s=4, due=1), Second(at_s=4, due=2)]
    workers = [join_parts(parts), join_parts([*parts, Second(at_s=4, due=4)]), Second(at_s=4)]
    assert [each.due for each in merge_seconds(workers, at_s=4).parts] == [2, 4, 4]


def test_a_second_without_workers_is_empty() -> None:
    """All workers are lost, the schedule continues, and the price stays."""
    assert merge_seconds([], at_s=9, usd=0.5) == Second(at_s=9, workers=0, usd=0.5)


@given(made=st.lists(requests, max_size=10))
def test_seconds_and_totals_survive_plain_data(made: list[FakeRequest]) -> None:
    """They are sent between processes."""
    recorder = RequestRecorder()
    for request in made:
        record(recorder, request)
    taken = recorder.take_second(0, cores=0.5)
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
    """Each PutVectors costs at least as much as 128 KiB; failures cost too."""
    recorder = RequestRecorder()
    for operation, more in sent:
        recorder.record_start(0.0)
        recorder.record_end(operation, response_s=0.01, service_s=0.01, **more)
    assert recorder.take_second(0).usd == pytest.approx(usd)


def test_the_price_of_a_run_adds_up() -> None:
    """A worker reports the price of a second; merged, it is that of the run so far."""
    recorder, usd = RequestRecorder(), 0.0
    for at_s in range(3):
        put(recorder, stored_bytes=1)
        usd = merge_seconds([recorder.take_second(at_s)], at_s=at_s, usd=usd).usd
    assert usd == pytest.approx(3 * PUT_MIN_USD)


def test_the_second_of_a_single_worker_is_not_decoded() -> None:
    """It is passed on unchanged: one worker is the usual case."""
    counts = {"PutVectors": OperationSecond(ok=1)}
    assert merge_seconds([Second(at_s=0, operations=counts)], at_s=0).operations == counts


def test_the_first_request_of_each_operation_is_kept() -> None:
    """It found every connection and cache cold; the second one did not."""
    recorder = RequestRecorder()
    put(recorder, response_s=0.9)
    recorder.record_start(0.0)
    recorder.record_end("QueryVectors", response_s=0.5, service_s=0.4)
    recorder.record_start(0.0)
    recorder.record_end("QueryVectors", response_s=0.1, service_s=0.1)
    recorder.take_second(0)
    assert recorder.totals("w").first_ms == {"PutVectors": 20.0, "QueryVectors": 400.0}
