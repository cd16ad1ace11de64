"""Decides whether a target kept up with a rate: whether what was due and not answered kept growing.

At the end of each second the backlog is counted in seconds of the offered rate, so that it may grow with the
rate in a ramp. Requests that were dropped stay in it: a generator that gives up does not help the target to
keep up. Its slope is then the share of the offered rate that was not served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

#: The share of the offered rate that may stay unserved, and the number of requests: counting ends somewhere.
GROWTH_SHARE, BACKLOG_MIN = 0.01, 5
#: A backlog varies with the latencies. It grows if its slope is this many standard errors above zero.
ERRORS_MIN = 3.0
#: This share unserved in the second half is growth even if all of it came at once.
SUDDEN_SHARE = 0.2
#: Fewer moments show no trend: then the end is compared with the middle alone.
TREND_MOMENTS_MIN = 5
#: A span in which no middle was seen has only its end: this share of the requests may still be unanswered.
SHORT_SHARE = 0.1
ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class Moment:
    """The end of a part of a span.

    at_s            when it was
    waiting         requests that were due until then and neither answered nor given up
    dropped         requests of this part that were dropped or lost
    offered_per_s   requests per second that were due around it
    """

    at_s: float
    waiting: int
    dropped: int
    offered_per_s: float


def is_growing(moments: Sequence[Moment], *, start_s: float, end_s: float) -> bool:
    """Return True if the target did not keep up within a span, whose *moments* are in order."""
    if not moments:
        return False
    middle_s = (start_s + end_s) / 2
    early = [each for each in moments if each.at_s <= middle_s + ROUNDING_S]
    last = moments[-1]
    if not early:
        due = sum(each.offered_per_s for each in moments) / len(moments) * (last.at_s - start_s)
        unserved = last.waiting + sum(each.dropped for each in moments)
        return unserved > max(BACKLOG_MIN, SHORT_SHARE * due)
    backlog_s = _backlogs_s(moments)
    added_s = backlog_s[-1] - backlog_s[len(early) - 1]
    half_s = last.at_s - early[-1].at_s
    if added_s <= GROWTH_SHARE * half_s or added_s * last.offered_per_s <= BACKLOG_MIN:
        return False
    if len(moments) < TREND_MOMENTS_MIN or added_s > SUDDEN_SHARE * half_s:
        return True
    slope, errors = _trend([each.at_s for each in moments], backlog_s)
    return slope > GROWTH_SHARE and errors > ERRORS_MIN


def _backlogs_s(moments: Sequence[Moment]) -> list[float]:
    """Return the backlog at each of *moments*, in seconds of the rate that was offered there."""
    found, dropped_s = list[float](), 0.0
    for each in moments:
        offered = max(each.offered_per_s, 1.0)
        dropped_s += each.dropped / offered
        found.append(each.waiting / offered + dropped_s)
    return found


def _trend(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Return the slope of the straight line through *values*, and how many standard errors it has."""
    count = len(times)
    time, value = sum(times) / count, sum(values) / count
    spread = sum((each - time) ** 2 for each in times)
    slope = sum((at - time) * (each - value) for at, each in zip(times, values, strict=True)) / spread
    residual = sum((each - value - slope * (at - time)) ** 2 for at, each in zip(times, values, strict=True))
    error = sqrt(residual / (count - 2) / spread)
    return slope, slope / error if error else inf
