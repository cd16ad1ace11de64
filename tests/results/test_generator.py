from __future__ import annotations

import pytest
from loads import plan, second, steady

from vecgate.results.generator import limited_by_generator
from vecgate.results.load import Second

BUSY = {"busiest_cores": 0.97, "late": 4, "in_flight": 2}


def told(*seconds: Second, start_within_s: float = 1.0) -> str:
    return limited_by_generator(seconds, plan(in_flight_max=8, start_within_s=start_within_s))


def changed(first: int, count: int, **more: float) -> list[Second]:
    """A steady run of ten seconds of which some are different."""
    different = {at_s: second(at_s, *[0.04] * 10, **more) for at_s in range(first, first + count)}
    return [different.get(each.at_s, each) for each in steady()]


def test_a_generator_with_time_to_spare_is_no_limit() -> None:
    """Whatever the target does."""
    assert not told(*steady())
    assert not told()


def test_a_worker_without_time_that_starts_late_is_the_limit() -> None:
    """With figures: its share of a core, and what came of it."""
    assert told(*changed(4, 5, **BUSY)) == (
        "in 5 of 10 seconds the busiest worker had no time (up to 0.97 of a core, 0 ms behind), "
        "40 % of requests started late then"
    )


def test_an_event_loop_that_lags_is_a_worker_without_time() -> None:
    """On a machine that it shares with the target, it never gets its core."""
    found = told(*changed(4, 5, loop_lag_ms=120.0, busiest_cores=0.6, late=1, dropped=3))
    assert found.endswith("120 ms behind), 10 % of requests started late and 30 % were dropped then")


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (changed(0, 10, late=10), "late without strain: the target held them up"),
        (changed(0, 10, busiest_cores=1.0), "busy, but in time"),
        (changed(0, 10, loop_lag_ms=45.0, late=10), "45 ms are a pause, no strain"),
        (changed(4, 2, **BUSY), "two seconds: the crowd after a stall"),
        (changed(9, 1, **BUSY), "one hiccup"),
    ],
)
def test_what_is_no_proof_is_not_held_against_it(seconds: list[Second], reason: str) -> None:
    """A stalled target makes requests late as well, and a burst of work when it is back."""
    assert not told(*seconds), reason


def test_a_short_run_can_be_limited_too() -> None:
    """All of its two seconds are."""
    assert told(*changed(0, 10, **BUSY)[:2])


@pytest.mark.parametrize("lag_ms", [52.0, 199.0])
def test_a_hiccup_in_a_short_run_is_no_limit(lag_ms: float) -> None:
    """A pause says of one second no more than of many, although it makes some of its requests late."""
    assert not told(second(0, *[0.04] * 30, loop_lag_ms=lag_ms, late=2))
    assert not told(*changed(0, 10, loop_lag_ms=lag_ms, late=2)[:2])
    assert told(*changed(0, 10, loop_lag_ms=lag_ms, late=2)[:3])


def test_a_short_run_that_stood_still_for_a_fifth_of_it_is_limited() -> None:
    """In each of its seconds; of two, one is not enough."""
    assert told(second(0, *[0.04] * 30, loop_lag_ms=200.0, late=2))
    assert not told(second(0, *[0.04] * 10, loop_lag_ms=200.0, late=2), second(1, *[0.04] * 10))


def test_dropping_with_room_for_more_is_the_generators_doing() -> None:
    """Nothing was free in time, although the bound was far."""
    assert told(*changed(4, 3, dropped=5, in_flight=3)) == (
        "requests were dropped that had room to start: 15, with 3 of at most 8 in flight"
    )


@pytest.mark.parametrize(("in_flight", "before"), [(8, 8), (0, 8), (4, 0)])
def test_dropping_at_the_bound_is_the_targets_doing(in_flight: int, before: int) -> None:
    """Also in the second after: what it dropped had waited at the bound."""
    seconds = [second(0, *[0.04] * 10, in_flight=before), second(1, 0.04, dropped=5, in_flight=in_flight)]
    assert not told(*seconds)


def test_what_is_dropped_soon_proves_nothing() -> None:
    """The bound may have been reached, and left, between two ends of seconds."""
    assert not told(*changed(4, 3, dropped=5, in_flight=3), start_within_s=0.5)
