"""Runs `put` and `delete`: the files of a run, its progress bar, and its signals."""

from __future__ import annotations

import hashlib
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import platformdirs

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.journal import count_settled, remove_journal
from vecgate.bulk.rejects_file import default_rejects_path
from vecgate.bulk.sources import Source
from vecgate.bulk.transport.sender import Sender
from vecgate.bulk.verify import Comparison
from vecgate.bulk.writer import BulkWriter
from vecgate.cli.live_bar import LiveBar
from vecgate.cli.options import RunFiles, print_status
from vecgate.cli.runs.bulk_comparison import VerifyChoice
from vecgate.cli.runs.bulk_result_stream import BulkResultStream
from vecgate.errors import UsageError, VecgateError
from vecgate.formatting import format_count
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target


@dataclass(frozen=True, slots=True)
class BulkFiles:
    """The paths of the files that a run writes.

    journal  None for an input that cannot be read again, such as standard input
    rejects  for records that cannot be written
    """

    journal: Path | None
    rejects: Path

    @classmethod
    def resolve(
        cls,
        source: Source,
        address: IndexAddress,
        target: Target,
        operation: str,
        run_files: RunFiles,
    ) -> BulkFiles:
        """Return the files of this run, and remove the journal of an earlier one for `--restart`.

        Raises UsageError if an earlier run did not finish and the user gave neither `--resume` nor
        `--restart`, or if the user asked for a journal of an input that cannot be read twice.
        """
        rejects = run_files.rejects or default_rejects_path(source.name)
        if not source.is_identified:
            if run_files.resume or run_files.journal:
                raise UsageError(f"{source.name} cannot be resumed", hint="Save the input to a file first.")
            return cls(None, rejects)
        journal = run_files.journal or _journal_path(source, address, target, operation)
        # Counted also for --restart: it raises for a file in use, or one that is not a journal and must not
        # be removed.
        settled = count_settled(journal) if journal.exists() else 0
        if run_files.restart:
            remove_journal(journal)
        elif journal.exists() and not run_files.resume:
            raise UsageError(
                f"an earlier run of {source.name} did not finish: {settled:,} records are settled",
                hint="Add --resume to send the other records, or --restart to start again.",
            )
        return cls(journal, rejects)


@dataclass(frozen=True, slots=True)
class BulkResult:
    """The result of a run.

    comparison  None if the records were not read back: nobody asked for it, or the run did not complete
    """

    outcome: BulkOutcome
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class BulkWrite:
    """A `put` or a `delete` that is ready to run.

    operation  PutVectors or DeleteVectors
    verify     the records to read back after the run, None for none
    """

    operation: str
    source: Source
    address: IndexAddress
    config: BulkConfig
    target: Target
    files: BulkFiles
    verify: VerifyChoice | None = None

    def run(self, sender: Sender, *, results: Path | None, strict: bool = False, quiet: bool) -> BulkResult:
        """Write all records, read them back, and record the run in the result stream *results*."""
        stream = None
        if results:
            stream = BulkResultStream.of(
                results,
                self.operation,
                self.source,
                self.config,
                self.target,
                reads_back=self.verify is not None,
            )
        return run_bulk_write(
            sender,
            self.address,
            self.config,
            self._write(strict),
            verify=self._verify if self.verify else None,
            stream=stream,
            quiet=quiet,
        )

    def _verify(self, writer: BulkWriter, outcome: BulkOutcome) -> Comparison:
        assert self.verify is not None
        sample = self.verify.sample(total=outcome.read)
        return writer.verify(self.source, outcome=outcome, sample=sample)

    def _write(self, strict: bool) -> Callable[[BulkWriter], BulkOutcome]:
        journal, rejects = self.files.journal, self.files.rejects
        if self.operation == "DeleteVectors":
            return lambda writer: writer.delete(self.source, journal=journal, rejects=rejects, strict=strict)
        return lambda writer: writer.put(self.source, journal=journal, rejects=rejects, strict=strict)


def format_total(source: Source) -> str:
    """Return the number of records of *source* as text."""
    return "records not counted" if source.total is None else format_count(source.total, "record")


def run_bulk_write(
    sender: Sender,
    address: IndexAddress,
    config: BulkConfig,
    write: Callable[[BulkWriter], BulkOutcome],
    *,
    verify: Callable[[BulkWriter, BulkOutcome], Comparison] | None = None,
    stream: BulkResultStream | None = None,
    quiet: bool,
) -> BulkResult:
    """Call *write* under the progress bar, then *verify* if the run is complete, and record it in *stream*.

    The first Ctrl-C or SIGTERM ends the run cleanly, the second ends the process.
    """
    with stream.recording() if stream else nullcontext() as recording, LiveBar(quiet=quiet) as bar:
        writer = BulkWriter(
            sender,
            bucket=address.bucket,
            index=address.arn or address.index,
            config=config,
            subscribers=[bar, recording.recorder] if recording else [bar],
        )
        with stopped_by_signals(writer):
            outcome = write(writer)
            if recording:
                recording.record_outcome(outcome)
            if verify is None or not outcome.is_complete:
                return BulkResult(outcome)
            print_status("reading the records back", quiet=quiet)
            try:
                comparison = verify(writer, outcome)
            except VecgateError as error:
                comparison = Comparison(stopped_by=error)
            if recording:
                recording.record_comparison(comparison)
            return BulkResult(outcome, comparison)


def _journal_path(source: Source, address: IndexAddress, target: Target, operation: str) -> Path:
    identity = f"{source.location}\0{address}\0{target.name}\0{target.region}\0{operation}"
    name = f"{Path(source.name).name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.journal"
    return platformdirs.user_state_path("vecgate") / "journals" / name


@contextmanager
def stopped_by_signals(writer: BulkWriter) -> Iterator[None]:
    """Stop *writer* at the first Ctrl-C or SIGTERM; the second ends the process."""

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        writer.stop()
        print_status("stopping after the requests in flight; interrupt again to stop at once")
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    sys.stderr.flush()
