"""`vecgate report`: result streams as a page for people."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import click
import orjson

from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import output_options, say
from vecgate.cli.wording import count, size
from vecgate.errors import SourceError, UsageError
from vecgate.reporting.html.headline import Headline, headline_of
from vecgate.reporting.html.index import Entry, render_index
from vecgate.reporting.html.matrix import render_matrix
from vecgate.reporting.html.page import report_of
from vecgate.reporting.terminal import table_lines
from vecgate.results.records import SCHEMA_VERSION, Stream
from vecgate.results.stream import read_stream

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


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


@click.command(short_help="Render result streams as one HTML page.")
@click.argument("runs", nargs=-1, type=FILE, metavar="RUN...")
@click.option(
    "--output",
    "-o",
    type=FILE,
    default=None,
    help="The page.  [default: report.html, or index.html in FOLDER]",
)
@click.option("--index", "folder", type=FOLDER, default=None, help="List all runs of this folder in a page.")
@click.option("--matrix", is_flag=True, help="Set conformance runs of several targets side by side.")
@output_options
def report(
    runs: tuple[Path, ...], output: Path | None, folder: Path | None, matrix: bool, as_json: bool, quiet: bool
) -> None:
    """Render result streams as one HTML page that needs no network and no script.

    \b
    vecgate report run.jsonl -o report.html
    vecgate report local.jsonl moto.jsonl --matrix -o compatibility.html
    vecgate report --index reports
    """  # noqa: D301 - click reads the backspace
    if not runs and (folder is None or matrix):
        raise UsageError("no result stream is named", hint="Name one, or a folder of them with --index.")
    pages = [_report(runs, output or Path("report.html"), is_matrix=matrix)] if runs else []
    if folder is not None:
        pages.append(_index(folder, (None if runs else output) or folder / "index.html"))
    unreadable = [told for page in pages for told in page.inputs.unreadable]
    code = ExitCode.GATE_FAILED if unreadable else ExitCode.PASS
    click.echo(_json(pages, code) if as_json else "\n".join(_lines(pages)))
    for told in _problems(pages):
        say(f"warning: {told}", quiet=quiet)
    raise click.exceptions.Exit(int(code))


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


def _report(runs: Sequence[Path], output: Path, *, is_matrix: bool) -> Written:
    inputs = read_all(runs)
    streams = [stream for _, stream in inputs.streams]
    if is_matrix:
        return _written(output, render_matrix(streams, inputs.unreadable), inputs)
    made = report_of(streams, inputs.unreadable)
    return _written(output, made.html, inputs, made.headlines)


def _index(folder: Path, output: Path) -> Written:
    inputs = read_all(sorted(folder.rglob("*.jsonl")))
    entries = [Entry(stream, path.name, _link(path, output)) for path, stream in inputs.streams]
    return _written(output, render_index(entries, inputs.unreadable), inputs)


def _link(path: Path, output: Path) -> str:
    """The report beside the stream at *path*, or the stream itself, as the page at *output* links it."""
    page = path.with_suffix(".html")
    there = page if page.exists() else path
    return quote(Path(os.path.relpath(there, output.parent)).as_posix())


def _written(
    output: Path, page: str, inputs: Inputs, headlines: tuple[Headline, ...] | None = None
) -> Written:
    content = page.encode()
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror or error}") from None
    found = tuple(headline_of(stream) for _, stream in inputs.streams) if headlines is None else headlines
    return Written(output, len(content), inputs, found)


def _lines(pages: Sequence[Written]) -> list[str]:
    """Each run once, then each page."""
    rows = [[str(path), told.title, told.word, told.line] for page in pages for path, _, told in page.runs]
    rows = [list(row) for row in dict.fromkeys(map(tuple, rows))]
    last = [
        f"{page.path}: {count(len(page.inputs.streams), 'run')}, {size(page.number_bytes)}" for page in pages
    ]
    return [*(table_lines(rows) if rows else []), *last]


def _problems(pages: Sequence[Written]) -> list[str]:
    found = [told for page in pages for told in page.inputs.unreadable]
    found += [told for page in pages for _, stream in page.inputs.streams for told in stream.problems]
    return list(dict.fromkeys(found))


def _json(pages: Sequence[Written], code: ExitCode) -> str:
    told = {"schema": SCHEMA_VERSION, "exit_code": int(code), "pages": [_page(page) for page in pages]}
    return orjson.dumps(told).decode()


def _page(page: Written) -> dict[str, object]:
    return {
        "page": str(page.path),
        "bytes": page.number_bytes,
        "runs": [_run(path, stream, headline) for path, stream, headline in page.runs],
        "unreadable": list(page.inputs.unreadable),
    }


def _run(path: Path, stream: Stream, headline: Headline) -> dict[str, object]:
    return {
        "file": str(path),
        "run": stream.header.run,
        "kind": stream.header.kind,
        "target": stream.header.target,
        "verdict": headline.tone,
        "line": headline.line,
        "problems": list(stream.problems),
    }
