"""`vecgate compare`: compares two runs or several of two sides; fails if a figure regressed beyond noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.json_output import print_json
from vecgate.cli.options import FILE, OUTPUT_FILE, F, OptionDecorator, print_status
from vecgate.errors import SourceError, UsageError
from vecgate.exit_codes import EXIT_CODE_OF_GRADE, ExitCode
from vecgate.reporting.output_files import check_writable, write_text

if TYPE_CHECKING:
    from vecgate.gate.compare import comparison
    from vecgate.results.records import Stream

#: Stands for `--` among the files; no file has this name.
SEPARATOR = Path("/dev/null/--")


def limit_option(examples: str) -> Callable[[F], F]:
    """Return the option `--max-regression` with *examples* in its help text."""
    return click.option(
        "--max-regression",
        "limits",
        multiple=True,
        metavar="LIMIT",
        help=f"How much figures may regress: {examples}. By default no figure may regress beyond noise.",
    )


force_option: OptionDecorator = click.option(
    "--force", is_flag=True, help="Also compare runs of different machines or scenarios."
)


class TwoSides(click.Command):
    """A command whose files are those of two sides, with `--` between them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Replace `--`, which click would leave out."""
        return super().parse_args(ctx, [str(SEPARATOR) if word == "--" else word for word in args])


@click.command(cls=TwoSides)
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="BASE HEAD | BASE... -- HEAD...")
@limit_option("10%, p99=10% or achieved=1%")
@force_option
@click.option("--all", "show_all", is_flag=True, help="Also show what is unchanged or unclear.")
@click.option("--markdown", type=OUTPUT_FILE, default=None, help="Append a summary in Markdown to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def compare(
    files: tuple[Path, ...],
    limits: tuple[str, ...],
    force: bool,
    show_all: bool,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Compare the run in HEAD with the run in BASE. Both are result streams of the same kind.

    With at least three load runs of each side, measured in turn, what differs between runs of one side is
    noise, too. Write `--` between the sides.

    \b
    vecgate compare before.jsonl after.jsonl
    vecgate compare a1.jsonl a2.jsonl a3.jsonl -- b1.jsonl b2.jsonl b3.jsonl
    vecgate compare main.jsonl branch.jsonl --max-regression p99=10% --max-regression achieved=1%
    """  # noqa: D301 - click reads the backspace
    check_writable(markdown)
    base, head = split_sides(files)
    result = compare_sides(read_valid(base), read_valid(head), limits, force=force)
    code = print_comparison(result, as_json=as_json, show_all=show_all, markdown=markdown)
    raise click.exceptions.Exit(int(code))


def compare_sides(
    base: Sequence[Stream], head: Sequence[Stream], limits: Sequence[str], *, force: bool
) -> comparison.Comparison:
    """Compare the runs *head* with the runs *base*. Raises UsageError if they cannot be compared."""
    from vecgate.gate.compare import comparison
    from vecgate.gate.compare.regression_limits import Limit

    for stream in chain(base, head):
        for problem in stream.problems:
            print_status(f"note: {problem}")
    parsed = [Limit.parse(text) for text in limits]
    if len(base) == len(head) == 1:
        return comparison.compare(base[0], head[0], parsed, force=force)
    return comparison.compare_repeated(base, head, parsed, force=force)


def print_comparison(
    result: comparison.Comparison, *, as_json: bool, show_all: bool = False, markdown: Path | None = None
) -> ExitCode:
    """Print *result*, append it to the file *markdown*, and return its exit code."""
    from vecgate.reporting.text.comparison_text import comparison_dict, comparison_markdown, comparison_text

    code = EXIT_CODE_OF_GRADE[result.verdict.grade]
    # The text comes first, so that a full disk does not cost the result. JSON comes last: it is one document,
    # with the exit code of the command.
    if not as_json:
        click.echo(comparison_text(result, show_all=show_all))
    if markdown:
        write_text(markdown, comparison_markdown(result), append=True)
    if as_json:
        print_json(comparison_dict(result), code=code)
    return code


def split_sides(files: Sequence[Path]) -> tuple[Sequence[Path], Sequence[Path]]:
    """Return the files of the base and of the head. Raises UsageError if it is not clear which is which."""
    if files.count(SEPARATOR) == 1:
        middle = files.index(SEPARATOR)
        base, head = files[:middle], files[middle + 1 :]
    else:
        base, head = files[:1], files[1:]
        if len(head) != 1 or SEPARATOR in files:
            raise UsageError(
                "HEAD is missing"
                if len(files) == 1
                else "it is not clear which files are the base and the head",
                hint="Name BASE and HEAD, or several of each side with -- between them.",
            )
    if not base or not head:
        raise UsageError("one side has no file", hint="Name files before and after the --.")
    return base, head


def read_valid(paths: Sequence[Path]) -> list[Stream]:
    """Return the streams in the files *paths*. Raises SourceError if a line of one is invalid."""
    from vecgate.results.result_stream import read_stream

    streams = []
    for path in paths:
        stream = read_stream(path)
        if stream.invalid_lines:
            found = "; ".join(stream.problems[: stream.invalid_lines])
            raise SourceError(f"{path} cannot be compared: {found}")
        streams.append(stream)
    return streams
