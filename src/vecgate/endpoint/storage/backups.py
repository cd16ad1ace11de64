"""Backups of a data directory: one file, copied by SQLite while the endpoint serves, and verified.

To restore one, put it into an empty directory under the name of the database.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from vecgate.errors import UsageError

#: Pages copied at a time. Meanwhile a write waits, about a millisecond.
PAGES_PER_STEP = 64
#: Pause while a write is in progress.
PAUSE_S = 0.005


def back_up(
    database: sqlite3.Connection, file: Path, check: Callable[[sqlite3.Connection, Path], object]
) -> int:
    """Copy *database* to the new *file*, readable by its owner only, and return its bytes.

    Other threads may go on writing; the copy has all of the changes that were made before its last step. The
    file appears when it is complete, flushed and passes *check*.
    Raises UsageError if it exists, if it cannot be written, or if the copy is not intact.
    """
    if os.path.lexists(file):
        raise UsageError(f"{file} exists already", hint="Name a new file for the backup.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    except OSError as error:
        raise _write_error(file, error) from None
    partial = Path(name)
    try:
        with closing(sqlite3.connect(partial)) as copy:
            copy.execute("PRAGMA synchronous=OFF")  # it is flushed below
            database.backup(copy, pages=PAGES_PER_STEP, sleep=PAUSE_S)
        with closing(sqlite3.connect(partial)) as copy:
            copy.execute("PRAGMA locking_mode=EXCLUSIVE")
            check(copy, file)
        os.fsync(handle)
        os.link(partial, file)
        size = file.stat().st_size
    except FileExistsError:
        raise UsageError(f"{file} exists already", hint="Name a new file for the backup.") from None
    except (OSError, sqlite3.Error) as error:
        raise _write_error(file, error) from None
    finally:
        os.close(handle)
        for each in (name, f"{name}-wal", f"{name}-journal"):
            Path(each).unlink(missing_ok=True)
    _flush_directory(file.parent)
    return size


def _flush_directory(directory: Path) -> None:
    """Make the new name survive a power failure, where the file system can."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_error(file: Path, error: Exception) -> UsageError:
    reason = (error.strerror if isinstance(error, OSError) else None) or error
    return UsageError(
        f"cannot write the backup {file}: {reason}", hint="Nothing was left behind; name another file."
    )
