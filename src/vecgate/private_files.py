"""Files and folders that only their owner may read: journals, creation logs and rejected records."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600


def make_private_folder(path: Path) -> None:
    """Create the folder at *path* and its missing parents, all readable by their owner only."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def open_private(path: str | Path, flags: int, mode: int = FILE_MODE) -> int:
    """Return a descriptor of the file at *path*. A file that this creates is readable by its owner only."""
    return os.open(path, flags, mode & FILE_MODE)


def create_private_file(path: Path) -> None:
    """Create an empty file at *path* that only its owner may read. An existing file is unchanged."""
    os.close(open_private(path, os.O_WRONLY | os.O_CREAT))
