"""Two capacity searches. Each found a rate that held and one that did not; the capacity is between the two.

A search in which not even the lowest rate held has the worst possible result, but no number for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from vecgate.errors import SourceError
from vecgate.gate.compare.changes import Change, Interval, grade_change
from vecgate.gate.compare.load_changes import LEAST_CHANGE
from vecgate.gate.verdict import Check
from vecgate.results.load.load_records import Capacity, Trial
from vecgate.results.records import Stream


def capacity_changes(base: Stream, head: Stream) -> tuple[Change, ...]:
    """Return the change of the highest rate that held. Raises SourceError if *base* found none."""
    before, now = base.first(Capacity), head.first(Capacity)
    if before is None:
        raise SourceError("the capacity search in the base found no rate, so there is nothing to compare")
    unit = f"{before.unit}/s"
    if now is None:
        return (Change("capacity", unit, before.rate_per_s, None, grade="missing", reason="no rate held"),)
    lowest, highest = now.rate_per_s, now.failed_per_s or inf
    interval = Interval(1 - highest / before.rate_per_s, 1 - lowest / (before.failed_per_s or inf))
    regression = 1 - now.rate_per_s / before.rate_per_s
    grade = grade_change(regression, interval, least=LEAST_CHANGE)
    return (Change("capacity", unit, before.rate_per_s, now.rate_per_s, regression, interval, grade),)


def search_check(head: Stream) -> Check | None:
    """Return a check if *head* found no rate for another reason than that none held: it proves nothing."""
    reason = why_inconclusive(head)
    return (
        Check("search", f"the search in the head found no rate: {reason}", "inconclusive") if reason else None
    )


def why_inconclusive(search: Stream) -> str:
    """Return why a complete *search* found no rate, or an empty string if it did, or if none held."""
    trials, has_ended = search.of(Trial), search.footer is not None and search.footer.is_complete
    if search.first(Capacity) or _is_too_low(trials) or not has_ended:
        return ""
    is_inconclusive = bool(trials) and trials[-1].is_inconclusive
    return trials[-1].reason if is_inconclusive and trials[-1].reason else "it had too few trials"


def _is_too_low(trials: Sequence[Trial]) -> bool:
    """Return whether the last of *trials* did not hold, and no trial with a lower rate did."""
    if not trials or trials[-1].held or trials[-1].is_inconclusive:
        return False
    return not any(trial.held and trial.rate_per_s < trials[-1].rate_per_s for trial in trials)
