"""Properties of retries: waits grow up to a cap, and attempts, time and the total number are bounded."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from disturbed_runs import UNLIMITED, DisturbedRun, blocks_of, disturbed_run
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.errors import ServiceError
from vecgate.testing.scripted_service import ServiceFault, modelled_error
from vecgate.testing.simulation import Simulation

POLICY = RetryPolicy(attempts_max=4, base_s=1.0, cap_s=8.0, deadline_s=100.0)
#: Faults after which the same request may succeed.
TRANSIENT: dict[str, ServiceFault | Exception] = {
    "429": ServiceFault.THROTTLED,
    "500": ServiceFault.BROKEN,
    "503": ServiceFault.UNAVAILABLE,
    "408": modelled_error("RequestTimeoutException"),
    "reset": ServiceFault.RESET,
    "answer-lost": ServiceFault.ANSWER_LOST,
}
STEP_S = 0.01


def one_by_one(policy: RetryPolicy = POLICY) -> BulkConfig:
    """Return the settings for one vector per request, one request at a time, and no wait for the target."""
    return replace(UNLIMITED, batch_vectors=1, in_flight=1, retry=policy, retry_for_s=0)


def keep_failing(
    run: DisturbedRun, fault: ServiceFault | Exception, *, random_value: float, until_s: float = 1e4
) -> Simulation:
    """Let every request fail with *fault* until the run stops."""
    simulation = run.simulation
    while run.run.stopped_by is None and not simulation.is_done and simulation.now_s < until_s:
        simulation.dispatch()
        for batch in list(simulation.batches_in_flight):
            simulation.advance(batch, fault=fault, random_value=random_value)
        simulation.tick(STEP_S)
    return simulation


@pytest.mark.parametrize("fault", list(TRANSIENT.values()), ids=list(TRANSIENT))
def test_a_transient_failure_is_retried(fault: ServiceFault | Exception) -> None:
    """After a transient failure, the same vectors are sent again and written."""
    with disturbed_run(blocks_of(["k"]), config=one_by_one()) as run:
        run.simulation.dispatch()
        (batch,) = run.simulation.batches_in_flight
        while not run.service.received:
            run.simulation.advance(batch, fault=fault)
        run.finish_process()
        assert [keys for _, keys, _ in run.service.received] == [["k"], ["k"]]
        assert run.run.acknowledged == 1


@pytest.mark.parametrize("attempts_max", [1, 3, 6])
def test_attempts_are_bounded(attempts_max: int) -> None:
    """A request that keeps failing is sent `attempts_max` times; then the run stops with its records pending."""
    policy = replace(POLICY, attempts_max=attempts_max)
    with disturbed_run(blocks_of(["a", "b"]), config=one_by_one(policy)) as run:
        keep_failing(run, ServiceFault.BROKEN, random_value=0.5)
        assert len(run.service.received) == attempts_max
        assert run.run.stopped_by is not None
        assert run.run.acknowledged == run.run.rejected == 0


@pytest.mark.parametrize(
    "fault",
    [ServiceFault.BROKEN, ServiceFault.RESET, ServiceFault.THROTTLED],
    ids=lambda each: each.name,
)
@pytest.mark.parametrize("random_value", [0.0, 0.5, 1.0])
def test_a_run_that_only_fails_stops(fault: ServiceFault, random_value: float) -> None:
    """Whatever the jitter, a run in which every request fails stops soon after its deadline."""
    policy = replace(POLICY, deadline_s=20.0)
    with disturbed_run(blocks_of(["a", "b", "c"]), config=one_by_one(policy)) as run:
        keep_failing(run, fault, random_value=random_value, until_s=60.0)
        assert run.run.stopped_by is not None
        assert run.run.pending == 3


@given(random_value=st.floats(0, 1))
def test_waits_are_bounded(random_value: float) -> None:
    """The wait between two attempts is at most the bound, which doubles from the first wait up to the cap."""
    policy = replace(POLICY, attempts_max=7)
    with disturbed_run(blocks_of(["k"]), config=one_by_one(policy)) as run:
        departures = keep_failing(run, ServiceFault.BROKEN, random_value=random_value).departures
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(departures)]
    bounds = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert len(waits) == len(bounds)
    assert all(wait <= bound + 10 * STEP_S for wait, bound in zip(waits, bounds, strict=True))


def test_waits_grow() -> None:
    """With the largest jitter, each wait is longer than the one before, up to the cap."""
    policy = replace(POLICY, attempts_max=5)
    with disturbed_run(blocks_of(["k"]), config=one_by_one(policy)) as run:
        departures = keep_failing(run, ServiceFault.BROKEN, random_value=1.0).departures
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(departures)]
    assert all(later > 1.5 * earlier for earlier, later in pairwise(waits))


@pytest.mark.parametrize("fault", [ServiceFault.BROKEN, ServiceFault.THROTTLED], ids=lambda each: each.name)
def test_no_attempt_starts_after_the_deadline(fault: ServiceFault) -> None:
    """A request is retried until its deadline only, even if attempts remain."""
    policy = replace(POLICY, attempts_max=1_000, deadline_s=15.0)
    with disturbed_run(blocks_of(["k"]), config=one_by_one(policy)) as run:
        departures = keep_failing(run, fault, random_value=0.7).departures
        assert run.run.stopped_by is not None
    assert departures[-1][0] - departures[0][0] <= 15.0 + 10 * STEP_S


def test_throttles_do_not_use_up_the_attempts() -> None:
    """A throttled request is retried until its deadline, more often than `attempts_max` allows for others."""
    with disturbed_run(blocks_of(["k"]), config=one_by_one()) as run:
        keep_failing(run, ServiceFault.THROTTLED, random_value=1.0, until_s=50.0)
        assert len(run.service.received) > POLICY.attempts_max
        run.finish_process()
        assert run.service.stored.keys() == {"k"}


@pytest.mark.parametrize("retry_after_s", [3.0, 30.0])
def test_retry_after_is_honoured(retry_after_s: float) -> None:
    """After an answer with `Retry-After`, the next attempt starts no earlier, whatever the jitter."""
    busy = ServiceError(
        "PutVectors",
        "ServiceUnavailableException",
        503,
        "busy",
        is_retryable=True,
        retry_after_s=retry_after_s,
    )
    policy = replace(POLICY, attempts_max=2)
    with disturbed_run(blocks_of(["k"]), config=one_by_one(policy)) as run:
        departures = keep_failing(run, busy, random_value=0.0).departures
    assert len(departures) == 2
    assert departures[1][0] - departures[0][0] >= retry_after_s


def test_a_failing_service_gets_few_retries() -> None:
    """When most requests fail, retries are limited to 100, plus one per success, plus 5 per second."""
    config = replace(
        UNLIMITED, batch_vectors=1, in_flight=50, retry=RetryPolicy(1_000, 0.0, 0.0, 3_600.0), retry_for_s=0
    )
    with disturbed_run(blocks_of([f"k{number}" for number in range(400)]), config=config) as run:
        simulation, turn = run.simulation, 0
        while simulation.now_s < 10.0 and not simulation.is_done:
            while simulation.dispatch():
                pass
            for batch in list(simulation.batches_in_flight):
                turn += 1
                fault = ServiceFault.NONE if turn % 9 == 0 else ServiceFault.BROKEN
                simulation.advance(batch, fault=fault, random_value=0.0)
                simulation.tick(0.001)
        first_attempts = len({key for _, keys, _ in run.service.received for key in keys})
        retries, successes = len(run.service.received) - first_attempts, run.run.acknowledged
    assert retries <= 100 + successes + 5 * 10.0


def test_a_request_that_overloads_the_service_is_split() -> None:
    """503 also means that a request is too large to handle: one that keeps getting it is split in half."""
    config = replace(UNLIMITED, batch_vectors=8, in_flight=1, retry=POLICY)
    with disturbed_run(blocks_of([f"k{number}" for number in range(8)], size=8), config=config) as run:
        simulation, received = run.simulation, run.service.received
        simulation.dispatch()
        while run.run.stopped_by is None and not simulation.is_done:
            for batch in list(simulation.batches_in_flight):
                is_large = not received or len(received[-1][1]) > 4 or len(received) < 3
                simulation.advance(batch, fault=ServiceFault.UNAVAILABLE if is_large else ServiceFault.NONE)
            simulation.tick(0.5)
            simulation.dispatch()
        assert any(len(keys) <= 4 for _, keys, _ in received)
        assert len(run.service.stored) == 8
