"""A simulated clock for greenlets: work takes no time, and waits end at once."""

from __future__ import annotations

import heapq
from itertools import count

import gevent
from gevent.event import Event

#: Least step of the clock: rounding must not make two equal times differ, and time must advance.
TICK_S = 1e-9


class VirtualTime:
    """A clock that advances when every greenlet waits: to the next time for which one of them waits.

    sleeps  number of waits so far
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s, self.sleeps = now_s, 0
        self._sleepers: list[tuple[float, int, Event]] = []
        self._numbers = count()

    def clock(self) -> float:
        """Return the time in seconds."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Let the current greenlet wait for *seconds*."""
        awake = Event()
        self.sleeps += 1
        heapq.heappush(self._sleepers, (self._now_s + max(seconds, TICK_S), next(self._numbers), awake))
        awake.wait()

    def run(self, *, until_s: float = float("inf")) -> None:
        """Run the greenlets until none of them waits for a time up to *until_s*."""
        gevent.idle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            self._now_s, _, awake = heapq.heappop(self._sleepers)
            awake.set()
            gevent.idle()
        if until_s < float("inf"):
            self._now_s = max(self._now_s, until_s)
