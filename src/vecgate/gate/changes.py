"""What became of a figure, or of a requirement, between two runs: worse, better, the same, or in doubt.

A change counts when it is beyond noise: when the interval that it lies in does not reach across zero. How
that interval comes about is the business of each kind of run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vecgate.results.records import Outcome

#: doubt: more than is let pass, and it may be chance; changed: neither passed before nor now; gone: it is
#: not there any more.
ChangeGrade: TypeAlias = Literal["worse", "gone", "doubt", "better", "new", "changed", "same"]
#: In the order in which they are told.
GRADES: tuple[ChangeGrade, ...] = ("worse", "gone", "doubt", "better", "new", "changed", "same")


@dataclass(frozen=True, slots=True)
class Interval:
    """From *low* to *high*, both inclusive."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in two runs.

    name      such as `p99(PutVectors)`, or `put 500 x 1024/direct sender`
    unit      of the figures: ms, %, s, $
    base      what it was, *head* what it is now; None where that run has no such figure
    worse_by  above 0 where it is worse: a part of *base*, or of the whole where the unit is %
    between   what *worse_by* may be, noise considered; None where the runs do not tell
    grade     what it comes to
    reason    why the runs do not tell, or why it is gone
    """

    name: str
    unit: str
    base: float | None
    head: float | None
    worse_by: float = 0.0
    between: Interval | None = None
    grade: ChangeGrade = "same"
    reason: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether it is worse, by however little, beyond noise."""
        return self.between is not None and self.between.low > 0

    @property
    def is_share(self) -> bool:
        """Whether it is a share of all requests, and not a time or a price."""
        return self.unit == "%"

    @property
    def is_untold(self) -> bool:
        """Whether both runs have it, and do not tell how far chance goes."""
        both = self.base is not None and self.head is not None
        return both and self.between is None and bool(self.reason)


@dataclass(frozen=True, slots=True)
class Turn:
    """One requirement in two runs: *base* and *head* are outcomes, None where a run does not have it."""

    name: str
    base: Outcome | None
    head: Outcome | None
    grade: ChangeGrade
    reason: str = ""


def grade_of(worse_by: float, between: Interval | None, *, told_from: float) -> ChangeGrade:
    """The grade of a change; what is smaller than *told_from* is the same, whatever the noise."""
    if abs(worse_by) < told_from:
        return "same"
    if between is None or between.low <= 0 <= between.high:
        return "doubt"
    return "worse" if between.low > 0 else "better"


def counts_of_changes(changes: Iterable[Change | Turn]) -> Counter[ChangeGrade]:
    """How many of *changes* have each grade."""
    return Counter(change.grade for change in changes)
