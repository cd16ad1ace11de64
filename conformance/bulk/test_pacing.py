"""Writes are limited twice, requests a second and vectors a second; neither is exceeded over any stretch."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.records import Block
from vecgate.bulk.retry import RetryPolicy
from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.scripted import Mishap
from vecgate.testing.strategies import lists_of_blocks

from .client import BulkClient, Steered
from .laws import CONFIG, FEW_KEYS, FREE, Move, blocks_of, check_pace, moves, world

SOURCE = sources.LIMITS
RATES = st.sampled_from([1.0, 7.0, 50.0, 2_500.0])
PATIENT = RetryPolicy(attempts_max=10, base_s=0.1, cap_s=20.0, deadline_s=10_000.0)


def many(count: int) -> list[Block]:
    return blocks_of([f"k{number}" for number in range(count)], size=50)


def let_run(steered: Steered, *, until_s: float, mishap: Mishap = Mishap.NONE) -> None:
    """Let everything move as it can, in steps of 10 ms, requests meeting *mishap*."""
    while steered.now_s < until_s and not steered.is_over:
        while steered.dispatch():
            pass
        for flight in list(steered.flights):
            steered.advance(flight, mishap=mishap)
        steered.tick(0.01)


def departed(steered: Steered, *, since_s: float, until_s: float) -> int:
    """The vectors that left in a stretch."""
    return sum(vectors for at_s, vectors in steered.departures if since_s <= at_s < until_s)


@given(
    blocks=lists_of_blocks(keys=FEW_KEYS | st.sampled_from([f"k{number}" for number in range(40)])),
    happened=moves(kinds=("dispatch", "advance", "tick", "calm")),
    requests_per_s=RATES,
    vectors_per_s=RATES,
)
@example(
    blocks_of([f"k{number}" for number in range(12)]),
    [Move("tick", seconds=5.0)] + [Move("calm", pick=5)] * 9,
    7.0,
    50.0,
)
@requirement("bulk.pace", level="must", evidence="documented", source=SOURCE)
def test_neither_rate_is_exceeded_over_any_stretch(
    bulk_client: BulkClient,
    blocks: list[Block],
    happened: list[Move],
    requests_per_s: float,
    vectors_per_s: float,
) -> None:
    """Between any two departures no more requests and no more vectors leave than the rates allow."""
    config = replace(CONFIG, requests_per_s=requests_per_s, vectors_per_s=vectors_per_s)
    with world(bulk_client, blocks, config=config) as made:
        for move in happened:
            made.apply(move)
        made.settle()
        check_pace(made.steered.departures, requests_per_s=requests_per_s, vectors_per_s=vectors_per_s)


@requirement("bulk.pace-without-bursts", level="must", evidence="documented", source=SOURCE)
def test_idle_time_earns_no_burst(bulk_client: BulkClient) -> None:
    """After a minute in which nothing could leave, requests leave no faster than ever."""
    config = replace(FREE, batch_vectors=10, vectors_per_s=100)
    with world(bulk_client, many(200), config=config) as made:
        made.steered.tick(60.0)
        let_run(made.steered, until_s=70.0)
        check_pace(made.steered.departures, requests_per_s=1e9, vectors_per_s=100)
        assert departed(made.steered, since_s=60.0, until_s=61.0) <= 110


@requirement("bulk.pace-is-reached", level="should", evidence="inferred", source=SOURCE)
def test_the_rate_is_reached(bulk_client: BulkClient) -> None:
    """Where the service takes everything, at least nine tenths of the rate are used."""
    config = replace(FREE, batch_vectors=10, vectors_per_s=100)
    with world(bulk_client, many(1_000), config=config) as made:
        let_run(made.steered, until_s=5.0)
        assert departed(made.steered, since_s=0.0, until_s=5.0) >= 450


@requirement("bulk.pace-slows-down", level="should", evidence="documented", source=sources.PRACTICES)
def test_a_throttled_client_slows_down(bulk_client: BulkClient) -> None:
    """While the service throttles, far fewer vectors leave than the rate allows."""
    config = replace(FREE, batch_vectors=10, vectors_per_s=100, retry=replace(PATIENT, base_s=0.0))
    with world(bulk_client, many(1_000), config=config) as made:
        let_run(made.steered, until_s=8.0, mishap=Mishap.THROTTLED)
        assert departed(made.steered, since_s=3.0, until_s=8.0) <= 250
        assert made.steered.run.stopped_by is None


@requirement("bulk.pace-recovers", level="should", evidence="inferred", source=sources.PRACTICES)
def test_a_client_that_was_throttled_recovers(bulk_client: BulkClient) -> None:
    """After a second of throttles the client is back to half of its rate within a minute."""
    config = replace(FREE, batch_vectors=10, vectors_per_s=100, retry=PATIENT)
    with world(bulk_client, many(10_000), config=config) as made:
        let_run(made.steered, until_s=1.0, mishap=Mishap.THROTTLED)
        let_run(made.steered, until_s=70.0)
        assert departed(made.steered, since_s=60.0, until_s=70.0) >= 500
        check_pace(made.steered.departures[-200:], requests_per_s=1e9, vectors_per_s=100)
