"""Two conformance runs: which requirements regressed, improved, are new or missing."""

from __future__ import annotations

from vecgate.gate.baseline import baseline_check, deselected_ids, results_by_id
from vecgate.gate.compare.changes import ChangeGrade, RequirementChange
from vecgate.gate.verdict import Check
from vecgate.results.records import ConformanceRun, Outcome, Result


def requirement_changes(base: ConformanceRun, head: ConformanceRun) -> tuple[RequirementChange, ...]:
    """Return the change of each requirement of either run, except those that were not selected in *head*."""
    before, now = results_by_id(base), results_by_id(head)
    ids = {*before.keys() - deselected_ids(head), *now}
    return tuple(_change(id_, before.get(id_), now.get(id_)) for id_ in sorted(ids))


def conformance_check(base: ConformanceRun, head: ConformanceRun) -> Check:
    """Check that everything that passed in *base* and was selected in *head* passes there."""
    return baseline_check(base, head, name="passed before", base_name="base")


def _change(id_: str, base: Result | None, head: Result | None) -> RequirementChange:
    before, now = base.outcome if base else None, head.outcome if head else None
    return RequirementChange(id_, before, now, _grade(before, now), head.reason if head else "")


def _grade(base: Outcome | None, head: Outcome | None) -> ChangeGrade:
    if base is None or head is None:
        return "new" if base is None else "missing"
    if base == head:
        return "unchanged"
    return "regressed" if base == "passed" else "improved" if head == "passed" else "changed"
