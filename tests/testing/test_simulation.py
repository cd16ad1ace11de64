"""In a simulation the test chooses who moves, and nothing moves by itself."""

from __future__ import annotations

from pathlib import Path

from vecgate.bulk.aside import SetAsideFile
from vecgate.bulk.config import BulkConfig
from vecgate.bulk.encoding import encode_put
from vecgate.bulk.retry import RetryPolicy
from vecgate.bulk.run import Run
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import Mishap, ScriptedService, error_of
from vecgate.testing.simulation import Flight, Simulation
from vecgate.testing.strategies import block_of

CONFIG = BulkConfig(
    batch_vectors=2,
    in_flight=2,
    vectors_per_s=2,
    requests_per_s=100,
    retry=RetryPolicy(base_s=1.0, attempts_max=2),
)


def simulation(folder: Path, *keys: str) -> Simulation:
    run = Run(CONFIG, aside=SetAsideFile(folder / "aside"), now_s=0.0)
    return Simulation(
        run,
        [block_of(keys)],
        ScriptedService(),
        lambda batch: encode_put(IndexAddress("media", "films"), batch.block),
    )


def step(flight: Flight) -> str:
    return type(flight.effect).__name__


def test_a_flight_moves_one_step_at_a_time(tmp_path: Path) -> None:
    """It leaves, arrives, is answered, is taken, and lands."""
    sim = simulation(tmp_path, "a", "b")
    assert sim.dispatch()
    (flight,) = sim.flights
    assert step(flight) == "Leave"
    sim.advance(flight)
    assert sim.departures == [(0.0, 2)]
    assert step(flight) == "Send"
    sim.advance(flight)
    assert set(sim.service.stored) == {"a", "b"}
    assert sim.run.acknowledged == 0, "the answer is still on its way"
    sim.advance(flight)
    sim.advance(flight)
    assert (sim.run.acknowledged, sim.flights) == (2, [])
    assert not sim.dispatch()
    assert sim.is_over


def test_no_flight_leaves_before_its_time(tmp_path: Path) -> None:
    """Two vectors a second: the second pair leaves a second later."""
    sim = simulation(tmp_path, "a", "b", "c", "d")
    assert sim.dispatch()
    assert sim.dispatch()
    first, second = sim.flights
    sim.advance(first)
    sim.advance(second)
    sim.tick(0.99)
    sim.advance(second)
    assert len(sim.departures) == 1
    sim.tick(0.02)
    sim.advance(second)
    assert sim.departures == [(0.0, 2), (1.01, 2)]


def test_room_and_keys_bound_what_is_handed_out(tmp_path: Path) -> None:
    """No more than is allowed in flight, and no key twice."""
    sim = simulation(tmp_path, *"abcdef")
    assert [sim.dispatch() for _ in range(3)] == [True, True, False]
    again = simulation(tmp_path, *"abac")
    assert [again.dispatch() for _ in range(2)] == [True, False]
    again.finish()
    assert again.run.acknowledged == 4
    assert again.is_over


def test_a_mishap_is_met_and_waited_for(tmp_path: Path) -> None:
    """The pause lasts as long as it lasts."""
    sim = simulation(tmp_path, "a")
    sim.dispatch()
    (flight,) = sim.flights
    sim.advance(flight)
    sim.advance(flight, mishap=Mishap.BROKEN)
    sim.advance(flight)
    sim.advance(flight, chance=1.0)
    assert step(flight) == "Pause"
    sim.tick(0.99)
    sim.advance(flight)
    assert step(flight) == "Pause"
    sim.tick(0.01)
    sim.advance(flight)
    assert step(flight) == "Leave"
    sim.finish()
    assert (sim.run.acknowledged, len(sim.service.stored)) == (1, 1)


def test_a_run_that_has_stopped_lands_its_flights_unsettled(tmp_path: Path) -> None:
    """Their keys stay claimed, and nothing new is handed out."""
    sim = simulation(tmp_path, *"abcd")
    sim.dispatch()
    sim.dispatch()
    first, second = sim.flights
    sim.advance(first)
    sim.advance(first, mishap=error_of("AccessDeniedException"))
    sim.advance(first)
    sim.advance(first)
    assert sim.run.stopped_by is not None
    sim.advance(second)
    assert (sim.flights, sim.is_over, sim.run.pending, len(sim.run.keys)) == ([], True, 4, 4)
    assert not sim.dispatch()
