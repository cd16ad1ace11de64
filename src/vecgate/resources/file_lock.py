"""A lock on a file that ends with its process, so that others can check whether the process still runs."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from vecgate.private_files import open_private

try:
    import fcntl
except ImportError:  # On Windows no file is ever reported as locked.
    CAN_LOCK = False
else:
    CAN_LOCK = True


def open_locked(path: Path) -> int:
    """Return a descriptor that appends to *path* and holds its lock until it is closed. Raises OSError."""
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if CAN_LOCK:
        with suppress(OSError):  # Some file systems have no locks: the file is then never reported as locked.
            fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of *path*. False if that cannot be determined."""
    if not CAN_LOCK:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
