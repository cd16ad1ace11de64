"""Batch clients that share a budget write everything, and slow down or stop together."""

from __future__ import annotations

import pickle
import threading
import time

import pytest
from budget_threads import ThreadOwner

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.writer import BulkWriter
from vecgate.distributed import shared_departures
from vecgate.distributed.shared_budget import Rates, SharedBudget
from vecgate.distributed.shared_departures import BudgetUnavailable, SharedDepartures
from vecgate.testing.scripted_service import ScriptedService, ServiceFault

RATES = Rates(requests_per_s=1_000, vectors_per_s=2_000)


class TimedService(ScriptedService):
    """Records when requests arrive, of all writers."""

    def __init__(self, arrivals: list[tuple[float, int]], script: list[ServiceFault] | None = None) -> None:
        super().__init__(script or [])
        self._arrivals = arrivals

    def handle(self, operation: str, members: dict[str, object], fault: ServiceFault | Exception) -> bytes:
        vectors = members["vectors"]
        assert isinstance(vectors, list)
        self._arrivals.append((time.monotonic(), len(vectors)))
        return super().handle(operation, members, fault)


def put(owner: ThreadOwner, service: ScriptedService, name: str, records: int) -> BulkOutcome:
    with SharedDepartures(owner) as departures:
        writer = BulkWriter(
            service, bucket="b", index="i", config=BulkConfig(batch_vectors=50), departures=departures
        )
        return writer.put([{"key": f"{name}{each}", "vector": [1.0, each]} for each in range(records)])


def test_writers_of_one_budget_keep_its_rate_together() -> None:
    """Four of them, each of which could send at the full rate."""
    arrivals: list[tuple[float, int]] = []
    outcomes: list[BulkOutcome] = []
    with ThreadOwner(SharedBudget(RATES, now_s=time.monotonic())) as owner:
        threads = [
            threading.Thread(
                target=lambda name=name: outcomes.append(put(owner, TimedService(arrivals), name, 500))
            )
            for name in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert [outcome.acknowledged for outcome in outcomes] == [500] * 4
    span_s = max(at_s for at_s, _ in arrivals) - min(at_s for at_s, _ in arrivals)
    # A request arrives some time after it departs, so only a long span is exact.
    assert sum(vectors for _, vectors in arrivals) - 50 <= RATES.vectors_per_s * (span_s + 0.1)


def test_a_throttle_of_one_writer_reaches_the_owner() -> None:
    with ThreadOwner(SharedBudget(RATES, now_s=time.monotonic())) as owner:
        outcome = put(owner, ScriptedService([ServiceFault.THROTTLED]), "a", 200)
        assert outcome.acknowledged == 200
        assert outcome.throttles == 1
        assert owner.queue.budget.scale < 1
        assert any(ask.successes for ask in owner.asks)


def test_an_owner_that_is_lost_for_a_while_only_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_departures, "RETRY_S", 0.02)
    with ThreadOwner(SharedBudget(RATES, now_s=time.monotonic())) as owner:
        owner.is_lost = True
        timer = threading.Timer(0.2, lambda: setattr(owner, "is_lost", False))
        timer.start()
        assert put(owner, ScriptedService(), "a", 100).acknowledged == 100
        timer.join()


def test_an_owner_that_stays_lost_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent without it, and the rest is pending."""
    monkeypatch.setattr(shared_departures, "RETRY_S", 0.02)
    monkeypatch.setattr(shared_departures, "PATIENCE_S", 0.1)
    service = ScriptedService()
    with ThreadOwner(SharedBudget(RATES, now_s=time.monotonic())) as owner:
        owner.is_lost = True
        outcome = put(owner, service, "a", 100)
    assert isinstance(outcome.stopped_by, BudgetUnavailable)
    assert outcome.pending == 100
    assert not service.requests


def test_a_lease_that_expires_unused_is_asked_for_again() -> None:
    with ThreadOwner(SharedBudget(RATES, now_s=time.monotonic())) as owner, SharedDepartures(owner) as out:
        while not (leases := [ask for ask in owner.asks if ask.requests]):
            out.try_acquire(50, now_s=time.monotonic())
            out.wait(0.01)
        deadline_s = time.monotonic() + 20
        # It lies about the time: this is long after the end of the lease.
        while len([ask for ask in owner.asks if ask.requests]) == len(leases):
            assert out.try_acquire(50, now_s=time.monotonic() + 1_000) > 0
            out.wait(0.01)
            assert time.monotonic() < deadline_s
        while out.try_acquire(50, now_s=time.monotonic()) > 0:
            out.wait(0.01)
            assert time.monotonic() < deadline_s


def test_a_bug_in_an_owner_is_no_endless_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_departures, "RETRY_S", 0.02)
    monkeypatch.setattr(shared_departures, "PATIENCE_S", 0.1)
    with ThreadOwner(SharedBudget(RATES, now_s=time.monotonic())) as owner:
        monkeypatch.setattr(owner, "ask", int)  # fails: a message is no number
        outcome = put(owner, ScriptedService(), "a", 10)
    assert outcome.pending == 10
    assert "TypeError" in str(outcome.stopped_by)


def test_the_error_of_a_lost_owner_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(BudgetUnavailable("gone", hint="start it")))  # noqa: S301 - made here
    assert (str(error), error.hint) == ("gone", "start it")
