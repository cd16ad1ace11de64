from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path

import click

from vecgate.bulk.export import JsonLinesSink, open_sink
from vecgate.bulk.indexes import describe_index
from vecgate.bulk.reader import BulkReader
from vecgate.cli.options import IndexChoice, index_options, opened, output_options, say, target_options
from vecgate.reporting.wording import duration, many
from vecgate.s3vectors.limits import SEGMENTS_MAX
from vecgate.targets.target import TargetChoice


@click.command(short_help="Export an index.")
@index_options
@target_options
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File to write: .jsonl, .ndjson or .parquet; JSON lines on stdout by default.",
)
@click.option(
    "--segments",
    type=click.IntRange(1, SEGMENTS_MAX),
    default=4,
    show_default=True,
    help="Parts of the index read at once.",
)
@click.option("--no-data", is_flag=True, help="Keys and metadata alone.")
@click.option("--no-metadata", is_flag=True, help="Keys and vectors alone.")
@output_options
def scan(
    where: IndexChoice,
    choice: TargetChoice,
    out: Path | None,
    segments: int,
    no_data: bool,
    no_metadata: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Export every vector of an index, in no particular order, into a file that `put` reads back.

    \b
    vecgate scan --target aws --bucket media --index films -o films.parquet
    """  # noqa: D301 - click reads the backspace
    del as_json  # the result is data in the format of --out; JSON lines on stdout
    begun_s, total = time.monotonic(), 0
    with (
        opened(choice) as place,
        place.sender(connections=segments) as sender,
    ):
        describe_index(sender, where.address)
        pages = BulkReader(sender, bucket=where.bucket, index=where.index).scan(
            segments, data=not no_data, metadata=not no_metadata
        )
        with open_sink(out) if out else nullcontext(JsonLinesSink(sys.stdout.buffer)) as sink:
            for page in filter(len, pages):
                sink.write(page)
                total += len(page)
    say(f"read {many(total, 'vector')} in {duration(time.monotonic() - begun_s)}", quiet=quiet)
