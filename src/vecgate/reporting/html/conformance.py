"""A conformance run as a page shows it: the matrix, what is known and what is left, and every requirement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vecgate.gate.rules import LEVELS
from vecgate.gate.verdict import counts_of
from vecgate.reporting.html.requirements import STATES, Requirement, requirements_of, sources_of
from vecgate.reporting.html.views import Tile
from vecgate.reporting.matrix import Row, group_of, matrix_of, row_of, untested_in
from vecgate.reporting.wording import many, share
from vecgate.results.records import Footer, Result, Run

REASONS_SHOWN = 200
#: What a verdict does not say by itself.
KNOWN_ONLY = (
    "PASS means that nothing fails but what is known to: each known deviation is listed with its reason."
)


@dataclass(frozen=True, slots=True)
class GroupView:
    """An operation or topic: its row in the matrix, and its requirements.

    is_open  something in it failed
    """

    row: Row
    requirements: tuple[Requirement, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class ConformanceView:
    """What the template of a conformance run shows.

    on_pass   what PASS means where not all passed
    unshown   requirements with evidence that the page has no room for
    """

    tiles: tuple[Tile, ...]
    groups: tuple[GroupView, ...]
    total: Row
    states: tuple[tuple[str, str, int], ...]
    levels: tuple[tuple[str, int], ...]
    known: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    unshown: int = 0
    on_pass: str = ""

    def reason(self, requirement: Requirement) -> int:
        """The number of its reason among those that are *known*, from 1; 0 where it is none of them."""
        reasons = [reason for reason, _ in self.known]
        found = requirement.first.outcome == "deviation" and requirement.first.reason in reasons
        return reasons.index(requirement.first.reason) + 1 if found else 0


def conformance_view(run: Run) -> ConformanceView:
    """The view of *run*."""
    counts = counts_of(run.results)
    groups = tuple(_groups(run.results))
    return ConformanceView(
        tiles=tuple(_tiles(run)),
        groups=groups,
        total=row_of("in all", run.results),
        states=tuple((state, STATES[state], counts[state]) for state in STATES if counts[state]),
        levels=tuple((level, sum(each.level == level for each in run.results)) for level in LEVELS),
        known=tuple(known_in(run.results)[:REASONS_SHOWN]),
        sources=sources_of(run.results),
        lists=tuple(_lists(run)),
        unshown=sum(
            bool(each.first.detail and not each.detail) for group in groups for each in group.requirements
        ),
        on_pass=KNOWN_ONLY if counts["deviation"] else "",
    )


def _groups(results: Sequence[Result]) -> Iterator[GroupView]:
    members: dict[str, list[Requirement]] = {}
    for requirement in requirements_of(results):
        members.setdefault(group_of(requirement.id), []).append(requirement)
    for row in matrix_of(results):
        is_open = bool(row.counts["failed"] or row.counts["outgrown"])
        yield GroupView(row, tuple(members[row.name]), is_open)


def _tiles(run: Run) -> Iterator[Tile]:
    total = row_of("", run.results)
    for level in LEVELS:
        if judged := total.judged[level]:
            passed = total.passed[level]
            yield Tile(level, share(passed, judged), "", f"{passed:,} of {judged:,} passed")
    failed = total.counts["failed"] + total.counts["outgrown"]
    yield Tile(
        "failed", f"{failed:,}", "", f"of {many(len(run.results), 'requirement')}", "bad" if failed else ""
    )
    if known := total.counts["deviation"]:
        yield Tile("known deviations", f"{known:,}", "", "each with a reason and evidence")
    if lacking := total.counts["unsupported"]:
        yield Tile("not offered", f"{lacking:,}", "", "for want of a capability")


def known_in(results: Sequence[Result]) -> list[tuple[str, int]]:
    """Why the target is known to differ, and how many requirements that costs, the most first."""
    reasons: dict[str, int] = {}
    for result in results:
        if result.outcome == "deviation":
            reasons[result.reason] = reasons.get(result.reason, 0) + 1
    return sorted(reasons.items(), key=lambda item: -item[1])


def _lists(run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    footer = run.footer or Footer(ended_at="", duration_s=0.0)
    lacking = tuple(f"{name}: {reason}" for name, reason in run.header.lacking.items())
    for title, lines in (
        ("Not offered by the target", lacking),
        ("Not tested", untested_in(run.results)),
        ("Listed deviations that are no longer true", footer.stale),
        ("Left behind", footer.leaks),
        ("Not run", footer.left_out),
    ):
        if lines:
            yield title, tuple(lines)
