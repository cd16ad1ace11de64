"""What `vecgate report` does: reads streams, writes pages, and links what belongs together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import quote

from vecgate.errors import SourceError, UsageError
from vecgate.reporting.files import write_text
from vecgate.reporting.html.headline import Headline, headline_of
from vecgate.reporting.html.index import Entry, render_index
from vecgate.reporting.html.matrix import render_matrix
from vecgate.reporting.html.page import report_of
from vecgate.reporting.html.views import Cell
from vecgate.results.records import Stream
from vecgate.results.stream import read_stream

#: What the head of a page says, its title within.
_MADE = re.compile(r'<meta name="generator" content="vecgate">\s*<title>(.*?) – vecgate</title>', re.DOTALL)
HEAD_CHARACTERS = 4_096
ELSEWHERE = "Name another file with -o."


@dataclass(frozen=True, slots=True)
class Inputs:
    """The streams that could be read, each with its file, and a sentence for each that could not."""

    streams: tuple[tuple[Path, Stream], ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A page on disk: its path, its bytes, what is in it, and what each run came to."""

    path: Path
    number_bytes: int
    inputs: Inputs
    headlines: tuple[Headline, ...]

    @property
    def runs(self) -> Iterator[tuple[Path, Stream, Headline]]:
        """Each run."""
        for (path, stream), headline in zip(self.inputs.streams, self.headlines, strict=True):
            yield path, stream, headline


def refuse_overwriting(inputs: Iterable[Path], outputs: Sequence[Path]) -> None:
    """Raises UsageError where a page would be written over one of *inputs*, or over the other page."""
    streams = [path for path in inputs if path.exists()]
    for output in outputs:
        if output.exists() and any(output.samefile(path) for path in streams):
            raise UsageError(
                f"{output} is a result stream that is to be read: the page would replace it", hint=ELSEWHERE
            )
    if len({output.resolve() for output in outputs}) < len(outputs):
        raise UsageError(f"{outputs[0]} would hold the page, and then the list instead", hint=ELSEWHERE)


def streams_in(folder: Path) -> list[Path]:
    """What in *folder* may be a result stream."""
    return sorted(folder.rglob("*.jsonl"))


def read_all(paths: Iterable[Path]) -> Inputs:
    """The streams at *paths*. Raises SourceError where not a single one can be read."""
    streams: list[tuple[Path, Stream]] = []
    unreadable: list[str] = []
    for path in paths:
        try:
            streams.append((path, read_stream(path)))
        except SourceError as error:
            unreadable.append(str(error))
    if unreadable and not streams:
        raise SourceError(
            "; ".join(unreadable), hint="A result stream is what --results of a command writes."
        )
    return Inputs(tuple(streams), tuple(unreadable))


def write_report(runs: Sequence[Path], output: Path, *, is_matrix: bool) -> Written:
    """The page of *runs* at *output*; *is_matrix*, side by side."""
    inputs = read_all(runs)
    streams = [stream for _, stream in inputs.streams]
    if is_matrix:
        own = [_page_link(path, output) for path, _ in inputs.streams]
        return _written(output, render_matrix(streams, inputs.unreadable, own), inputs)
    made = report_of(streams, inputs.unreadable)
    return _written(output, made.html, inputs, made.headlines)


def write_index(folder: Path, listed: Sequence[Path], output: Path) -> Written:
    """The list at *output* of the runs *listed*, which are in *folder*, and of its other pages."""
    inputs = read_all(listed)
    entries = [
        Entry(stream, path.name, _page_link(path, output) or _link(path, output))
        for path, stream in inputs.streams
    ]
    return _written(output, render_index(entries, inputs.unreadable, list(_others(folder, output))), inputs)


def _others(folder: Path, output: Path) -> Iterator[Cell]:
    """Pages in *folder* that are of no single stream, such as targets side by side."""
    for path in sorted(folder.rglob("*.html")):
        is_own = path.with_suffix(".jsonl").exists() or (output.exists() and path.samefile(output))
        if not is_own and (title := title_of(path)):
            yield Cell(title, href=_link(path, output))


def title_of(path: Path) -> str:
    """The title of the page at *path*, empty where vecgate has not made it."""
    with path.open(encoding="utf-8", errors="replace") as file:
        found = _MADE.search(file.read(HEAD_CHARACTERS))
    return unescape(found[1]) if found else ""


def _page_link(path: Path, output: Path) -> str:
    """The report beside the stream at *path*, as the page at *output* links it; empty where there is none."""
    page = path.with_suffix(".html")
    return _link(page, output) if page.exists() else ""


def _link(path: Path, output: Path) -> str:
    return quote(Path(os.path.relpath(path, output.parent)).as_posix())


def _written(
    output: Path, page: str, inputs: Inputs, headlines: tuple[Headline, ...] | None = None
) -> Written:
    write_text(output, page)
    found = tuple(headline_of(stream) for _, stream in inputs.streams) if headlines is None else headlines
    return Written(output, len(page.encode()), inputs, found)
