"""Markdown for CI job summaries: tables and a length limit. `vecgate.printable` escapes text for it."""

from __future__ import annotations

from collections.abc import Sequence

from vecgate.gate.verdict import Verdict
from vecgate.printable import markdown_line

#: Longer summaries are truncated to stay readable. GitHub's own limit is 1 MiB per step.
BYTES_MAX = 200_000


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(markdown_line, line))} |" for line in lines)


def checks_table(verdict: Verdict) -> str:
    """Return the table of the checks behind *verdict*."""
    rows = [[check.name, check.measured, check.grade] for check in verdict.checks]
    return markdown_table(("check", "measured", "verdict"), rows)


def truncate(text: str) -> str:
    """Return *text*, truncated to BYTES_MAX with a note at the end."""
    data = text.encode()
    if len(data) <= BYTES_MAX:
        return text
    note = "\n\n… truncated; the result stream contains everything.\n"
    return data[: BYTES_MAX - len(note.encode())].decode(errors="ignore") + note
