"""The results of a comparison by key, in temporary files: two inputs of any length in little memory.

An entry goes to the file that the hash of its key selects. All entries of a key are in one file, in the order
in which they were made, so each file can be summed up alone.
"""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from vecgate.errors import VecgateError
from vecgate.s3vectors.limits import KIB

FILES = 1024
#: Bytes of entries of each file that are in memory.
BUFFER_BYTES = 8 * KIB
#: Keys of each kind that a summary names.
EXAMPLES_KEPT = 5
#: The code of the entry and the number of bytes of its key, which follows.
_HEAD = struct.Struct("<BI")


class KeyEntry(IntEnum):
    """The kinds of entries of a key."""

    #: The record of the input is stored as it is.
    EQUAL = 0
    #: The index does not have its key.
    MISSING = 1
    #: Its vector or metadata are stored with other values.
    DIFFERENT = 2
    #: The record cannot be stored.
    REJECTED = 3
    #: The index lists the key.
    LISTED = 4


@dataclass(slots=True)
class KeySummary:
    """The numbers of keys by the result of their last comparison.

    extra     keys that the index lists and the input does not have
    unlisted  keys that were read from the index and that it does not list
    examples  a few keys by their last result, and *extra_keys*
    """

    results: Counter[KeyEntry] = field(default_factory=Counter)
    extra: int = 0
    unlisted: int = 0
    examples: dict[KeyEntry, list[str]] = field(default_factory=dict)
    extra_keys: list[str] = field(default_factory=list)


class KeyLog:
    """A log of entries. Raises VecgateError if the temporary folder cannot be written.

    is_empty  nothing was added
    """

    def __init__(self) -> None:
        self.is_empty: bool = True
        self._buffers: dict[int, bytearray] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, key: str, entry: KeyEntry) -> None:
        """Append an entry of *key*."""
        self.is_empty = False
        name = key.encode("utf-8", "surrogatepass")
        number = crc32(name) % FILES
        buffer = self._buffers.setdefault(number, bytearray())
        buffer += _HEAD.pack(entry, len(name)) + name
        if len(buffer) >= BUFFER_BYTES:
            with _disk_errors(), self._path(number).open("ab") as file:
                file.write(buffer)
            buffer.clear()

    def summary(self) -> KeySummary:
        """Return the numbers of keys. The last comparison of a key counts."""
        summary = KeySummary()
        for number in sorted(self._buffers):
            _add(summary, self._entries(number))
        return summary

    def _entries(self, number: int) -> Iterator[tuple[bytes, KeyEntry]]:
        data = b""
        if self._folder is not None and (path := self._path(number)).exists():
            with _disk_errors():
                data = path.read_bytes()
        data += self._buffers[number]
        at = 0
        while at < len(data):
            code, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            yield data[at : at + length], KeyEntry(code)
            at += length

    def _path(self, number: int) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="vecgate-keys-")
        return Path(self._folder.name, str(number))


def _add(summary: KeySummary, entries: Iterator[tuple[bytes, KeyEntry]]) -> None:
    results: dict[bytes, KeyEntry] = {}
    listed: set[bytes] = set()
    for name, entry in entries:
        match entry:
            case KeyEntry.LISTED:
                listed.add(name)
            case KeyEntry.REJECTED:
                # The record before it was sent instead.
                results.setdefault(name, entry)
            case _:
                results[name] = entry
    summary.results.update(results.values())
    for name, entry in results.items():
        _keep(summary.examples.setdefault(entry, []), name)
    extra = listed - results.keys()
    summary.extra += len(extra)
    for name in sorted(extra)[:EXAMPLES_KEPT]:
        _keep(summary.extra_keys, name)
    read = {KeyEntry.EQUAL, KeyEntry.DIFFERENT}
    summary.unlisted += sum(name not in listed for name, entry in results.items() if entry in read)


def _keep(keys: list[str], name: bytes) -> None:
    if len(keys) < EXAMPLES_KEPT:
        keys.append(name.decode("utf-8", "surrogatepass"))


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VecgateError(
            f"the temporary folder {tempfile.gettempdir()} cannot be used: {error.strerror or error}",
            hint="It holds the keys during a comparison. Free some space, or choose another one with TMPDIR.",
        ) from error
