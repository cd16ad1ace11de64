"""The CSV file of the single requests of a run, written by the master as the workers report them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from vecgate.errors import VecgateError
from vecgate.load.traffic.request_log import COLUMNS
from vecgate.redaction import redact
from vecgate.results.result_stream import report_write_errors


class RowFile:
    """Writes rows to *path* at once. Raises UsageError if the file cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with report_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered, because a buffer would try again to write to a full disk when the file is closed.
            self._file = path.open("wb", buffering=0)
        self.write(f"{','.join(COLUMNS)}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, rows: str) -> None:
        """Write lines of *rows* without secrets. Raises VecgateError if the disk is full or fails."""
        data = redact(rows).encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise VecgateError(f"writing to {self._path} failed: {error.strerror or error}") from None

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        self._file.close()
