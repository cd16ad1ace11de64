from __future__ import annotations

from pathlib import Path

import click

from vecgate.bulk.config import PRESETS
from vecgate.bulk.index_setup import describe_index
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.cli.options import (
    Endurance,
    IndexChoice,
    RunFiles,
    endurance_options,
    index_options,
    open_chosen_target,
    output_options,
    print_status,
    results_option,
    run_file_options,
    target_options,
)
from vecgate.cli.runs.bulk_write import BulkFiles, BulkWrite, build_config, format_total
from vecgate.cli.runs.bulk_write_summary import exit_with, print_summary
from vecgate.errors import UsageError
from vecgate.targets.target import TargetChoice


@click.command()
@click.argument("files", nargs=-1, required=True)
@index_options
@target_options
@click.option("--key-column", default=None, metavar="NAME", help="Column of the keys.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="full",
    show_default=True,
    help="Default of the next option.",
)
@click.option("--vectors-per-s", "--rate", type=float, default=None, help="Limit of keys per second.")
@endurance_options
@run_file_options
@click.option("--yes", is_flag=True, help="Delete without asking.")
@results_option
@output_options
def delete(
    files: tuple[str, ...],
    index_choice: IndexChoice,
    choice: TargetChoice,
    key_column: str | None,
    preset: str,
    vectors_per_s: float | None,
    endurance: Endurance,
    run_files: RunFiles,
    yes: bool,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Delete the vectors whose keys are in FILES. Keys that are not stored are ignored.

    FILES have the formats of `put`; only their keys are read. Or - for JSON lines on standard input.

    \b
    vecgate delete removed.parquet --target aws --bucket media --index films
    """  # noqa: D301 - click reads the backspace
    config = build_config(
        preset,
        vectors_per_s=vectors_per_s,
        retry_for_s=endurance.retry_for_s,
        rejects_max=endurance.rejects_max,
    )
    columns = ColumnChoice(key=key_column)
    source = open_source(files[0] if len(files) == 1 else files, columns=columns, keys_only=True)
    for note in source.notes:
        print_status(note, quiet=quiet)
    print_status(f"{source.name}: {format_total(source)}; {source.describe()}", quiet=quiet)
    address = index_choice.address
    with (
        open_chosen_target(choice) as target,
        target.sender(connections=config.in_flight + 1) as sender,
    ):
        describe_index(sender, address)
        bulk_files = BulkFiles.resolve(source, address, target, "DeleteVectors", run_files)
        if not yes:
            question = f"Delete {format_total(source)} from {address} at {target}?"
            _confirm(question, reads_stdin="-" in files)
        write = BulkWrite("DeleteVectors", source, address, config, target, bulk_files)
        outcome = write.run(sender, results=results, quiet=quiet)
    exit_with(print_summary(outcome, bulk_files, verb="deleted", as_json=as_json))


def _confirm(question: str, *, reads_stdin: bool) -> None:
    """Ask *question*. Raises UsageError if nobody can answer, Abort after a no."""
    no_answer = UsageError(
        "a deletion must be confirmed, and there is no terminal to ask on",
        hint="Add --yes to delete without asking.",
    )
    if reads_stdin:  # a line of the input is no answer
        raise no_answer
    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, EOFError):
            raise no_answer from None
        raise
