"""Files that a command writes beside its result: checked before the run, written after it."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from vecgate.errors import UsageError
from vecgate.redaction import redact


def check_writable(*paths: Path | None) -> None:
    """Create the folders of *paths* and check that the files can be written. Raises UsageError.

    Called before a run that takes minutes, so that a wrong path does not cost its result.
    """
    for path in filter(None, paths):
        with _write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"{path} cannot be written", hint="Check the permissions of its folder.")


def write_text(path: Path, text: str, *, append: bool = False) -> None:
    """Write *text* to the file at *path*, or append it. Raises UsageError if that is impossible.

    Secrets in it are redacted. Several steps of a CI job append to its summary and to its outputs.
    """
    with _write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if append else "w", encoding="utf-8") as file:
            file.write(redact(text))


def _write_errors(path: Path) -> AbstractContextManager[None]:
    # Imported on use: every command that writes files for CI imports this module for its options.
    from vecgate.results.result_stream import report_write_errors  # noqa: PLC0415 - as above

    return report_write_errors(path)
