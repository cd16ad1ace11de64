"""Compares a conformance run with an earlier one: what passed or was supported before must still be so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vecgate.formatting import format_count
from vecgate.gate.requirement_ids import current_id
from vecgate.results.records import ConformanceRun, Result
from vecgate.results.verdict_records import Check

#: Outcomes of a requirement that the target meets.
MET_OUTCOMES = frozenset({"passed", "unexpected-pass"})


@dataclass(frozen=True, slots=True)
class Regressions:
    """Requirements that the target met in the baseline and does not meet now, and capabilities that it lost.

    regressed  id to the outcome now
    vanished   ids that the run does not contain
    lost       capabilities that the target supported in the baseline
    """

    regressed: Mapping[str, str]
    vanished: tuple[str, ...]
    lost: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All of the requirements."""
        return (*self.regressed, *self.vanished)


def results_by_id(run: ConformanceRun) -> dict[str, Result]:
    """Return the results of *run* by the ids of today. Retired requirements are left out."""
    ids = {result.id: current_id(result.id) for result in run.results}
    return {id_: result for result in run.results if (id_ := ids[result.id]) is not None}


def passed_ids(run: ConformanceRun) -> frozenset[str]:
    """Return the ids that passed in *run*, also those whose failure was expected."""
    return frozenset(id_ for id_, result in results_by_id(run).items() if result.outcome in MET_OUTCOMES)


def compared_ids(base: ConformanceRun, head: ConformanceRun) -> frozenset[str]:
    """Return the ids that passed in *base* and were selected in *head*."""
    return passed_ids(base) - deselected_ids(head)


def deselected_ids(run: ConformanceRun) -> frozenset[str]:
    """Return the ids that were not selected for *run*."""
    ids = map(current_id, run.footer.deselected if run.footer else ())
    return frozenset(id_ for id_ in ids if id_ is not None)


def find_regressions(base: ConformanceRun, head: ConformanceRun) -> Regressions:
    """Return what passed in *base*, was selected in *head*, and does not pass there.

    A capability is lost if *base* supported it, even if no requirement of it passed there.
    """
    results = results_by_id(head)
    expected = compared_ids(base, head)
    outcomes = {id_: results[id_].outcome for id_ in sorted(expected & results.keys())}
    before = results_by_id(base)
    regressed = {
        id_: outcome for id_, outcome in outcomes.items() if outcome not in {"passed", before[id_].outcome}
    }
    lost = head.header.unsupported.keys() - base.header.unsupported.keys()
    return Regressions(regressed, tuple(sorted(expected - results.keys())), tuple(sorted(lost)))


def baseline_check(
    base: ConformanceRun, head: ConformanceRun, *, name: str = "baseline", base_name: str = "baseline"
) -> Check:
    """Check that what passed in *base* and was selected in *head* passes, and that it is not empty.

    An incomplete *base* proves nothing: what it does not contain might have passed.
    """
    passed, compared = len(passed_ids(base)), len(compared_ids(base, head))
    is_other = base.header.target != head.header.target
    source = f"passed in the {base_name}" + (f" (of {base.header.target})" if is_other else "")
    if base.footer is None or not base.footer.is_complete:
        return Check(name, f"the {base_name} is a run that did not end, so it shows only a part", "failed")
    if not passed:
        return Check(name, f"nothing {source}, so there is nothing to compare", "failed")
    if not compared:
        return Check(name, f"none of the {passed:,} requirements that {source} was run", "failed")
    found = find_regressions(base, head)
    if found.ids or found.lost:
        reasons = [
            *_describe_lost(found.lost, base_name),
            *(
                f"{format_count(len(ids), 'requirement')} that {source} {one if len(ids) == 1 else several}"
                for ids, one, several in (
                    (found.regressed, "does not pass now", "do not pass now"),
                    (found.vanished, "is missing now", "are missing now"),
                )
                if ids
            ),
        ]
        return Check(name, ", ".join(reasons), "failed", found.ids)
    if compared < passed:
        measured = f"{compared:,} of {passed:,} requirements that {source} were run, and none regressed"
        return Check(name, measured, "passed")
    return Check(name, f"{format_count(passed, 'requirement')} {source}, and none regressed", "passed")


def _describe_lost(lost: Sequence[str], base_name: str) -> list[str]:
    if not lost:
        return []
    return [f"the target no longer supports {' and '.join(lost)}, which it did in the {base_name}"]
