"""The page that lists all runs in a folder, by kind, with their key figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecgate.formatting import NONE, format_duration, format_number, format_timestamp, format_usd
from vecgate.gate.verdict import CLEANUP_FAILED
from vecgate.reporting.html.components import Table, TableCell, TableRow
from vecgate.reporting.html.headline import Headline, build_headline
from vecgate.reporting.html.key_figures import KeyFigures, key_figures
from vecgate.reporting.html.run_facts import format_versions
from vecgate.reporting.html.templating import render_template
from vecgate.results.records import RunKind, Stream

FIGURES = ("rate", "p99 ms", "price")
COLUMNS = ("run", "verdict", "result", *FIGURES, "started (UTC)", "duration", "measured with")
TEXT_COLUMNS = frozenset(COLUMNS) - {"duration", *FIGURES}
#: Characters of a date and a time without seconds.
MINUTES = len("2026-11-24 10:00")
TONES = {"passed": "good", "failed": "bad", "inconclusive": "doubt", "found": ""}
#: The groups in their order.
TITLES: Mapping[RunKind, str] = {
    "load": "Load runs",
    "sweep": "Sweeps",
    "capacity": "Capacity searches",
    "scale": "Scaling grids",
    "bulk": "Ingests and deletions",
    "conformance": "Conformance runs",
    "benchmarks": "Microbenchmarks",
    "peers": "Client comparisons",
}


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A run in the list: *name* is its file, *href* the link to its report or its stream."""

    stream: Stream
    name: str
    href: str


def render_index(
    entries: Sequence[IndexEntry], unreadable: Sequence[str] = (), other_pages: Sequence[TableCell] = ()
) -> str:
    """Return the page that lists *entries* by kind, the newest first.

    unreadable   messages about files that could not be read
    other_pages  titles and links of pages about several runs
    """
    newest = sorted(entries, key=lambda each: (each.stream.header.started_at, each.name), reverse=True)
    rows = {kind: [_row(each) for each in newest if each.stream.header.kind == kind] for kind in TITLES}
    verdicts = sorted(
        {row[1].text for group in rows.values() for row in group if isinstance(row[1], TableCell)}
    )
    return render_template(
        "index.html.j2",
        title="Runs",
        groups=[
            (kind, _group_table(TITLES[kind], group), len(group)) for kind, group in rows.items() if group
        ],
        verdicts=verdicts,
        other_pages=other_pages,
        unreadable=unreadable,
    )


def _group_table(title: str, rows: Sequence[TableRow]) -> Table:
    """Return the table of a group, without columns in which no run has a value."""
    used = [
        at for at, name in enumerate(COLUMNS) if name not in FIGURES or any(_text(row[at]) for row in rows)
    ]
    return Table(
        f"{title} ({len(rows):,})",
        tuple(COLUMNS[at] for at in used),
        tuple(tuple(_shown(row[at]) for at in used) for row in rows),
        TEXT_COLUMNS,
    )


def _row(entry: IndexEntry) -> TableRow:
    header, footer = entry.stream.header, entry.stream.footer
    headline = build_headline(entry.stream)
    duration_s = footer.duration_s if footer else None
    return (
        TableCell(headline.title, href=entry.href),
        TableCell(headline.word, tone=f"grade {TONES[headline.tone]}"),
        f"{headline.line}; {CLEANUP_FAILED}" if headline.orphaned else headline.line,
        *_figure_cells(key_figures(entry.stream), headline),
        TableCell(format_timestamp(header.started_at)[:MINUTES], tone="date"),
        "incomplete" if duration_s is None else TableCell(format_duration(duration_s), duration_s),
        ", ".join(filter(None, (header.environment.get("processor", ""), format_versions(header)))),
    )


def _figure_cells(figures: KeyFigures, headline: Headline) -> Iterator[TableCell]:
    """Return rate, p99 and price; an inconclusive run has none to compare."""
    if headline.tone == "inconclusive":
        figures = KeyFigures()
    rate, unit = figures.rate_per_s, figures.unit
    yield TableCell("" if rate is None else f"{format_number(rate)} {unit}/s", rate)
    yield TableCell("" if figures.p99_ms is None else format_number(figures.p99_ms), figures.p99_ms)
    price = "" if figures.usd is None else f"{format_usd(figures.usd)} {figures.usd_for}".rstrip()
    yield TableCell(price, figures.usd)


def _text(cell: str | TableCell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _shown(cell: str | TableCell) -> str | TableCell:
    """Return *cell*, with a dash if it is empty."""
    return TableCell(NONE) if isinstance(cell, TableCell) and not cell.text else cell
