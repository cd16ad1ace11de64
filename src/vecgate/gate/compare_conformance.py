"""Two conformance runs: what got worse, what was mended, what is new, what is gone."""

from __future__ import annotations

from vecgate.gate.baseline import regressions
from vecgate.gate.changes import ChangeGrade, Turn
from vecgate.gate.verdict import Check
from vecgate.results.records import Outcome, Run


def turns_of(base: Run, head: Run) -> tuple[Turn, ...]:
    """Each requirement of either run; what *head* was not to run is left out."""
    before = {result.id: result for result in base.results}
    now = {result.id: result for result in head.results}
    left_out = set(head.footer.left_out) if head.footer else set()
    ids = [*before.keys() - left_out - now.keys(), *now]
    return tuple(
        _turn(
            id_,
            before[id_].outcome if id_ in before else None,
            now[id_].outcome if id_ in now else None,
            now[id_].reason if id_ in now else "",
        )
        for id_ in sorted(ids)
    )


def _turn(id_: str, base: Outcome | None, head: Outcome | None, reason: str) -> Turn:
    return Turn(id_, base, head, _grade(base, head), reason)


def _grade(base: Outcome | None, head: Outcome | None) -> ChangeGrade:
    if base is None or head is None:
        return "new" if base is None else "gone"
    if base == head:
        return "same"
    return "worse" if base == "passed" else "better" if head == "passed" else "changed"


def conformance_check(base: Run, head: Run) -> Check:
    """What passed in *base* must be in *head*, and pass."""
    found = regressions(base, head)
    held = sum(result.outcome == "passed" for result in base.results)
    if not held:
        return Check("passed before", "nothing passed in the base: it holds nothing", "failed")
    if not found:
        return Check("passed before", f"{held:,} passed in the base, and none is worse", "passed")
    lost = len(found.worse) + len(found.vanished)
    told = f"{lost:,} of {held:,} that passed in the base {'does' if lost == 1 else 'do'} not now"
    return Check("passed before", told, "failed", (*found.worse, *found.vanished))
