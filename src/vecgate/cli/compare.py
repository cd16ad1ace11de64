"""`vecgate compare`: two runs held against each other, and what of it is more than chance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import orjson

from vecgate.cli.exit_codes import EXIT_OF_GRADE, ExitCode
from vecgate.cli.options import FILE, F, say
from vecgate.errors import SourceError
from vecgate.gate.compare import Comparison
from vecgate.gate.compare import compare as held_against
from vecgate.gate.limits import Limit
from vecgate.reporting.comparison import comparison_dict, comparison_markdown, comparison_text
from vecgate.reporting.files import look_at, write_text
from vecgate.results.records import SCHEMA_VERSION
from vecgate.results.stream import read_stream


def limit_option(such_as: str) -> Callable[[F], F]:
    """`--max-regression`, explained with limits *such_as* these."""
    return click.option(
        "--max-regression",
        "limits",
        multiple=True,
        metavar="LIMIT",
        help=f"Such as {such_as}; by default nothing may be worse beyond noise.",
    )


anyway_option = click.option("--anyway", is_flag=True, help="Also across machines and scenarios.")


@click.command(short_help="Hold two runs against each other.")
@click.argument("base", type=FILE)
@click.argument("head", type=FILE)
@limit_option("10%, p99=10% or achieved=1%")
@anyway_option
@click.option("--all", "everything", is_flag=True, help="Show also what is the same.")
@click.option("--markdown", type=FILE, default=None, help="Add a summary in Markdown to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def compare(
    base: Path,
    head: Path,
    limits: tuple[str, ...],
    anyway: bool,
    everything: bool,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Hold the run in HEAD against that in BASE: two result streams of one kind.

    \b
    vecgate compare before.jsonl after.jsonl
    vecgate compare main.jsonl branch.jsonl --max-regression p99=10% --max-regression achieved=1%
    """  # noqa: D301 - click reads the backspace
    look_at(markdown)
    streams = read_stream(base), read_stream(head)
    for path, stream in zip((base, head), streams, strict=True):
        # That a run was cut off the comparison knows itself; lines that are no records it would miss.
        if broken := stream.problems[: len(stream.problems) - (stream.footer is None)]:
            raise SourceError(f"{path} cannot be compared: {'; '.join(broken)}")
    for stream in streams:
        for problem in stream.problems:
            say(f"note: {problem}")
    found = held_against(*streams, [Limit.parse(text) for text in limits], anyway=anyway)
    code = print_comparison(found, as_json=as_json, everything=everything, markdown=markdown)
    raise click.exceptions.Exit(int(code))


def print_comparison(
    found: Comparison, *, as_json: bool, everything: bool = False, markdown: Path | None = None
) -> ExitCode:
    """Print *found*, add it to *markdown*, and give its exit code."""
    code = EXIT_OF_GRADE[found.verdict.grade]
    told = {"schema": SCHEMA_VERSION, **comparison_dict(found), "exit_code": int(code)}
    text = orjson.dumps(told).decode() if as_json else comparison_text(found, everything=everything)
    click.echo(text)
    if markdown:
        write_text(markdown, comparison_markdown(found), is_added=True)
    return code
