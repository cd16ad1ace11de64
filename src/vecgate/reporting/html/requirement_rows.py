"""The requirements of a run as rows of a page. Cases of a test with the same outcome share a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vecgate.reporting.html.evidence_parts import Evidence, select_evidence
from vecgate.results.records import Outcome, Result

#: Outcomes and their labels, the worst first.
OUTCOME_LABELS: Mapping[Outcome, str] = {
    "failed": "failed",
    "unexpected-pass": "unexpected pass",
    "deviation": "known deviation",
    "unsupported": "unsupported",
    "skipped": "skipped",
    "passed": "passed",
}
#: Above this number of rows, cases of a test share a row even if their reasons differ.
ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """A requirement, or cases of one that have the same outcome.

    first     result of the first case; its texts are shown for all
    id        of the requirement, without the case
    cases     names of the cases, empty for a requirement without cases
    source    number of its source, from 1
    evidence  None without evidence, or if the page has no space for it
    """

    first: Result
    id: str
    cases: tuple[str, ...]
    source: int
    evidence: Evidence | None

    @property
    def count(self) -> int:
        """Number of results in this row."""
        return max(len(self.cases), 1)


def build_requirement_rows(results: Sequence[Result]) -> list[RequirementRow]:
    """Return the rows of *results*, the worst outcome first."""
    groups = _group_cases(results, lambda result: result.reason)
    if len(groups) > ROWS_MAX:
        groups = _group_cases(results, lambda _: "")
    order = {outcome: position for position, outcome in enumerate(OUTCOME_LABELS)}
    found = sorted(groups.values(), key=lambda cases: order[cases[0].outcome])
    evidence = select_evidence([cases[0] for cases in found])
    sources = {source: number for number, source in enumerate(list_sources(results), start=1)}
    return [_row(cases, sources[cases[0].source], evidence) for cases in found]


def list_sources(results: Sequence[Result]) -> tuple[str, ...]:
    """Return the sources of the requirements, each once."""
    return tuple(dict.fromkeys(result.source for result in results))


def _group_cases(
    results: Sequence[Result], reason: Callable[[Result], str]
) -> dict[tuple[str, ...], list[Result]]:
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        key = (result.id.partition("[")[0], result.level, result.outcome, reason(result))
        groups.setdefault(key, []).append(result)
    return groups


def _row(cases: Sequence[Result], source: int, evidence: Mapping[str, Evidence]) -> RequirementRow:
    first = cases[0]
    base, _, case = first.id.partition("[")
    names = tuple(each.id[len(base) + 1 :].removesuffix("]") for each in cases) if case else ()
    return RequirementRow(first, base, names, source, evidence.get(first.id))
