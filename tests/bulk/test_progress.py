"""Counts and rates of a run, and its subscribers."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.batching import batch_of
from vecgate.bulk.core.delivery import Acknowledged
from vecgate.bulk.core.record_blocks import RejectedRecord
from vecgate.bulk.core.run_state import BulkRun
from vecgate.bulk.progress import (
    CAUSES_KEPT,
    EXAMPLES_KEPT,
    METRICS_KEPT,
    BatchMetric,
    Event,
    Progress,
    RecordsRejected,
    RunCounters,
    publish,
)
from vecgate.bulk.rejects_file import RejectsFile
from vecgate.testing.strategies import block_of

METRIC = BatchMetric(vectors=10, payload_bytes=100, attempts=1, latency_s=0.1)


def counters_of(*acknowledged: tuple[float, int], begun_s: float = 0.0) -> RunCounters:
    counters = RunCounters(begun_s=begun_s)
    for at_s, records in acknowledged:
        counters.record_acknowledged(METRIC, records=records, now_s=at_s)
    return counters


@given(
    acknowledged=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 500)), max_size=30),
    after_s=st.floats(0, 20),
)
def test_rates_are_counts_over_time(acknowledged: list[tuple[float, int]], after_s: float) -> None:
    """The current rate covers the last 5 s, or the time since a later start; the mean covers all of it."""
    acknowledged.sort(key=lambda pair: pair[0])
    counters = counters_of(*((100 + at_s, records) for at_s, records in acknowledged), begun_s=100.0)
    now_s = (acknowledged[-1][0] if acknowledged else 0.0) + after_s
    lately = sum(records for at_s, records in acknowledged if 100 + at_s >= 100 + now_s - 5)
    total = sum(records for _, records in acknowledged)
    span_s = min(5.0, 100 + now_s - 100)
    assert counters.current_rate(now_s=100 + now_s) == (pytest.approx(lately / span_s) if span_s else 0.0)
    assert counters.mean_rate(now_s=100 + now_s) == (
        pytest.approx(total / (100 + now_s - 100)) if span_s else 0.0
    )
    assert (counters.requests, counters.vectors, counters.payload_bytes) == (
        len(acknowledged),
        total,
        100 * len(acknowledged),
    )


@pytest.mark.parametrize(
    ("acknowledged", "expected"),
    [
        ((), 0.0),
        (((3.0, 100),), 50.0),
        (((3.0, 100), (3.0, 100)), 100.0),
        (((1.0, 100),), 0.0),
        (((3.0, 100), (4.0, 100)), 100.0),
        (((3.0, 500), (4.0, 100), (5.0, 300)), 200.0),
    ],
)
def test_the_sustained_rate_is_one_between_responses(
    acknowledged: tuple[tuple[float, int], ...], expected: float
) -> None:
    """The first request opens the window but is not counted, like a rate between departures. A single one is
    measured from the start: a run that wrote something has a rate.
    """
    assert counters_of(*acknowledged, begun_s=1.0).sustained_rate() == expected


def test_a_run_that_has_not_started_has_no_rate() -> None:
    """There is no division by zero."""
    counters = RunCounters(begun_s=7.0)
    assert (
        counters.current_rate(now_s=7.0) == counters.mean_rate(now_s=7.0) == counters.sustained_rate() == 0.0
    )


def test_the_latest_metrics_are_kept_and_totals_cover_all() -> None:
    """Memory stays bounded for a run of any length."""
    counters = RunCounters(begun_s=0.0)
    for i in range(METRICS_KEPT + 5):
        counters.record_acknowledged(BatchMetric(1, 2, 1, float(i)), records=1, now_s=float(i))
    assert (counters.requests, counters.vectors, counters.payload_bytes) == (100_005, 100_005, 200_010)
    assert len(counters.metrics) == 100_000
    assert (counters.metrics[0].latency_s, counters.metrics[-1].latency_s) == (5.0, 100_004.0)
    assert len(counters._recent) == 6


def test_attempts_that_failed_are_counted_by_cause() -> None:
    """Throttled ones are also counted separately."""
    counters = RunCounters(begun_s=0.0)
    counters.record_failure("TooManyRequestsException", is_throttling=True)
    counters.record_failure("TooManyRequestsException", is_throttling=True)
    counters.record_failure("InternalServerException", is_throttling=False)
    assert counters.failed_attempts == {"TooManyRequestsException": 2, "InternalServerException": 1}
    assert counters.throttles == 2


def test_reject_causes_are_counted_with_the_first_keys() -> None:
    """Three keys for each are enough to find the records."""
    counters = RunCounters(begun_s=0.0)
    counters.record_rejects(RejectedRecord(i, f"k{i}", "why") for i in range(5))
    counters.record_rejects([RejectedRecord(9, "z", "other")])
    assert {problem: (cause.count, cause.keys) for problem, cause in counters.reject_causes.items()} == {
        "why": (5, ["k0", "k1", "k2"]),
        "other": (1, ["z"]),
    }
    assert EXAMPLES_KEPT == 3


def test_causes_beyond_a_hundred_are_counted_together() -> None:
    """A problem with a number in it has many wordings; a known one is still counted separately."""
    counters = RunCounters(begun_s=0.0)
    counters.record_rejects(RejectedRecord(i, "k", f"problem {i}") for i in range(CAUSES_KEPT + 7))
    counters.record_rejects([RejectedRecord(0, "k", "problem 0")])
    assert len(counters.reject_causes) == 101
    assert (counters.reject_causes["other problems"].count, counters.reject_causes["problem 0"].count) == (
        7,
        2,
    )


class Notes:
    """A subscriber that keeps its events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)


