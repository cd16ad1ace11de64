"""The comparison of two runs for the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite

from vecgate.formatting import format_quantity
from vecgate.gate.compare.changes import GRADES, Change, RequirementChange, count_grades
from vecgate.gate.compare.comparison import Comparison, comparison_line, describe_counts
from vecgate.printable import markdown_line, markdown_text
from vecgate.reporting.text.markdown import checks_table, markdown_table, truncate
from vecgate.reporting.text.terminal_tables import check_lines, table_lines

FIGURE_HEADINGS = ("figure", "base", "head", "regression", "interval", "")
REQUIREMENT_HEADINGS = ("requirement", "base", "head", "", "")
#: Columns of figures that align right.
RIGHT = range(1, 5)
REASON_CHARACTERS = 100
#: From this factor on, a change is shown without decimals.
LARGE_CHANGE = 10


def comparison_text(comparison: Comparison, *, show_all: bool = False) -> str:
    """Return the report for the terminal: significant changes or *show_all* of them, and the verdict last."""
    parts = [
        "\n".join(f"differs  {each}" for each in comparison.differences),
        "\n".join(_change_lines(comparison, show_all=show_all)),
        "\n".join(check_lines(comparison.verdict)),
        comparison_line(comparison),
    ]
    return "\n\n".join(part for part in parts if part)


def comparison_markdown(comparison: Comparison) -> str:
    """Return the job summary. It lists all figures, but only the requirements that changed."""
    rows = comparison_rows(comparison, show_all=comparison.kind != "conformance")
    parts = [
        f"## {markdown_line(comparison_line(comparison))}",
        markdown_table(comparison_headings(comparison), rows) if rows else "",
        checks_table(comparison.verdict),
        "\n".join(f"- Differs: {markdown_text(str(each))}" for each in comparison.differences),
    ]
    return truncate("\n\n".join(part for part in parts if part) + "\n")


def comparison_dict(comparison: Comparison) -> dict[str, object]:
    """Return the comparison for JSON. Changes are relative to the base; for percentages they are absolute."""
    return {
        "kind": comparison.kind,
        "runs": dict(zip(("base", "head"), comparison.runs, strict=True)),
        "verdict": comparison.verdict.grade,
        "line": comparison_line(comparison),
        "checks": [
            {"name": each.name, "measured": each.measured, "verdict": each.grade, "ids": list(each.ids)}
            for each in comparison.verdict.checks
        ],
        "differences": [asdict(each) for each in comparison.differences],
        "figures": [_figure_dict(change) for change in comparison.changes],
        "requirements": [
            asdict(change) for change in comparison.requirement_changes if change.grade != "unchanged"
        ],
        "counts": dict(count_grades(comparison.all_changes)),
    }


def comparison_rows(comparison: Comparison, *, show_all: bool = False) -> list[list[str]]:
    """Return a row for each significant change, or *show_all* of them, the worst first."""
    shown = [each for each in comparison.all_changes if show_all or _is_significant(each)]
    ordered = sorted(shown, key=lambda each: GRADES.index(each.grade))
    return [
        _requirement_row(each) if isinstance(each, RequirementChange) else _figure_row(each)
        for each in ordered
    ]


def _is_significant(change: Change | RequirementChange) -> bool:
    is_new_pass = isinstance(change, RequirementChange) and change.grade == "new" and change.head == "passed"
    return change.grade not in {"unchanged", "unclear"} and not is_new_pass


def _change_lines(comparison: Comparison, *, show_all: bool) -> Iterator[str]:
    rows = comparison_rows(comparison, show_all=show_all)
    if rows:
        right = () if comparison.requirement_changes else RIGHT
        yield from table_lines([comparison_headings(comparison), *rows], right=right)
    if not show_all and (hidden := [each for each in comparison.all_changes if not _is_significant(each)]):
        yield f"{'and' if rows else 'no significant change:'} {describe_counts(hidden)} (--all shows them)"


def comparison_headings(comparison: Comparison) -> Sequence[str]:
    """Return the headings of the rows of *comparison*."""
    if comparison.requirement_changes:
        return REQUIREMENT_HEADINGS
    sides = {
        side: f"{side} ({runs} runs)" if runs > 1 else side
        for side, runs in zip(("base", "head"), comparison.runs, strict=True)
    }
    return [sides.get(heading, heading) for heading in FIGURE_HEADINGS]


def _requirement_row(change: RequirementChange) -> list[str]:
    reason = " ".join(change.reason.split())[:REASON_CHARACTERS]
    return [change.name, change.base or "", change.head or "", change.grade, reason]


def _figure_row(change: Change) -> list[str]:
    is_in_both = change.base is not None and change.head is not None
    unit = "points" if change.unit == "%" else "%"
    interval = ""
    if change.interval is not None:
        low, high = format_change(change.interval.low), format_change(change.interval.high)
        interval = f"{low} … {high} {unit}"
    return [
        change.name,
        format_quantity(change.base, change.unit),
        format_quantity(change.head, change.unit),
        f"{format_change(change.regression)} {unit}" if is_in_both else "",
        interval,
        f"{change.grade}: {change.reason}" if change.reason else change.grade,
    ]


def format_change(change: float) -> str:
    """Format a relative change in per cent, or a difference in points, without its unit: `+12.3`."""
    if not isfinite(change):
        return "-∞" if change < 0 else "+∞"
    digits = 1 if abs(change) < LARGE_CHANGE else 0
    # A change that rounds to nothing needs no sign: adding zero turns -0.0 into 0.0.
    return f"{round(change * 100, digits) + 0.0:+,.{digits}f}"


def _figure_dict(change: Change) -> dict[str, object]:
    interval = [change.interval.low, change.interval.high] if change.interval else None
    return {**asdict(change), "interval": interval}
