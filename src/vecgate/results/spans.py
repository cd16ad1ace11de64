"""A part of a load run as sums over its seconds, added up as they are written or later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from vecgate.results.load_records import LoadPlan, Second, Unit
from vecgate.results.operation_counts import OperationCounts, add_operations, sum_counts

#: Sums of durations have rounding errors: this close to a whole second they are meant to be one.
ROUNDING_S = 1e-6
#: A backlog grows if it gained more than this share of the requests due since the middle of the span, and
#: more than `BACKLOG_MIN` requests: one stall near the end is not growth.
GROWTH_SHARE, BACKLOG_MIN = 0.01, 5
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
    is_growing   requests in flight grew in the second half of the span: the target did not keep up
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


def sum_seconds(seconds: Iterable[Second], unit: Unit, start_s: float, end_s: float) -> Span:
    """Return the sums over *seconds*, which cover *start_s* to *end_s* of the schedule."""
    sums, drained, within = SpanAccumulator(), SpanAccumulator(), list[Second]()
    for second in seconds:
        sums.add(second)
        if second.at_s + ROUNDING_S >= end_s:
            drained.add(second)
        else:
            within.append(second)
    late = drained.span(unit, start_s, end_s)
    return replace(
        sums.span(unit, start_s, end_s),
        drained=late.ok,
        drained_vectors=late.vectors,
        is_growing=_is_growing(within, (start_s + end_s) / 2),
    )


def _is_growing(seconds: Sequence[Second], middle_s: float) -> bool:
    """Return True if requests piled up since *middle_s*.

    The backlog is compared in seconds of the offered rate, so that it may grow with the rate in a ramp.
    """
    before = [second for second in seconds if second.at_s + 1 <= middle_s + ROUNDING_S]
    if not before:
        return False
    middle, end = before[-1], seconds[-1]
    queue_s = end.in_flight / _offered(seconds) - middle.in_flight / _offered(before)
    added = queue_s * _offered(seconds)
    return queue_s > GROWTH_SHARE * (end.at_s - middle.at_s) and added > BACKLOG_MIN


def _offered(seconds: Sequence[Second]) -> int:
    """Return the requests due in the last full second of *seconds*, of which the last may be a part."""
    return max(1, *(second.due for second in seconds[-2:]))


def stage_intervals(plan: LoadPlan) -> list[tuple[str, float, float]]:
    """Return name, start and end of each stage of *plan*. A stage without a name has its number, from 1."""
    ends_s = [0.0, *(_round_near(end_s) for end_s in accumulate(stage.duration_s for stage in plan.stages))]
    names = [stage.name or str(number) for number, stage in enumerate(plan.stages, start=1)]
    return list(zip(names, ends_s, ends_s[1:], strict=False))


def split_by_stage(second: Second, plan: LoadPlan) -> list[tuple[str, Second]]:
    """Return the name of each stage that overlaps *second*, with its part of the second.

    A second without parts belongs to the stage in which it began. Requests that ended after the last stage
    belong to the last stage.
    """
    stages = stage_intervals(plan)
    first = sum(second.at_s + ROUNDING_S > end_s for _, _, end_s in stages[:-1])
    names = [name for name, _, _ in stages[first:]]
    return list(zip(names, second.parts or (second,), strict=False))


def elapsed_schedule_s(plan: LoadPlan, seconds: Sequence[Second]) -> float:
    """Return how much of the schedule had passed after *seconds*: all of it once every request was due."""
    if seconds and sum(second.due for second in seconds) >= plan.scheduled:
        return plan.duration_s
    return min(plan.duration_s, max((second.at_s + 1.0 for second in seconds), default=0.0))


def _round_near(end_s: float) -> float:
    whole = float(round(end_s))
    return whole if abs(end_s - whole) <= ROUNDING_S else end_s
