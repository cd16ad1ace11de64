"""Properties of an outage: the run waits for the target, loses nothing, and does not flood it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from disturbed_runs import (
    BAD,
    UNLIMITED,
    DisturbedRun,
    Step,
    blocks_of,
    check_counts,
    check_last_write_wins,
    disturbed_run,
    put_on_threads,
)
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.progress import Event, TargetUnavailable
from vecgate.errors import ServiceError, TransportError, VecgateError
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error

#: The retry policy of a user, with attempts that an outage soon uses up.
POLICY = RetryPolicy(attempts_max=3, base_s=0.1, cap_s=20.0, deadline_s=30.0)
CONFIG = replace(UNLIMITED, batch_vectors=2, in_flight=4, retry=POLICY, retry_for_s=600.0)
STEP_S = 0.05
REFUSED = TransportError("PutVectors", "connection refused", is_connect=True)
FAULTS: dict[str, ServiceFault | Exception] = {
    "refused": REFUSED,
    "reset": ServiceFault.RESET,
    "answer lost": ServiceFault.ANSWER_LOST,
    "500": ServiceFault.BROKEN,
    "503": ServiceFault.UNAVAILABLE,
}
KEYS = [f"k{number}" for number in range(40)]


def reason(run: DisturbedRun) -> VecgateError | None:
    """Return why *run* stopped, None if it goes on."""
    return run.run.stopped_by


def live_through(
    run: DisturbedRun, fault: ServiceFault | Exception, *, for_s: float, random_value: float = 0.5
) -> None:
    """Let every request that arrives within *for_s* fail, unless the run stops."""
    simulation = run.simulation
    end_s = simulation.now_s + for_s
    while simulation.now_s < end_s and run.run.stopped_by is None and not simulation.is_done:
        while simulation.dispatch():
            pass
        for batch in list(simulation.batches_in_flight):
            simulation.advance(batch, fault=fault, random_value=random_value)
        simulation.tick(STEP_S)


@dataclass
class Outages:
    """A subscriber that keeps the events of outages."""

    events: list[TargetUnavailable] = field(default_factory=list)

    def on_event(self, event: Event) -> None:
        """Keep *event*."""
        if isinstance(event, TargetUnavailable):
            self.events.append(event)


@pytest.mark.parametrize("fault", list(FAULTS.values()), ids=list(FAULTS))
@pytest.mark.parametrize("for_s", [2.0, 60.0, 500.0])
def test_an_outage_costs_no_record(fault: ServiceFault | Exception, for_s: float) -> None:
    """A restart, a minute, or several of them: the same run writes every record and rejects none."""
    with disturbed_run(blocks_of(KEYS), config=CONFIG) as run:
        run.apply(Step("undisturbed", pick=3))
        live_through(run, fault, for_s=for_s)
        assert reason(run) is None
        run.finish_process()
        check_counts(run.run)
        assert (run.run.acknowledged, run.run.rejected, run.run.pending) == (len(KEYS), 0, 0)
        assert run.service.stored.keys() == set(KEYS)


@given(
    outages=st.lists(
        st.tuples(st.sampled_from(list(FAULTS.values())), st.floats(0, 120), st.integers(0, 6)), max_size=5
    ),
    random_value=st.floats(0, 1),
)
def test_any_sequence_of_outages_costs_no_record(
    outages: list[tuple[ServiceFault | Exception, float, int]], random_value: float
) -> None:
    """However they follow one another, the last write of a key wins, and only bad records are rejected."""
    blocks = blocks_of(["a", "b", BAD, "a", "c", "b"] * 4)
    with disturbed_run(blocks, config=CONFIG) as run:
        for fault, for_s, undisturbed in outages:
            live_through(run, fault, for_s=for_s, random_value=random_value)
            run.apply(Step("undisturbed", pick=undisturbed))
        assert reason(run) is None
        run.finish_process()
        assert run.run.rejected == 4
        assert run.run.pending == 0
        check_last_write_wins(run.service, blocks)


@pytest.mark.parametrize("fault", list(FAULTS.values()), ids=list(FAULTS))
def test_a_longer_outage_stops_the_run_for_a_resume(fault: ServiceFault | Exception) -> None:
    """Not before `retry_for_s`, soon after it, with a hint; the other records are pending, none rejected."""
    with disturbed_run(blocks_of(KEYS), config=replace(CONFIG, retry_for_s=60.0)) as run:
        run.apply(Step("undisturbed", pick=3))
        live_through(run, fault, for_s=50.0)
        assert reason(run) is None
        live_through(run, fault, for_s=70.0)
        stopped_by = reason(run)
        assert isinstance(stopped_by, ServiceError | TransportError)
        assert run.simulation.now_s < 70.0
        assert "--resume" in stopped_by.hint
        assert run.run.rejected == 0
        assert 0 < run.run.acknowledged < len(KEYS)
        run.complete()
        assert run.service.stored.keys() == set(KEYS)


@pytest.mark.parametrize("fault", [REFUSED, ServiceFault.UNAVAILABLE], ids=["refused", "503"])
def test_one_request_at_a_time_probes_the_target(fault: ServiceFault | Exception) -> None:
    """After the requests that were in flight, a minute sees one probe every few seconds."""
    with disturbed_run(blocks_of(KEYS), config=CONFIG) as run:
        simulation = run.simulation
        live_through(run, fault, for_s=10.0)
        arrived, in_flight_max = len(run.service.received), 0
        for _ in range(int(60 / STEP_S)):
            live_through(run, fault, for_s=STEP_S)
            in_flight = sum(batch.result is not None for batch in simulation.batches_in_flight)
            in_flight_max = max(in_flight_max, in_flight)
        probes = len(run.service.received) - arrived
    assert in_flight_max == 1
    assert 60 / 5.5 <= probes <= 60 / 2.5


def test_an_outage_is_visible() -> None:
    """Events say for how long no request succeeded, and when the next attempt is."""
    outages = Outages()
    with disturbed_run(blocks_of(KEYS), config=CONFIG) as run:
        run.run._subscribers = [outages]
        live_through(run, REFUSED, for_s=42.0)
    seconds = [event.for_s for event in outages.events]
    assert seconds == sorted(seconds)
    assert seconds[-1] > 40
    assert all(later - earlier < 1.1 for earlier, later in pairwise(seconds))
    assert {event.cause for event in outages.events} == {"no connection"}
    assert all(0 <= event.next_attempt_s <= 5 for event in outages.events)
    assert {event.stops_after_s for event in outages.events} == {600.0}


def test_a_request_that_alone_finds_no_answer_does_not_hold_the_others_back() -> None:
    """If only one request fails, the others probe in its place, and it fails by its own attempts."""
    config = replace(CONFIG, in_flight=2, batch_vectors=1)
    with disturbed_run(blocks_of(["k0", *KEYS[1:]]), config=config) as run:
        simulation = run.simulation
        for _ in range(2_000):
            while simulation.dispatch():
                pass
            for batch in list(simulation.batches_in_flight):
                is_refused = batch.batch.block.keys[0] == "k0"
                simulation.advance(batch, fault=ServiceFault.BROKEN if is_refused else ServiceFault.NONE)
            simulation.tick(STEP_S)
        assert run.service.stored.keys() == set(KEYS[1:])


def test_throttling_without_an_end_stops_the_run_too() -> None:
    """Once its deadline is over, a throttled request waits for the target like any other."""
    config = replace(CONFIG, retry_for_s=120.0)
    with disturbed_run(blocks_of(KEYS), config=config) as run:
        live_through(run, ServiceFault.THROTTLED, for_s=100.0)
        assert reason(run) is None
        live_through(run, ServiceFault.THROTTLED, for_s=100.0)
        assert reason(run) is not None
        assert run.run.rejected == 0


def test_an_error_that_concerns_every_record_stops_at_once() -> None:
    """Waiting does not help without a permission."""
    denied = modelled_error("AccessDeniedException")
    with disturbed_run(blocks_of(KEYS), config=CONFIG) as run:
        live_through(run, denied, for_s=5.0)
        assert reason(run) is denied


def test_an_outage_on_threads(tmp_path: Path) -> None:
    """The same on real threads: hundred failures in a row, and every record is written."""
    service = ScriptedService([ServiceFault.NONE] * 3 + [REFUSED] * 100)
    records = [{"key": key, "vector": [float(number), 1.0]} for number, key in enumerate(KEYS)]
    outcome = put_on_threads(records, service, config=replace(UNLIMITED, batch_vectors=2), folder=tmp_path)
    assert (outcome.acknowledged, outcome.stopped_by) == (len(KEYS), None)
    assert outcome.failed_attempts == {"no connection": 100}
