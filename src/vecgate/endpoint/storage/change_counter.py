"""The number of changes that were committed, in a small file beside the database.

SQLite drops what follows a damaged frame of its write-ahead log without an error: it cannot know whether
that part was ever complete. Each change adds one to a number within its transaction, and then to this one,
before it is acknowledged. If the database has fewer changes than this file, acknowledged changes are missing:
the log is damaged, truncated, or gone.

The file is overwritten in place and never flushed. A process that is killed leaves it at most one change
behind, and after a power failure it may be older; both are harmless.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

#: The number, and the CRC-32 of its bytes.
_NUMBER, _WHOLE = struct.Struct("<Q"), struct.Struct("<QI")


class ChangeCounter:
    """The file *path*, which is created with permissions for its owner only."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> int:
        """Return the number; 0 if none was ever written. Raises ValueError if the file is damaged."""
        content = os.pread(self._handle, _WHOLE.size + 1, 0)
        if not content:
            return 0
        if len(content) == _WHOLE.size:
            number, crc = _WHOLE.unpack(content)
            if crc == zlib.crc32(_NUMBER.pack(number)):
                return int(number)
        raise ValueError("it does not have its checksum")

    def write(self, number: int) -> None:
        """Replace the number. An error of the disk is ignored: an older number is harmless."""
        with suppress(OSError):
            os.pwrite(self._handle, _WHOLE.pack(number, zlib.crc32(_NUMBER.pack(number))), 0)

    def reset(self, number: int) -> None:
        """Replace the whole content, also if it is damaged."""
        os.ftruncate(self._handle, 0)
        self.write(number)

    def is_empty(self) -> bool:
        """Return whether no number was ever written."""
        return os.fstat(self._handle).st_size == 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)
