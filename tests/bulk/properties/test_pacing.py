"""Properties of pacing: no rate is exceeded, the rate is reached, and a throttled client slows down."""

from __future__ import annotations

from dataclasses import replace

from disturbed_runs import (
    CONFIG,
    FEW_KEYS,
    UNLIMITED,
    Step,
    blocks_of,
    check_pace,
    disturbed_run,
    lists_of_steps,
)
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.testing.scripted_service import ServiceFault
from vecgate.testing.simulation import Simulation
from vecgate.testing.strategies import lists_of_blocks

RATES = st.sampled_from([1.0, 7.0, 50.0, 2_500.0])
PATIENT = RetryPolicy(attempts_max=10, base_s=0.1, cap_s=20.0, deadline_s=10_000.0)


def many_blocks(count: int) -> list[Block]:
    return blocks_of([f"k{number}" for number in range(count)], size=50)


def run_until(simulation: Simulation, *, until_s: float, fault: ServiceFault = ServiceFault.NONE) -> None:
    """Move everything that can move, in steps of 10 ms. Each request meets *fault*."""
    while simulation.now_s < until_s and not simulation.is_done:
        while simulation.dispatch():
            pass
        for batch in list(simulation.batches_in_flight):
            simulation.advance(batch, fault=fault)
        simulation.tick(0.01)


def vectors_sent(simulation: Simulation, *, since_s: float, until_s: float) -> int:
    """Return the number of vectors sent in the given time."""
    return sum(vectors for at_s, vectors in simulation.departures if since_s <= at_s < until_s)


@given(
    blocks=lists_of_blocks(keys=FEW_KEYS | st.sampled_from([f"k{number}" for number in range(40)])),
    steps=lists_of_steps(kinds=("dispatch", "advance", "tick", "undisturbed")),
    requests_per_s=RATES,
    vectors_per_s=RATES,
)
@example(
    blocks_of([f"k{number}" for number in range(12)]),
    [Step("tick", seconds=5.0)] + [Step("undisturbed", pick=5)] * 9,
    7.0,
    50.0,
)
def test_neither_rate_is_exceeded_over_any_interval(
    blocks: list[Block], steps: list[Step], requests_per_s: float, vectors_per_s: float
) -> None:
    """Between any two departures, no more requests and vectors are sent than the rates allow."""
    config = replace(CONFIG, requests_per_s=requests_per_s, vectors_per_s=vectors_per_s)
    with disturbed_run(blocks, config=config) as run:
        run.apply_all(steps)
        run.finish_process()
        check_pace(run.simulation.departures, requests_per_s=requests_per_s, vectors_per_s=vectors_per_s)


def test_idle_time_earns_no_burst() -> None:
    """After an idle minute, requests are sent no faster than before."""
    config = replace(UNLIMITED, batch_vectors=10, vectors_per_s=100)
    with disturbed_run(many_blocks(200), config=config) as run:
        run.simulation.tick(60.0)
        run_until(run.simulation, until_s=70.0)
        check_pace(run.simulation.departures, requests_per_s=1e9, vectors_per_s=100)
        assert vectors_sent(run.simulation, since_s=60.0, until_s=61.0) <= 110


def test_the_rate_is_reached() -> None:
    """When every request succeeds, the client uses at least nine tenths of the rate."""
    config = replace(UNLIMITED, batch_vectors=10, vectors_per_s=100)
    with disturbed_run(many_blocks(1_000), config=config) as run:
        run_until(run.simulation, until_s=5.0)
        assert vectors_sent(run.simulation, since_s=0.0, until_s=5.0) >= 450


def test_a_throttled_client_slows_down() -> None:
    """While the service throttles, the client sends far fewer vectors than the rate allows."""
    config = replace(UNLIMITED, batch_vectors=10, vectors_per_s=100, retry=replace(PATIENT, base_s=0.0))
    with disturbed_run(many_blocks(1_000), config=config) as run:
        run_until(run.simulation, until_s=8.0, fault=ServiceFault.THROTTLED)
        assert vectors_sent(run.simulation, since_s=3.0, until_s=8.0) <= 250
        assert run.run.stopped_by is None


def test_a_client_that_was_throttled_recovers() -> None:
    """After a second of throttles, the client is back at half of its rate within a minute."""
    config = replace(UNLIMITED, batch_vectors=10, vectors_per_s=100, retry=PATIENT)
    with disturbed_run(many_blocks(10_000), config=config) as run:
        run_until(run.simulation, until_s=1.0, fault=ServiceFault.THROTTLED)
        run_until(run.simulation, until_s=70.0)
        assert vectors_sent(run.simulation, since_s=60.0, until_s=70.0) >= 500
        check_pace(run.simulation.departures[-200:], requests_per_s=1e9, vectors_per_s=100)
