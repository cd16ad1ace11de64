"""Writers that share a budget exceed no lane together, and use it, whatever happens to them and their clocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simulated_writers import Simulation, World

from vecgate.distributed.shared_budget import (
    LATENESS_S,
    RESTART_SCALE,
    ClockBounds,
    Exchange,
    HeldLease,
    Lease,
    Rates,
    SharedBudget,
)
from vecgate.errors import ConfigError

#: Differences of simulated clocks of up to 1e6 seconds are exact to this.
ROUNDING_S = 1e-7
WORLDS = st.builds(
    World,
    message_s=st.sampled_from([0.0, 0.001, 0.02, 0.5]),
    late_s=st.sampled_from([0.0, 0.001, 0.05, 0.4]),
    latency_s=st.sampled_from([0.0, 0.05, 2.0]),
    threads=st.integers(1, 8),
    vectors=st.sampled_from([(500,), (1,), (100,), (1, 500), (500, 20)]),
)
RATES = st.builds(
    Rates,
    requests_per_s=st.sampled_from([10.0, 1_000.0]),
    vectors_per_s=st.sampled_from([50.0, 2_500.0, 2e4]),
)
DISTURBANCES = st.lists(
    st.tuples(st.floats(0.0, 4.0), st.sampled_from(["kill", "lose owner", "throttle", "succeed"])),
    max_size=12,
)


def check_every_window(departures: list[tuple[float, int]], rates: Rates) -> None:
    """Over any window, the units before the last departure stay within the rate: each departure leaves the
    lanes busy until the next one.
    """
    for (at_s, vectors), (next_s, _) in pairwise(departures):
        busy_s = max(1 / rates.requests_per_s, vectors / rates.vectors_per_s)
        assert next_s - at_s >= busy_s - ROUNDING_S


@given(
    rates=RATES,
    writers=st.integers(1, 12),
    world=WORLDS,
    disturbances=DISTURBANCES,
    seed=st.integers(0, 2**16),
)
@example(Rates(), 8, World(message_s=0.02, late_s=0.4), [(1.0, "lose owner"), (1.1, "kill")], 0)
def test_no_lane_is_exceeded_over_any_window(
    rates: Rates, writers: int, world: World, disturbances: list[tuple[float, str]], seed: int
) -> None:
    """Whatever leases overlap, expire, or are lost with their writer or with the owner."""
    simulation = Simulation(rates, writers, world, seed=seed)
    for number, (at_s, what) in enumerate(disturbances):
        victim = simulation.writers[number % writers]
        events: dict[str, Callable[[], None]] = {
            "kill": partial(simulation.kill, victim),
            "lose owner": simulation.lose_owner,
            "throttle": simulation.throttle,
            "succeed": simulation.succeed,
        }
        simulation.at(at_s, events[what])
    simulation.run(6.0)
    check_every_window(simulation.departures, rates)


@pytest.mark.parametrize("writers", [2, 3, 8, 64])
@pytest.mark.parametrize(("vectors", "late_s"), [(500, 0.004), (250, 0.002), (100, 0.001)])
def test_the_rate_is_used(writers: int, vectors: int, late_s: float) -> None:
    """At least 97 % of it, with messages of up to 2 ms, and threads that wake late by up to 2 % of the time that
    their request keeps the lanes busy.
    """
    world = World(message_s=0.002, late_s=late_s, vectors=(vectors,))
    simulation = Simulation(Rates(), writers, world, seed=writers)
    simulation.run(35.0)
    sent = sum(each for at_s, each in simulation.departures if 5.0 <= at_s < 35.0)
    assert sent >= 0.97 * 2_500 * 30
    check_every_window(simulation.departures, Rates())


def test_every_writer_has_its_turn() -> None:
    """Leases go around: of 16 equal writers none waits twice as long as another."""
    simulation = Simulation(Rates(vectors_per_s=50_000.0), 16, World(message_s=0.001))
    simulation.run(20.0)
    turns = [len(writer.bounds.exchanges) for writer in simulation.writers]
    assert min(turns) == max(turns)
    assert len(simulation.departures) > 1_000


def test_a_writer_that_dies_costs_one_lease() -> None:
    """Its lease ends by itself, and the others go on."""
    simulation = Simulation(Rates(), 4, World(message_s=0.001))
    for number, at_s in enumerate([3.05, 6.05, 9.05]):
        simulation.at(at_s, partial(simulation.kill, simulation.writers[number]))
    simulation.run(30.0)
    gaps = [b - a for (a, _), (b, _) in pairwise(simulation.departures)]
    # A writer may hold a lease and wait for another one.
    assert sum(gap - 0.2 for gap in gaps if gap > 0.3) <= 3 * (0.2 + LATENESS_S) + 0.1
    assert simulation.departures[-1][0] > 29.5


def test_a_throttle_lowers_the_rate_of_all_writers() -> None:
    """One of eight is throttled, and all together send less."""
    simulation = Simulation(Rates(), 8, World(message_s=0.001))
    simulation.at(5.0, simulation.throttle)
    simulation.run(15.0)
    before = sum(each for at_s, each in simulation.departures if at_s < 5.0)
    after = sum(each for at_s, each in simulation.departures if 5.5 <= at_s < 10.5)
    assert after <= 0.75 * before


def test_an_owner_that_was_lost_begins_conservatively() -> None:
    """After a pause, in which old leases end, with a part of the rate, from which it recovers."""
    budget = SharedBudget(Rates(), now_s=100.0, is_restart=True)
    wait_s = budget.try_lease(requests=1, vectors=500, now_s=100.0)
    assert wait_s == pytest.approx(0.65)
    lease = budget.try_lease(requests=1, vectors=500, now_s=101.0)
    assert isinstance(lease, Lease)
    assert lease.start_s == pytest.approx(101.65)
    assert lease.scale == RESTART_SCALE
    for second in range(102, 110):
        budget.record_success(now_s=float(second))
    assert budget.scale == 1.0


def test_a_writer_begins_and_ends_within_its_lease_by_any_possible_clock() -> None:
    """The owner's clock is known between two bounds: the later one ends the lease, the earlier one begins it."""
    bounds = ClockBounds().after(Exchange(asked_s=10.0, arrived_s=110.3, replied_s=110.4, received_s=10.6))
    assert bounds.low_s == pytest.approx(99.8)
    assert bounds.high_s == pytest.approx(100.3)
    lease = Lease(1, start_s=111.0, end_s=112.0, requests=1, rates=Rates(), scale=1.0)
    held = HeldLease.of(lease, bounds)
    assert held.wait_s(500, now_s=10.6) == pytest.approx(0.6)
    assert held.wait_s(500, now_s=11.5) == 0.0
    assert held.wait_s(500, now_s=11.51) is None
    departed = held.depart(500, now_s=11.3)
    assert departed.free_s == pytest.approx(111.8)
    assert departed.wait_s(500, now_s=11.3) is None


