"""`vecgate report`: render result streams as HTML pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.commands.compare import (
    TwoSides,
    compare_sides,
    force_option,
    limit_option,
    read_valid,
    split_sides,
)
from vecgate.cli.json_output import print_json
from vecgate.cli.options import FILE, OUTPUT_FILE, output_options, print_status
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_bytes, format_count
from vecgate.reporting.output_files import refuse_overwriting, write_text

if TYPE_CHECKING:
    from vecgate.reporting.html.headline import Headline
    from vecgate.reporting.html.page_files import WrittenPage
    from vecgate.results.records import Stream

#: Longest text in a cell of the table on the terminal.
CELL_CHARACTERS = 200
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
COMPARE = "--compare"


class RunsOrSides(TwoSides):
    """A command whose files are runs, or with `--compare` those of two sides."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse *args*; `--` separates two sides only with `--compare`."""
        return super().parse_args(ctx, args) if COMPARE in args else click.Command.parse_args(self, ctx, args)


@click.command(cls=RunsOrSides)
@click.argument("runs", nargs=-1, type=FILE, metavar="RUN...")
@click.option(
    "--output",
    "-o",
    type=OUTPUT_FILE,
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
@click.option(
    COMPARE,
    "is_comparison",
    is_flag=True,
    help="Compare BASE and HEAD as `vecgate compare` does; or several of each, with -- between them.",
)
@limit_option("p99=10%, as for `vecgate compare`, with --compare")
@force_option
@output_options
def report(
    runs: tuple[Path, ...],
    output: Path | None,
    folder: Path | None,
    matrix: bool,
    badges: Path | None,
    is_comparison: bool,
    limits: tuple[str, ...],
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Render result streams as one HTML page that needs no network and no script.

    \b
    vecgate report run.jsonl -o report.html
    vecgate report local.jsonl moto.jsonl servers.jsonl --matrix -o compatibility.html
    vecgate report --index reports
    vecgate report --compare before.jsonl after.jsonl -o comparison.html
    """  # noqa: D301 - click reads the backspace
    from vecgate.reporting.html.page_files import find_streams, write_index, write_report
    from vecgate.reporting.html.untrusted_text import make_visible

    if not runs and (folder is None or matrix):
        raise UsageError(
            "no result stream is given", hint="Name a result stream, or a folder of them with --index."
        )
    if badges and not matrix:
        raise UsageError("--badges needs --matrix")
    if is_comparison:
        if folder or matrix:
            raise UsageError("--compare makes a page of its own: leave out --index and --matrix")
        _report_comparison(runs, output or Path("report.html"), limits, force=force, as_json=as_json)
        return
    if limits or force:
        raise UsageError("--max-regression and --force need --compare")
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
    if as_json:
        print_json({"pages": [_page_dict(page) for page in pages]}, code=code)
    else:
        click.echo("\n".join(_lines(pages)))
    for problem in _problems(pages):
        print_status(f"warning: {make_visible(problem)}", quiet=quiet)
    raise click.exceptions.Exit(int(code))


def _report_comparison(
    files: Sequence[Path], output: Path, limits: Sequence[str], *, force: bool, as_json: bool
) -> None:
    """Write the page that compares two sides, and print its verdict, which `vecgate compare` gates on."""
    from vecgate.gate.compare.comparison import comparison_line
    from vecgate.reporting.html.page_files import write_comparison
    from vecgate.reporting.html.untrusted_text import make_visible

    base, head = split_sides(files)
    refuse_overwriting([*base, *head], [output])
    before, now = read_valid(base), read_valid(head)
    comparison = compare_sides(before, now, limits, force=force)
    page = write_comparison(
        list(zip(base, before, strict=True)), list(zip(head, now, strict=True)), comparison, output
    )
    line = comparison_line(comparison)
    if as_json:
        compared = {"verdict": comparison.verdict.grade, "line": line}
        print_json({"pages": [_page_dict(page)], "comparison": compared})
    else:
        click.echo("\n".join([*_lines([page]), make_visible(line)]))


def _write_badges(page: WrittenPage, folder: Path | None) -> None:
    """Write the badge of each target of *page* into *folder*."""
    from vecgate.reporting.ci.badge import compatibility_badge

    for path, stream, _ in page.runs:
        if folder and stream.header.kind == "conformance":
            write_text(folder / f"{path.stem}.svg", compatibility_badge(stream))


def _lines(pages: Sequence[WrittenPage]) -> list[str]:
    """Return a line for each run, then a line for each page."""
    from vecgate.reporting.text.terminal_tables import table_lines

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
    from vecgate.reporting.html.untrusted_text import make_visible

    line = make_visible(text).replace("\n", " ")
    return line if len(line) <= CELL_CHARACTERS else f"{line[: CELL_CHARACTERS - 1]}…"


def _problems(pages: Sequence[WrittenPage]) -> list[str]:
    problems = [message for page in pages for message in page.inputs.unreadable]
    problems += [
        message for page in pages for _, stream in page.inputs.streams for message in stream.problems
    ]
    return list(dict.fromkeys(problems))


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
