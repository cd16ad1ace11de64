from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from vecgate.bulk.index_setup import describe_index
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.scan_export import JsonLinesSink, Sink, open_sink, redact_page
from vecgate.cli.options import (
    IndexChoice,
    index_options,
    open_chosen_target,
    output_options,
    print_status,
    target_options,
)
from vecgate.formatting import format_count, format_duration
from vecgate.redaction import MARK
from vecgate.s3vectors.limits import SEGMENTS_MAX
from vecgate.targets.target import TargetChoice


@click.command()
@index_options
@target_options
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write to this file: .jsonl, .ndjson or .parquet.  [default: JSON lines on stdout]",
)
@click.option(
    "--segments",
    type=click.IntRange(1, SEGMENTS_MAX),
    default=4,
    show_default=True,
    help="Parts of the index to read in parallel.",
)
@click.option("--no-data", is_flag=True, help="Export keys and metadata only.")
@click.option("--no-metadata", is_flag=True, help="Export keys and vectors only.")
@output_options
def scan(
    index_choice: IndexChoice,
    choice: TargetChoice,
    out: Path | None,
    segments: int,
    no_data: bool,
    no_metadata: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Export all vectors of an index, in no particular order, to a file that `put` can read.

    \b
    vecgate scan --target aws --bucket media --index films -o films.parquet
    """  # noqa: D301 - click reads the backspace
    del as_json  # the output is data in the format of --out, or JSON lines on stdout
    begun_s, total, redacted = time.monotonic(), 0, 0
    with (
        open_chosen_target(choice) as target,
        target.sender(connections=segments) as sender,
    ):
        describe_index(sender, index_choice.address)
        pages = BulkReader(sender, bucket=index_choice.bucket, index=index_choice.index).scan(
            segments, data=not no_data, metadata=not no_metadata
        )
        with closing(pages), open_sink(out) if out else _open_stdout() as sink:
            for page in filter(len, pages):
                safe_page, found = redact_page(page)
                sink.write(safe_page)
                total, redacted = total + len(page), redacted + found
    if redacted:
        records = format_count(redacted, "record")
        print_status(f"warning: {records} contained credentials of this run, replaced by {MARK}")
    duration = format_duration(time.monotonic() - begun_s)
    print_status(f"exported {format_count(total, 'vector')} in {duration}", quiet=quiet)


@contextmanager
def _open_stdout() -> Iterator[Sink]:
    """Open a sink on stdout. The scan ends if its reader closes it, as in `vecgate scan | head`."""
    try:
        yield JsonLinesSink(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # What is still buffered is written when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
