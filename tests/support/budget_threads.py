"""An owner of a shared budget for the threads of one process."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from vecgate.distributed.budget_queue import BudgetQueue
from vecgate.distributed.shared_budget import SharedBudget
from vecgate.distributed.shared_departures import Answer, Ask, BudgetUnavailable


class ThreadOwner:
    """A `BudgetOwner` with its event loop on a thread, for the duration of a `with` block.

    is_lost  calls fail
    """

    def __init__(self, budget: SharedBudget) -> None:
        self.queue = BudgetQueue(budget)
        self.is_lost = False
        self.asks: list[Ask] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def ask(self, ask: Ask) -> Answer:
        if self.is_lost or self._loop.is_closed():
            raise BudgetUnavailable("the owner is lost")
        self.asks.append(ask)
        return asyncio.run_coroutine_threadsafe(self.queue.ask(ask), self._loop).result(60)

    def report_throttle(self) -> None:
        self._loop.call_soon_threadsafe(self.queue.report_throttle)


async def _cancel_others() -> None:
    """Cancel the calls that still wait: their writers have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
