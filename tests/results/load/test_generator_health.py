from __future__ import annotations

import pytest
from load_builders import operation, plan, second, steady

from vecgate.results.load.generator_health import describe_late_starts, limited_by_generator
from vecgate.results.load.load_records import Second

BUSY = {"busiest_cores": 0.97, "late": 4, "in_flight": 2}


def limit_reason(*seconds: Second, start_deadline_s: float = 1.0) -> str:
    return limited_by_generator(seconds, plan(in_flight_max=8, start_deadline_s=start_deadline_s))


def changed(first: int, count: int, **more: float) -> list[Second]:
    """Return ten equal seconds, except *count* from *first* on."""
    different = {at_s: second(at_s, *[0.04] * 10, **more) for at_s in range(first, first + count)}
    return [different.get(each.at_s, each) for each in steady()]


def test_a_generator_with_time_left_is_not_the_limit() -> None:
    """Nor is one without seconds."""
    assert not limit_reason(*steady())
    assert not limit_reason()


def test_a_busy_worker_that_starts_requests_late_is_the_limit() -> None:
    """The reason contains its share of a core and the late requests."""
    assert limit_reason(*changed(4, 5, **BUSY)) == (
        "in 5 of 10 seconds the busiest worker had no time left (up to 0.97 of a core, 0 ms late), "
        "and 40 % of requests started late"
    )


def test_a_late_event_loop_is_a_busy_worker() -> None:
    """On a machine that it shares with the target, a worker may never get a whole core."""
    found = limit_reason(*changed(4, 5, loop_lag_ms=120.0, busiest_cores=0.6, late=1, dropped=3))
    assert found.endswith("120 ms late), and 10 % of requests started late and 30 % were dropped")


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (changed(0, 10, late=10), "late without strain: the target delayed them"),
        (changed(0, 10, busiest_cores=1.0), "busy, but on time"),
        (changed(0, 10, loop_lag_ms=45.0, late=10), "45 ms is a pause"),
        (changed(4, 2, **BUSY), "two seconds: the burst after a stall"),
        (changed(9, 1, **BUSY), "one hiccup"),
    ],
)
def test_late_requests_alone_prove_nothing(seconds: list[Second], reason: str) -> None:
    """A stalled target makes requests late too, and causes a burst of work afterwards."""
    assert not limit_reason(*seconds), reason


def test_a_short_run_can_be_limited() -> None:
    """If all of its seconds are strained."""
    assert limit_reason(*changed(0, 10, **BUSY)[:2])


@pytest.mark.parametrize("lag_ms", [52.0, 199.0])
def test_a_pause_in_a_short_run_is_not_a_limit(lag_ms: float) -> None:
    """Although it makes some requests late, one pause proves no more in a short run than in a long one."""
    assert not limit_reason(second(0, *[0.04] * 30, loop_lag_ms=lag_ms, late=2))
    assert not limit_reason(*changed(0, 10, loop_lag_ms=lag_ms, late=2)[:2])
    assert limit_reason(*changed(0, 10, loop_lag_ms=lag_ms, late=2)[:3])


def test_a_short_run_that_pauses_for_a_fifth_of_each_second_is_limited() -> None:
    """One of two seconds is not enough."""
    assert limit_reason(second(0, *[0.04] * 30, loop_lag_ms=200.0, late=2))
    assert not limit_reason(second(0, *[0.04] * 10, loop_lag_ms=200.0, late=2), second(1, *[0.04] * 10))


def test_dropped_requests_that_could_have_started_are_the_fault_of_the_generator() -> None:
    """Few requests were in flight."""
    assert limit_reason(*changed(4, 3, dropped=5, in_flight=3)) == (
        "15 requests were dropped although they could have started: at most 3 of 8 were in flight"
    )


@pytest.mark.parametrize(("in_flight", "before"), [(8, 8), (0, 8), (4, 0)])
def test_dropped_requests_at_the_limit_are_the_fault_of_the_target(in_flight: int, before: int) -> None:
    """Also in the next second: the requests dropped there had waited at the limit."""
    seconds = [second(0, *[0.04] * 10, in_flight=before), second(1, 0.04, dropped=5, in_flight=in_flight)]
    assert not limit_reason(*seconds)


def test_requests_that_are_dropped_soon_prove_nothing() -> None:
    """Between two ends of seconds the limit may have been reached for a moment."""
    assert not limit_reason(*changed(4, 3, dropped=5, in_flight=3), start_deadline_s=0.5)


@pytest.mark.parametrize(
    ("second_of", "is_limit"),
    [
        ({"loop_lag_ms": 120.0, "in_flight": 2}, True),
        ({"loop_lag_ms": 120.0, "in_flight": 8}, False),
        ({"loop_lag_ms": 700.0, "in_flight": 8}, True),
        ({"waited_s": 0.7, "in_flight": 8}, True),
    ],
)
def test_at_the_bound_the_target_makes_requests_late(second_of: dict[str, float], is_limit: bool) -> None:
    """A pause of the event loop explains it only if the worker stood still, and read the answers late."""
    found = limit_reason(*changed(0, 10, late=4, **second_of))
    assert bool(found) == is_limit
    assert ("0.7 s without a processor" in found) == ("waited_s" in second_of)


def test_requests_that_cannot_be_signed_are_the_fault_of_the_generator() -> None:
    """Credentials that expire on a worker say nothing about the target."""
    unsigned = {"PutVectors": operation(*[0.01] * 10, errors={"NoCredentials": 4})}
    found = limit_reason(*[second(at_s, *[0.01] * 10, operations=unsigned) for at_s in range(3)])
    assert found == "12 requests could not be signed, because a worker had no credentials"


def test_late_starts_count_while_slots_are_free() -> None:
    """More than one in a hundred."""
    planned = plan(in_flight_max=8)
    assert describe_late_starts(changed(0, 5, late=2, in_flight=3), planned) == (
        "10 % of requests started late although slots were free"
    )
    assert describe_late_starts(changed(0, 5, late=2, in_flight=8), planned) == ""
    assert describe_late_starts(steady(), planned) == ""