def test_bounds_come_from_the_fastest_messages() -> None:
    """A slow message does not loosen what a fast one has shown, until a clock jumps."""
    fast, slow = Exchange(0.0, 50.01, 50.01, 0.02), Exchange(1.0, 51.5, 51.5, 2.0)
    bounds = ClockBounds().after(fast).after(slow)
    assert bounds.low_s == pytest.approx(49.99)
    assert bounds.high_s == pytest.approx(50.01)
    jumped = Exchange(3.0, 83.0, 83.0, 3.1)
    assert bounds.after(jumped).exchanges == (jumped,)


def test_a_lease_that_was_given_back_is_free_at_once() -> None:
    """What a writer does not use goes to the next one."""
    budget = SharedBudget(Rates(vectors_per_s=50_000), now_s=0.0)
    lease = budget.try_lease(requests=8, vectors=500, now_s=0.0)
    assert isinstance(lease, Lease)
    assert lease.requests == 8
    assert isinstance(budget.try_lease(requests=1, vectors=500, now_s=0.1), float)
    bounds = ClockBounds().after(Exchange(0.0, 0.0, 0.0, 0.0))
    held = HeldLease.of(lease, bounds).depart(500, now_s=0.0).given_back(now_s=0.005)
    budget.commit(lease.number, held.free_s)
    following = budget.try_lease(requests=1, vectors=500, now_s=0.006)
    assert isinstance(following, Lease)
    assert following.start_s == pytest.approx(0.01)


def test_a_commit_of_an_earlier_owner_changes_nothing() -> None:
    """Numbers of leases are not repeated, so it cannot end a lease of this owner."""
    budget = SharedBudget(Rates(), now_s=0.0, first_number=7)
    lease = budget.try_lease(requests=1, vectors=500, now_s=0.0)
    assert isinstance(lease, Lease)
    budget.commit(7, 0.0)
    assert budget.try_lease(requests=1, vectors=500, now_s=0.1) == pytest.approx(lease.end_s - 0.1)


def test_a_low_rate_leases_only_what_begins_soon() -> None:
    """So that a writer that dies, or the owner, never holds the index for long."""
    budget = SharedBudget(Rates(vectors_per_s=50), now_s=0.0)
    first = budget.try_lease(requests=5, vectors=500, now_s=0.0)
    assert isinstance(first, Lease)
    assert first.requests == 1
    budget.commit(first.number, 10.0)
    assert budget.try_lease(requests=1, vectors=500, now_s=0.5) == pytest.approx(8.5)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_rates_are_finite_numbers_above_0(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"vectors_per_s is .*, allowed is a number above 0"):
        Rates(vectors_per_s=rate)


def test_rates_are_divided_among_writers_that_cannot_share_them() -> None:
    shares = Rates().divided(8)
    assert list(accumulate([shares.vectors_per_s] * 8))[-1] == 2_500
    assert str(shares) == "312.5 vectors/s and 125 requests/s"
