"""A part of a load run as sums over its seconds, added up as they are written or later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from vecgate.results.load.backlog import ROUNDING_S, Moment, is_growing
from vecgate.results.load.load_records import LoadPlan, Second, Unit
from vecgate.results.load.operation_counts import OperationCounts, add_operations, sum_counts

#: Kinds of stages whose rate does not change.
FLAT = frozenset({"constant", "poisson"})
NUMBERS = ("due", "due_vectors", "started", "late", "dropped", "lost", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Sums over a part of the schedule, or over all of it.

    unit         of the rates
    start_s      when the span began; *end_s* is when the span or the run ended
    due          requests that the schedule wanted to start; *due_vectors* is the vectors in them
    started      requests that started; *late* of them more than 10 ms after they were due
    dropped      requests that were never sent; *lost* requests were due on a worker that had disappeared
    unknown      requests in flight on a worker when it disappeared
    operations   counts of the requests that ended in the span, or after the schedule if it is the last one
    drained      successful requests that ended after the schedule; *drained_vectors* is the vectors in them
    is_growing   requests that were due and not answered kept growing: the target did not keep up
    """

    unit: Unit
    start_s: float
    end_s: float
    due: int = 0
    due_vectors: int = 0
    started: int = 0
    late: int = 0
    dropped: int = 0
    lost: int = 0
    unknown: int = 0
    operations: Mapping[str, OperationCounts]
    drained: int = 0
    drained_vectors: int = 0
    is_growing: bool = False

    @property
    def duration_s(self) -> float:
        """Length of the span."""
        return self.end_s - self.start_s

    @property
    def total(self) -> OperationCounts:
        """All operations together. The sum is computed at each access."""
        return sum_counts(self.operations.values())

    @property
    def ok(self) -> int:
        """Requests that succeeded."""
        return sum(counts.ok for counts in self.operations.values())

    @property
    def vectors(self) -> int:
        """Vectors that these requests wrote, read or deleted."""
        return sum(counts.vectors for counts in self.operations.values())

    @property
    def requests(self) -> int:
        """Requests that ended, with success or not."""
        return sum(counts.requests for counts in self.operations.values())

    @property
    def achieved(self) -> float:
        """Successful requests as a share of those due; 0 if none was due.

        If the backlog was growing, requests that succeeded only after the schedule do not count: a target
        that answers late because it cannot keep up has not achieved the offered rate.
        """
        succeeded = self.ok - self.drained if self.is_growing else self.ok
        return succeeded / self.due if self.due else 0.0

    @property
    def offered_per_s(self) -> float:
        """The scheduled rate, in *unit*."""
        return self.per_s(self.due_vectors if self.unit == "vectors" else self.due)

    @property
    def achieved_per_s(self) -> float:
        """The rate of the successful work that ended within the span, in *unit*."""
        in_vectors = self.unit == "vectors"
        return self.per_s(self.vectors - self.drained_vectors if in_vectors else self.ok - self.drained)

    def per_s(self, number: int) -> float:
        """Return *number* divided by the length of the span."""
        return number / self.duration_s if self.duration_s > 0 else 0.0


