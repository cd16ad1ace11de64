"""Writers have their turn in the order in which they ask."""

from __future__ import annotations

import asyncio

from vecgate.distributed.budget_queue import ASK_S, IDLE_S, BudgetQueue
from vecgate.distributed.shared_budget import Lease, Rates, SharedBudget
from vecgate.distributed.shared_departures import Answer, Ask


def queue_of(rates: Rates, times: list[float]) -> BudgetQueue:
    """Return a queue whose clock shows the last of *times*."""
    return BudgetQueue(SharedBudget(rates, now_s=times[-1]), now_s=lambda: times[-1])


def test_the_turn_goes_around_as_leases_end() -> None:
    """The second writer gets its lease as soon as the first has said when its own ends."""
    times = [100.0]

    async def run() -> tuple[Answer, Answer]:
        queue = queue_of(Rates(vectors_per_s=50_000.0), times)
        first = await queue.ask(Ask(1, 500))
        second = asyncio.create_task(queue.ask(Ask(1, 500)))
        await asyncio.sleep(0)
        assert not second.done()
        assert first.lease is not None
        await queue.ask(Ask(0, 0, committed=(first.lease.number, 100.01)))
        return first, await asyncio.wait_for(second, 20)

    first, second = asyncio.run(run())
    assert isinstance(first.lease, Lease)
    assert isinstance(second.lease, Lease)
    assert second.lease.start_s == 100.01


def test_a_writer_that_waits_too_long_is_answered_without_a_lease() -> None:
    """And asks again."""
    times = [100.0]

    async def run() -> Answer:
        queue = queue_of(Rates(), times)
        await queue.ask(Ask(1, 500))
        waiting = asyncio.create_task(queue.ask(Ask(1, 500)))
        await asyncio.sleep(0)
        times.append(100.0 + ASK_S + 1)
        # A commit of another lease wakes it.
        await queue.ask(Ask(0, 0, committed=(999, 0.0)))
        return await asyncio.wait_for(waiting, 20)

    answer = asyncio.run(run())
    assert answer.lease is None
    assert (answer.arrived_s, answer.replied_s) == (100.0, 100.0 + ASK_S + 1)


def test_what_writers_report_changes_the_rate_of_all() -> None:
    times = [100.0]

    async def run() -> tuple[float, float]:
        queue = queue_of(Rates(), times)
        queue.report_throttle()
        throttled = (await queue.ask(Ask(0, 0))).scale
        times.append(102.0)
        return throttled, (await queue.ask(Ask(0, 0, successes=True))).scale

    throttled, recovered = asyncio.run(run())
    assert throttled < recovered <= 1


def test_a_queue_that_nobody_asks_is_idle() -> None:
    times = [100.0]
    queue = queue_of(Rates(), times)
    assert not queue.is_idle()
    times.append(100.0 + IDLE_S + 1)
    assert queue.is_idle()
