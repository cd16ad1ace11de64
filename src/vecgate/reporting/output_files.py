"""Files that a command writes beside its result: checked before the run, written after it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from vecgate.errors import UsageError
from vecgate.redaction import redact

#: Device and number of a file that exists, by whatever name; the path of another one.
Identity: TypeAlias = tuple[int, int] | str
OTHER_NAME_HINT = "Name another file."


def refuse_overwriting(inputs: Iterable[Path], outputs: Sequence[Path]) -> None:
    """Raise UsageError if one of *outputs* would overwrite one of *inputs*, or both outputs are one file.

    Called before any file is opened. Links are followed. An input that is a folder stands for all files in
    it, except for rejects files, which are not read.
    """
    seen: set[Identity] = set()
    files = [file for file in outputs if _keeps_data(file)]
    read = [file for file in inputs if _stat(file)] if files else []
    identities = {_identity(file) for file in read}
    folders = [file.resolve() for file in read if file.is_dir()]
    for output in files:
        identity, path = _identity(output), output.resolve()
        if identity in identities:
            raise UsageError(f"{output} is an input: the output would overwrite it", hint=OTHER_NAME_HINT)
        if any(path.is_relative_to(folder) for folder in folders) and not _is_rejects_file(path):
            raise UsageError(f"{output} is in a folder that is an input", hint=OTHER_NAME_HINT)
        if identity in seen:
            raise UsageError(f"{output} cannot hold two outputs", hint=OTHER_NAME_HINT)
        seen.add(identity)


def _keeps_data(path: Path) -> bool:
    """Return whether *path* is a regular file, or would be: not a device or a pipe."""
    found = _stat(path)
    return found is None or stat.S_ISREG(found.st_mode)


def _identity(path: Path) -> Identity:
    found = _stat(path)
    return (found.st_dev, found.st_ino) if found else str(path.resolve())


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):  # what may name an input may be any text
        return None


def _is_rejects_file(path: Path) -> bool:
    from vecgate.bulk.rejects_file import REJECTS_SUFFIXES  # noqa: PLC0415 - loads numpy

    return path.name.endswith(REJECTS_SUFFIXES)


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
