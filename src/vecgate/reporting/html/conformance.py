"""A conformance run as a page shows it: the matrix, what is known and what is left, and every requirement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecgate.gate.rules import LEVELS
from vecgate.gate.verdict import counts_of
from vecgate.reporting.html.detail import Detail, details_of
from vecgate.reporting.html.views import Tile
from vecgate.reporting.html.wording import many, share
from vecgate.reporting.matrix import Row, group_of, matrix_of, row_of
from vecgate.results.records import Footer, Outcome, Result, Run

#: Outcome to what a reader calls it, the worst first.
STATES: Mapping[Outcome, str] = {
    "failed": "failed",
    "outgrown": "outgrown",
    "deviation": "known deviation",
    "unsupported": "not offered",
    "skipped": "skipped",
    "passed": "passed",
}
REASONS_SHOWN = 200
#: Where there are more, those of one test are one whatever their reasons.
ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement and those of its cases that came out alike.

    first   of them, whose words stand for all; *cases*, their names, empty where it has none
    source  number of its source, from 1
    detail  its evidence, None where there is none or no room for it
    """

    first: Result
    id: str
    cases: tuple[str, ...]
    source: int
    detail: Detail | None

    @property
    def count(self) -> int:
        """How many requirements it stands for."""
        return max(len(self.cases), 1)


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
    """What the template of a conformance run shows."""

    tiles: tuple[Tile, ...]
    groups: tuple[GroupView, ...]
    total: Row
    states: tuple[tuple[str, str, int], ...]
    levels: tuple[tuple[str, int], ...]
    known: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]


def conformance_view(run: Run) -> ConformanceView:
    """The view of *run*."""
    counts = counts_of(run.results)
    return ConformanceView(
        tiles=tuple(_tiles(run)),
        groups=tuple(_groups(run.results)),
        total=row_of("in all", run.results),
        states=tuple((state, STATES[state], counts[state]) for state in STATES if counts[state]),
        levels=tuple((level, sum(each.level == level for each in run.results)) for level in LEVELS),
        known=tuple(_known(run.results)),
        sources=sources_of(run.results),
        lists=tuple(_lists(run)),
    )


def requirements_of(results: Sequence[Result]) -> list[Requirement]:
    """*results* with cases of one test that came out alike as one, the worst first."""
    alike = _alike(results, lambda result: result.reason)
    if len(alike) > ROWS_MAX:
        alike = _alike(results, lambda _: "")
    worst = {state: order for order, state in enumerate(STATES)}
    found = sorted(alike.values(), key=lambda alike: worst[alike[0].outcome])
    details = details_of([alike[0] for alike in found])
    numbers = {source: number for number, source in enumerate(sources_of(results), start=1)}
    return [_requirement(alike, numbers[alike[0].source], details) for alike in found]


def sources_of(results: Sequence[Result]) -> tuple[str, ...]:
    """Where the requirements stand, each place once."""
    return tuple(dict.fromkeys(result.source for result in results))


def _alike(results: Sequence[Result], reason: Callable[[Result], str]) -> dict[tuple[str, ...], list[Result]]:
    alike: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        key = (result.id.partition("[")[0], result.level, result.outcome, reason(result))
        alike.setdefault(key, []).append(result)
    return alike


def _requirement(alike: Sequence[Result], source: int, details: Mapping[str, Detail]) -> Requirement:
    first = alike[0]
    base, _, case = first.id.partition("[")
    cases = tuple(each.id[len(base) + 1 :].removesuffix("]") for each in alike) if case else ()
    return Requirement(first, base, cases, source, details.get(first.id))


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


def _known(results: Sequence[Result]) -> list[tuple[str, int]]:
    """Why the target is known to differ, and how many requirements that costs, the most first."""
    reasons: dict[str, int] = {}
    for result in results:
        if result.outcome == "deviation":
            reasons[result.reason] = reasons.get(result.reason, 0) + 1
    return sorted(reasons.items(), key=lambda item: -item[1])[:REASONS_SHOWN]


def _lists(run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    footer = run.footer or Footer(ended_at="", duration_s=0.0)
    lacking = tuple(f"{name}: {reason}" for name, reason in run.header.lacking.items())
    for title, lines in (
        ("Not offered by the target", lacking),
        ("Listed deviations that are no longer true", footer.stale),
        ("Left behind", footer.leaks),
        ("Not run", footer.left_out),
    ):
        if lines:
            yield title, tuple(lines)
