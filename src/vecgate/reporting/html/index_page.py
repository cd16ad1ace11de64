"""The page that lists all runs in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vecgate.formatting import format_count, format_duration, format_timestamp
from vecgate.gate.verdict import CLEANUP_FAILED
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.reporting.html.headline import build_headline
from vecgate.reporting.html.run_facts import format_versions
from vecgate.reporting.html.templating import render_template
from vecgate.results.records import Stream

COLUMNS = ("run", "kind", "verdict", "result", "started", "duration", "processor", "versions")
TEXT_COLUMNS = frozenset(COLUMNS) - {"duration"}
TONES = {"passed": "good", "failed": "bad", "inconclusive": "doubt", "found": ""}


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A run in the list: *name* is its file, *href* the link to its report or its stream."""

    stream: Stream
    name: str
    href: str


def render_index(
    entries: Sequence[IndexEntry], unreadable: Sequence[str] = (), other_pages: Sequence[TableCell] = ()
) -> str:
    """Return the page that lists *entries*, the newest first.

    unreadable   messages about files that could not be read
    other_pages  titles and links of pages about several runs
    """
    newest = sorted(entries, key=lambda each: (each.stream.header.started_at, each.name), reverse=True)
    rows = tuple(_row(each) for each in newest)
    return render_template(
        "index.html.j2",
        title="Runs",
        table=Table(format_count(len(rows), "run"), COLUMNS, rows, TEXT_COLUMNS),
        other_pages=other_pages,
        unreadable=unreadable,
    )


def _row(entry: IndexEntry) -> TableRow:
    header, footer = entry.stream.header, entry.stream.footer
    headline = build_headline(entry.stream)
    duration_s = footer.duration_s if footer else None
    return (
        TableCell(headline.title, href=entry.href),
        header.kind,
        TableCell(headline.word, tone=f"grade {TONES[headline.tone]}"),
        f"{headline.line}; {CLEANUP_FAILED}" if headline.orphaned else headline.line,
        format_timestamp(header.started_at),
        "incomplete" if duration_s is None else TableCell(format_duration(duration_s), duration_s),
        header.environment.get("processor", ""),
        format_versions(header),
    )
