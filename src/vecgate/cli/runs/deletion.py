"""Runs `delete`: by keys from files, or by a filter that is evaluated here for every vector of the index."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import orjson

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.index_setup import describe_index
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.rejects_file import default_rejects_path
from vecgate.bulk.sources import ColumnChoice, Source, open_source
from vecgate.bulk.sources.chain import ChainSource
from vecgate.bulk.sources.documents.key_lines import is_key_lines, open_key_lines
from vecgate.bulk.sources.object_records import ObjectSource
from vecgate.bulk.transport.paced_sender import READ_REQUESTS_PER_S, PacedSender
from vecgate.bulk.transport.sender import Sender
from vecgate.cli.confirmation import confirm
from vecgate.cli.json_output import print_json
from vecgate.cli.options import RunFiles, open_chosen_target, print_status
from vecgate.cli.runs.bulk_write import BulkFiles, BulkWrite, format_total
from vecgate.cli.runs.bulk_write_summary import print_summary
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.filter_evaluation import Match, matches
from vecgate.s3vectors.metadata import Metadata
from vecgate.targets.target import TargetChoice

#: Seconds between two lines of progress.
PROGRESS_S = 10.0
#: Vectors that are named as examples.
EXAMPLES = 3
MATCHING = "matching vectors"


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """The settings of a deletion, as the user chose them."""

    address: IndexAddress
    choice: TargetChoice
    config: BulkConfig
    run_files: RunFiles
    dry_run: bool
    yes: bool
    results: Path | None
    as_json: bool
    quiet: bool

    def print_nothing_deleted(self, counts: Mapping[str, int | None], text: str) -> ExitCode:
        """Print what would be deleted, or that nothing is to be."""
        if self.as_json:
            print_json({**counts, "deleted": 0, "dry_run": self.dry_run})
        else:
            click.echo(f"PASS  {text}; nothing was deleted")
        return ExitCode.PASS


@dataclass(slots=True)
class Found:
    """The vectors of an index by the result of a filter. *unclear_keys* are a few of the unclear ones."""

    read: int = 0
    matching: int = 0
    unclear: int = 0
    unclear_keys: tuple[str, ...] = ()


def delete_keys(job: DeleteJob, files: Sequence[str], columns: ColumnChoice) -> ExitCode:
    """Delete the vectors whose keys are in *files*, and return the exit code."""
    source = _open_keys(files, columns)
    for note in source.notes:
        print_status(note, quiet=job.quiet)
    print_status(f"{source.name}: {format_total(source)}; {source.describe()}", quiet=job.quiet)
    with (
        open_chosen_target(job.choice) as target,
        target.sender(connections=job.config.in_flight + 1) as sender,
    ):
        describe_index(sender, job.address)
        if job.dry_run:
            records = sum(len(block) + len(block.rejects) for block in source.blocks())
            return job.print_nothing_deleted(
                {"keys": records}, f"{format_count(records, 'key')} in {source.name}"
            )
        files_ = BulkFiles.resolve(source, job.address, target, "DeleteVectors", job.run_files)
        if not job.yes:
            question = f"Delete {format_total(source)} from {job.address} at {target}?"
            confirm(question, reads_stdin="-" in files)
        write = BulkWrite("DeleteVectors", source, job.address, job.config, target, files_)
        result = write.run(sender, results=job.results, quiet=job.quiet)
    return print_summary(result, files_, verb="deleted", as_json=job.as_json)


def delete_where(job: DeleteJob, condition: Mapping[str, Any], *, keep_unclear: bool) -> ExitCode:
    """Delete the vectors that match *condition*, and return the exit code.

    Raises UsageError if it is unclear for some of them, unless these are kept.
    """
    with (
        tempfile.TemporaryDirectory(prefix="vecgate-keys-") as folder,
        open_chosen_target(job.choice) as target,
        target.sender(connections=job.config.in_flight + 1) as sender,
    ):
        describe_index(sender, job.address)
        path = Path(folder, "keys.jsonl")
        found = _find(job, sender, condition, path)
        number = f"{found.matching:,} of {format_count(found.read, 'vector')}"
        print_status(f"the filter matches {number} of {job.address}", quiet=job.quiet)
        if found.unclear:
            _report_unclear(found, keep=keep_unclear or job.dry_run)
        if job.dry_run or not found.matching:
            counts = {"read": found.read, "matching": found.matching, "unclear": found.unclear}
            return job.print_nothing_deleted(counts, f"{number} match")
        if not job.yes:
            confirm(f"Delete {number} of {job.address} at {target}?")
        files = BulkFiles(None, job.run_files.rejects or default_rejects_path(MATCHING))
        source = _keys_to_delete(path, found.matching)
        write = BulkWrite("DeleteVectors", source, job.address, job.config, target, files)
        result = write.run(sender, results=job.results, quiet=job.quiet)
    return print_summary(result, files, verb="deleted", as_json=job.as_json)


def _find(job: DeleteJob, sender: Sender, condition: Mapping[str, Any], path: Path) -> Found:
    """Write the keys of the vectors that match to *path*."""
    found = Found()
    index = job.address.arn or job.address.index
    paced, retry = PacedSender(sender, READ_REQUESTS_PER_S), job.config.read_retry
    reader = BulkReader(paced, bucket=job.address.bucket, index=index, retry=retry)
    printed_s = time.monotonic()
    with closing(reader.scan(data=False)) as pages, path.open("wb") as file:
        for page in pages:
            if time.monotonic() - printed_s >= PROGRESS_S:
                printed_s = time.monotonic()
                print_status(f"{format_count(found.read, 'vector')} read", quiet=job.quiet)
            results = [
                (key, _matches(condition, each)) for key, each in zip(page.keys, page.metadata, strict=True)
            ]
            keys = [key for key, result in results if result]
            unclear = [key for key, result in results if result is None]
            file.writelines(orjson.dumps({"key": key}, option=orjson.OPT_APPEND_NEWLINE) for key in keys)
            found.read += len(page)
            found.matching += len(keys)
            found.unclear += len(unclear)
            found.unclear_keys = (*found.unclear_keys, *unclear)[:EXAMPLES]
    return found


def _matches(condition: Mapping[str, Any], metadata: Metadata | None) -> Match:
    # A server that returns no metadata says nothing about it.
    return None if metadata is None else matches(condition, metadata)


def _report_unclear(found: Found, *, keep: bool) -> None:
    """Say for how many vectors the filter is unclear. Raises UsageError unless they are to be kept."""
    keys = ", ".join(map(repr, found.unclear_keys))
    more = ", …" if found.unclear > len(found.unclear_keys) else ""
    number = format_count(found.unclear, "vector")
    text = f"AWS does not state whether the filter matches {number}: {keys}{more}"
    if not keep:
        raise UsageError(
            f"{text}; nothing was deleted",
            hint='$ne and $nin are unclear without the key: add {"KEY": {"$exists": true}} with $and, or '
            "false with $or. Other operators than $eq are unclear for arrays, and orders for other values "
            "than numbers. --keep-unclear deletes the others alone.",
        )
    print_status(f"{text}; they are kept")


def _keys_to_delete(path: Path, total: int) -> Source:
    source = open_source(path, columns=ColumnChoice(key="key"), keys_only=True)
    assert isinstance(source, ObjectSource)
    return replace(source, name=MATCHING, total=total)


def _open_keys(files: Sequence[str], columns: ColumnChoice) -> Source:
    if not any(map(is_key_lines, files)):
        return open_source(files[0] if len(files) == 1 else files, columns=columns, keys_only=True)
    if remote := [file for file in files if is_key_lines(file) and "://" in file]:
        raise UsageError(f"{remote[0]} is not on this machine", hint="Download the text file with the keys.")
    if columns.key is not None and all(map(is_key_lines, files)):
        raise UsageError("text files have no columns", hint="Leave out --key-column.")
    parts = [
        open_key_lines(Path(file), columns.key_prefix or "")
        if is_key_lines(file)
        else open_source(file, columns=columns, keys_only=True)
        for file in files
    ]
    return parts[0] if len(parts) == 1 else ChainSource(f"{len(parts)} files", parts)
