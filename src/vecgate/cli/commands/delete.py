from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.filter_option import parse_filter
from vecgate.cli.options import (
    IndexChoice,
    RunFiles,
    deletion_options,
    index_options,
    output_options,
    results_option,
    run_file_options,
    target_options,
)
from vecgate.errors import UsageError

if TYPE_CHECKING:
    from vecgate.bulk.config import BulkConfig
    from vecgate.targets.target import TargetChoice


@click.command()
@click.argument("files", nargs=-1)
@click.option(
    "--where",
    default=None,
    metavar="JSON",
    help="Delete the vectors whose metadata match this filter. The whole index is read to find them.",
)
@click.option(
    "--keep-unclear",
    is_flag=True,
    help="Keep vectors for which AWS does not state whether the filter matches.",
)
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
@index_options
@target_options
@click.option("--key-column", default=None, metavar="NAME", help="Column of the keys.")
@click.option(
    "--key-prefix", default=None, metavar="PREFIX", help="Prepended to every key, as `put --key-prefix` does."
)
@deletion_options
@run_file_options
@click.option("--yes", is_flag=True, help="Delete without asking.")
@results_option
@output_options
def delete(
    files: tuple[str, ...],
    where: str | None,
    keep_unclear: bool,
    dry_run: bool,
    index_choice: IndexChoice,
    choice: TargetChoice,
    key_column: str | None,
    key_prefix: str | None,
    config: BulkConfig,
    run_files: RunFiles,
    yes: bool,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Delete the vectors whose keys are in FILES, or that match a filter.

    FILES have the formats of `put`, of which only the keys are read, or are .txt with one key on each line.
    Or - for JSON lines on standard input. Keys that are not stored are ignored.

    \b
    vecgate delete removed.parquet --target aws --bucket media --index films
    vecgate delete --where '{"tenant": "a"}' --target aws --bucket media --index films
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.sources import ColumnChoice
    from vecgate.cli.runs.bulk_write_summary import exit_with
    from vecgate.cli.runs.deletion import DeleteJob, delete_keys, delete_where

    if (where is None) == (not files):
        raise UsageError("nothing to delete", hint="Give either files with keys or --where.")
    job = DeleteJob(index_choice.address, choice, config, run_files, dry_run, yes, results, as_json, quiet)
    if where is not None:
        if run_files.resume or run_files.restart or run_files.journal:
            raise UsageError(
                "a deletion by a filter has no journal",
                hint="Run it again: it finds the vectors that remain.",
            )
        condition = parse_filter(where, "--where", allow_unknown=False)
        exit_with(delete_where(job, condition, keep_unclear=keep_unclear))
    exit_with(delete_keys(job, files, ColumnChoice(key_column, key_prefix=key_prefix)))
