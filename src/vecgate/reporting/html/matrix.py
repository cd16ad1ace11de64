"""The compatibility page: what each of several targets keeps, side by side, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.gate.rules import LEVELS
from vecgate.reporting.html.conformance import STATES
from vecgate.reporting.html.headline import Headline, headline_of
from vecgate.reporting.html.templating import page
from vecgate.reporting.html.wording import moment
from vecgate.reporting.matrix import Row, group_of, matrix_of, row_of
from vecgate.results.records import Outcome, Result, Stream

#: What a cell says at a glance: its class, and a mark that needs no colour.
MARKS: Mapping[str, str] = {"all": "✓", "some": "≠", "broken": "✗", "none": "–"}
OUTCOME_MARKS: Mapping[Outcome, str] = {
    "passed": "✓",
    "failed": "✗",
    "outgrown": "✗",
    "deviation": "≠",
    "unsupported": "–",
    "skipped": "–",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A column: the target, when and how it was measured, and why it is known to differ."""

    name: str
    stream: Stream
    headline: Headline
    total: Row
    reasons: tuple[tuple[str, int], ...]

    @property
    def measured(self) -> str:
        """When it was measured."""
        return moment(self.stream.header.started_at)


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One operation at one target: *kind* is one of MARKS."""

    kind: str
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A requirement that the targets do not keep alike: how many cases, and the outcome at each target."""

    id: str
    claim: str
    level: str
    count: int
    outcomes: tuple[Outcome | None, ...]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One operation or topic at each target, and where they differ in it."""

    name: str
    cells: tuple[MatrixCell, ...]
    differences: tuple[Difference, ...]


def render_matrix(streams: Sequence[Stream], unreadable: Sequence[str] = ()) -> str:
    """The page of the conformance runs *streams*. Raises UsageError where one is none, or there is none."""
    others = sorted({stream.header.kind for stream in streams if stream.header.kind != "conformance"})
    if others or not streams:
        told = f"a {others[0]} run is none" if others else "there is none"
        raise UsageError(f"the compatibility matrix is made of conformance runs: {told}")
    targets = [_target(stream, name) for stream, name in zip(streams, _names(streams), strict=True)]
    return page(
        "matrix.html.j2",
        title="Compatibility",
        targets=targets,
        rows=rows_of(streams),
        levels=[(level, [_level(target.total, level) for target in targets]) for level in LEVELS],
        marks=OUTCOME_MARKS,
        states=STATES,
        unreadable=unreadable,
    )


def rows_of(streams: Sequence[Stream]) -> tuple[MatrixRow, ...]:
    """A row for each operation and topic that any of *streams* knows."""
    rows = [{row.name: row for row in matrix_of(stream.run.results)} for stream in streams]
    names = sorted({name for each in rows for name in each}, key=lambda name: (name[0].islower(), name))
    differing: dict[str, list[Difference]] = {}
    for difference in _differences(streams):
        differing.setdefault(group_of(difference.id), []).append(difference)
    return tuple(
        MatrixRow(name, tuple(_cell(each.get(name)) for each in rows), tuple(differing.get(name, ())))
        for name in names
    )


def _names(streams: Sequence[Stream]) -> Iterator[str]:
    """The targets' names, told apart by the run where two are the same."""
    names = [stream.header.target for stream in streams]
    for stream, name in zip(streams, names, strict=True):
        yield name if names.count(name) == 1 else f"{name} ({stream.header.run})"


def _target(stream: Stream, name: str) -> Target:
    reasons: dict[str, int] = {}
    for result in stream.run.results:
        if result.outcome == "deviation":
            reasons[result.reason] = reasons.get(result.reason, 0) + 1
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    return Target(name, stream, headline_of(stream), row_of("in all", stream.run.results), tuple(ordered))


def _level(total: Row, level: str) -> MatrixCell:
    judged, passed = total.judged[level], total.passed[level]
    kind = "none" if not judged else "all" if passed == judged else "some"
    return MatrixCell(kind, total.share(level) or "–", f"{100 * passed / judged:.1f} %" if judged else "")


def _cell(row: Row | None) -> MatrixCell:
    if row is None:
        return MatrixCell("none", "–", "not run")
    passed, judged = row.passed.total(), row.judged.total()
    failed = row.counts["failed"] + row.counts["outgrown"]
    if not judged:
        return MatrixCell("none", "–", "not offered" if row.counts["unsupported"] else "skipped")
    kind = "broken" if failed else "all" if passed == judged else "some"
    return MatrixCell(kind, f"{passed}/{judged}", _note(row, failed))


def _note(row: Row, failed: int) -> str:
    counted = {"failed": failed, "known": row.counts["deviation"], "not offered": row.counts["unsupported"]}
    return ", ".join(f"{number} {word}" for word, number in counted.items() if number)


def _differences(streams: Sequence[Stream]) -> Iterator[Difference]:
    """Cases of one test with the same outcomes count as one."""
    found: list[dict[str, Result]] = [{each.id: each for each in stream.run.results} for stream in streams]
    alike: dict[tuple[str, tuple[Outcome | None, ...]], list[Result]] = {}
    for id_ in dict.fromkeys(id_ for each in found for id_ in each):
        results = [each.get(id_) for each in found]
        outcomes = tuple(result.outcome if result else None for result in results)
        if len(set(outcomes)) > 1:
            first = next(filter(None, results))
            alike.setdefault((id_.partition("[")[0], outcomes), []).append(first)
    for (base, outcomes), cases in alike.items():
        yield Difference(base, cases[0].claim, cases[0].level, len(cases), outcomes)
