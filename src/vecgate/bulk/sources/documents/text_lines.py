"""Lines of text, each bounded, of which blank ones cost no more than reading them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB

#: The longest record that the service takes has some 300 KB. A longer line would only fill the memory.
LINE_BYTES_MAX = 16 * MIB
#: Values take some twenty times the memory of their text. A record that the service takes has some thousand,
#: one with the vectors of all patches of a page 130,000.
VALUES_MAX = 1_000_000
_BOM = b"\xef\xbb\xbf"
#: Lines of white space, and lines without anything. A group for each line would cost ten times as much.
_BLANK, _EMPTY = re.compile(rb"\s*\n"), re.compile(rb"[\r\n]*\n")


@dataclass(slots=True)
class ByteCount:
    """The bytes of text that a reading has used so far, for readers that bound what they hold."""

    value: int = 0


def numbered_lines(
    stream: BinaryIO, name: str, count: ByteCount | None = None, *, keeps_spaces: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each line that is not blank, without a byte order mark.

    count         the bytes of each line are added to it
    keeps_spaces  a line of spaces is not blank

    Raises SourceError for a line of LINE_BYTES_MAX bytes or more.
    """
    number = 0
    while line := stream.readline(LINE_BYTES_MAX):
        number += 1
        if len(line) >= LINE_BYTES_MAX:
            raise SourceError(f"line {number:,} of {name} has more than {LINE_BYTES_MAX:,} bytes")
        text = line.removeprefix(_BOM) if number == 1 else line
        if not (text.rstrip(b"\r\n") if keeps_spaces else text.strip()):
            number += _skip_blank(stream, _EMPTY if keeps_spaces else _BLANK)
            continue
        if count is not None:
            count.value += len(line)
        yield number, text


def has_too_many_values(text: bytes) -> bool:
    """Return True if JSON *text* may have more values than are parsed, by its commas."""
    return text.count(b",") >= VALUES_MAX


def next_line(stream: BinaryIO, limit: int) -> bytes:
    """Return the next line that is not blank, without what exceeds *limit* bytes; none at the end."""
    while (line := stream.readline(limit)) and line.isspace():
        _skip_blank(stream, _BLANK)
    return line


def _skip_blank(stream: BinaryIO, blank: re.Pattern[bytes]) -> int:
    """Skip the *blank* lines that are in the buffer of *stream*. Return their number."""
    lines = 0
    # A stream without a buffer is not compressed, so that its blank lines are as many bytes in the file.
    while hasattr(stream, "peek") and (found := blank.match(stream.peek(MIB))):
        stream.read(found.end())
        lines += found[0].count(b"\n")
    return lines
