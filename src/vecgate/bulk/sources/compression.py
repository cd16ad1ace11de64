"""Decompresses a stream of bytes, recognised by its first ones.

A compressed file may have several parts, one after the other, as parallel compressors write them. Damage in
any part is an error: the standard library ignores everything behind the first part of a .bz2 or .xz file that
does not begin like one.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from typing import Any, BinaryIO, cast

SUFFIXES = ("", ".gz", ".bz2", ".xz", ".zst")
_HEAD_BYTES = 6
_INPUT_BYTES = 64 * 1024
#: Parts of an .xz file may be followed by zero bytes.
_PADDING = b"\x00"


def decompress(file: BinaryIO) -> BinaryIO:
    """Return *file*, decompressed if its first bytes are those of a known compression."""
    # Only a buffered reader can look ahead; a stream in memory is not compressed.
    head = file.peek(_HEAD_BYTES)[:_HEAD_BYTES] if hasattr(file, "peek") else b""
    opener = compression_of(head)
    return file if opener is None else opener(file)


def compression_of(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    """Return the opener of a compressed file that begins with *head*, None if it is not compressed."""
    return next((opener for magic, opener in OPENERS.items() if head.startswith(magic)), None)


class _PartsReader(io.RawIOBase):
    """Reads the parts of a compressed file, each with a new decompressor."""

    def __init__(self, file: BinaryIO, new_decompressor: Callable[[], Any]) -> None:
        self._file, self._new = file, new_decompressor
        self._decompressor: Any = new_decompressor()
        self._input = b""

    def readable(self) -> bool:
        """Return True: it can only be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Fill *buffer* with the next bytes. Raises OSError, LZMAError or EOFError for damage."""
        size = len(buffer)
        while not (data := self._next(size)):
            if data is None:
                return 0
        buffer[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes | None:
        """Return bytes of the current part, maybe none, or None at the end of the file."""
        if self._decompressor.eof:
            self._input = (self._decompressor.unused_data + self._input).lstrip(_PADDING)
            self._input = self._input or self._file.read(_INPUT_BYTES).lstrip(_PADDING)
            if not self._input:
                return None
            self._decompressor = self._new()
        if self._decompressor.needs_input and not self._input:
            self._input = self._file.read(_INPUT_BYTES)
            if not self._input:
                raise EOFError("it ends within its compressed data")
        data, self._input = self._input, b""
        return cast("bytes", self._decompressor.decompress(data, size))


def _open_bz2(file: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_PartsReader(file, bz2.BZ2Decompressor))


def _open_xz(file: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_PartsReader(file, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)))


def _open_gzip(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.open(file))


def _open_zstd(file: BinaryIO) -> BinaryIO:
    # Imported on use, because it is slow to import.
    pyarrow: Any = __import__("pyarrow")
    stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), "zstd")
    return io.BufferedReader(stream)


#: Opens a compressed file whose first bytes are these.
OPENERS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": _open_gzip,
    b"BZh": _open_bz2,
    b"\xfd7zXZ\x00": _open_xz,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}
