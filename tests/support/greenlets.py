"""Greenlets under a clock of their own: what they do takes no time, and what they wait for comes at once."""

from __future__ import annotations

import heapq
from itertools import count

import gevent
from gevent.event import Event

#: Two moments that rounding has torn apart are one, and time goes on.
TICK_S = 1e-9


class VirtualTime:
    """Time that goes on only when every greenlet waits for it: to the next moment that one of them awaits.

    sleeps  how often one has waited
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s, self.sleeps = now_s, 0
        self._sleepers: list[tuple[float, int, Event]] = []
        self._numbers = count()

    def clock(self) -> float:
        """Seconds on this clock."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Wait, as a greenlet does."""
        awake = Event()
        self.sleeps += 1
        heapq.heappush(self._sleepers, (self._now_s + max(seconds, TICK_S), next(self._numbers), awake))
        awake.wait()

    def run(self, *, until_s: float = float("inf")) -> None:
        """Let the greenlets go on, until none of them waits for a time up to *until_s*."""
        gevent.idle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            self._now_s, _, awake = heapq.heappop(self._sleepers)
            awake.set()
            gevent.idle()
        if until_s < float("inf"):
            self._now_s = max(self._now_s, until_s)