class SpanAccumulator:
    """Adds up seconds one by one."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._operations: dict[str, OperationCounts] = {}

    def add(self, second: Second) -> None:
        """Add *second*."""
        for name in NUMBERS:
            self._numbers[name] += getattr(second, name)
        add_operations(self._operations, second.operations)

    def span(self, unit: Unit, start_s: float, end_s: float) -> Span:
        """Return the sums so far. The span shares its counts with this object, so they keep growing."""
        operations = {name: self._operations[name] for name in sorted(self._operations)}
        numbers: dict[str, Any] = {name: self._numbers[name] for name in NUMBERS}
        return Span(unit=unit, start_s=start_s, end_s=end_s, operations=operations, **numbers)


def sum_parts(
    parts: Sequence[StagePart], unit: Unit, start_s: float, end_s: float, *, waiting: int = 0
) -> Span:
    """Return the sums over *parts*, which cover *start_s* to *end_s* of the schedule and what followed.

    waiting  requests that were due before *start_s* and not answered then
    """
    sums, drained = SpanAccumulator(), SpanAccumulator()
    for part in parts:
        sums.add(part.second)
    within = [part for part in parts if part.start_s + ROUNDING_S < end_s]
    for part in parts[len(within) :]:
        drained.add(part.second)
    late = drained.span(unit, start_s, end_s)
    return replace(
        sums.span(unit, start_s, end_s),
        drained=late.ok,
        drained_vectors=late.vectors,
        is_growing=is_growing(_moments(within, waiting), start_s=start_s, end_s=end_s),
    )


def _moments(parts: Sequence[StagePart], waiting: int) -> list[Moment]:
    """Return the end of each of *parts*, whose requests join those that were *waiting* before."""
    flat: dict[str, list[StagePart]] = {}
    for part in parts:
        if part.is_flat:
            flat.setdefault(part.stage, []).append(part)
    rates = {stage: _offered_per_s(own) for stage, own in flat.items()}
    moments = []
    for index, part in enumerate(parts):
        near = [each for each in parts[max(0, index - 1) : index + 2] if each.stage == part.stage]
        offered_per_s = rates[part.stage] if part.is_flat else _offered_per_s(near)
        given_up = part.second.dropped + part.second.lost + part.second.unknown
        waiting += part.waiting
        moments.append(Moment(part.end_s, max(0, waiting), given_up, offered_per_s))
    return moments


def _offered_per_s(parts: Sequence[StagePart]) -> float:
    length_s = sum(part.end_s - part.start_s for part in parts)
    return sum(part.second.due for part in parts) / length_s if length_s > 0 else 0.0


def stage_intervals(plan: LoadPlan) -> list[tuple[str, float, float]]:
    """Return name, start and end of each stage of *plan*. A stage without a name has its number, from 1."""
    ends_s = [0.0, *(_round_near(end_s) for end_s in accumulate(stage.duration_s for stage in plan.stages))]
    names = [stage.name or str(number) for number, stage in enumerate(plan.stages, start=1)]
    return list(zip(names, ends_s, ends_s[1:], strict=False))


def warm_up_end_s(plan: LoadPlan) -> float:
    """Return when the warm-up ended, whose stages come first; 0 without one."""
    return max(
        (
            end_s
            for stage, (_, _, end_s) in zip(plan.stages, stage_intervals(plan), strict=True)
            if stage.warm_up
        ),
        default=0.0,
    )


@dataclass(frozen=True, slots=True)
class StagePart:
    """The part of *second* that belongs to one stage.

    stage    name of the stage; *is_flat* if its rate does not change
    start_s  when the part began, and *end_s* when it ended
    """

    stage: str
    is_flat: bool
    start_s: float
    end_s: float
    second: Second

    @property
    def waiting(self) -> int:
        """Requests that were due in this part, less those that ended in it or were given up."""
        second = self.second
        ended = sum(each.ok + sum(each.errors.values()) for each in second.operations.values())
        return second.due - ended - second.dropped - second.lost - second.unknown


def split_by_stage(second: Second, plan: LoadPlan) -> list[StagePart]:
    """Return the part of *second* for each stage that overlaps it, and for the time after the schedule.

    A second without parts belongs to the stage in which it began. Requests that ended after the last stage
    belong to the last stage.
    """
    intervals, at_s = stage_intervals(plan), float(second.at_s)
    first = sum(at_s + ROUNDING_S > end_s for _, _, end_s in intervals[:-1])
    ends_s = [end_s for _, _, end_s in intervals[first:] if at_s + ROUNDING_S < end_s < at_s + 1 - ROUNDING_S]
    parts, last = second.parts or (second,), len(intervals) - 1
    bounds_s = [at_s, *ends_s[: len(parts) - 1], at_s + 1.0]
    stages = [min(first + index, last) for index in range(len(parts))]
    return [
        StagePart(intervals[stage][0], plan.stages[stage].kind in FLAT, start_s, end_s, part)
        for stage, start_s, end_s, part in zip(stages, bounds_s, bounds_s[1:], parts, strict=False)
    ]


def elapsed_schedule_s(plan: LoadPlan, seconds: Sequence[Second]) -> float:
    """Return how much of the schedule had passed after *seconds*: all of it once every request was due."""
    if seconds and sum(second.due for second in seconds) >= plan.scheduled:
        return plan.duration_s
    return min(plan.duration_s, max((second.at_s + 1.0 for second in seconds), default=0.0))


def _round_near(end_s: float) -> float:
    whole = float(round(end_s))
    return whole if abs(end_s - whole) <= ROUNDING_S else end_s
