"""A part of a load run in figures: seconds added up, as they come or afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from vecgate.results.counts import Counts, together
from vecgate.results.load import Plan, Second, Unit

#: Sums of durations are rounded; so near to a whole second they mean it.
ROUNDING_S = 1e-6
NUMBERS = ("due", "due_vectors", "started", "late", "dropped", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What happened in a part of the schedule, or all of it.

    unit         of its rates
    start_s      when it began; *end_s*, when it was over, or the run was
    due          requests that should have started in it; *due_vectors*, the vectors in them
    started      that did start; *late*, those of them that did so more than 10 ms after they were due
    dropped      that were given up unsent; *lost*, that were due on a worker that was gone
    operations   what came of the requests that ended in it
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
    operations: Mapping[str, Counts]

    @property
    def duration_s(self) -> float:
        """How long it was."""
        return self.end_s - self.start_s

    @property
    def whole(self) -> Counts:
        """All operations together, added up anew each time."""
        return together(self.operations.values())

    @property
    def ok(self) -> int:
        """Requests that were done."""
        return sum(counts.ok for counts in self.operations.values())

    @property
    def vectors(self) -> int:
        """Vectors that they wrote, read or deleted."""
        return sum(counts.vectors for counts in self.operations.values())

    @property
    def requests(self) -> int:
        """Requests that ended, done or not."""
        return sum(counts.requests for counts in self.operations.values())

    @property
    def achieved(self) -> float:
        """Requests done for each that was due; 0 where none was."""
        return self.ok / self.due if self.due else 0.0

    @property
    def offered_per_s(self) -> float:
        """The rate of the schedule, in *unit*."""
        return self.per_s(self.due_vectors if self.unit == "vectors" else self.due)

    @property
    def achieved_per_s(self) -> float:
        """The rate of what was done, in *unit*."""
        return self.per_s(self.vectors if self.unit == "vectors" else self.ok)

    def per_s(self, number: int) -> float:
        """So many over the span, as a rate."""
        return number / self.duration_s if self.duration_s > 0 else 0.0


class Tally:
    """Adds up seconds as they come."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._operations: dict[str, Counts] = {}

    def add(self, second: Second) -> None:
        """Add *second*."""
        for name in NUMBERS:
            self._numbers[name] += getattr(second, name)
        for name, record in second.operations.items():
            if name not in self._operations:
                self._operations[name] = Counts()
            self._operations[name].add_record(record)

    def span(self, unit: Unit, start_s: float, end_s: float) -> Span:
        """What was added, as a span; its counts go on with what is added later."""
        operations = {name: self._operations[name] for name in sorted(self._operations)}
        return Span(unit=unit, start_s=start_s, end_s=end_s, operations=operations, **self._numbers)


def span_of(seconds: Iterable[Second], unit: Unit, start_s: float, end_s: float) -> Span:
    """What happened in *seconds*, from *start_s* to *end_s* of the schedule."""
    tally = Tally()
    for second in seconds:
        tally.add(second)
    return tally.span(unit, start_s, end_s)


def stages_of(plan: Plan) -> list[tuple[str, float, float]]:
    """Name, start and end of each stage of *plan*; one without a name has its number, from 1."""
    ends_s = [0.0, *(_near(end_s) for end_s in accumulate(stage.duration_s for stage in plan.stages))]
    names = [stage.name or str(number) for number, stage in enumerate(plan.stages, start=1)]
    return list(zip(names, ends_s, ends_s[1:], strict=False))


def by_stage(second: Second, plan: Plan) -> list[tuple[str, Second]]:
    """The name of each stage that has a part of *second*, and that part.

    A second that was not cut where a stage ended belongs where it began; what ended after the last stage, to
    that.
    """
    stages = stages_of(plan)
    first = sum(second.at_s + ROUNDING_S > end_s for _, _, end_s in stages[:-1])
    names = [name for name, _, _ in stages[first:]]
    return list(zip(names, second.parts or (second,), strict=False))


def _near(end_s: float) -> float:
    whole = float(round(end_s))
    return whole if abs(end_s - whole) <= ROUNDING_S else end_s


def elapsed_s_of(plan: Plan, seconds: Sequence[Second]) -> float:
    """How much of the schedule of *plan* was gone after *seconds*: all, once nothing was to come."""
    if seconds and sum(second.due for second in seconds) >= plan.scheduled:
        return plan.duration_s
    return min(plan.duration_s, max((second.at_s + 1.0 for second in seconds), default=0.0))
