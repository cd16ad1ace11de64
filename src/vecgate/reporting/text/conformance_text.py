"""A conformance run for the terminal, and as a Markdown job summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.formatting import format_count
from vecgate.gate.conformance_verdict import conformance_verdict_line
from vecgate.gate.verdict import Verdict, cleanup_line
from vecgate.printable import markdown_line, markdown_text, printable, printable_line
from vecgate.reporting.failure_causes import Cause, find_causes
from vecgate.reporting.operation_matrix import (
    FAILURES,
    HEADINGS,
    build_matrix,
    build_row,
    deviation_reasons,
    format_row,
    skip_reasons,
)
from vecgate.reporting.text.markdown import checks_table, markdown_table, truncate
from vecgate.reporting.text.terminal_tables import check_lines, table_lines
from vecgate.results.records import ConformanceRun, Result

RULE = "─"
WIDTH = 100
LINE_CHARACTERS_MAX = 200
#: Lines of the terminal report, so that the verdict and the first cause fit into the memory of a terminal.
LINES_MAX = 190
#: Lines of the evidence of one cause, and of a list.
EVIDENCE_LINES_MAX, NOTE_LINES_MAX = 60, 15
#: Lines that are kept free for the evidence of the first cause.
RESERVED_LINES_MAX = 40
#: Lines of the Markdown summary, and ids in one row of it.
MARKDOWN_LINES_MAX, IDS_MAX = 60, 12


def conformance_text(run: ConformanceRun, verdict: Verdict) -> str:
    """Return the report for the terminal: the causes of failures, the matrix, notes, checks, verdict."""
    orphaned = run.footer.orphaned if run.footer else ()
    last_lines = (conformance_verdict_line(verdict, run), cleanup_line(orphaned))
    ending = [
        "\n".join(table_lines([HEADINGS, *_matrix_rows(run.results)])),
        *("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in _notes(run)),
        "\n".join(check_lines(verdict)),
        "\n".join(filter(None, last_lines)),
    ]
    used = sum(part.count("\n") + 2 for part in ending)
    parts = [*_terminal_causes(find_causes(_failures(run.results)), lines=LINES_MAX - used), *ending]
    return "\n\n".join(part for part in parts if part)


def conformance_markdown(run: ConformanceRun, verdict: Verdict) -> str:
    """Return the job summary. It counts the causes for which it has no space."""
    duration = f"{run.footer.duration_s:.1f} s" if run.footer else "incomplete"
    first = [
        f"## {markdown_line(conformance_verdict_line(verdict, run))}",
        markdown_text(cleanup_line(run.footer.orphaned)) if run.footer else "",
        f"Target {markdown_line(run.header.target)}, {len(run.results):,} cases, {duration}.",
        checks_table(verdict),
    ]
    last = [
        f"### {title}\n\n" + "\n".join(f"- {markdown_text(line)}" for line in lines)
        for title, lines in (*_deviations(run.results), *_notes(run))
    ]
    used = sum(part.count("\n") + 2 for part in (*first, *last))
    middle = _markdown_causes(find_causes(_failures(run.results)), _failing_rows(run.results), used)
    return truncate("\n\n".join(part for part in (*first, *middle, *last) if part) + "\n")


def _matrix_rows(results: Sequence[Result]) -> list[list[str]]:
    return [*map(format_row, build_matrix(results)), format_row(build_row("total", results))]


def _failing_rows(results: Sequence[Result]) -> list[list[str]]:
    """Return the rows of the operations on which something failed or deviated, and the total."""
    rows = [row for row in build_matrix(results) if row.failed or row.counts["deviation"]]
    return [*map(format_row, rows), format_row(build_row("total", results))]


def _failures(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.outcome in FAILURES]


def describe_cause(cause: Cause) -> str:
    """Return the level of *cause* with the number of its requirements and cases."""
    requirements = format_count(len(cause.requirements), "requirement")
    cases = len(cause.results)
    more = f", {format_count(cases, 'case')}" if cases > len(cause.requirements) else ""
    return f"{cause.level}, {requirements}{more}"


def _terminal_causes(causes: Sequence[Cause], *, lines: int) -> Iterator[str]:
    """Yield a block for each cause in at most *lines*: all briefly, then the evidence of the first ones.

    If there are too many, the evidence of the first one comes before the last ones.
    """
    blocks: list[list[str]] = []
    reserved = (
        min(RESERVED_LINES_MAX, printable(causes[0].results[0].detail).count("\n") + 1) if causes else 0
    )
    for cause in causes:
        block = _brief_lines(cause)
        # One line for the blank line, and two for the note about the others.
        if lines - reserved - len(block) - 1 < 2 and blocks:  # noqa: PLR2004 - as the comment says
            break
        lines -= len(block) + 1
        blocks.append(block)
    for cause, block in zip(causes, blocks, strict=False):
        evidence = printable(cause.results[0].detail).splitlines()
        allowed = min(EVIDENCE_LINES_MAX, lines - 2)
        if not evidence or allowed <= len(block):
            continue
        shown = [line[:LINE_CHARACTERS_MAX] for line in evidence[:allowed]]
        if len(evidence) > allowed:
            shown[-1] = f"… {len(evidence) - allowed + 1:,} more lines in the result stream"
        lines -= len(shown)
        block.extend(shown)
    yield from ("\n".join(block) for block in blocks)
    if hidden := len(causes) - len(blocks):
        yield f"… and {format_count(hidden, 'more cause')}; --draft-deviations and the result stream list all"


def _brief_lines(cause: Cause) -> list[str]:
    first = cause.results[0]
    title = f"{RULE * 2} {printable_line(cause.title)[:WIDTH]} ({describe_cause(cause)}) "
    ids = printable_line(", ".join(cause.requirements if len(cause.results) > 1 else [first.id]))
    reason = [line for line in printable(first.reason).splitlines() if line.strip()]
    shown = [
        line[:LINE_CHARACTERS_MAX]
        for line in (ids, f"e.g. {first.id}" if ids != first.id else "", *reason[:3])
    ]
    return [title + RULE * max(0, WIDTH - len(title)), *filter(None, shown)]


def _markdown_causes(causes: Sequence[Cause], matrix: Sequence[Sequence[str]], used: int) -> Iterator[str]:
    """Yield the tables of the causes and of the operations on which something failed."""
    left = max(10, MARKDOWN_LINES_MAX - used - 11)
    shown = causes[: max(5, left - min(len(matrix), left // 3))]
    if causes:
        yield f"### Likely causes: {len(causes):,}"
        rows = [
            [cause.title[:LINE_CHARACTERS_MAX], describe_cause(cause), _named(cause.requirements)]
            for cause in shown
        ]
        yield markdown_table(("cause", "failed", "requirements"), rows)
        if hidden := len(causes) - len(shown):
            yield f"… and {hidden:,} more, see the result stream."
    room = max(3, left - len(shown))
    # The total is the last row.
    operations = [*matrix[: room - 1], matrix[-1]] if len(matrix) > room else matrix
    yield "### By operation"
    yield markdown_table(HEADINGS, operations)


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - IDS_MAX:,} more" if len(ids) > IDS_MAX else ""
    return ", ".join(ids[:IDS_MAX]) + more


def _deviations(results: Sequence[Result]) -> Iterator[tuple[str, Sequence[str]]]:
    if reasons := deviation_reasons(results):
        yield "Known deviations", _limited([f"{count:,} × {reason}" for reason, count in reasons])


def _notes(run: ConformanceRun) -> Iterator[tuple[str, Sequence[str]]]:
    """Return titled lists of what the run did not test, and of what it left."""
    footer = run.footer
    for title, lines in (
        (
            "Unsupported by the target",
            [f"{name}: {reason}" for name, reason in run.header.unsupported.items()],
        ),
        ("Skipped", skip_reasons(run.results)),
        ("Stale deviations", footer.stale_deviations if footer else ()),
        ("Orphaned resources", footer.orphaned if footer else ()),
    ):
        if lines:
            yield title, _limited(lines)


def _limited(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= NOTE_LINES_MAX:
        return lines
    return [*lines[: NOTE_LINES_MAX - 1], f"… and {len(lines) - NOTE_LINES_MAX + 1:,} more"]
