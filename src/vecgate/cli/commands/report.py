"""`vecgate report`: render result streams as HTML pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import orjson

from vecgate.cli.options import FILE, output_options, print_status
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_bytes, format_count
from vecgate.reporting.ci.badge import compatibility_badge
from vecgate.reporting.html.headline import Headline
from vecgate.reporting.html.page_files import (
    WrittenPage,
    find_streams,
    refuse_overwriting,
    write_index,
    write_report,
)
from vecgate.reporting.html.untrusted_text import make_visible
from vecgate.reporting.output_files import write_text
from vecgate.reporting.text.terminal_tables import table_lines
from vecgate.results.records import SCHEMA_VERSION, Stream

#: Longest text in a cell of the table on the terminal.
CELL_CHARACTERS = 200
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command()
@click.argument("runs", nargs=-1, type=FILE, metavar="RUN...")
@click.option(
    "--output",
    "-o",
    type=FILE,
    default=None,
    help="Page to write.  [default: report.html, or index.html in FOLDER]",
)
@click.option(
    "--index", "folder", type=FOLDER, default=None, help="Write a page that lists all runs in FOLDER."
)
@click.option("--matrix", is_flag=True, help="Show conformance runs of several targets side by side.")
@click.option(
    "--badges",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="FOLDER",
    help="Write a badge of each target of the matrix into FOLDER.",
)
@output_options
def report(
    runs: tuple[Path, ...],
    output: Path | None,
    folder: Path | None,
    matrix: bool,
    badges: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Render result streams as one HTML page that needs no network and no script.

    \b
    vecgate report run.jsonl -o report.html
    vecgate report local.jsonl moto.jsonl servers.jsonl --matrix -o compatibility.html
    vecgate report --index reports
    """  # noqa: D301 - click reads the backspace
    if not runs and (folder is None or matrix):
        raise UsageError(
            "no result stream is given", hint="Name a result stream, or a folder of them with --index."
        )
    if badges and not matrix:
        raise UsageError("--badges needs --matrix")
    page = (output or Path("report.html")) if runs else None
    listed = find_streams(folder) if folder else []
    index = ((None if runs else output) or folder / "index.html") if folder else None
    refuse_overwriting([*runs, *listed], [each for each in (page, index) if each])
    pages = [write_report(runs, page, is_matrix=matrix)] if page else []
    for written in pages if badges else ():
        _write_badges(written, badges)
    if folder and index:
        pages.append(write_index(folder, listed, index))
    has_unreadable = any(page.inputs.unreadable for page in pages)
    code = ExitCode.GATE_FAILED if has_unreadable else ExitCode.PASS
    click.echo(_json(pages, code) if as_json else "\n".join(_lines(pages)))
    for problem in _problems(pages):
        print_status(f"warning: {make_visible(problem)}", quiet=quiet)
    raise click.exceptions.Exit(int(code))


def _write_badges(page: WrittenPage, folder: Path | None) -> None:
    """Write the badge of each target of *page* into *folder*."""
    for path, stream, _ in page.runs:
        if folder and stream.header.kind == "conformance":
            write_text(folder / f"{path.stem}.svg", compatibility_badge(stream))


def _lines(pages: Sequence[WrittenPage]) -> list[str]:
    """Return a line for each run, then a line for each page."""
    rows = [
        [_format_cell(text) for text in (str(path), headline.title, headline.word, headline.line)]
        for page in pages
        for path, _, headline in page.runs
    ]
    rows = [list(row) for row in dict.fromkeys(map(tuple, rows))]
    page_lines = [
        f"{page.path}: {format_count(len(page.inputs.streams), 'run')}, {format_bytes(page.size_bytes)}"
        for page in pages
    ]
    return [*(table_lines(rows) if rows else []), *page_lines]


def _format_cell(text: str) -> str:
    """Return *text*, which may come from a server, as one truncated line without terminal escapes."""
    line = make_visible(text).replace("\n", " ")
    return line if len(line) <= CELL_CHARACTERS else f"{line[: CELL_CHARACTERS - 1]}…"


def _problems(pages: Sequence[WrittenPage]) -> list[str]:
    problems = [message for page in pages for message in page.inputs.unreadable]
    problems += [
        message for page in pages for _, stream in page.inputs.streams for message in stream.problems
    ]
    return list(dict.fromkeys(problems))


def _json(pages: Sequence[WrittenPage], code: ExitCode) -> str:
    result = {"schema": SCHEMA_VERSION, "exit_code": int(code), "pages": [_page_dict(page) for page in pages]}
    return orjson.dumps(result).decode()


def _page_dict(page: WrittenPage) -> dict[str, object]:
    return {
        "page": str(page.path),
        "bytes": page.size_bytes,
        "runs": [_run_dict(path, stream, headline) for path, stream, headline in page.runs],
        "unreadable": list(page.inputs.unreadable),
    }


def _run_dict(path: Path, stream: Stream, headline: Headline) -> dict[str, object]:
    return {
        "file": str(path),
        "run": stream.header.run,
        "kind": stream.header.kind,
        "target": stream.header.target,
        "verdict": headline.tone,
        "line": headline.line,
        "orphaned": list(headline.orphaned),
        "problems": list(stream.problems),
    }
