"""Files that a command leaves beside its result: looked at before the run, written after it."""

from __future__ import annotations

import os
from pathlib import Path

from vecgate.errors import UsageError
from vecgate.results.stream import writing


def look_at(*paths: Path | None) -> None:
    """See that *paths* can be written later, and make their folders. Raises UsageError.

    What cannot be written is to be known before a run that takes minutes, not after it.
    """
    for path in filter(None, paths):
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"{path} cannot be written", hint="Look at the permissions of its folder.")


def write_text(path: Path, text: str, *, is_added: bool = False) -> None:
    """Write *text* to the file at *path*, or behind what is there. Raises UsageError where it cannot be.

    A CI job's summary, and its outputs, are files that several steps add to.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if is_added else "w", encoding="utf-8") as file:
            file.write(text)
