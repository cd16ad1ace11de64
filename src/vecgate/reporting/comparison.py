"""Two runs held against each other: for the terminal, in Markdown, and as JSON has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite

from vecgate.gate.changes import GRADES, Change, Turn, counts_of_changes
from vecgate.gate.compare import Comparison, counted, line_of_comparison
from vecgate.reporting.markup import cell, cut, escaped, table
from vecgate.reporting.terminal import check_lines, table_lines
from vecgate.reporting.units import figure

FIGURES = ("figure", "base", "head", "worse by", "between", "")
REQUIREMENTS = ("requirement", "base", "head", "", "")
#: Columns of figures that stand to the right.
RIGHT = range(1, 5)
REASON_CHARACTERS = 100
#: From tenfold on nobody reads a decimal.
HUGE = 10


def comparison_text(comparison: Comparison, *, everything: bool = False) -> str:
    """The comparison as text: what changed beyond noise, or *everything*; the verdict last."""
    parts = [
        "\n".join(f"differs  {each}" for each in comparison.differences),
        "\n".join(_lines(comparison, everything=everything)),
        "\n".join(check_lines(comparison.verdict)),
        line_of_comparison(comparison),
    ]
    return "\n\n".join(part for part in parts if part)


def comparison_markdown(comparison: Comparison) -> str:
    """The comparison for the summary of a CI job; the table is there also where all is well."""
    rows = rows_of(comparison, everything=comparison.kind != "conformance")
    checks = [[check.name, check.measured, check.grade] for check in comparison.verdict.checks]
    parts = [
        f"## {cell(line_of_comparison(comparison))}",
        table(_headings(comparison), rows) if rows else "",
        table(("check", "measured", "verdict"), checks),
        "\n".join(f"- Differs: {escaped(str(each))}" for each in comparison.differences),
    ]
    return cut("\n\n".join(part for part in parts if part) + "\n")


def comparison_dict(comparison: Comparison) -> dict[str, object]:
    """The comparison as JSON has it; a change is a part of the base, or of the whole where the unit is %."""
    return {
        "kind": comparison.kind,
        "verdict": comparison.verdict.grade,
        "line": line_of_comparison(comparison),
        "checks": [
            {"name": each.name, "measured": each.measured, "verdict": each.grade, "blamed": list(each.ids)}
            for each in comparison.verdict.checks
        ],
        "differences": [asdict(each) for each in comparison.differences],
        "figures": [_figure(change) for change in comparison.changes],
        "requirements": [asdict(turn) for turn in comparison.turns if turn.grade != "same"],
        "counts": dict(counts_of_changes(comparison.found)),
    }


def rows_of(comparison: Comparison, *, everything: bool = False) -> list[list[str]]:
    """A row for what changed beyond noise, or for *everything*: what is worse first."""
    shown = [each for each in comparison.found if everything or _is_news(each)]
    ordered = sorted(shown, key=lambda each: GRADES.index(each.grade))
    return [_requirement(each) if isinstance(each, Turn) else _figure_cells(each) for each in ordered]


def _is_news(change: Change | Turn) -> bool:
    is_fine = isinstance(change, Turn) and change.grade == "new" and change.head == "passed"
    return change.grade not in {"same", "doubt"} and not is_fine


def _lines(comparison: Comparison, *, everything: bool) -> Iterator[str]:
    rows = rows_of(comparison, everything=everything)
    if rows:
        yield from table_lines([_headings(comparison), *rows], right=() if comparison.turns else RIGHT)
    if not everything and (rest := [each for each in comparison.found if not _is_news(each)]):
        yield f"{'and' if rows else 'no change beyond noise:'} {counted(rest)} (--all shows them)"


def _headings(comparison: Comparison) -> Sequence[str]:
    return REQUIREMENTS if comparison.turns else FIGURES


def _requirement(turn: Turn) -> list[str]:
    reason = " ".join(turn.reason.split())[:REASON_CHARACTERS]
    return [turn.name, turn.base or "", turn.head or "", turn.grade, reason]


def _figure_cells(change: Change) -> list[str]:
    is_known = change.base is not None and change.head is not None
    return [
        change.name,
        figure(change.base, change.unit),
        figure(change.head, change.unit),
        _part(change.worse_by, change.unit) if is_known else "",
        _between(change),
        f"{change.grade}: {change.reason}" if change.reason else change.grade,
    ]


def _between(change: Change) -> str:
    if change.between is None:
        return ""
    low, high = (_signed(each) for each in (change.between.low, change.between.high))
    return f"{low} … {high} {_word(change.unit)}"


def _part(worse_by: float, unit: str) -> str:
    return f"{_signed(worse_by)} {_word(unit)}"


def _signed(part: float) -> str:
    if not isfinite(part):
        return "-∞" if part < 0 else "+∞"
    return f"{part * 100:+,.1f}" if abs(part) < HUGE else f"{part * 100:+,.0f}"


def _word(unit: str) -> str:
    return "points" if unit == "%" else "%"


def _figure(change: Change) -> dict[str, object]:
    told = asdict(change)
    told["between"] = [change.between.low, change.between.high] if change.between else None
    return told
