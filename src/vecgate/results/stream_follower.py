"""Reads a result stream while another process writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

from vecgate.results.record_decoding import RecordDecoder
from vecgate.results.records import Record


class StreamFollower:
    """Calls *on_record* with each record of the file at *path*. The file need not exist yet."""

    def __init__(self, path: Path, on_record: Callable[[Record], None]) -> None:
        self._path, self._on_record = path, on_record
        self._decoder = RecordDecoder()
        self._file: IO[bytes] | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def poll(self) -> None:
        """Read the records that were completed since the last call."""
        if self._file is None:
            if not self._path.exists():
                return
            self._file = self._path.open("rb")
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            if line and (record := self._decoder.decode(line)) is not None:
                self._on_record(record)
