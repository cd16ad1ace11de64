"""A conformance run for the terminal, and as a Markdown job summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from vecgate.gate.conformance_verdict import conformance_verdict_line
from vecgate.gate.verdict import Verdict, cleanup_line
from vecgate.printable import markdown_block, markdown_line, markdown_text, printable_line
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
#: Part of the Markdown summary for the details of failures.
FAILURES_BYTES_MAX = 120_000


def conformance_text(run: ConformanceRun, verdict: Verdict) -> str:
    """Return the report for the terminal: failures in full, the matrix, notes, checks, verdict."""
    orphaned = run.footer.orphaned if run.footer else ()
    last_lines = (conformance_verdict_line(verdict, run), cleanup_line(orphaned))
    parts = [
        *_terminal_failures(run.results),
        "\n".join(table_lines([HEADINGS, *_matrix_rows(run.results)])),
        *("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in _notes(run)),
        "\n".join(check_lines(verdict)),
        "\n".join(filter(None, last_lines)),
    ]
    return "\n\n".join(part for part in parts if part)


def conformance_markdown(run: ConformanceRun, verdict: Verdict) -> str:
    """Return the job summary. It counts the failures for which it has no space."""
    duration = f"{run.footer.duration_s:.1f} s" if run.footer else "incomplete"
    parts = [
        f"## {markdown_line(conformance_verdict_line(verdict, run))}",
        markdown_text(cleanup_line(run.footer.orphaned)) if run.footer else "",
        f"Target {markdown_line(run.header.target)}, {len(run.results):,} requirements, {duration}.",
        checks_table(verdict),
        *_markdown_failures(run.results),
        "### By operation",
        markdown_table(HEADINGS, _matrix_rows(run.results)),
        *(
            f"### {title}\n\n" + "\n".join(f"- {markdown_text(line)}" for line in lines)
            for title, lines in (*_deviations(run.results), *_notes(run))
        ),
    ]
    return truncate("\n\n".join(part for part in parts if part) + "\n")


def _matrix_rows(results: Sequence[Result]) -> list[list[str]]:
    return [*map(format_row, build_matrix(results)), format_row(build_row("total", results))]


def _terminal_failures(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.outcome in FAILURES:
            title = f"{RULE * 2} {result.id} "
            line = RULE * max(0, WIDTH - len(title))
            yield f"{title}{line}\n{result.test}\n{result.detail or result.reason}"


def _markdown_failures(results: Sequence[Result]) -> Iterator[str]:
    failures = [result for result in results if result.outcome in FAILURES]
    if not failures:
        return
    yield f"### Failed: {len(failures):,}"
    left = FAILURES_BYTES_MAX
    for shown, result in enumerate(failures):
        text = _markdown_failure(result)
        left -= len(text.encode())
        if left < 0:
            yield f"… and {len(failures) - shown:,} more, see the result stream."
            return
        yield text


def _markdown_failure(result: Result) -> str:
    # Within a block of HTML, Markdown has no escapes.
    id_, claim = escape(printable_line(result.id)), escape(printable_line(result.claim))
    block = markdown_block(result.detail or result.reason)
    return f"<details><summary><code>{id_}</code> {claim}</summary>\n\n{block}\n\n</details>"


def _deviations(results: Sequence[Result]) -> Iterator[tuple[str, Sequence[str]]]:
    if reasons := deviation_reasons(results):
        yield "Known deviations", [f"{count:,} × {reason}" for reason, count in reasons]


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
            yield title, lines
