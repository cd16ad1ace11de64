"""Two runs of the microbenchmarks.

Each time has an interval, and two times differ if their intervals do not overlap. The interval depends on how
the times were measured:

- In a stored stream it reaches from the lowest to the highest bound of the interquartile ranges of three
  runs, each in its own process. Rounds within one process depend on each other: of seven runs of the same
  code on a busy machine, single interquartile ranges did not overlap in 39 % of all pairs, those of three
  against three in 0.6 %. This misses small changes rather than reporting false ones.
- For runs that alternate on one machine it contains the median of the runs with at least 92 % confidence,
  for any distribution. It is made of order statistics, so one disturbed run of eight changes nothing. Two
  such intervals of equal medians do not overlap about once in a hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from statistics import median
from typing import TypeAlias

from vecgate.gate.compare.changes import Change, Interval, grade_change, one_sided_change
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.records import Stream

#: The times of each benchmark, by `group/name`.
RunTimes: TypeAlias = Mapping[str, Sequence[float]]

#: Least confidence with which an interval contains the median. Five runs give 93.75 %.
COVERAGE = 0.92
RUNS_MIN = 5
#: A stored time of fewer runs does not show how much the next run may differ.
STORED_RUNS_MIN = 3
TOO_FEW = f"fewer than {STORED_RUNS_MIN} runs"
#: Smaller changes do not count: the position of code in memory alone makes that much.
LEAST_CHANGE = 0.03


def qualified_name(group: str, name: str) -> str:
    """Return the name of a benchmark in limits and tables."""
    return f"{group}/{name}" if group else name


def benchmark_changes(base: Stream, head: Stream) -> tuple[Change, ...]:
    """Return the change of each benchmark of either run; only those of *head* if it ran a part."""
    before, now = (
        {qualified_name(each.group, each.name): each for each in stream.of(Benchmark)}
        for stream in (base, head)
    )
    is_part = bool(head.header.options.get("expression"))
    names = [*now, *(name for name in before if name not in now and not is_part)]
    reason = "" if min(map(_run_count, (base, head))) >= STORED_RUNS_MIN else TOO_FEW
    return tuple(_stored_change(name, before.get(name), now.get(name), reason) for name in names)


def interleaved_changes(base: RunTimes, head: RunTimes) -> tuple[Change, ...]:
    """Return the change of each benchmark of *head*, whose runs alternated with those of *base*."""
    return tuple(_interleaved_change(name, base.get(name, ()), times) for name, times in head.items())


def median_interval(times: Sequence[float]) -> Interval | None:
    """Return the narrowest interval that contains the median with COVERAGE; None if too few times."""
    ordered, count = sorted(times), len(times)
    tail, index = 0, -1
    while 1 - 2 * (tail + comb(count, index + 1)) / 2**count >= COVERAGE:
        index += 1
        tail += comb(count, index)
    return Interval(ordered[index], ordered[-1 - index]) if index >= 0 else None


def _run_count(stream: Stream) -> int:
    text = stream.header.options.get("runs", "1")
    return int(text) if text.isdecimal() else 1


def _stored_change(name: str, base: Benchmark | None, head: Benchmark | None, reason: str) -> Change:
    if base is None or head is None:
        return one_sided_change(name, "s", base.median_s if base else None, head.median_s if head else None)
    if (base.clock, base.vectors) != (head.clock, head.vectors):
        return Change(name, "s", base.median_s, head.median_s, grade="changed", reason="the work differs")
    if reason or not (base.low_s and head.low_s):
        return _change(name, base.median_s, head.median_s, None, reason or "the stream has no interval")
    interval = _interval(Interval(base.low_s, base.high_s), Interval(head.low_s, head.high_s))
    return _change(name, base.median_s, head.median_s, interval)


def _interleaved_change(name: str, base: Sequence[float], head: Sequence[float]) -> Change:
    if not base:
        return one_sided_change(name, "s", None, median(head))
    before, now = median_interval(base), median_interval(head)
    interval = _interval(before, now) if before and now else None
    return _change(name, median(base), median(head), interval, reason="" if interval else "too few runs")


def _interval(base: Interval, head: Interval) -> Interval:
    """Return the possible regressions; they do not contain 0 if the intervals do not overlap."""
    return Interval(head.low / base.high - 1, head.high / base.low - 1)


def _change(name: str, base: float, head: float, interval: Interval | None, reason: str = "") -> Change:
    regression = head / base - 1
    grade = grade_change(regression, interval, least=LEAST_CHANGE)
    return Change(name, "s", base, head, regression, interval, grade, reason)
