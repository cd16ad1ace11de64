"""The result stream of an experiment, which is written only if the user wants to keep it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from vecgate.results.provenance import utc_now
from vecgate.results.records import Footer, Header, Record
from vecgate.results.result_stream import StreamWriter


class ExperimentStream:
    """Writes *header* and further records to the file at *path*, or nothing without a path."""

    def __init__(self, path: Path | None, header: Header) -> None:
        self._writer = StreamWriter(path) if path else None
        self._created_s = time.monotonic()
        self.write(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.close()

    def write(self, record: Record) -> None:
        """Write *record*. Raises VecgateError if the disk is full or fails."""
        if self._writer:
            self._writer.write(record)

    def write_footer(
        self, *, is_complete: bool, orphaned: Collection[str], requests: Mapping[str, int] | None = None
    ) -> None:
        """Write the footer."""
        footer = Footer(
            ended_at=utc_now(),
            duration_s=round(time.monotonic() - self._created_s, 3),
            requests=dict(requests or {}),
            orphaned=tuple(orphaned),
            is_complete=is_complete,
        )
        self.write(footer)
