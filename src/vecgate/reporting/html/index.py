"""The page that lists all runs of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vecgate.reporting.html.conditions import versions_in
from vecgate.reporting.html.headline import headline_of
from vecgate.reporting.html.templating import page
from vecgate.reporting.html.views import Cell, Table
from vecgate.reporting.wording import duration, many, moment
from vecgate.results.records import Stream

COLUMNS = ("run", "kind", "verdict", "what it found", "started", "lasted", "processor", "versions")
WORDS = frozenset(COLUMNS) - {"lasted"}
TONES = {"passed": "good", "failed": "bad", "unjudged": "doubt", "found": "", "unclean": "doubt"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A run in the list: its stream, the name of its file, and the page to look at."""

    stream: Stream
    name: str
    href: str


def render_index(
    entries: Sequence[Entry], unreadable: Sequence[str] = (), others: Sequence[Cell] = ()
) -> str:
    """The page of *entries*, the newest first, and of *others*, pages of several runs.

    What is *unreadable* is named.
    """
    newest = sorted(entries, key=lambda each: (each.stream.header.started_at, each.name), reverse=True)
    table = Table(many(len(newest), "run"), COLUMNS, tuple(_row(each) for each in newest), WORDS)
    return page("index.html.j2", title="Runs", table=table, others=others, unreadable=unreadable)


def _row(entry: Entry) -> tuple[str | Cell, ...]:
    header, footer = entry.stream.header, entry.stream.footer
    headline = headline_of(entry.stream)
    return (
        Cell(headline.title, href=entry.href),
        header.kind,
        Cell(headline.word, tone=f"grade {TONES[headline.tone]}"),
        headline.line,
        moment(header.started_at),
        Cell(duration(footer.duration_s), footer.duration_s) if footer else "cut off",
        header.environment.get("processor", ""),
        versions_in(header),
    )
