"""Tables and lists for the terminal, without colours."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vecgate.gate.verdict import Verdict
from vecgate.printable import printable_line

NUMERIC = frozenset("0123456789,/")
GRADES = {"passed": "pass", "failed": "FAIL", "inconclusive": "INCONCLUSIVE"}


def table_lines(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Return *rows* as aligned columns. Numbers below a heading and the columns in *right* align right."""
    lines = [[printable_line(text) for text in row] for row in rows]
    columns = [
        _align(column, is_right=number in right) for number, column in enumerate(zip(*lines, strict=True))
    ]
    return ["   ".join(cells).rstrip() for cells in zip(*columns, strict=True)]


def check_lines(verdict: Verdict) -> list[str]:
    """Return a line for each check with its name, what was measured, and its grade."""
    return table_lines([[check.name, check.measured, GRADES[check.grade]] for check in verdict.checks])


def _align(column: Sequence[str], *, is_right: bool) -> list[str]:
    width = max(map(len, column))
    is_numeric = all(set(text) <= NUMERIC for text in column[1:]) and len(column) > 1
    return [text.rjust(width) if is_numeric or is_right else text.ljust(width) for text in column]
