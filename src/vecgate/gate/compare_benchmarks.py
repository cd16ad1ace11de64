"""Two runs of the microbenchmarks.

Each time lies in an interval, and two that do not overlap are different. Which interval depends on how the
times were taken:

- In a stored stream it reaches from the lowest to the highest of the middle halves of three visits, each in a
  process of its own. Rounds of one process depend on one another: of seven runs of the same code on a busy
  machine the middle halves of two lay apart in 39 % of all pairs, those of three against three in 0.6 %. It
  misses small changes rather than invent any.
- From visits that took turns on one machine it is what holds the median of the visits with at least 92 %,
  whatever their distribution: from order statistics, so that one disturbed visit of eight moves nothing. Two
  such intervals of equal medians lie apart about once in a hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from statistics import median
from typing import TypeAlias

from vecgate.gate.changes import Change, Interval, grade_of
from vecgate.results.benchmarks import Benchmark
from vecgate.results.records import Stream

#: What tells a benchmark from others: `group/name`.
Visits: TypeAlias = Mapping[str, Sequence[float]]

#: An interval holds the median at least so surely. Five visits give 93.75 %.
COVERAGE = 0.92
VISITS_MIN = 5
#: A stored time of fewer visits says nothing of how much the next run may differ.
STORED_VISITS_MIN = 3
TOO_FEW = f"fewer than {STORED_VISITS_MIN} visits"
#: Smaller changes are the same: where code comes to lie in memory makes as much.
TOLD_FROM = 0.03


def named(group: str, name: str) -> str:
    """A benchmark as limits and tables have it."""
    return f"{group}/{name}" if group else name


def benchmark_changes(base: Stream, head: Stream) -> tuple[Change, ...]:
    """Each benchmark of either run; where only a part of the suite ran in *head*, those in it."""
    before, now = (
        {named(each.group, each.name): each for each in stream.of(Benchmark)} for stream in (base, head)
    )
    is_part = bool(head.header.options.get("expression"))
    names = [*now, *(name for name in before if name not in now and not is_part)]
    reason = "" if min(map(_visits, (base, head))) >= STORED_VISITS_MIN else TOO_FEW
    return tuple(_stored(name, before.get(name), now.get(name), reason) for name in names)


def _visits(stream: Stream) -> int:
    told = stream.header.options.get("visits", "1")
    return int(told) if told.isdecimal() else 1


def _stored(name: str, base: Benchmark | None, head: Benchmark | None, reason: str) -> Change:
    if base is None or head is None:
        return _only(name, base.median_s if base else None, head.median_s if head else None)
    if (base.clock, base.vectors) != (head.clock, head.vectors):
        return Change(name, "s", base.median_s, head.median_s, grade="changed", reason="the work is another")
    if reason or not (base.low_s and head.low_s):
        return _changed(name, base.median_s, head.median_s, None, reason or "no spread was kept")
    between = _between(Interval(base.low_s, base.high_s), Interval(head.low_s, head.high_s))
    return _changed(name, base.median_s, head.median_s, between)


def visit_changes(base: Visits, head: Visits) -> tuple[Change, ...]:
    """Each benchmark of *head*, whose visits took turns with those of *base*."""
    return tuple(_visited(name, base.get(name, ()), times) for name, times in head.items())


def _visited(name: str, base: Sequence[float], head: Sequence[float]) -> Change:
    if not base:
        return _only(name, None, median(head))
    before, now = median_interval(base), median_interval(head)
    between = _between(before, now) if before and now else None
    return _changed(name, median(base), median(head), between, reason="" if between else "too few visits")


def median_interval(times: Sequence[float]) -> Interval | None:
    """The narrowest pair of order statistics that holds the median with COVERAGE; None with too few."""
    ordered, count = sorted(times), len(times)
    tail, cut = 0, -1
    while 1 - 2 * (tail + comb(count, cut + 1)) / 2**count >= COVERAGE:
        cut += 1
        tail += comb(count, cut)
    return Interval(ordered[cut], ordered[-1 - cut]) if cut >= 0 else None


def _between(base: Interval, head: Interval) -> Interval:
    """How much worse *head* can be: it does not reach across 0 where the intervals do not overlap."""
    return Interval(head.low / base.high - 1, head.high / base.low - 1)


def _changed(name: str, base: float, head: float, between: Interval | None, reason: str = "") -> Change:
    worse_by = head / base - 1
    grade = grade_of(worse_by, between, told_from=TOLD_FROM)
    return Change(name, "s", base, head, worse_by, between, grade, reason)


def _only(name: str, base: float | None, head: float | None) -> Change:
    return Change(name, "s", base, head, grade="new" if base is None else "gone")
