"""Whether the process that writes a file is still there: a lock that ends with it is held."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nobody is known to be there
    CAN_LOCK = False
else:
    CAN_LOCK = True


def hold(path: Path) -> int:
    """A descriptor to append to *path*, which is held until it is closed. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    if CAN_LOCK:
        with suppress(OSError):  # a file system without locks: nobody is known to be there
            fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def is_held(path: Path) -> bool:
    """Somebody holds *path*; False too where that cannot be known."""
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
