"""Changes of figures and requirements between two runs, and their grades.

A change counts if it is beyond noise, which means that its interval does not contain zero. Each kind of run
has its own way to find that interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vecgate.results.records import Outcome

#: missing: the head does not contain it; unclear: a change that may be noise; changed: passed in neither run.
ChangeGrade: TypeAlias = Literal["regressed", "missing", "unclear", "improved", "new", "changed", "unchanged"]
#: In the order in which they are shown.
GRADES: tuple[ChangeGrade, ...] = (
    "regressed",
    "missing",
    "unclear",
    "improved",
    "new",
    "changed",
    "unchanged",
)


@dataclass(frozen=True, slots=True)
class Interval:
    """From *low* to *high*, both inclusive."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in two runs.

    name        such as `p99(PutVectors)` or `put 500 x 1024/direct sender`
    unit        of the figures: ms, %, s, $
    base        value in the base; *head* is the value in the head. None if that run has no such figure
    regression  above 0 if it got worse: relative to *base*, or the difference if the unit is %
    interval    the possible values of *regression*, given the noise; None if the noise is unknown
    reason      why the noise is unknown, or why the figure is missing
    """

    name: str
    unit: str
    base: float | None
    head: float | None
    regression: float = 0.0
    interval: Interval | None = None
    grade: ChangeGrade = "unchanged"
    reason: str = ""

    @property
    def is_beyond_noise(self) -> bool:
        """It got worse, and the change is more than noise."""
        return self.interval is not None and self.interval.low > 0

    @property
    def is_percentage(self) -> bool:
        """It is a share of all requests, not a time or a price."""
        return self.unit == "%"

    @property
    def is_indeterminate(self) -> bool:
        """Both runs have the figure, but its noise is unknown."""
        is_in_both = self.base is not None and self.head is not None
        return is_in_both and self.interval is None and bool(self.reason)


@dataclass(frozen=True, slots=True)
class RequirementChange:
    """One requirement in two runs: *base* and *head* are its outcomes, None if a run does not contain it."""

    name: str
    base: Outcome | None
    head: Outcome | None
    grade: ChangeGrade
    reason: str = ""


def grade_change(regression: float, interval: Interval | None, *, least: float) -> ChangeGrade:
    """Return the grade of a change. One below *least* is unchanged, whatever the noise."""
    if abs(regression) < least:
        return "unchanged"
    if interval is None or interval.low <= 0 <= interval.high:
        return "unclear"
    return "regressed" if interval.low > 0 else "improved"


def one_sided_change(name: str, unit: str, base: float | None, head: float | None) -> Change:
    """Return the change of a figure that only one of the runs contains."""
    return Change(name, unit, base, head, grade="new" if base is None else "missing")


def count_grades(changes: Iterable[Change | RequirementChange]) -> Counter[ChangeGrade]:
    """Return the number of *changes* with each grade."""
    return Counter(change.grade for change in changes)
