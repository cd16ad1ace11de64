"""A run as Markdown for the summary of a CI job: verdict, then why, then evidence. Below 200 KB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.gate.verdict import Verdict, line_of
from vecgate.reporting.markup import BYTES_MAX, cell, cut, escaped, table
from vecgate.reporting.matrix import HEADINGS, cells_of, matrix_of, row_of, untested_in
from vecgate.results.records import Result, Run

__all__ = ["BYTES_MAX", "markdown_report"]

FAILURES_BYTES_MAX = 120_000
FENCE = "````"


def markdown_report(run: Run, verdict: Verdict) -> str:
    """The report. What does not fit is counted."""
    parts = [
        f"## {cell(line_of(verdict, run))}",
        f"Target `{run.header.target}`, {len(run.results):,} requirements, {_took(run)}.",
        table(("check", "measured", "verdict"), [[c.name, c.measured, c.grade] for c in verdict.checks]),
        *_failures(run.results),
        "### By operation",
        table(HEADINGS, [*map(cells_of, matrix_of(run.results)), cells_of(row_of("in all", run.results))]),
        *_notes(run),
    ]
    return cut("\n\n".join(parts) + "\n")


def _took(run: Run) -> str:
    return f"{run.footer.duration_s:.1f} s" if run.footer else "cut off"


def _failures(results: Sequence[Result]) -> Iterator[str]:
    failed = [result for result in results if result.outcome in {"failed", "outgrown"}]
    if not failed:
        return
    yield f"### Failed: {len(failed):,}"
    room = FAILURES_BYTES_MAX
    for number, result in enumerate(failed):
        text = _failure(result)
        room -= len(text.encode())
        if room < 0:
            yield f"… and {len(failed) - number:,} more, in the result stream."
            return
        yield text


def _failure(result: Result) -> str:
    detail = (result.detail or result.reason).replace(FENCE, "```")
    return (
        f"<details><summary><code>{escaped(result.id)}</code> {escaped(result.claim)}</summary>\n\n"
        f"{FENCE}text\n{detail}\n{FENCE}\n\n</details>"
    )


def _notes(run: Run) -> Iterator[str]:
    reasons: dict[str, int] = {}
    for result in run.results:
        if result.outcome == "deviation":
            reasons[result.reason] = reasons.get(result.reason, 0) + 1
    lists = {
        "Known deviations": [f"{number:,} × {reason}" for reason, number in reasons.items()],
        "Not offered by the target": [f"{name}: {reason}" for name, reason in run.header.lacking.items()],
        "Not tested": list(untested_in(run.results)),
        "Listed deviations that are no longer true": list(run.footer.stale) if run.footer else [],
        "Left behind": list(run.footer.leaks) if run.footer else [],
    }
    for title, lines in lists.items():
        if lines:
            yield f"### {title}\n\n" + "\n".join(f"- {escaped(line)}" for line in lines)
