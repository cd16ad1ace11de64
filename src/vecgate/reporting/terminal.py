"""A run on the terminal: what failed in full, the matrix, the checks, and the verdict as the last line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from vecgate.gate.verdict import Verdict, line_of
from vecgate.reporting.matrix import HEADINGS, cells_of, matrix_of, row_of, untested_in
from vecgate.results.records import Result, Run

RULE = "─"
WIDTH = 100
NUMERIC = frozenset("0123456789/")


def terminal_report(run: Run, verdict: Verdict) -> str:
    """The report as text, without colours."""
    parts = [
        *_failures(run.results),
        "\n".join(matrix_lines(run.results)),
        *_notes(run),
        "\n".join(check_lines(verdict)),
        line_of(verdict, run),
    ]
    return "\n\n".join(part for part in parts if part)


def matrix_lines(results: Sequence[Result]) -> list[str]:
    """The matrix, a line each."""
    rows = [cells_of(row) for row in matrix_of(results)]
    total = cells_of(row_of("in all", results))
    return table_lines([list(HEADINGS), *rows, total])


def check_lines(verdict: Verdict) -> list[str]:
    """Each check: its name, what was measured, its grade."""
    return table_lines([[check.name, check.measured, _grade(check.grade)] for check in verdict.checks])


def table_lines(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """*rows* in columns; to the right stand numbers below a heading, and the columns *right*."""
    columns = [_aligned(column, number in right) for number, column in enumerate(zip(*rows, strict=True))]
    return ["   ".join(cells).rstrip() for cells in zip(*columns, strict=True)]


def left_lines(leaks: Sequence[str]) -> list[str]:
    """What could not be removed, a line each, and the way out."""
    return [f"left behind: {leak}; `vecgate clean` finds it" for leak in leaks]


def _aligned(column: Sequence[str], is_right: bool) -> list[str]:  # noqa: FBT001 - which side
    width = max(map(len, column))
    is_numeric = all(set(text) <= NUMERIC for text in column[1:]) and len(column) > 1
    return [text.rjust(width) if is_numeric or is_right else text.ljust(width) for text in column]


def _grade(grade: str) -> str:
    return {"passed": "pass", "failed": "FAIL", "unjudged": "NOT JUDGED"}[grade]


def _failures(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.outcome in {"failed", "outgrown"}:
            title = f"{RULE * 2} {result.id} "
            told = result.detail or result.reason
            yield f"{title}{RULE * max(0, WIDTH - len(title))}\n{result.test}\n{told}"


def _notes(run: Run) -> Iterator[str]:
    if lacking := [f"  {name}: {reason}" for name, reason in run.header.lacking.items()]:
        yield "\n".join(["not offered by the target", *lacking])
    if untested := [f"  {reason}" for reason in untested_in(run.results)]:
        yield "\n".join(["not tested", *untested])
    footer = run.footer
    if footer and footer.stale:
        told = [f"  {each}" for each in footer.stale]
        yield "\n".join(["listed deviations that are no longer true", *told])
    if footer and footer.leaks:
        yield "\n".join(["left behind", *(f"  {each}" for each in footer.leaks)])
