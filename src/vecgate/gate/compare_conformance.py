"""Two conformance runs: what got worse, what was mended, what is new, what is gone."""

from __future__ import annotations

from vecgate.gate.baseline import looked_at, passed_in, regressions
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
    """What passed in *base*, but for what *head* was not to run, must be in *head*, and pass."""
    held, looked = len(passed_in(base)), len(looked_at(base, head))
    if not held:
        return Check("passed before", "nothing passed in the base: it holds nothing", "failed")
    found = regressions(base, head)
    if lost := (*found.worse, *found.vanished):
        do = "does" if len(lost) == 1 else "do"
        told = f"{len(lost):,} of {held:,} that passed in the base {do} not now"
        return Check("passed before", told, "failed", lost)
    if not looked:
        told = f"none of {held:,} that passed in the base was looked at"
        return Check("passed before", told, "failed")
    were = "was" if looked == 1 else "were"
    part = f"{looked:,} of {held:,} that passed in the base {were} looked at"
    whole = f"{held:,} passed in the base"
    return Check("passed before", f"{whole if looked == held else part}, and none is worse", "passed")
