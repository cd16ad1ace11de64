from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.options import (
    OUTPUT_FILE,
    IndexChoice,
    index_options,
    open_chosen_target,
    output_options,
    print_status,
    segments_option,
    target_options,
)
from vecgate.errors import OutputError, UsageError, VecgateError
from vecgate.formatting import format_count, format_duration
from vecgate.redaction import MARK
from vecgate.safe_output import output_problem

if TYPE_CHECKING:
    from vecgate.bulk.index_setup import IndexDescription
    from vecgate.bulk.reader import ScanPage
    from vecgate.bulk.transfer.scan_export import JsonLinesSink
    from vecgate.bulk.transfer.segment_journal import SegmentJournal
    from vecgate.targets.target import TargetChoice

#: Seconds between two lines of progress.
PROGRESS_S = 10.0


class Export:
    """Counts what is exported, and prints it from time to time."""

    total: int
    redacted: int

    def __init__(self, *, quiet: bool, earlier: int = 0) -> None:
        self.total, self.redacted, self._quiet = earlier, 0, quiet
        self._begun_s = self._printed_s = time.monotonic()

    def take(self, page: ScanPage) -> ScanPage:
        """Count the vectors of *page*, and return it without the credentials of this run."""
        from vecgate.bulk.reader import ScanPage
        from vecgate.bulk.transfer.scan_export import redact_page

        vectors, found = redact_page(page.vectors)
        self.total, self.redacted = self.total + len(vectors), self.redacted + found
        now_s = time.monotonic()
        if now_s - self._printed_s >= PROGRESS_S:
            self._printed_s = now_s
            print_status(f"{format_count(self.total, 'vector')} read", quiet=self._quiet)
        return ScanPage(page.segment, vectors, page.token, page.is_restart)

    def print_end(self, total: int, *, is_whole: bool = True) -> None:
        """Print the result. *total* vectors are in the output, all of them if it *is_whole*."""
        if self.redacted:
            records = format_count(self.redacted, "record")
            print_status(f"warning: {records} contained credentials of this run, replaced by {MARK}")
        duration = format_duration(time.monotonic() - self._begun_s)
        end = "" if is_whole else ", then the output was closed"
        print_status(f"exported {format_count(total, 'vector')} in {duration}{end}", quiet=self._quiet)


