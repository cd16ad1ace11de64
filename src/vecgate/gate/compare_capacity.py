"""Two capacity searches: each found a rate that held and one that did not, and the limit is between them.

A search in which not even the lowest rate held has found the worst there is, and no number for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from vecgate.errors import SourceError
from vecgate.gate.changes import Change, Interval, grade_of
from vecgate.gate.compare_load import TOLD_FROM
from vecgate.gate.verdict import Check
from vecgate.results.load import Capacity, Trial
from vecgate.results.records import Stream


def capacity_changes(base: Stream, head: Stream) -> tuple[Change, ...]:
    """The highest rate that held. Raises SourceError where the base has none: it holds nothing."""
    before, now = base.first(Capacity), head.first(Capacity)
    if before is None:
        raise SourceError("the capacity search in the base found no rate: nothing can be held against it")
    unit = f"{before.unit}/s"
    if now is None:
        return (Change("capacity", unit, before.rate_per_s, None, grade="gone", reason="no rate held"),)
    lowest, highest = now.rate_per_s, now.failed_per_s or inf
    between = Interval(1 - highest / before.rate_per_s, 1 - lowest / (before.failed_per_s or inf))
    worse_by = 1 - now.rate_per_s / before.rate_per_s
    grade = grade_of(worse_by, between, told_from=TOLD_FROM)
    return (Change("capacity", unit, before.rate_per_s, now.rate_per_s, worse_by, between, grade),)


def search_check(head: Stream) -> Check | None:
    """Where *head* found no rate for another reason than that none held, nothing is known of the target."""
    trials, did_end = head.of(Trial), head.footer is not None and head.footer.is_complete
    if head.first(Capacity) or _is_too_low(trials) or not did_end:
        return None
    is_invalid = bool(trials) and trials[-1].is_invalid
    reason = trials[-1].reason if is_invalid else "its trials were not enough"
    return Check("search", f"the search in the head found no rate: {reason}", "unjudged")


def _is_too_low(trials: Sequence[Trial]) -> bool:
    """Whether the last of *trials* did not hold, and none below it did."""
    if not trials or trials[-1].held or trials[-1].is_invalid:
        return False
    return not any(trial.held and trial.rate_per_s < trials[-1].rate_per_s for trial in trials)
