"""The page of a conformance run: the matrix of operations, known deviations, and every requirement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vecgate.formatting import format_count, format_percentage
from vecgate.gate.conformance_verdict import count_outcomes
from vecgate.gate.requirement_rules import LEVELS
from vecgate.reporting.html.components import Tile
from vecgate.reporting.html.requirement_rows import (
    OUTCOME_LABELS,
    RequirementRow,
    build_requirement_rows,
    list_sources,
)
from vecgate.reporting.operation_matrix import (
    OperationRow,
    build_matrix,
    build_row,
    deviation_reasons,
    group_of,
    skip_reasons,
)
from vecgate.results.records import ConformanceRun, Footer, Result

REASONS_MAX = 200
#: A note for runs that passed with known deviations.
KNOWN_DEVIATIONS_NOTE = (
    "PASS means that nothing failed except for known deviations, which are listed with their reasons."
)


@dataclass(frozen=True, slots=True)
class OperationGroup:
    """An operation or topic: its row in the matrix, and its requirements. It is open if something failed."""

    row: OperationRow
    requirements: tuple[RequirementRow, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class ConformanceView:
    """The data of the template for conformance runs.

    outcomes              outcome, label and number of requirements
    levels                level and number of requirements
    deviations            reasons of known deviations with the number of requirements
    lists                 titled lists, such as what the target does not support
    without_evidence      number of requirements whose evidence did not fit in the page
    on_pass               what PASS means if there are known deviations
    """

    tiles: tuple[Tile, ...]
    groups: tuple[OperationGroup, ...]
    total: OperationRow
    outcomes: tuple[tuple[str, str, int], ...]
    levels: tuple[tuple[str, int], ...]
    deviations: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    without_evidence: int = 0
    on_pass: str = ""

    def reason_number(self, requirement: RequirementRow) -> int:
        """Return the position of its reason in *deviations*, from 1; 0 if it is not there."""
        reasons = [reason for reason, _ in self.deviations]
        is_listed = requirement.first.outcome == "deviation" and requirement.first.reason in reasons
        return reasons.index(requirement.first.reason) + 1 if is_listed else 0


def conformance_view(run: ConformanceRun) -> ConformanceView:
    """Return the view of *run*."""
    counts = count_outcomes(run.results)
    groups = tuple(_groups(run.results))
    rows = [row for group in groups for row in group.requirements]
    return ConformanceView(
        tiles=tuple(_tiles(run)),
        groups=groups,
        total=build_row("total", run.results),
        outcomes=tuple(
            (outcome, label, counts[outcome]) for outcome, label in OUTCOME_LABELS.items() if counts[outcome]
        ),
        levels=tuple((level, sum(each.level == level for each in run.results)) for level in LEVELS),
        deviations=tuple(deviation_reasons(run.results)[:REASONS_MAX]),
        sources=list_sources(run.results),
        lists=tuple(_lists(run)),
        without_evidence=sum(bool(row.first.detail and not row.evidence) for row in rows),
        on_pass=KNOWN_DEVIATIONS_NOTE if counts["deviation"] else "",
    )


def _groups(results: Sequence[Result]) -> Iterator[OperationGroup]:
    members: dict[str, list[RequirementRow]] = {}
    for requirement in build_requirement_rows(results):
        members.setdefault(group_of(requirement.id), []).append(requirement)
    for row in build_matrix(results):
        yield OperationGroup(row, tuple(members[row.name]), is_open=row.failed > 0)


def _tiles(run: ConformanceRun) -> Iterator[Tile]:
    total = build_row("total", run.results)
    for level in LEVELS:
        if judged := total.judged[level]:
            passed = total.passed[level]
            yield Tile(level, format_percentage(passed, judged), "", f"{passed:,} of {judged:,} passed")
    tone = "bad" if total.failed else ""
    requirements = format_count(total.counts.total(), "requirement")
    yield Tile("failed", f"{total.failed:,}", "", f"of {requirements}", tone)
    if known := total.counts["deviation"]:
        yield Tile("known deviations", f"{known:,}", "", "each with a reason and evidence")
    if unsupported := total.counts["unsupported"]:
        yield Tile("unsupported", f"{unsupported:,}", "", "the target lacks a capability")


def _lists(run: ConformanceRun) -> Iterator[tuple[str, tuple[str, ...]]]:
    footer = run.footer or Footer(ended_at="", duration_s=0.0)
    unsupported = tuple(f"{name}: {reason}" for name, reason in run.header.unsupported.items())
    for title, lines in (
        ("Unsupported by the target", unsupported),
        ("Skipped", skip_reasons(run.results)),
        ("Stale deviations", footer.stale_deviations),
        ("Deselected", footer.deselected),
    ):
        if lines:
            yield title, tuple(lines)
