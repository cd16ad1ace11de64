"""`vecgate report`: result streams as a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import orjson

from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import FILE, output_options, say
from vecgate.cli.report_run import Written, refuse_overwriting, streams_in, write_index, write_report
from vecgate.cli.wording import size
from vecgate.errors import UsageError
from vecgate.reporting.html.headline import Headline
from vecgate.reporting.html.text import visible
from vecgate.reporting.terminal import table_lines
from vecgate.reporting.wording import many
from vecgate.results.records import SCHEMA_VERSION, Stream

#: Of a cell of the table on the terminal.
CELL_CHARACTERS = 200
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


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
    page = (output or Path("report.html")) if runs else None
    listed = streams_in(folder) if folder else []
    index = ((None if runs else output) or folder / "index.html") if folder else None
    refuse_overwriting([*runs, *listed], [each for each in (page, index) if each])
    pages = [write_report(runs, page, is_matrix=matrix)] if page else []
    if folder and index:
        pages.append(write_index(folder, listed, index))
    unreadable = [told for page in pages for told in page.inputs.unreadable]
    code = ExitCode.GATE_FAILED if unreadable else ExitCode.PASS
    click.echo(_json(pages, code) if as_json else "\n".join(_lines(pages)))
    for told in _problems(pages):
        say(f"warning: {visible(told)}", quiet=quiet)
    raise click.exceptions.Exit(int(code))


def _lines(pages: Sequence[Written]) -> list[str]:
    """Each run once, then each page."""
    rows = [
        [_shown(each) for each in (str(path), told.title, told.word, told.line)]
        for page in pages
        for path, _, told in page.runs
    ]
    rows = [list(row) for row in dict.fromkeys(map(tuple, rows))]
    last = [
        f"{page.path}: {many(len(page.inputs.streams), 'run')}, {size(page.number_bytes)}" for page in pages
    ]
    return [*(table_lines(rows) if rows else []), *last]


def _shown(text: str) -> str:
    """*text*, which a server may have said, in one line that does nothing to a terminal and has an end."""
    told = visible(text).replace("\n", " ")
    return told if len(told) <= CELL_CHARACTERS else f"{told[: CELL_CHARACTERS - 1]}…"


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
