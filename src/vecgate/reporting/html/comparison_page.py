"""The page that compares two runs, or several of two sides: verdict, conditions, differences, and curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vecgate.formatting import format_timestamp
from vecgate.gate.compare.comparison import Comparison, comparison_line
from vecgate.gate.verdict import WORDS
from vecgate.reporting.html.charts.axes import change_axis
from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.charts.plots import Bar, BarPlot, Plot, shorten_label
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.reporting.html.headline import Headline, build_headline
from vecgate.reporting.html.run_facts import format_versions
from vecgate.reporting.html.templating import render_template
from vecgate.reporting.html.views.overlaid_curves import overlaid_curves
from vecgate.reporting.text.comparison_text import comparison_headings, comparison_rows, format_change
from vecgate.results.records import Stream

#: A change beyond this is drawn at the end of the axis.
CHANGE_MAX = 1.0
TONES = {"regressed": "failed", "missing": "failed", "improved": "flight"}
GRADE_TONES = {"regressed": "bad", "missing": "bad", "unclear": "doubt", "improved": "good"}
TITLES = {
    "load": "load runs",
    "capacity": "capacity searches",
    "sweep": "sweeps",
    "benchmarks": "microbenchmarks",
    "conformance": "conformance runs",
}
INTERVAL_NOTE = (
    "Right of 0 is a regression. A line is the interval in which the change is, given the noise of the runs; "
    "if it contains 0, the change may be noise."
)


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run of one *side*, base or head, and the link to its report, if there is one."""

    side: str
    stream: Stream
    name: str
    href: str = ""


def render_comparison(
    base: Sequence[ComparedRun], head: Sequence[ComparedRun], comparison: Comparison
) -> str:
    """Return the page about *comparison*, which is that of the runs *base* and *head*."""
    figures, verdict = FigureBuilder("compare"), comparison.verdict
    streams = [run.stream for run in base], [run.stream for run in head]
    word = WORDS[verdict.grade]
    return render_template(
        "comparison.html.j2",
        title=f"Comparison of {TITLES.get(comparison.kind, f'{comparison.kind} runs')}",
        headline=Headline(
            "", verdict.grade, comparison_line(comparison).removeprefix(word).strip(), verdict.checks
        ),
        runs=_run_table([*base, *head]),
        conditions=_condition_table(comparison),
        differences=tuple(figures.build_all("difference", interval_plots(comparison))),
        interval_note=INTERVAL_NOTE,
        changes=_change_table(comparison),
        curves=tuple(figures.build_all("curve", _curves(comparison, *streams))),
    )


def interval_plots(comparison: Comparison) -> Iterator[BarPlot]:
    """Return the charts of the changes with their intervals: relative ones, and those of shares in points."""
    for is_percentage, title, unit in (
        (False, "Regression of times, rates and prices", "relative to the base"),
        (True, "Regression of shares", "in percentage points"),
    ):
        changes = [
            change
            for change in comparison.changes
            if change.is_percentage == is_percentage and change.base is not None and change.head is not None
        ]
        if not changes:
            continue
        ends = [
            value
            for change in changes
            for value in (
                change.regression,
                *((change.interval.low, change.interval.high) if change.interval else ()),
            )
        ]
        yield BarPlot(
            title=title,
            unit=unit,
            x=change_axis(ends, most=CHANGE_MAX),
            bars=tuple(
                Bar(
                    label=shorten_label(change.name),
                    value=change.regression,
                    text=f"{format_change(change.regression)} {'points' if is_percentage else '%'}"
                    f", {change.grade}",
                    tone=TONES.get(change.grade, "late"),
                    low=change.interval.low if change.interval else change.regression,
                    high=change.interval.high if change.interval else change.regression,
                )
                for change in changes
            ),
            description="; ".join(f"{change.name}: {change.grade}" for change in changes) + ".",
        )


def _curves(comparison: Comparison, base: Sequence[Stream], head: Sequence[Stream]) -> Iterator[Plot]:
    draw: Callable[[Sequence[Stream], Sequence[Stream]], Iterator[Plot]] = overlaid_curves
    if comparison.kind in {"load", "capacity", "sweep"}:
        yield from draw(base, head)


def _run_table(runs: Sequence[ComparedRun]) -> Table:
    columns = ("side", "run", "target", "verdict", "result", "started", "versions")
    return Table("Runs", columns, tuple(map(_run_row, runs)), frozenset(columns))


def _run_row(run: ComparedRun) -> TableRow:
    header, headline = run.stream.header, build_headline(run.stream)
    return (
        run.side,
        TableCell(run.name, href=run.href),
        header.target,
        TableCell(headline.word, tone=f"grade {headline.tone}"),
        headline.line,
        format_timestamp(header.started_at),
        format_versions(header),
    )


def _condition_table(comparison: Comparison) -> Table | None:
    """Return the conditions in which the runs differ, or None if they do not."""
    if not comparison.differences:
        return None
    rows = tuple(
        (
            each.name,
            each.base or "none",
            each.head or "none",
            TableCell("prevents a comparison: forced", tone="bad") if each.is_blocking else "",
        )
        for each in comparison.differences
    )
    columns = ("condition", "base", "head", "")
    return Table("Conditions that differ", columns, rows, frozenset(columns))


def _change_table(comparison: Comparison) -> Table | None:
    """Return all figures, or the requirements that changed; None without any."""
    headings = tuple(comparison_headings(comparison))
    rows = comparison_rows(comparison, show_all=comparison.kind != "conformance")
    if not rows:
        return None
    # The rows of the terminal end with the grade and a reason; figures have both in one cell.
    is_figures = not comparison.requirement_changes
    texts = frozenset({""}) if is_figures else frozenset(headings)
    caption = "All figures" if is_figures else "Requirements that changed"
    return Table(caption, headings, tuple(map(_change_row, rows)), texts)


def _change_row(row: Sequence[str]) -> TableRow:
    return tuple(
        TableCell(text, tone=GRADE_TONES[grade]) if (grade := text.partition(":")[0]) in GRADE_TONES else text
        for text in row
    )
