"""A scan of an index as the source of a run that writes, and the journal of such a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

import numpy as np

from vecgate.background import new_queue
from vecgate.bulk.core.position_ranges import Ranges
from vecgate.bulk.core.record_blocks import Block, Positions
from vecgate.bulk.core.response_decoding import Vectors
from vecgate.bulk.reader import BulkReader, ScanPage
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source
from vecgate.bulk.transfer.metadata_change import MetadataChange
from vecgate.bulk.transfer.segment_journal import SegmentJournal


@dataclass(slots=True)
class _OpenPage:
    """A page whose records are not all settled.

    start, stop  positions of its records
    unsettled    records that are neither acknowledged nor rejected
    """

    page: ScanPage
    start: int
    stop: int
    unsettled: int
    rejected: int = 0


class PageJournal:
    """A `RunJournal` that stores a page once all of its records are settled, in the order of its segment.

    The thread that reads the source announces pages. The run, which has a lock, calls the other methods.
    """

    acknowledged: Ranges
    rejected: Ranges

    def __init__(self, journal: SegmentJournal) -> None:
        self.acknowledged = self.rejected = Ranges.of(())
        self._journal = journal
        self._announced = new_queue()
        self._open: deque[_OpenPage] = deque()

    def announce(self, page: ScanPage, positions: Positions) -> None:
        """Note that the records of *page* to be written have *positions*, before they are written."""
        start, stop = (int(positions[0]), int(positions[-1]) + 1) if len(positions) else (0, 0)
        self._announced.put(_OpenPage(page, start, stop, len(positions)))

    def record_acknowledged(self, positions: Positions) -> None:
        """Count acknowledged records, and store the pages that they complete. Raises JournalError."""
        self._settle(positions, is_rejected=False)

    def record_rejected(self, positions: Positions, file: Path, *, file_bytes: int) -> None:
        """Count rejected records likewise."""
        del file, file_bytes  # a page that is read again appends no line twice
        self._settle(positions, is_rejected=True)

    def flush(self) -> None:
        """Store the pages without a record to write. The run has ended."""
        self._settle(np.zeros(0, dtype=np.int64), is_rejected=False)

    def _settle(self, positions: Positions, *, is_rejected: bool) -> None:
        while True:
            try:
                self._open.append(self._announced.get_nowait())
            except Empty:
                break
        for page in self._open:
            found = int(np.searchsorted(positions, page.stop) - np.searchsorted(positions, page.start))
            page.unsettled -= found
            page.rejected += found * is_rejected
        waiting: set[int] = set()
        left: deque[_OpenPage] = deque()
        for page in self._open:
            if page.unsettled or page.page.segment in waiting:
                waiting.add(page.page.segment)
                left.append(page)
            else:
                self._store(page)
        self._open = left

    def _store(self, page: _OpenPage) -> None:
        self._journal.record_page(
            page.page.segment,
            page.page.token,
            records=len(page.page.vectors),
            written=page.stop - page.start,
            rejected=page.rejected,
            is_restart=page.page.is_restart,
        )


class ScanSource(Source):
    """The vectors of an index, with changed metadata, in the order in which their pages arrive.

    reader         of the index
    segments       to read in parallel
    dimension      of the index
    change         of the metadata; None for none
    only_changed   leave out the vectors whose metadata the change does not affect
    tokens         by segment, where an earlier scan ended
    journal        gets the pages
    """

    name: str
    total: int | None
    fingerprint: str
    dimension: int | None
    is_repeatable: bool
    is_identified: bool

    def __init__(
        self,
        name: str,
        reader: BulkReader,
        *,
        segments: int,
        dimension: int,
        change: MetadataChange | None = None,
        only_changed: bool = False,
        tokens: Mapping[int, str] | None = None,
        journal: PageJournal | None = None,
    ) -> None:
        self.name, self.total, self.fingerprint, self.dimension = name, None, name, dimension
        self.is_repeatable, self.is_identified = True, False
        self._reader, self._segments, self._change = reader, segments, change
        self._only_changed, self._tokens, self._journal = only_changed, tokens, journal

    def describe(self) -> str:
        """Return one line that says what is read."""
        return f"all vectors of {self.name}"

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the vectors, at most *rows* at a time. *dimension* is that of the index."""
        width = dimension or self.dimension or 1
        pages = self._reader.scan_pages(self._segments, tokens=self._tokens)
        with closing(pages):
            for page in pages:
                block = self._block(page.vectors, width, first)
                first += len(block)
                if self._journal is not None:
                    self._journal.announce(page, block.positions)
                for start in range(0, len(block), rows):
                    yield block.slice(start, start + rows)

    def _block(self, vectors: Vectors, width: int, first: int) -> Block:
        matrix = np.empty((0, width), np.float32) if vectors.vectors is None else vectors.vectors
        metadata, rows = vectors.metadata, list(range(len(vectors)))
        if self._change is not None:
            metadata = self._change.apply(vectors.keys, metadata)
            if self._only_changed:
                rows = self._change.changed_rows(vectors.metadata, metadata)
        keys: Sequence[str] = vectors.keys
        block = Block(np.arange(len(vectors), dtype=np.int64), keys, matrix, metadata).take(rows)
        return Block(
            np.arange(first, first + len(rows), dtype=np.int64), block.keys, block.vectors, block.metadata
        )
