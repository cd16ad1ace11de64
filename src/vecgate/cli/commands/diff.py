"""`vecgate diff`: compares files of embeddings, or an index, with an index, without writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from vecgate.cli.index_location import IndexLocation
from vecgate.cli.json_output import print_json
from vecgate.cli.main import fail
from vecgate.cli.options import (
    IN_FLIGHT_DEFAULT,
    IndexChoice,
    check_retry_for,
    index_options,
    open_chosen_target,
    output_options,
    print_status,
    reads_option,
    target_options,
)
from vecgate.cli.source_options import SourceChoice, source_options
from vecgate.errors import IndexUnusable, UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count

if TYPE_CHECKING:
    from vecgate.bulk.core.retry import RetryPolicy
    from vecgate.bulk.transfer.scan_source import ScanSource
    from vecgate.bulk.verify import Comparison
    from vecgate.gate.verdict import Verdict
    from vecgate.targets.target import Target, TargetChoice

#: Parts of an index that are read in parallel if it is the source.
SEGMENTS = 4


@click.command()
@click.argument("files", nargs=-1)
@index_options
@target_options
@source_options
@click.option(
    "--from",
    "from_index",
    default="",
    metavar="INDEX",
    help="Compare this index instead of files: BUCKET/INDEX, an ARN, or a URL that ends with /BUCKET/INDEX.",
)
@click.option(
    "--no-extra", is_flag=True, help="Do not list the index to find keys that the input does not have."
)
@reads_option
@click.option(
    "--in-flight",
    type=click.IntRange(1, 256),
    default=IN_FLIGHT_DEFAULT,
    show_default=True,
    help="Requests in flight at most.",
)
@click.option(
    "--retry-for",
    "retry_for_s",
    callback=check_retry_for,
    default="10m",
    show_default=True,
    metavar="DURATION",
    help="Wait this long for a target that is unavailable, then stop: 90s, 10m, 2h.",
)
@output_options
def diff(
    files: tuple[str, ...],
    index_choice: IndexChoice,
    choice: TargetChoice,
    source_choice: SourceChoice,
    from_index: str,
    no_extra: bool,
    reads_per_s: float,
    in_flight: int,
    retry_for_s: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare FILES, or another index, with an index: what is missing, different, extra.

    Writes nothing. FILES and the options of their columns are those of `put`. The exit code is 0 if the index
    equals the input, and 1 if it does not.

    \b
    vecgate diff films.parquet --target aws --bucket media --index films
    vecgate diff --from media/films --target aws --bucket media --index films-copy
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.config import PRESETS
    from vecgate.bulk.index_setup import describe_index
    from vecgate.bulk.transport.paced_sender import PacedSender
    from vecgate.bulk.writer import BulkWriter
    from vecgate.cli.live_bar import LiveBar
    from vecgate.cli.runs.bulk_write import format_total, stopped_by_signals
    from vecgate.cli.runs.bulk_write_summary import exit_with

    if bool(files) is bool(from_index):
        raise UsageError(
            "a comparison needs one source", hint="Give files, or an index with --from, but not both."
        )
    source = source_choice.open(files) if files else None
    address = index_choice.address
    config = replace(PRESETS["full"], in_flight=in_flight, retry_for_s=retry_for_s)
    with ExitStack() as stack:
        target = stack.enter_context(open_chosen_target(choice))
        if source is None:
            source = _open_index(stack, from_index, choice, target, reads_per_s, config.read_retry)
        for note in source.notes:
            print_status(note, quiet=quiet)
        print_status(f"{source.name}: {format_total(source)}; {source.describe()}", quiet=quiet)
        sender = stack.enter_context(target.sender(connections=in_flight + 1))
        rules = describe_index(sender, address)
        if source.dimension not in {None, rules.dimension}:
            raise IndexUnusable(
                f"the vectors of {source.name} have {source.dimension} dimensions, "
                f"those of the index {address} {rules.dimension}",
                hint="Name the index that was created for these vectors.",
            )
        index = f"{address} ({rules.dimension} dimensions, {rules.metric})"
        print_status(f"target: {target}; index {index}", quiet=quiet)
        writer = BulkWriter(
            PacedSender(sender, reads_per_s),
            bucket=address.bucket,
            index=address.arn or address.index,
            config=config,
            subscribers=[stack.enter_context(LiveBar(quiet=quiet))],
        )
        with stopped_by_signals(writer):
            comparison = writer.verify(source, extra=not no_extra)
    exit_with(_print_comparison(comparison, looked_for_extra=not no_extra, as_json=as_json))


def _open_index(
    stack: ExitStack, text: str, choice: TargetChoice, target: Target, reads_per_s: float, retry: RetryPolicy
) -> ScanSource:
    """Return the vectors of the index at *text*, which is at *target* unless it names another one."""
    from vecgate.bulk.index_setup import describe_index
    from vecgate.bulk.reader import BulkReader
    from vecgate.bulk.transfer.scan_source import ScanSource
    from vecgate.bulk.transport.paced_sender import PacedSender

    location = IndexLocation.parse(text)
    own = replace(choice, name=location.url or choice.name, region=location.region or choice.region)
    if own != choice:
        target = stack.enter_context(open_chosen_target(own))
    sender = PacedSender(stack.enter_context(target.sender(connections=SEGMENTS + 1)), reads_per_s)
    address = location.address
    rules = describe_index(sender, address)
    reader = BulkReader(sender, bucket=address.bucket, index=address.arn or address.index, retry=retry)
    return ScanSource(str(address), reader, segments=SEGMENTS, dimension=rules.dimension)


def _print_comparison(comparison: Comparison, *, looked_for_extra: bool, as_json: bool) -> ExitCode:
    from vecgate.bulk.bulk_recorder import comparison_record
    from vecgate.cli.runs.bulk_comparison import comparison_exit_code, comparison_lines, comparison_to_dict
    from vecgate.cli.runs.bulk_write_summary import format_line
    from vecgate.gate.bulk_verdict import judge_comparison

    verdict = judge_comparison(comparison_record(comparison))
    code = comparison_exit_code(comparison, verdict.grade)
    if as_json:
        result = {**comparison_to_dict(comparison), "is_equal": bool(verdict)}
        print_json(result, code=code, failure=comparison.stopped_by)
    else:
        lines = [format_line(label, text) for label, text in comparison_lines(comparison)]
        click.echo("\n".join([*lines, *_verdict_lines(comparison, verdict, looked_for_extra)]))
    if comparison.stopped_by is not None:
        fail(str(comparison.stopped_by), hint=comparison.stopped_by.hint, code=code)
    return code


def _verdict_lines(comparison: Comparison, verdict: Verdict, looked_for_extra: bool) -> Iterator[str]:
    from vecgate.cli.runs.bulk_comparison import comparison_word
    from vecgate.cli.runs.bulk_write_summary import format_line
    from vecgate.gate.verdict import describe_checks

    if comparison.rejected:
        yield format_line("rejected", f"{format_count(comparison.rejected, 'record')} cannot be stored")
    extra = "no key is extra" if looked_for_extra else "extra keys were not looked for"
    note = f", {extra}" if verdict else ""
    word = comparison_word(comparison, verdict.grade)
    yield f"{word}  {describe_checks(verdict.decisive)}{note}"
