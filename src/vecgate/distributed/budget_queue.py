"""The owner of a shared budget on an event loop: writers have their turn in the order in which they ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from vecgate.distributed.shared_budget import Lease, SharedBudget
from vecgate.distributed.shared_departures import Answer, Ask

#: Longest time until an answer. Sixty-four writers with full batches have their turn every 13 seconds.
ASK_S = 30.0
#: A budget that is not asked for this long is not in use.
IDLE_S = 2 * ASK_S


class BudgetQueue:
    """Answers the messages of all writers of one index."""

    budget: SharedBudget

    def __init__(self, budget: SharedBudget, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self.budget, self._now_s, self._asked_s = budget, now_s, now_s()
        # Waiters of an asyncio lock take it in the order in which they came.
        self._turn, self._changed = asyncio.Lock(), asyncio.Event()

    async def ask(self, ask: Ask) -> Answer:
        """Answer *ask*, with a lease as soon as there is one if it wants one."""
        arrived_s = self._asked_s = self._now_s()
        if ask.committed is not None:
            self.budget.commit(*ask.committed)
            self._changed.set()
        if ask.successes:
            self.budget.record_success(now_s=arrived_s)
        lease = None
        if ask.requests:
            async with self._turn:
                lease = await self._next_lease(ask, until_s=arrived_s + ASK_S)
        return Answer(arrived_s, self._now_s(), lease, self.budget.scale)

    def is_idle(self) -> bool:
        """Return true if no writer has asked for so long that none has a lease."""
        return self._now_s() - self._asked_s > IDLE_S

    def report_throttle(self) -> None:
        """Lower the rates of all writers."""
        self.budget.record_throttle(now_s=self._now_s())

    async def _next_lease(self, ask: Ask, *, until_s: float) -> Lease | None:
        while (remaining_s := until_s - self._now_s()) > 0:
            found = self.budget.try_lease(requests=ask.requests, vectors=ask.vectors, now_s=self._now_s())
            if isinstance(found, Lease):
                return found
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(found, remaining_s))
        return None
