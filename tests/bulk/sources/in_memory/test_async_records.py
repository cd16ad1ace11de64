"""Async iterables are written without blocking the event loop, to the end or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.sources.in_memory import async_records
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import SourceError, VecgateError
from vecgate.testing.scripted_service import ScriptedService

DEADLINE_S = 30.0
CONFIG = BulkConfig(batch_vectors=10, vectors_per_s=1e9, requests_per_s=1e9, retry_for_s=0)


def _writer(service: ScriptedService) -> BulkWriter:
    return BulkWriter(service, bucket="b", index="i", config=CONFIG)


async def _records(count: int, *, closed: list[str] | None = None) -> AsyncIterator[Any]:
    try:
        for i in range(count):
            if i % 7 == 0:
                await asyncio.sleep(0)
            yield {"key": f"k{i}", "vector": [float(i), 1.0]}
    finally:
        if closed is not None:
            closed.append("closed")


class Endless:
    """Yields some records and then waits for ever."""

    def __init__(self, count: int) -> None:
        self.left, self.is_waiting = count, asyncio.Event()

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> Any:
        if not self.left:
            self.is_waiting.set()
            await asyncio.Event().wait()
        self.left -= 1
        return ("k" + str(self.left), [1.0, 2.0])


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1_234])
def test_every_record_of_an_async_iterable_is_written(count: int) -> None:
    """Around the number of records of one exchange too."""
    service, closed = ScriptedService(), list[str]()
    outcome = asyncio.run(_writer(service).put_async(_records(count, closed=closed)))
    assert (outcome.is_complete, outcome.acknowledged, len(service.stored)) == (True, count, count)
    assert closed == ["closed"]


def test_a_producer_may_use_its_objects_again() -> None:
    """Records wait for the end of their exchange."""

    async def records() -> AsyncIterator[Any]:
        vector = np.zeros(2)
        for number in range(30):
            vector[:] = number
            yield str(number), vector

    service = ScriptedService()
    asyncio.run(_writer(service).put_async(records()))
    assert {key: vector for key, (vector, _) in service.stored.items()} == {
        str(number): [number, number] for number in range(30)
    }


def test_records_may_come_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread waits in short steps, so that it notices a stop."""
    monkeypatch.setattr(async_records, "POLL_S", 1e-6)
    assert asyncio.run(_writer(ScriptedService()).put_async(_records(1_000))).acknowledged == 1_000


def test_the_loop_runs_on_meanwhile() -> None:
    """Another task makes progress while records are written."""

    async def both() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        await _writer(ScriptedService()).put_async([("a", [1.0, 2.0])])
        ticking.cancel()
        return ticks

    assert asyncio.run(both()) > 1


def test_keys_of_an_async_iterable_are_deleted() -> None:
    """Keys alone, as for `delete`."""

    async def keys() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    service = ScriptedService()
    assert asyncio.run(_writer(service).delete_async(keys())).acknowledged == 2


def test_options_are_those_of_put() -> None:
    """And its errors."""

    async def none() -> AsyncIterator[Any]:
        return
        yield

    with pytest.raises(SourceError, match="holds no records"):
        asyncio.run(_writer(ScriptedService()).put_async(none()))
    outcome = asyncio.run(_writer(ScriptedService()).put_async([[1.0, 2.0]], keys=["a"]))
    assert outcome.acknowledged == 1


@pytest.mark.parametrize("error", [RuntimeError("source"), TimeoutError("source")])
def test_an_exception_of_the_iterable_is_raised(error: Exception) -> None:
    """Also one that looks like a wait that took too long."""

    async def failing() -> AsyncIterator[Any]:
        yield ("a", [1.0, 2.0])
        raise error

    with pytest.raises(type(error), match="source"):
        asyncio.run(asyncio.wait_for(_writer(ScriptedService()).put_async(failing()), DEADLINE_S))


def test_a_stop_while_records_are_awaited_is_no_end_of_them() -> None:
    """The run is not complete, although nothing is pending."""
    service = ScriptedService()

    async def stopped() -> Any:
        writer, records = _writer(service), Endless(5)
        run = asyncio.create_task(writer.put_async(records))
        await asyncio.wait_for(records.is_waiting.wait(), DEADLINE_S)
        writer.stop()
        return await asyncio.wait_for(run, DEADLINE_S)

    try:
        outcome = asyncio.run(stopped())
    except VecgateError as error:
        # The first records never came, so the columns were not recognised.
        assert "stopped" in str(error)  # noqa: PT017 - one of two ends
    else:
        assert not outcome.is_complete


def test_a_cancelled_task_ends_the_run() -> None:
    """The thread is not left behind."""
    service = ScriptedService()

    async def cancelled() -> bool:
        writer, records = _writer(service), Endless(600)
        run = asyncio.create_task(writer.put_async(records))
        await asyncio.wait_for(records.is_waiting.wait(), DEADLINE_S)
        run.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(run, DEADLINE_S)
        return run.cancelled()

    assert asyncio.run(cancelled())
