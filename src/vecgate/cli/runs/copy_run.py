"""Runs `copy`: prepares the destination, copies, reads back, and counts over all runs of one job."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.journal import remove_journal
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.rejects_file import default_rejects_path
from vecgate.bulk.transfer.destination import IndexSide
from vecgate.bulk.transfer.metadata_change import MetadataChange
from vecgate.bulk.transfer.scan_source import PageJournal, ScanSource
from vecgate.bulk.transfer.segment_journal import SegmentJournal, count_records
from vecgate.bulk.transport.paced_sender import PacedSender
from vecgate.bulk.transport.sender import Sender
from vecgate.bulk.verify import Comparison
from vecgate.bulk.writer import BulkWriter
from vecgate.cli.options import RunFiles, print_status
from vecgate.cli.runs.bulk_comparison import VerifyChoice
from vecgate.cli.runs.bulk_write import BulkFiles, BulkResult, run_bulk_write
from vecgate.errors import UsageError
from vecgate.formatting import format_count

#: Name of the change in messages about a journal.
CHANGE_LABEL = "change of the metadata"


@dataclass(frozen=True, slots=True)
class CopyRun:
    """A copy that is ready to run.

    source, destination  the two sides; the same one for a change in place
    change               of the metadata, None for none
    verify               the vectors to read back, None for none
    reads_per_s          limit of reads per second, for each index
    """

    source: IndexSide
    destination: IndexSide
    change: MetadataChange | None
    config: BulkConfig
    verify: VerifyChoice | None
    segments: int
    reads_per_s: float
    files: BulkFiles

    @property
    def is_in_place(self) -> bool:
        """True if the index is changed in place."""
        return self.source.is_same_as(self.destination)

    def run(self, *, quiet: bool) -> tuple[BulkResult, int]:
        """Copy, and read back.

        Return the result over all runs of this job, and the number of vectors that needed no change.
        """
        destination = PacedSender(self.destination.sender, self.reads_per_s)
        # One limit for one index.
        source = destination if self.is_in_place else PacedSender(self.source.sender, self.reads_per_s)
        with self._journal() as journal:
            if earlier := journal.records:
                print_status(f"continues after {format_count(earlier, 'vector')}", quiet=quiet)
            pages = PageJournal(journal)
            vectors = self._vectors(source, journal.segments, journal=pages, tokens=journal.tokens)

            def write(writer: BulkWriter) -> BulkOutcome:
                try:
                    outcome = writer.put(vectors, rejects=self.files.rejects, run_journal=pages)
                finally:
                    pages.flush()
                return self._over_all_runs(outcome, journal)

            def read_back(writer: BulkWriter, outcome: BulkOutcome) -> Comparison:
                assert self.verify is not None
                again = self._vectors(source, journal.segments)
                return writer.verify(again, sample=self.verify.sample(total=outcome.read))

            result = run_bulk_write(
                destination,
                self.destination.address,
                self.config,
                write,
                verify=read_back if self.verify else None,
                quiet=quiet,
            )
            unchanged = journal.records - journal.written
            comparison = result.comparison
            is_judged = comparison is None or not (comparison.stopped_by or comparison.interrupted)
            journal.is_finished = result.outcome.is_complete and is_judged
        return result, unchanged

    def _vectors(
        self,
        sender: Sender,
        segments: int,
        *,
        journal: PageJournal | None = None,
        tokens: dict[int, str] | None = None,
    ) -> ScanSource:
        address = self.source.address
        # As long as a write: a copy waits for either side.
        retry = self.config.read_retry
        reader = BulkReader(sender, bucket=address.bucket, index=address.arn or address.index, retry=retry)
        return ScanSource(
            str(address),
            reader,
            segments=segments,
            dimension=self.source.description.rules.dimension,
            change=self.change,
            only_changed=self.is_in_place and journal is not None,
            tokens=tokens,
            journal=journal,
        )

    @contextmanager
    def _journal(self) -> Iterator[SegmentJournal]:
        assert self.files.journal is not None
        identity = {
            **self.source.identity("source"),
            **self.destination.identity("destination"),
            CHANGE_LABEL: self.change.describe() if self.change else "",
        }
        journal = SegmentJournal(self.files.journal, identity, segments=self.segments)
        try:
            yield journal
        finally:
            journal.close()

    def _over_all_runs(self, outcome: BulkOutcome, journal: SegmentJournal) -> BulkOutcome:
        """Return *outcome* with the counts of the whole job, if it is complete."""
        if not outcome.is_complete:
            return outcome
        rejected = journal.rejected
        return replace(
            outcome,
            read=journal.records,
            acknowledged=journal.written - rejected,
            rejected=rejected,
            resumed=max(0, journal.written - outcome.read),
            rejects_file=outcome.rejects_file or (self.files.rejects if rejected else None),
        )


def resolve_copy_files(source_name: str, destination_name: str, run_files: RunFiles) -> BulkFiles:
    """Return the files of a copy, and remove the journal of an earlier one for `--restart`.

    The names, of index and target, identify the copy. Raises UsageError if an earlier copy did not
    finish and the user gave neither `--resume` nor `--restart`.
    """
    name = hashlib.sha256(f"{source_name}\0{destination_name}".encode()).hexdigest()[:12]
    default = platformdirs.user_state_path("vecgate") / "journals" / f"copy-{name}.journal"
    journal = run_files.journal or default
    copied = count_records(journal) if journal.exists() else 0
    if run_files.restart:
        remove_journal(journal)
    elif journal.exists() and not run_files.resume:
        raise UsageError(
            f"an earlier copy did not finish: {format_count(copied, 'vector')} are copied",
            hint="Add --resume to copy the others, or --restart to start again.",
        )
    rejects = run_files.rejects or default_rejects_path(source_name.partition(" ")[0])
    return BulkFiles(Path(journal), rejects)
