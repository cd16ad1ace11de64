"""`vecgate compare`: compares two runs, and fails if one of their figures regressed beyond noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import orjson

from vecgate.cli.options import FILE, F, print_status
from vecgate.errors import SourceError
from vecgate.exit_codes import EXIT_CODE_OF_GRADE, ExitCode
from vecgate.gate.compare import comparison
from vecgate.gate.compare.regression_limits import Limit
from vecgate.reporting.output_files import check_writable, write_text
from vecgate.reporting.text.comparison_text import comparison_dict, comparison_markdown, comparison_text
from vecgate.results.records import SCHEMA_VERSION, Stream
from vecgate.results.result_stream import read_stream


def limit_option(examples: str) -> Callable[[F], F]:
    """Return the option `--max-regression` with *examples* in its help text."""
    return click.option(
        "--max-regression",
        "limits",
        multiple=True,
        metavar="LIMIT",
        help=f"How much figures may regress: {examples}. By default no figure may regress beyond noise.",
    )


force_option = click.option(
    "--force", is_flag=True, help="Also compare runs of different machines or scenarios."
)


@click.command()
@click.argument("base", type=FILE)
@click.argument("head", type=FILE)
@limit_option("10%, p99=10% or achieved=1%")
@force_option
@click.option("--all", "show_all", is_flag=True, help="Also show what is unchanged or unclear.")
@click.option("--markdown", type=FILE, default=None, help="Append a summary in Markdown to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def compare(
    base: Path,
    head: Path,
    limits: tuple[str, ...],
    force: bool,
    show_all: bool,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Compare the run in HEAD with the run in BASE. Both are result streams of the same kind.

    \b
    vecgate compare before.jsonl after.jsonl
    vecgate compare main.jsonl branch.jsonl --max-regression p99=10% --max-regression achieved=1%
    """  # noqa: D301 - click reads the backspace
    check_writable(markdown)
    streams = _read_valid(base), _read_valid(head)
    for stream in streams:
        for problem in stream.problems:
            print_status(f"note: {problem}")
    result = comparison.compare(*streams, [Limit.parse(text) for text in limits], force=force)
    code = print_comparison(result, as_json=as_json, show_all=show_all, markdown=markdown)
    raise click.exceptions.Exit(int(code))


def print_comparison(
    result: comparison.Comparison, *, as_json: bool, show_all: bool = False, markdown: Path | None = None
) -> ExitCode:
    """Print *result*, append it to the file *markdown*, and return its exit code."""
    code = EXIT_CODE_OF_GRADE[result.verdict.grade]
    plain = {"schema": SCHEMA_VERSION, **comparison_dict(result), "exit_code": int(code)}
    click.echo(orjson.dumps(plain).decode() if as_json else comparison_text(result, show_all=show_all))
    if markdown:
        write_text(markdown, comparison_markdown(result), append=True)
    return code


def _read_valid(path: Path) -> Stream:
    """Return the stream in the file at *path*. Raises SourceError if one of its lines is invalid."""
    stream = read_stream(path)
    if stream.invalid_lines:
        raise SourceError(f"{path} cannot be compared: {'; '.join(stream.problems[: stream.invalid_lines])}")
    return stream
