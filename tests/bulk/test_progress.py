"""Counts and rates of a run, and who is told of them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.aside import SetAsideFile
from vecgate.bulk.batching import batch_of
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.delivery import Taken
from vecgate.bulk.progress import (
    CAUSES_KEPT,
    EXAMPLES_KEPT,
    METRICS_KEPT,
    BatchMetric,
    Event,
    Meter,
    Progress,
    RecordsSetAside,
    tell,
)
from vecgate.bulk.records import Reject
from vecgate.bulk.run import Run
from vecgate.testing.strategies import block_of

METRIC = BatchMetric(vectors=10, payload_bytes=100, attempts=1, latency_s=0.1)


def meter_of(*taken: tuple[float, int], begun_s: float = 0.0) -> Meter:
    meter = Meter(begun_s=begun_s)
    for at_s, records in taken:
        meter.taken(METRIC, records=records, now_s=at_s)
    return meter


@given(
    taken=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 500)), max_size=30), after_s=st.floats(0, 20)
)
def test_rates_are_counts_over_time(taken: list[tuple[float, int]], after_s: float) -> None:
    """Lately over the last 5 s, or since the beginning where that is shorter; the mean over all of it."""
    taken.sort(key=lambda pair: pair[0])
    meter = meter_of(*((100 + at_s, records) for at_s, records in taken), begun_s=100.0)
    now_s = (taken[-1][0] if taken else 0.0) + after_s
    lately = sum(records for at_s, records in taken if 100 + at_s >= 100 + now_s - 5)
    total = sum(records for _, records in taken)
    span_s = min(5.0, 100 + now_s - 100)
    assert meter.rate_now(now_s=100 + now_s) == (pytest.approx(lately / span_s) if span_s else 0.0)
    assert meter.rate_mean(now_s=100 + now_s) == (
        pytest.approx(total / (100 + now_s - 100)) if span_s else 0.0
    )
    assert (meter.requests, meter.vectors, meter.payload_bytes) == (len(taken), total, 100 * len(taken))


@pytest.mark.parametrize(
    ("taken", "held"),
    [
        ((), 0.0),
        (((3.0, 100),), 0.0),
        (((3.0, 100), (3.0, 100)), 0.0),
        (((3.0, 100), (4.0, 100)), 100.0),
        (((3.0, 500), (4.0, 100), (5.0, 300)), 200.0),
    ],
)
def test_the_rate_held_is_one_between_answers(taken: tuple[tuple[float, int], ...], held: float) -> None:
    """The first request opens the window and is not in it, as with the rate between departures."""
    assert meter_of(*taken, begun_s=1.0).rate_held() == held


def test_a_run_that_has_not_begun_has_no_rate() -> None:
    """No division by nothing."""
    meter = Meter(begun_s=7.0)
    assert meter.rate_now(now_s=7.0) == meter.rate_mean(now_s=7.0) == meter.rate_held() == 0.0


def test_the_latest_metrics_are_kept_and_totals_are_of_all() -> None:
    """Memory stays bounded, however long the run."""
    meter = Meter(begun_s=0.0)
    for i in range(METRICS_KEPT + 5):
        meter.taken(BatchMetric(1, 2, 1, float(i)), records=1, now_s=float(i))
    assert (meter.requests, meter.vectors, meter.payload_bytes) == (100_005, 100_005, 200_010)
    assert len(meter.metrics) == 100_000
    assert (meter.metrics[0].latency_s, meter.metrics[-1].latency_s) == (5.0, 100_004.0)
    assert len(meter._lately) == 6


def test_attempts_that_failed_are_counted_by_cause() -> None:
    """And those that the service throttled, besides."""
    meter = Meter(begun_s=0.0)
    meter.failed("TooManyRequestsException", is_throttling=True)
    meter.failed("TooManyRequestsException", is_throttling=True)
    meter.failed("InternalServerException", is_throttling=False)
    assert meter.failed_attempts == {"TooManyRequestsException": 2, "InternalServerException": 1}
    assert meter.throttles == 2


def test_causes_are_counted_with_the_first_keys() -> None:
    """Three keys for each say where to look."""
    meter = Meter(begun_s=0.0)
    meter.set_aside(Reject(i, f"k{i}", "why") for i in range(5))
    meter.set_aside([Reject(9, "z", "other")])
    assert {problem: (cause.count, cause.keys) for problem, cause in meter.causes.items()} == {
        "why": (5, ["k0", "k1", "k2"]),
        "other": (1, ["z"]),
    }
    assert EXAMPLES_KEPT == 3


def test_causes_beyond_a_hundred_are_counted_together() -> None:
    """Problems with a number in them come in many wordings; a known one is still counted as itself."""
    meter = Meter(begun_s=0.0)
    meter.set_aside(Reject(i, "k", f"problem {i}") for i in range(CAUSES_KEPT + 7))
    meter.set_aside([Reject(0, "k", "problem 0")])
    assert len(meter.causes) == 101
    assert (meter.causes["other problems"].count, meter.causes["problem 0"].count) == (7, 2)


class Notes:
    """A subscriber that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)


class Broken:
    """A subscriber that fails."""

    def on_event(self, event: Event) -> None:
        raise ValueError("of its own")


def test_a_subscriber_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged without the event, which may carry vectors, and the others are told all the same."""
    notes = Notes()
    event = RecordsSetAside((Reject(0, "k", "why", [0.123456]),))
    with caplog.at_level(logging.DEBUG):
        tell([Broken(), notes], event)
    assert notes.events == [event]
    assert "a progress subscriber failed" in caplog.text
    assert "0.123456" not in caplog.text


def test_progress_is_told_every_so_many_records_and_every_half_second(tmp_path: Path) -> None:
    """And not more often, so that a subscriber costs little."""
    notes = Notes()
    config = BulkConfig(progress_every=20)
    run = Run(config, aside=SetAsideFile(tmp_path / "aside"), subscribers=[notes], total=200, now_s=100.0)
    run.admit(block_of([str(i) for i in range(200)]), ())
    told = []
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
        run.taken(Taken(batch, 100, 1, 0.1), now_s=now_s)
        progress = [event for event in notes.events if isinstance(event, Progress)]
        told.append(len(progress))
    assert told == [0, 1, 1, 2, 2, 3, 3]
    last = run.progress(now_s=110.0)
    assert (last.elapsed_s, last.mean_per_s, last.vectors_per_s) == (10.0, 7.0, 0.0)
    assert last.eta_s == pytest.approx(130 / 7)
    assert (last.read, last.acknowledged, last.pending, last.total) == (200, 70, 130, 200)


class Interrupted:
    """A subscriber that is interrupted."""

    def on_event(self, event: Event) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_is_nobodys_failure() -> None:
    """Ctrl-C passes through."""
    with pytest.raises(KeyboardInterrupt):
        tell([Interrupted()], METRIC)
