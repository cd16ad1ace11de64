from __future__ import annotations

from pathlib import Path

import click

from vecgate.bulk.config import PRESETS
from vecgate.bulk.indexes import describe_index
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.cli.bulk_run import Files, conclude, leave, run_bulk
from vecgate.cli.bulk_stream import BulkStream
from vecgate.cli.options import (
    IndexChoice,
    KeepChoice,
    index_options,
    opened,
    output_options,
    results_option,
    run_options,
    say,
    target_options,
)
from vecgate.cli.put import config_of, total_of
from vecgate.targets.target import TargetChoice


@click.command(short_help="Delete vectors by key.")
@click.argument("files", nargs=-1, required=True)
@index_options
@target_options
@click.option("--key-column", default=None, help="Column of the keys.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="full",
    show_default=True,
    help="Where the next one starts from.",
)
@click.option("--vectors-per-s", "--rate", type=float, default=None, help="Never more keys a second.")
@run_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@results_option
@output_options
def delete(
    files: tuple[str, ...],
    where: IndexChoice,
    choice: TargetChoice,
    key_column: str | None,
    preset: str,
    vectors_per_s: float | None,
    keep: KeepChoice,
    yes: bool,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Delete the vectors whose keys FILES name; a key that is not stored is no error.

    FILES are what `put` takes, their vectors unread; or - for JSON lines on standard input.

    \b
    vecgate delete gone.parquet --target aws --bucket media --index films
    """  # noqa: D301 - click reads the backspace
    config = config_of(preset, vectors_per_s=vectors_per_s)
    chosen = ColumnChoice(key=key_column)
    source = open_source(files[0] if len(files) == 1 else files, columns=chosen, keys_only=True)
    say(f"{source.name}: {total_of(source)}; {source.describe()}", quiet=quiet)
    address = where.address
    with (
        opened(choice) as place,
        place.sender(connections=config.in_flight + 1) as sender,
    ):
        describe_index(sender, address)
        kept = Files.of(source, address, place, "DeleteVectors", keep)
        if not yes:
            click.confirm(f"Delete {total_of(source)} from {address} at {place}?", abort=True, err=True)
        stream = BulkStream.of(results, "DeleteVectors", source, config, place) if results else None
        outcome = run_bulk(
            sender,
            address,
            config,
            lambda writer: writer.delete(source, journal=kept.journal, set_aside=kept.set_aside),
            stream=stream,
            quiet=quiet,
        )
    leave(conclude(outcome, kept, verb="deleted", as_json=as_json))
