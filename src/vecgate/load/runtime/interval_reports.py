"""Reports each second of a worker's dispatcher, split where a stage ends, until its arrivals are finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import gevent

from vecgate.load.runtime.dispatcher import Dispatcher
from vecgate.load.scenario.scenario_file import Scenario
from vecgate.load.traffic.request_recorder import join_parts
from vecgate.results.load.load_records import Second

#: Interval at which the reporter checks whether the dispatcher has finished.
POLL_EVERY_S = 0.05
#: Linux: nanoseconds on a processor, nanoseconds in the queue for one, and how often it got one.
SCHEDULER_STATISTICS = Path("/proc/self/schedstat")


def read_waited_s(statistics: Path = SCHEDULER_STATISTICS) -> float:
    """Return how long this process could have run and had no processor so far; 0 where nobody counts it."""
    try:
        return int(statistics.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class IntervalReporter:
    """Takes the seconds of *dispatcher*, each one when it has passed, until *is_cancelled* returns True."""

    def __init__(self, dispatcher: Dispatcher, scenario: Scenario, is_cancelled: Callable[[], bool]) -> None:
        self._dispatcher, self._scenario, self._is_cancelled = dispatcher, scenario, is_cancelled
        self._schedule, self._cpu_s = scenario.schedule(), time.process_time()
        self._waited_s = read_waited_s()

    def seconds(self, first: int) -> Iterator[Second]:
        """Yield the seconds from *first* on. At the drain deadline, abandon what is still in flight."""
        at_s, is_over = first, False
        while not is_over:
            parts: list[Second] = []
            bounds_s = self._schedule.split_second(at_s)
            for start_s, end_s in pairwise(bounds_s):
                if not is_over:
                    is_over = self._wait_until(end_s)
                    parts.append(self._take_part(at_s, start_s, end_s))
            yield join_parts(parts, is_split=len(bounds_s) > 2)  # noqa: PLR2004 - more than start and end
            at_s += 1

    def _wait_until(self, end_s: float) -> bool:
        """Wait until *end_s* of the schedule or the end of the dispatcher. Return True for the latter.

        The dispatcher never ends before the last second of the schedule: a worker that reports late must
        report every second.
        """
        dispatcher, at_s = self._dispatcher, self._dispatcher.start_s + end_s
        while True:
            drained_s = dispatcher.end_s + self._scenario.drain_deadline_s
            if self._is_cancelled() or (at_s >= dispatcher.end_s and dispatcher.is_over):
                return True
            if (wait_s := min(at_s, drained_s) - time.monotonic()) <= 0:
                break
            gevent.sleep(min(wait_s, POLL_EVERY_S))
        if at_s >= drained_s:
            dispatcher.abandon()
        return at_s >= drained_s

    def _take_part(self, at_s: int, start_s: float, end_s: float) -> Second:
        recorder, used_s = self._dispatcher.recorder, time.process_time() - self._cpu_s
        self._cpu_s += used_s
        waited_s = max(0.0, read_waited_s() - self._waited_s)
        self._waited_s += waited_s
        arrivals = self._dispatcher.cursor.count_due(start_s, end_s)
        recorder.record_due(arrivals, round(arrivals * self._scenario.vectors_per_arrival))
        return recorder.take_second(at_s, cores=round(used_s, 3), waited_s=waited_s)
