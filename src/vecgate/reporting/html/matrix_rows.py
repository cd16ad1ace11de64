"""Several targets, operation by operation, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecgate.reporting.matrix import Row, group_of, in_order, matrix_of
from vecgate.results.records import Outcome, Result, Stream

#: A page of one run calls it that.
RUN_ID = "run1"
#: What a cell says at a glance: its class, and a mark that needs no colour.
MARKS: Mapping[str, str] = {"all": "✓", "some": "≠", "broken": "✗", "none": "–"}


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One operation at one target: *kind* is one of MARKS, *href* where its evidence is."""

    kind: str
    text: str
    note: str
    href: str = ""


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


NOT_RUN = MatrixCell("none", "–", "not run")


def rows_of(streams: Sequence[Stream], pages: Sequence[str] = ()) -> tuple[MatrixRow, ...]:
    """A row for each operation and topic that any of *streams* knows; *pages* are where its evidence is."""
    pages = pages or [""] * len(streams)
    columns = [_column(stream, href) for stream, href in zip(streams, pages, strict=True)]
    names = sorted({name for each in columns for name in each}, key=in_order)
    differing: dict[str, list[Difference]] = {}
    for difference in _differences(streams):
        differing.setdefault(group_of(difference.id), []).append(difference)
    return tuple(
        MatrixRow(name, tuple(each.get(name, NOT_RUN) for each in columns), tuple(differing.get(name, ())))
        for name in names
    )


def _column(stream: Stream, href: str) -> dict[str, MatrixCell]:
    """The cells of one target by operation; in its page at *href* they are groups, in the same order."""
    return {
        row.name: _cell(row, f"{href}#{RUN_ID}-{order}" if href else "")
        for order, row in enumerate(matrix_of(stream.run.results), start=1)
    }


def _cell(row: Row, href: str) -> MatrixCell:
    passed, judged = row.passed.total(), row.judged.total()
    failed = row.counts["failed"] + row.counts["outgrown"]
    if not judged:
        return MatrixCell("none", "–", "not offered" if row.counts["unsupported"] else "not tested", href)
    kind = "broken" if failed else "all" if passed == judged else "some"
    return MatrixCell(kind, f"{passed}/{judged}", _note(row, failed), href)


def _note(row: Row, failed: int) -> str:
    counts = row.counts
    counted = {"failed": failed, "known": counts["deviation"]}
    counted |= {"not offered": counts["unsupported"], "not tested": counts["skipped"]}
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