@click.command()
@index_options
@target_options
@click.option(
    "--out",
    "-o",
    type=OUTPUT_FILE,
    default=None,
    help="Write to this file: .jsonl, .parquet or .arrow.  [default: JSON lines on stdout]",
)
@segments_option
@click.option("--no-data", is_flag=True, help="Export keys and metadata only.")
@click.option("--no-metadata", is_flag=True, help="Export keys and vectors only.")
@click.option(
    "--reads-per-s",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="Limit of requests per second.  [default: none]",
)
@click.option("--resume", is_flag=True, help="Continue the unfinished export to this file.")
@click.option("--restart", is_flag=True, help="Discard the unfinished export to this file and start again.")
@output_options
def scan(
    index_choice: IndexChoice,
    choice: TargetChoice,
    out: Path | None,
    segments: int,
    no_data: bool,
    no_metadata: bool,
    reads_per_s: float | None,
    resume: bool,
    restart: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Export all vectors of an index, in no particular order, to a file that `put` can read.

    A table also has the settings of the index, so that `put --create` creates one like it. An export that was
    interrupted continues with --resume.

    \b
    vecgate scan --target aws --bucket media --index films -o films.parquet
    vecgate scan --target aws --bucket media --index films --no-data | wc -l
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_setup import read_index
    from vecgate.bulk.reader import BulkReader
    from vecgate.bulk.transfer.scan_export import check_export_path
    from vecgate.bulk.transfer.segment_journal import SegmentJournal
    from vecgate.bulk.transport.paced_sender import PacedSender
    from vecgate.bulk.transport.sender import endpoint_identity

    del as_json  # the output is data in the format of --out, or JSON lines on stdout
    if out is not None:
        check_export_path(out)
        _check_unfinished(out, resume=resume, restart=restart)
    elif resume or restart:
        raise UsageError("an export to standard output cannot be resumed", hint="Name a file with --out.")
    with (
        open_chosen_target(choice) as target,
        target.sender(connections=segments) as sender,
    ):
        index = read_index(sender, index_choice.address)
        paced = sender if reads_per_s is None else PacedSender(sender, reads_per_s)
        reader = BulkReader(paced, bucket=index_choice.bucket, index=index_choice.index)

        def pages(count: int, tokens: dict[int, str] | None = None) -> Iterator[ScanPage]:
            return reader.scan_pages(count, data=not no_data, metadata=not no_metadata, tokens=tokens)

        if out is None:
            _export_to_stdout(pages(segments), Export(quiet=quiet))
            return
        identity = {
            "endpoint": endpoint_identity(sender),
            "index": index.arn or str(index_choice.address),
            "creation time of the index": index.created,
            "choice of data": f"data {not no_data}, metadata {not no_metadata}",
        }
        try:
            with closing(SegmentJournal(_journal_path(out), identity, segments=segments)) as journal:
                _export_to_file(
                    out, index, journal, pages, data=not no_data, metadata=not no_metadata, quiet=quiet
                )
        finally:
            if not _journal_path(out).exists():
                _spool_path(out).unlink(missing_ok=True)


def _export_to_stdout(pages: Iterator[ScanPage], export: Export) -> None:
    is_whole = False
    with closing(pages), _open_stdout() as sink:  # type: ignore[type-var]
        for page in pages:
            sink.write(export.take(page).vectors)
        sink.check_keys()
        is_whole = True
    export.print_end(export.total, is_whole=is_whole)


def _export_to_file(
    out: Path,
    index: IndexDescription,
    journal: SegmentJournal,
    pages: Callable[[int, dict[int, str]], Iterator[ScanPage]],
    *,
    data: bool,
    metadata: bool,
    quiet: bool,
) -> None:
    from vecgate.bulk.transfer.scan_export import (
        JSON_LINES,
        Spool,
        export_schema,
        recreation_options,
        write_export,
    )

    schema = export_schema(index.settings, data=data, metadata=metadata)
    if earlier := journal.records:
        print_status(
            f"continues after {format_count(earlier, 'vector')}; the export may lack what has changed in the "
            "index since they were read",
            quiet=quiet,
        )
    export = Export(quiet=quiet, earlier=earlier)
    parts = journal.parts
    with Spool(_spool_path(out), schema, used=max((part.stop for part in parts), default=0)) as spool:
        scanned = pages(journal.segments, journal.tokens)
        try:
            with closing(scanned):  # type: ignore[type-var]
                for page in map(export.take, scanned):
                    part = spool.append(page.vectors) if len(page.vectors) else None
                    journal.record_page(
                        page.segment,
                        page.token,
                        records=len(page.vectors),
                        part=part,
                        is_restart=page.is_restart,
                    )
            write_export(out, schema, spool.batches(journal.parts))
        except (KeyboardInterrupt, VecgateError):
            if export.total:
                print_status(f"{format_count(export.total, 'vector')} are saved; continue with --resume")
            raise
    total = journal.records
    journal.is_finished = True
    spool.path.unlink(missing_ok=True)
    export.print_end(total)
    if out.suffix in JSON_LINES:
        options = recreation_options(index.settings)
        print_status(f"an index like this one: `vecgate put {out} --create {options}`", quiet=quiet)


def _journal_path(out: Path) -> Path:
    return out.with_name(f".{out.name}.journal")


def _spool_path(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


def _check_unfinished(out: Path, *, resume: bool, restart: bool) -> None:
    """Remove an unfinished export for `--restart`. Raises UsageError for one without it and `--resume`."""
    from vecgate.bulk.journal import remove_journal
    from vecgate.bulk.transfer.segment_journal import count_records

    path = _journal_path(out)
    saved = count_records(path) if path.exists() else 0
    if restart:
        remove_journal(path)
        _spool_path(out).unlink(missing_ok=True)
    elif path.exists() and not resume:
        raise UsageError(
            f"an earlier export to {out} did not finish: {format_count(saved, 'vector')} are saved",
            hint="Add --resume to read the others, or --restart to start again.",
        )


@contextmanager
def _open_stdout() -> Iterator[JsonLinesSink]:
    """Open a sink on stdout. The scan ends if its reader closes it, as in `vecgate scan | head`."""
    from vecgate.bulk.transfer.scan_export import JsonLinesSink

    try:
        yield JsonLinesSink(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except OSError as error:
        # What is still buffered is written when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OutputError(f"{output_problem(error)}: the export is incomplete") from error
