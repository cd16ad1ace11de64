"""In a simulation the test decides which batch moves, and nothing moves by itself."""

from __future__ import annotations

from pathlib import Path

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import encode_put
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.core.run_state import BulkRun
from vecgate.bulk.rejects_file import RejectsFile
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error
from vecgate.testing.simulation import BatchInFlight, Simulation
from vecgate.testing.strategies import block_of

CONFIG = BulkConfig(
    batch_vectors=2,
    in_flight=2,
    vectors_per_s=2,
    requests_per_s=100,
    retry=RetryPolicy(base_s=1.0, attempts_max=2),
)


def start_simulation(folder: Path, *keys: str) -> Simulation:
    run = BulkRun(CONFIG, rejects=RejectsFile(folder / "aside"), now_s=0.0)
    return Simulation(
        run,
        [block_of(keys)],
        ScriptedService(),
        lambda batch: encode_put(IndexAddress("media", "films"), batch.block),
    )


def effect_name(batch: BatchInFlight) -> str:
    return type(batch.effect).__name__


def test_a_batch_moves_one_step_at_a_time(tmp_path: Path) -> None:
    """A batch is sent, arrives, is answered and acknowledged, one step at a time."""
    simulation = start_simulation(tmp_path, "a", "b")
    assert simulation.dispatch()
    (batch,) = simulation.batches_in_flight
    assert effect_name(batch) == "Acquire"
    simulation.advance(batch)
    assert simulation.departures == [(0.0, 2)]
    assert effect_name(batch) == "Send"
    simulation.advance(batch)
    assert set(simulation.service.stored) == {"a", "b"}
    assert simulation.run.acknowledged == 0, "the answer is still on its way"
    simulation.advance(batch)
    simulation.advance(batch)
    assert (simulation.run.acknowledged, simulation.batches_in_flight) == (2, [])
    assert not simulation.dispatch()
    assert simulation.is_done


def test_no_request_departs_before_its_time(tmp_path: Path) -> None:
    """At 2 vectors per second, the second pair of vectors is sent one second later."""
    simulation = start_simulation(tmp_path, "a", "b", "c", "d")
    assert simulation.dispatch()
    assert simulation.dispatch()
    first, second = simulation.batches_in_flight
    simulation.advance(first)
    simulation.advance(second)
    simulation.tick(0.99)
    simulation.advance(second)
    assert len(simulation.departures) == 1
    simulation.tick(0.02)
    simulation.advance(second)
    assert simulation.departures == [(0.0, 2), (1.01, 2)]


def test_in_flight_limit_and_keys_limit_dispatch(tmp_path: Path) -> None:
    """At most `in_flight` batches are dispatched, and none with a key that is in flight."""
    simulation = start_simulation(tmp_path, *"abcdef")
    assert [simulation.dispatch() for _ in range(3)] == [True, True, False]
    repeated = start_simulation(tmp_path, *"abac")
    assert [repeated.dispatch() for _ in range(2)] == [True, False]
    repeated.finish()
    assert repeated.run.acknowledged == 4
    assert repeated.is_done


def test_a_fault_is_followed_by_a_pause(tmp_path: Path) -> None:
    """The pause lasts until its time has passed."""
    simulation = start_simulation(tmp_path, "a")
    simulation.dispatch()
    (batch,) = simulation.batches_in_flight
    simulation.advance(batch)
    simulation.advance(batch, fault=ServiceFault.BROKEN)
    simulation.advance(batch)
    simulation.advance(batch, random_value=1.0)
    assert effect_name(batch) == "Pause"
    simulation.tick(0.99)
    simulation.advance(batch)
    assert effect_name(batch) == "Pause"
    simulation.tick(0.01)
    simulation.advance(batch)
    assert effect_name(batch) == "Acquire"
    simulation.finish()
    assert (simulation.run.acknowledged, len(simulation.service.stored)) == (1, 1)


def test_a_stopped_run_leaves_its_batches_unsettled(tmp_path: Path) -> None:
    """Their keys stay claimed, and nothing new is dispatched."""
    simulation = start_simulation(tmp_path, *"abcd")
    simulation.dispatch()
    simulation.dispatch()
    first, second = simulation.batches_in_flight
    simulation.advance(first)
    simulation.advance(first, fault=modelled_error("AccessDeniedException"))
    simulation.advance(first)
    simulation.advance(first)
    assert simulation.run.stopped_by is not None
    simulation.advance(second)
    assert (
        simulation.batches_in_flight,
        simulation.is_done,
        simulation.run.pending,
        len(simulation.run.keys),
    ) == ([], True, 4, 4)
    assert not simulation.dispatch()
