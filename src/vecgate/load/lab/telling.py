"""What a worker tells of its engine: every second, cut where a stage ends, until its share is served."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import gevent

from vecgate.load.lab.engine import Engine
from vecgate.load.recorder import joined_second
from vecgate.load.scenario import Scenario
from vecgate.results.load import Second

#: An engine is asked so often whether it is over.
LOOK_EVERY_S = 0.05


class Teller:
    """Takes the seconds of *engine*, each when it is over; *is_left* says that nobody wants them any more."""

    def __init__(self, engine: Engine, scenario: Scenario, is_left: Callable[[], bool]) -> None:
        self._engine, self._scenario, self._is_left = engine, scenario, is_left
        self._schedule, self._cpu_s = scenario.schedule(), time.process_time()

    def seconds(self, first: int) -> Iterator[Second]:
        """The seconds from *first* on. In the last, what is still under way is given up."""
        at_s, is_over = first, False
        while not is_over:
            parts: list[Second] = []
            for start_s, end_s in pairwise(self._schedule.bounds_in(at_s)):
                if not is_over:
                    is_over = self._is_over_at(end_s)
                    parts.append(self._taken(at_s, start_s, end_s))
            yield joined_second(parts)
            at_s += 1

    def _is_over_at(self, end_s: float) -> bool:
        """Wait until *end_s* of the schedule, or until the engine is over; whether it is.

        Not before the second in which nothing more is due: whoever is late with telling has to tell of all.
        """
        engine, at_s = self._engine, self._engine.begun_s + end_s
        while True:
            last_s = engine.ends_s + self._scenario.drain_within_s
            if self._is_left() or (at_s >= engine.ends_s and engine.is_over):
                return True
            if (wait_s := min(at_s, last_s) - time.monotonic()) <= 0:
                break
            gevent.sleep(min(wait_s, LOOK_EVERY_S))
        if at_s >= last_s:
            engine.give_up()
        return at_s >= last_s

    def _taken(self, at_s: int, start_s: float, end_s: float) -> Second:
        recorder, used_s = self._engine.recorder, time.process_time() - self._cpu_s
        self._cpu_s += used_s
        arrivals = self._engine.due_between(start_s, end_s)
        recorder.due(arrivals, round(arrivals * self._scenario.vectors_per_arrival))
        return recorder.take(at_s, cores=round(used_s, 3))
