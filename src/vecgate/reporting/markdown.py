"""A run as Markdown for the summary of a CI job: verdict, then why, then evidence. Below 200 KB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vecgate.gate.verdict import Verdict, line_of
from vecgate.reporting.matrix import HEADINGS, cells_of, matrix_of, row_of
from vecgate.results.records import Result, Run

#: GitHub takes 1 MiB for a step; what is longer than this nobody reads there.
BYTES_MAX = 200_000
FAILURES_BYTES_MAX = 120_000
FENCE = "````"


def markdown_report(run: Run, verdict: Verdict) -> str:
    """The report. What does not fit is counted."""
    parts = [
        f"## {_cell(line_of(verdict, run))}",
        f"Target `{run.header.target}`, {len(run.results):,} requirements, {_took(run)}.",
        _table(("check", "measured", "verdict"), [[c.name, c.measured, c.grade] for c in verdict.checks]),
        *_failures(run.results),
        "### By operation",
        _table(HEADINGS, [*map(cells_of, matrix_of(run.results)), cells_of(row_of("in all", run.results))]),
        *_notes(run),
    ]
    return _cut("\n\n".join(parts) + "\n")


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
        f"<details><summary><code>{_escaped(result.id)}</code> {_escaped(result.claim)}</summary>\n\n"
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
        "Listed deviations that are no longer true": list(run.footer.stale) if run.footer else [],
        "Left behind": list(run.footer.leaks) if run.footer else [],
    }
    for title, lines in lists.items():
        if lines:
            yield f"### {title}\n\n" + "\n".join(f"- {_escaped(line)}" for line in lines)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str) -> str:
    data = text.encode()
    if len(data) <= BYTES_MAX:
        return text
    end = "\n\n… cut off here; the result stream has it all.\n"
    return data[: BYTES_MAX - len(end.encode())].decode(errors="ignore") + end
