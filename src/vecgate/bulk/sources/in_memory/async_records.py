"""Async iterables of records, read by a run that is not async.

The run is on another thread. It asks the event loop for the next records, several at a time, because each
exchange between the two costs as much as many records.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from vecgate.background import POLL_S
from vecgate.bulk.sources.in_memory.arrays import held
from vecgate.errors import VecgateError

T = TypeVar("T")

#: Records in one exchange, fewer if they come slowly.
RECORDS_MAX = 500
#: Records that were received are handed over after this time.
WAIT_S = 0.2


async def run_with(
    call: Callable[[Any], T],
    argument: Any,  # noqa: ANN401 - see `as_source`
    *,
    stop: Callable[[], None],
    is_stopped: Callable[[], bool],
) -> T:
    """Return the result of *call*, on another thread, with *argument*; an async iterable as an iterator.

    If the task is cancelled, *stop* is called and the end of *call* is awaited.
    """
    records = argument.__aiter__() if isinstance(argument, AsyncIterable) else None
    given = argument if records is None else _iterate(records, asyncio.get_running_loop(), is_stopped)
    running = asyncio.ensure_future(asyncio.to_thread(call, given))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([running])
        raise
    finally:
        if callable(close := getattr(records, "aclose", None)) and running.done():
            await close()


def _iterate(
    records: AsyncIterator[Any], loop: asyncio.AbstractEventLoop, is_stopped: Callable[[], bool]
) -> Iterator[Any]:
    is_last = False
    while not is_last:
        exchange = asyncio.run_coroutine_threadsafe(_take(records), loop)
        while True:
            try:
                taken, is_last = exchange.result(timeout=POLL_S)
                break
            except FutureTimeoutError:
                if exchange.done():
                    raise  # the timeout is one of the records
                if is_stopped():
                    exchange.cancel()
                    # Not an end of the records: those that are missing must not look like none.
                    raise VecgateError("the run was stopped while it waited for records") from None
        yield from taken


async def _take(records: AsyncIterator[Any]) -> tuple[list[Any], bool]:
    """Return the next records, and True if there are no others."""
    taken: list[Any] = []
    until_s = time.monotonic() + WAIT_S
    while len(taken) < RECORDS_MAX and (not taken or time.monotonic() < until_s):
        try:
            taken.append(held(await anext(records)))
        except StopAsyncIteration:
            return taken, True
    return taken, False
