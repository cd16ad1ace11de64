"""Text files with one key on each line, plain or compressed, for deletions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vecgate.bulk.sources.column_mapping import ColumnKind, Layout
from vecgate.bulk.sources.compression import SUFFIXES, decompress
from vecgate.bulk.sources.documents.text_lines import numbered_lines
from vecgate.bulk.sources.object_records import ObjectSource, UnreadableRecord
from vecgate.bulk.sources.source import EmptySource, file_fingerprint, file_states, source_errors

FORMAT_NAME = "text"
_ENDINGS = tuple(f".txt{suffix}" for suffix in SUFFIXES)
_COLUMN = "line"


def is_key_lines(path: str) -> bool:
    """Return whether a file of this name has one key on each line."""
    return path.lower().endswith(_ENDINGS)


def open_key_lines(path: Path, key_prefix: str = "") -> ObjectSource:
    """Open a text file of keys. Empty lines are skipped; spaces belong to a key.

    *key_prefix* is prepended to each of them.

    Raises SourceError if it cannot be read, EmptySource if it has no key.
    """
    name = str(path)

    def records() -> Iterator[object]:
        with source_errors(name, FORMAT_NAME), path.open("rb") as file:
            for number, line in numbered_lines(decompress(file), name, keeps_spaces=True):
                yield _record(line.rstrip(b"\r\n"), number)

    files = file_states(path)
    if next(records(), None) is None:
        raise EmptySource(f"{name} holds no keys")
    layout = Layout(_COLUMN, ColumnKind.TEXT, key_prefix, None)
    return ObjectSource(
        *(name, None, file_fingerprint(path), None, layout, records),
        is_repeatable=True,
        is_identified=True,
        files=files,
    )


def _record(line: bytes, number: int) -> object:
    try:
        return {_COLUMN: line.decode()}
    except UnicodeDecodeError:
        return UnreadableRecord(f"line {number:,} is not UTF-8", line.decode(errors="backslashreplace"))
