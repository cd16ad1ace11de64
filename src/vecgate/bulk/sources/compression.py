"""Decompresses a stream of bytes, recognised by its first ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeAlias, cast

Lines: TypeAlias = Iterator[bytes]

SUFFIXES = ("", ".gz", ".bz2", ".xz", ".zst")
_HEAD_BYTES = 6


def decompress(file: BinaryIO) -> Lines:
    """Return the lines of *file*, decompressed if its first bytes are those of a known compression."""
    # Only a buffered reader can look ahead; a stream in memory is not compressed.
    head = file.peek(_HEAD_BYTES)[:_HEAD_BYTES] if hasattr(file, "peek") else b""
    opener = next((opener for magic, opener in OPENERS.items() if head.startswith(magic)), None)
    return file if opener is None else opener(file)


def _open_zstd(file: BinaryIO) -> Lines:
    # Imported on use, because it is slow to import.
    pyarrow: Any = __import__("pyarrow")
    stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), "zstd")
    return cast("Lines", io.BufferedReader(stream))


#: Opens a compressed file whose first bytes are these.
OPENERS: dict[bytes, Callable[[BinaryIO], Lines]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}
