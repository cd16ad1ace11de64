"""A request that failed is sent again where that may help, later and later, so often and no oftener."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.retry import RetryPolicy
from vecgate.errors import ServiceError
from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.scripted import Mishap, error_of

from .client import BulkClient, Steered
from .laws import FREE, World, blocks_of, world

SOURCE = sources.PRACTICES
POLICY = RetryPolicy(attempts_max=4, base_s=1.0, cap_s=8.0, deadline_s=100.0)
#: Ways in which a request may fail and succeed the next time.
PASSING: dict[str, Mishap | Exception] = {
    "429": Mishap.THROTTLED,
    "500": Mishap.BROKEN,
    "503": Mishap.UNAVAILABLE,
    "408": error_of("RequestTimeoutException"),
    "reset": Mishap.RESET,
    "answer-lost": Mishap.ANSWER_LOST,
}
STEP_S = 0.01


def alone(policy: RetryPolicy = POLICY) -> BulkConfig:
    """One vector to a request, one request at a time."""
    return replace(FREE, batch_vectors=1, in_flight=1, retry=policy)


def keep_failing(made: World, mishap: Mishap | Exception, *, chance: float, until_s: float = 1e4) -> Steered:
    """Let requests fail with *mishap* until the run gives up."""
    steered = made.steered
    while steered.run.stopped_by is None and not steered.is_over and steered.now_s < until_s:
        steered.dispatch()
        for flight in list(steered.flights):
            steered.advance(flight, mishap=mishap, chance=chance)
        steered.tick(STEP_S)
    return steered


@pytest.mark.parametrize("mishap", list(PASSING.values()), ids=list(PASSING))
@requirement("bulk.retries", level="must", evidence="model", source=sources.MODEL)
def test_what_may_pass_is_tried_again(bulk_client: BulkClient, mishap: Mishap | Exception) -> None:
    """After a failure that may pass, the same vectors are sent again, and then written."""
    with world(bulk_client, blocks_of(["k"]), config=alone()) as made:
        made.steered.dispatch()
        (flight,) = made.steered.flights
        while not made.service.met:
            made.steered.advance(flight, mishap=mishap)
        made.settle()
        assert [keys for _, keys, _ in made.service.met] == [["k"], ["k"]]
        assert made.steered.run.acknowledged == 1


@pytest.mark.parametrize("attempts_max", [1, 3, 6])
@requirement("bulk.attempts", level="must", evidence="inferred", source=SOURCE)
def test_attempts_are_bounded(bulk_client: BulkClient, attempts_max: int) -> None:
    """A service that is broken is asked so often and no oftener; then the run ends, its records pending."""
    policy = replace(POLICY, attempts_max=attempts_max)
    with world(bulk_client, blocks_of(["a", "b"]), config=alone(policy)) as made:
        run = keep_failing(made, Mishap.BROKEN, chance=0.5).run
        assert len(made.service.met) == attempts_max
        assert run.stopped_by is not None
        assert run.acknowledged == run.set_aside == 0


@pytest.mark.parametrize(
    "mishap", [Mishap.BROKEN, Mishap.RESET, Mishap.THROTTLED], ids=lambda each: each.name
)
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
@requirement("bulk.ends", level="must", evidence="inferred", source=SOURCE)
def test_a_run_that_only_fails_comes_to_an_end(
    bulk_client: BulkClient, mishap: Mishap, chance: float
) -> None:
    """Whatever jitter draws, a run of which every request fails ends before its deadline has long gone by."""
    policy = replace(POLICY, deadline_s=20.0)
    with world(bulk_client, blocks_of(["a", "b", "c"]), config=alone(policy)) as made:
        steered = keep_failing(made, mishap, chance=chance, until_s=60.0)
        assert steered.run.stopped_by is not None
        assert steered.run.pending == 3


@given(chance=st.floats(0, 1))
@requirement("bulk.waits", level="must", evidence="inferred", source=SOURCE)
def test_waits_are_bounded(bulk_client: BulkClient, chance: float) -> None:
    """Between attempts lies no more than the bound, which doubles from the first wait to the cap."""
    policy = replace(POLICY, attempts_max=7)
    with world(bulk_client, blocks_of(["k"]), config=alone(policy)) as made:
        departures = keep_failing(made, Mishap.BROKEN, chance=chance).departures
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(departures)]
    bounds = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert len(waits) == len(bounds)
    assert all(wait <= bound + 10 * STEP_S for wait, bound in zip(waits, bounds, strict=True))


@requirement("bulk.waits-grow", level="should", evidence="documented", source=SOURCE)
def test_waits_grow(bulk_client: BulkClient) -> None:
    """Where chance draws the longest, each wait is longer than the one before, up to the cap."""
    with world(bulk_client, blocks_of(["k"]), config=alone(replace(POLICY, attempts_max=5))) as made:
        departures = keep_failing(made, Mishap.BROKEN, chance=1.0).departures
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(departures)]
    assert all(later > 1.5 * earlier for earlier, later in pairwise(waits))


@pytest.mark.parametrize("mishap", [Mishap.BROKEN, Mishap.THROTTLED], ids=lambda each: each.name)
@requirement("bulk.deadline", level="must", evidence="inferred", source=SOURCE)
def test_no_attempt_leaves_after_the_deadline(bulk_client: BulkClient, mishap: Mishap) -> None:
    """A request is insisted on for so long, however many attempts there might still be."""
    policy = replace(POLICY, attempts_max=1_000, deadline_s=15.0)
    with world(bulk_client, blocks_of(["k"]), config=alone(policy)) as made:
        departures = keep_failing(made, mishap, chance=0.7).departures
        assert made.steered.run.stopped_by is not None
    assert departures[-1][0] - departures[0][0] <= 15.0 + 10 * STEP_S


@requirement("bulk.throttles-are-waited-for", level="should", evidence="documented", source=SOURCE)
def test_throttles_do_not_use_up_the_attempts(bulk_client: BulkClient) -> None:
    """A throttled request is sent again until its deadline, more often than a broken one would be."""
    with world(bulk_client, blocks_of(["k"]), config=alone()) as made:
        keep_failing(made, Mishap.THROTTLED, chance=1.0, until_s=50.0)
        assert len(made.service.met) > POLICY.attempts_max
        made.settle()
        assert made.service.stored.keys() == {"k"}


@pytest.mark.parametrize("retry_after_s", [3.0, 30.0])
@requirement(
    "bulk.retry-after",
    level="must",
    evidence="documented",
    source="https://www.rfc-editor.org/rfc/rfc9110#field.retry-after",
)
def test_a_service_that_names_a_time_is_left_alone_until_then(
    bulk_client: BulkClient, retry_after_s: float
) -> None:
    """Where an answer says `Retry-After`, the next attempt leaves no earlier, whatever jitter draws."""
    busy = ServiceError(
        "PutVectors",
        "ServiceUnavailableException",
        503,
        "busy",
        is_retryable=True,
        retry_after_s=retry_after_s,
    )
    with world(bulk_client, blocks_of(["k"]), config=alone(replace(POLICY, attempts_max=2))) as made:
        departures = keep_failing(made, busy, chance=0.0).departures
    assert len(departures) == 2
    assert departures[1][0] - departures[0][0] >= retry_after_s


@requirement("bulk.budget", level="should", evidence="inferred", source=SOURCE)
def test_a_sick_service_is_not_hammered(bulk_client: BulkClient) -> None:
    """Where most requests fail, retries are few: a hundred, one per success, and a trickle with time."""
    config = replace(FREE, batch_vectors=1, in_flight=50, retry=RetryPolicy(1_000, 0.0, 0.0, 3_600.0))
    with world(bulk_client, blocks_of([f"k{number}" for number in range(400)]), config=config) as made:
        steered, turn = made.steered, 0
        while steered.now_s < 10.0 and not steered.is_over:
            while steered.dispatch():
                pass
            for flight in list(steered.flights):
                turn += 1
                mishap = Mishap.NONE if turn % 9 == 0 else Mishap.BROKEN
                steered.advance(flight, mishap=mishap, chance=0.0)
                steered.tick(0.001)
        first = len({key for _, keys, _ in made.service.met for key in keys})
        retries, successes = len(made.service.met) - first, steered.run.acknowledged
    assert retries <= 100 + successes + 5 * 10.0


@requirement("bulk.overload-is-cut", level="should", evidence="model", source=sources.MODEL)
def test_a_request_that_is_too_much_is_cut(bulk_client: BulkClient) -> None:
    """503 also answers a request beyond what the service can handle: one that keeps drawing it is halved."""
    config = replace(FREE, batch_vectors=8, in_flight=1, retry=POLICY)
    with world(bulk_client, blocks_of([f"k{number}" for number in range(8)], size=8), config=config) as made:
        steered = made.steered
        steered.dispatch()
        while steered.run.stopped_by is None and not steered.is_over:
            for flight in list(steered.flights):
                is_large = (
                    not made.service.met or len(made.service.met[-1][1]) > 4 or len(made.service.met) < 3
                )
                steered.advance(flight, mishap=Mishap.UNAVAILABLE if is_large else Mishap.NONE)
            steered.tick(0.5)
            steered.dispatch()
        assert any(len(keys) <= 4 for _, keys, _ in made.service.met)
        assert len(made.service.stored) == 8
