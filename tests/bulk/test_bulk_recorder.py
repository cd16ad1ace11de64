"""A run of the batch client as a result stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.bulk_recorder import BulkRecorder, bulk_plan
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.progress import BatchMetric, ComparisonProgress, Event, RejectCause, Retrying
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.errors import VecgateError
from vecgate.results.bulk_records import BulkPlan, BulkTotals
from vecgate.results.load.load_records import Second
from vecgate.results.load.operation_counts import sum_by_operation
from vecgate.results.records import Record

PLAN = BulkPlan(
    operation="PutVectors",
    source="films.parquet",
    batch_vectors=10,
    vectors_per_s=100,
    requests_per_s=10,
    in_flight_max=2,
)
OUTCOME = BulkOutcome(
    total=30,
    read=20,
    acknowledged=15,
    rejected=2,
    pending=3,
    superseded=1,
    resumed=4,
    requests=2,
    payload_bytes=900,
    retries=5,
    throttles=3,
    elapsed_s=3.5,
    vectors_per_s=8.5,
    metrics=(),
    reject_causes={"vector contains NaNs or Infs": RejectCause(2, ["secret-key", "other"])},
    failed_attempts={"TooManyRequestsException": 3},
    stopped_by=VecgateError("the disk is full"),
    interrupted=True,
)


class Clocks:
    """A wall clock and a CPU clock; the CPU works a quarter of the time."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def wall(self) -> float:
        return self.now_s

    def processor(self) -> float:
        return self.now_s / 4


def record_run(*events: tuple[float, Event], ended_s: float = 0.0) -> list[Record]:
    """Return the records of a run with *events* at the given seconds after the start."""
    records: list[Record] = []
    clocks = Clocks()
    recorder = BulkRecorder(records.append, PLAN, clock=clocks.wall, cpu_clock=clocks.processor)
    for at_s, event in events:
        clocks.now_s = 1_000.0 + at_s
        recorder.on_event(event)
    clocks.now_s = max(clocks.now_s, 1_000.0 + ended_s)
    recorder.close(OUTCOME)
    return records


def acknowledged(vectors: int, latency_s: float = 0.01) -> BatchMetric:
    return BatchMetric(vectors, payload_bytes=30 * vectors, attempts=1, latency_s=latency_s)


def throttled(*, is_throttling: bool = True) -> Retrying:
    return Retrying("TooManyRequestsException", 10, 1, 0.5, is_throttling)


def test_a_request_counts_in_the_second_of_its_response() -> None:
    """A retry counts in the second in which the attempt failed."""
    plan, first, second, totals = record_run(
        (0.2, acknowledged(10, 0.02)),
        (0.9, acknowledged(5, 0.04)),
        (1.0, throttled()),
        (1.1, throttled(is_throttling=False)),
    )
    assert plan is PLAN
    assert isinstance(first, Second)
    assert isinstance(second, Second)
    done, failed = first.operations["PutVectors"], second.operations["PutVectors"]
    assert (done.ok, done.vectors, done.bytes_out, done.retried) == (2, 15, 450, 0)
    assert (done.service.count, done.response.count) == (2, 0)
    assert done.service.max_ms == pytest.approx(40, rel=1e-3)
    assert (failed.ok, failed.retried, failed.throttled) == (0, 2, 1)
    assert isinstance(totals, BulkTotals)


def test_seconds_without_events_are_written_too() -> None:
    """A stall is a sequence of empty seconds, not a gap."""
    seconds = [
        record
        for record in record_run((0.5, acknowledged(1)), (3.5, acknowledged(1)))
        if isinstance(record, Second)
    ]
    assert [(second.at_s, bool(second.operations)) for second in seconds] == [
        (0, True),
        (1, False),
        (2, False),
        (3, True),
    ]


#: Times that floats represent exactly, whenever the run began.
MOMENTS = st.integers(0, 20 * 64).map(lambda ticks: ticks / 64)


@given(
    st.lists(st.tuples(MOMENTS, st.integers(1, 500)), max_size=20), MOMENTS.map(lambda at_s: 20 + at_s / 2)
)
def test_nothing_is_lost_between_seconds(events: list[tuple[float, int]], ended_s: float) -> None:
    """There is one record per second until the end, and their counts and CPU times add up to those of the
    run.
    """
    events.sort()
    _, *seconds, totals = record_run(*((at_s, acknowledged(n)) for at_s, n in events), ended_s=ended_s)
    assert [second.at_s for second in seconds if isinstance(second, Second)] == list(range(int(ended_s) + 1))
    found = sum_by_operation(second.operations for second in seconds if isinstance(second, Second))
    vectors = {name: (counts.ok, counts.vectors) for name, counts in found.items()}
    stream = {"PutVectors": (len(events), sum(n for _, n in events))} if events else {}
    assert vectors == stream
    assert isinstance(totals, BulkTotals)
    assert totals.cpu_s == pytest.approx(ended_s / 4, abs=1e-3)


def test_nothing_follows_the_totals() -> None:
    """A comparison publishes events after the run, also seconds later."""
    records: list[Record] = []
    clocks = Clocks()
    recorder = BulkRecorder(records.append, PLAN, clock=clocks.wall, cpu_clock=clocks.processor)
    recorder.close(OUTCOME)
    clocks.now_s += 10
    recorder.on_event(ComparisonProgress(1.0, 10, 10, 0))
    assert isinstance(records[-1], BulkTotals)


def test_the_totals_are_those_of_the_outcome() -> None:
    """They have every number of it, and reject causes with their counts but without the keys, which are
    private.
    """
    totals = record_run()[-1]
    assert totals == BulkTotals(
        total=30,
        read=20,
        acknowledged=15,
        rejected=2,
        pending=3,
        superseded=1,
        resumed=4,
        requests=2,
        payload_bytes=900,
        retries=5,
        throttles=3,
        failed_attempts={"TooManyRequestsException": 3},
        reject_causes={"vector contains NaNs or Infs": 2},
        vectors_per_s=8.5,
        elapsed_s=3.5,
        cpu_s=0.0,
        stopped_by="the disk is full",
        interrupted=True,
    )
    assert isinstance(totals, BulkTotals)
    assert not totals.is_complete


def test_a_plan_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    """Results are published."""
    np.save(tmp_path / "films.npy", np.ones((3, 4), np.float32))
    source = open_source(tmp_path / "films.npy", columns=ColumnChoice(key_prefix="k"))
    plan = bulk_plan("DeleteVectors", source, BulkConfig(in_flight=7))
    assert (plan.source, plan.operation, plan.total, plan.dimension) == ("films.npy", "DeleteVectors", 3, 4)
    assert (plan.batch_vectors, plan.vectors_per_s, plan.requests_per_s, plan.in_flight_max) == (
        500,
        2_500,
        1_000,
        7,
    )
