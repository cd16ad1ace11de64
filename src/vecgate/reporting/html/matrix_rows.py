"""Rows of the compatibility matrix: several targets, operation by operation, and their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecgate.reporting.operation_matrix import OperationRow, build_matrix, group_of, sort_key
from vecgate.results.records import Outcome, Result, Stream

#: Id of the run in a page of one run.
RUN_ID = "run1"
#: Kinds of cells, which are also CSS classes, and a mark for each.
MARKS: Mapping[str, str] = {"all": "✓", "some": "≠", "failed": "✗", "none": ""}


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """An operation on one target: *kind* is a key of MARKS, *href* links to the evidence."""

    kind: str
    text: str
    note: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeDifference:
    """A requirement whose outcome is not the same on all targets.

    count     number of cases
    outcomes  on each target, None if it was not run
    """

    id: str
    claim: str
    level: str
    count: int
    outcomes: tuple[Outcome | None, ...]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """An operation or topic on each target, and the differences in it."""

    name: str
    cells: tuple[MatrixCell, ...]
    differences: tuple[OutcomeDifference, ...]


NOT_RUN = MatrixCell("none", "–", "not run")


def build_matrix_rows(streams: Sequence[Stream], pages: Sequence[str] = ()) -> tuple[MatrixRow, ...]:
    """Return a row for each operation and topic in *streams*. *pages* are the reports that cells link to."""
    pages = pages or [""] * len(streams)
    columns = [_column(stream, page) for stream, page in zip(streams, pages, strict=True)]
    names = sorted({name for each in columns for name in each}, key=sort_key)
    differences: dict[str, list[OutcomeDifference]] = {}
    for difference in _differences(streams):
        differences.setdefault(group_of(difference.id), []).append(difference)
    return tuple(
        MatrixRow(name, tuple(each.get(name, NOT_RUN) for each in columns), tuple(differences.get(name, ())))
        for name in names
    )


def _column(stream: Stream, page: str) -> dict[str, MatrixCell]:
    """Return the cells of one target by operation. The report at *page* has its groups in the same order."""
    return {
        row.name: _cell(row, f"{page}#{RUN_ID}-{order}" if page else "")
        for order, row in enumerate(build_matrix(stream.run.results), start=1)
    }


def _cell(row: OperationRow, href: str) -> MatrixCell:
    passed, judged = row.passed.total(), row.judged.total()
    if not judged:
        return MatrixCell("none", "–", "unsupported" if row.counts["unsupported"] else "skipped", href)
    kind = "failed" if row.failed else "all" if passed == judged else "some"
    return MatrixCell(kind, f"{passed:,}/{judged:,}", _note(row), href)


def _note(row: OperationRow) -> str:
    counts = {
        "failed": row.failed,
        "known": row.counts["deviation"],
        "unsupported": row.counts["unsupported"],
        "skipped": row.counts["skipped"],
    }
    return ", ".join(f"{count:,} {label}" for label, count in counts.items() if count)


def _differences(streams: Sequence[Stream]) -> Iterator[OutcomeDifference]:
    """Return the differences. Cases of one test with the same outcomes are one difference."""
    by_id: list[dict[str, Result]] = [{each.id: each for each in stream.run.results} for stream in streams]
    groups: dict[tuple[str, tuple[Outcome | None, ...]], list[Result]] = {}
    for id_ in dict.fromkeys(id_ for each in by_id for id_ in each):
        results = [each.get(id_) for each in by_id]
        outcomes = tuple(result.outcome if result else None for result in results)
        if len(set(outcomes)) > 1:
            first = next(filter(None, results))
            groups.setdefault((id_.partition("[")[0], outcomes), []).append(first)
    for (base, outcomes), cases in groups.items():
        yield OutcomeDifference(base, cases[0].claim, cases[0].level, len(cases), outcomes)
