"""Read result streams from files, write pages about them, and link pages to each other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import quote

from vecgate.errors import SourceError
from vecgate.gate.compare.comparison import Comparison
from vecgate.reporting.html.comparison_page import ComparedRun, render_comparison
from vecgate.reporting.html.components import TableCell
from vecgate.reporting.html.headline import Headline, build_headline
from vecgate.reporting.html.index_page import IndexEntry, render_index
from vecgate.reporting.html.matrix_page import render_matrix
from vecgate.reporting.html.report_page import build_report
from vecgate.reporting.output_files import write_text
from vecgate.results.records import Stream
from vecgate.results.result_stream import read_stream

#: The head of a page that vecgate made, with its title.
_VECGATE_TITLE = re.compile(
    r'<meta name="generator" content="vecgate">\s*<title>(.*?) – vecgate</title>', re.DOTALL
)
HEAD_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class Inputs:
    """The streams that were read, each with its file, and messages about files that could not be read."""

    streams: tuple[tuple[Path, Stream], ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """A page on disk: its path, its size, its inputs, and the headline of each run."""

    path: Path
    size_bytes: int
    inputs: Inputs
    headlines: tuple[Headline, ...]

    @property
    def runs(self) -> Iterator[tuple[Path, Stream, Headline]]:
        """File, stream and headline of each run."""
        for (path, stream), headline in zip(self.inputs.streams, self.headlines, strict=True):
            yield path, stream, headline


def find_streams(folder: Path) -> list[Path]:
    """Return the files in *folder* that may be result streams."""
    return sorted(folder.rglob("*.jsonl"))


def read_streams(paths: Iterable[Path]) -> Inputs:
    """Read the streams at *paths*. Raises SourceError if none of them can be read."""
    streams: list[tuple[Path, Stream]] = []
    unreadable: list[str] = []
    for path in paths:
        try:
            streams.append((path, read_stream(path)))
        except SourceError as error:
            unreadable.append(str(error))
    if unreadable and not streams:
        raise SourceError(
            "; ".join(unreadable), hint="A result stream is the file that the option --results writes."
        )
    return Inputs(tuple(streams), tuple(unreadable))


def write_report(runs: Sequence[Path], output: Path, *, is_matrix: bool) -> WrittenPage:
    """Write a report about *runs* to *output*; with *is_matrix*, the compatibility matrix."""
    inputs = read_streams(runs)
    streams = [stream for _, stream in inputs.streams]
    if is_matrix:
        pages = [_report_link(path, output) for path, _ in inputs.streams]
        return _write(output, render_matrix(streams, inputs.unreadable, pages), inputs)
    report = build_report(streams, inputs.unreadable)
    return _write(output, report.html, inputs, report.headlines)


def write_comparison(
    base: Sequence[tuple[Path, Stream]],
    head: Sequence[tuple[Path, Stream]],
    comparison: Comparison,
    output: Path,
) -> WrittenPage:
    """Write to *output* the page about *comparison*, that of the runs *base* and *head*."""

    def compared(side: str, runs: Sequence[tuple[Path, Stream]]) -> list[ComparedRun]:
        return [
            ComparedRun(side, stream, path.name, _report_link(path, output) or _link(path, output))
            for path, stream in runs
        ]

    page = render_comparison(compared("base", base), compared("head", head), comparison)
    return _write(output, page, Inputs((*base, *head), ()))


def write_index(folder: Path, listed: Sequence[Path], output: Path) -> WrittenPage:
    """Write to *output* an index of the runs *listed*, which are in *folder*, and of its other pages."""
    inputs = read_streams(listed)
    entries = [
        IndexEntry(stream, path.name, _report_link(path, output) or _link(path, output))
        for path, stream in inputs.streams
    ]
    page = render_index(entries, inputs.unreadable, list(_other_pages(folder, output)))
    return _write(output, page, inputs)


def _other_pages(folder: Path, output: Path) -> Iterator[TableCell]:
    """Return title and link of pages in *folder* about several runs, such as the compatibility matrix."""
    for path in sorted(folder.rglob("*.html")):
        is_listed = path.with_suffix(".jsonl").exists() or (output.exists() and path.samefile(output))
        if not is_listed and (title := read_title(path)):
            yield TableCell(title, href=_link(path, output))


def read_title(path: Path) -> str:
    """Return the title of the page at *path*, empty if another program made it."""
    with path.open(encoding="utf-8", errors="replace") as file:
        match = _VECGATE_TITLE.search(file.read(HEAD_CHARACTERS))
    return unescape(match[1]) if match else ""


def _report_link(path: Path, output: Path) -> str:
    """Return the link from *output* to the report beside the stream at *path*, or an empty string."""
    page = path.with_suffix(".html")
    return _link(page, output) if page.exists() else ""


def _link(path: Path, output: Path) -> str:
    return quote(Path(os.path.relpath(path, output.parent)).as_posix())


def _write(
    output: Path, page: str, inputs: Inputs, headlines: tuple[Headline, ...] | None = None
) -> WrittenPage:
    write_text(output, page)
    if headlines is None:
        headlines = tuple(build_headline(stream) for _, stream in inputs.streams)
    return WrittenPage(output, len(page.encode()), inputs, headlines)