class Broken:
    """A subscriber that fails."""

    def on_event(self, event: Event) -> None:
        raise ValueError("of its own")


def test_a_subscriber_that_raises_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged without the event, which may have vectors, and the other subscribers still get it."""
    notes = Notes()
    event = RecordsRejected((RejectedRecord(0, "k", "why", [0.123456]),))
    with caplog.at_level(logging.DEBUG):
        publish([Broken(), notes], event)
    assert notes.events == [event]
    assert "a progress subscriber failed" in caplog.text
    assert "0.123456" not in caplog.text


def test_progress_is_published_by_count_and_every_half_second(tmp_path: Path) -> None:
    """It is not published more often, so that a subscriber costs little."""
    notes = Notes()
    config = BulkConfig(progress_every=20)
    run = BulkRun(
        config, rejects=RejectsFile(tmp_path / "rejected"), subscribers=[notes], total=200, now_s=100.0
    )
    run.admit(block_of([str(i) for i in range(200)]), ())
    events = []
    for first, now_s in [
        (0, 100.1),
        (10, 100.1),
        (20, 100.2),
        (30, 100.2),
        (40, 100.25),
        (50, 100.7),
        (60, 100.8),
    ]:
        batch = batch_of(block_of([str(i) for i in range(first, first + 10)], first=first))
        run.record_acknowledged(Acknowledged(batch, 100, 1, 0.1), now_s=now_s)
        progress = [event for event in notes.events if isinstance(event, Progress)]
        events.append(len(progress))
    assert events == [0, 1, 1, 2, 2, 3, 3]
    last = run.progress(now_s=110.0)
    assert (last.elapsed_s, last.mean_per_s, last.vectors_per_s) == (10.0, 7.0, 0.0)
    assert last.eta_s == pytest.approx(130 / 7)
    assert (last.read, last.acknowledged, last.pending, last.total) == (200, 70, 130, 200)


class Interrupted:
    """A subscriber that is interrupted."""

    def on_event(self, event: Event) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_is_not_a_failure_of_a_subscriber() -> None:
    """Ctrl-C is passed on."""
    with pytest.raises(KeyboardInterrupt):
        publish([Interrupted()], METRIC)
