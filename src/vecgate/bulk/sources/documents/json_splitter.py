"""Splits JSON documents into the elements of their lists, without parsing or holding the document.

Only strings and brackets are looked at, a megabyte at a time; the caller parses each element. The text
between two elements must be one comma, so that no element is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import orjson

from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB

#: A whole string, a bracket, or the beginning of a string that ends in the next chunk, after anything else. A
#: search would try each byte of the numbers.
_TOKEN = re.compile(rb'[^"\[\]{}]*+("(?:[^"\\]++|\\.)*+"|[\[\]{}]|")', re.DOTALL)
_CHUNK_BYTES = MIB
#: Larger elements are not records, or the document is damaged.
ELEMENT_BYTES_MAX = 64 * MIB
#: Open brackets. Parsers refuse a record of some hundred.
DEPTH_MAX = 10_000
_BOM = b"\xef\xbb\xbf"
_CLOSING = {b"{": b"}", b"[": b"]"}


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""


class JsonSplitter:
    """Yields the objects in the lists of one JSON document.

    A list counts if only objects lead to it and its first element is an object; its path is the names on the
    way, joined by dots, and empty for the list that is the whole document.
    """

    def __init__(self, stream: Readable, name: str) -> None:
        self._stream, self._name = stream, name
        #: The part in memory; *_at* is the end of the last token, *_mark* the start of what is needed.
        self._data, self._at, self._mark, self._is_whole = stream.read(len(_BOM)), 0, 0, False
        self._data = self._data.removeprefix(_BOM)
        #: Open brackets, each with the name that leads to it.
        self._open: list[tuple[bytes, str]] = []
        #: Number of open brackets inside the list of records, 0 outside of it, and its elements so far.
        self._list_depth, self._count = 0, 0
        self._last_string = b""

    def elements(self) -> Iterator[tuple[str, bytes]]:
        """Yield the path of the list and the text of each element.

        Raises SourceError if the document ends early, or is not JSON outside of its elements.
        """
        is_begun = False
        while (start := self._next_token()) is not None:
            text = self._data[start : self._at]
            if not self._open and (is_begun or text not in _CLOSING or self._gap(start)):
                raise self._error("is not one JSON document")
            is_begun = True
            if text[:1] == b'"':
                self._last_string = text
            elif text in _CLOSING:
                self._open_bracket(text, start)
            elif self._close_bracket(text, start):
                yield self._path(), self._data[self._mark : self._at]
                self._count += 1
                self._mark = self._at
            if not self._list_depth:
                self._mark = self._at
        if self._open or not is_begun:
            raise self._error("is truncated: its document does not end")
        if self._gap(len(self._data)):
            raise self._error("is not one JSON document")

    def _open_bracket(self, bracket: bytes, start: int) -> None:
        depth = len(self._open)
        if depth >= DEPTH_MAX:
            raise self._error(f"is nested more than {DEPTH_MAX:,} levels deep")
        if not self._list_depth and bracket == b"{" and self._is_in_list():
            self._list_depth, self._count = depth, 0
        if self._list_depth == depth > 0:
            if bracket != b"{" or self._gap(start) != (b"," if self._count else b""):
                raise self._gap_error()
            self._mark = start
        is_member = depth > 0 and not self._list_depth and self._open[-1][0] == b"{"
        self._open.append((bracket, self._name_before() if is_member else ""))

    def _close_bracket(self, bracket: bytes, start: int) -> bool:
        """Close a bracket. Return True if an element of the list ends with it."""
        if _CLOSING[self._open[-1][0]] != bracket:
            raise self._error(f"has a wrong bracket after element {self._count:,}")
        if self._list_depth == len(self._open) > 0:
            if self._gap(start):
                raise self._gap_error()
            self._list_depth = 0
        self._open.pop()
        return self._list_depth == len(self._open) > 0

    def _is_in_list(self) -> bool:
        """Return True if the innermost open bracket is a list, and the only one."""
        return [bracket for bracket, _ in self._open].count(b"[") == 1 and self._open[-1][0] == b"["

    def _gap(self, end: int) -> bytes:
        """Return the text before *end* that belongs to no element."""
        return self._data[self._mark : end].strip()

    def _path(self) -> str:
        return ".".join(name for _, name in self._open[: self._list_depth] if name)

    def _name_before(self) -> str:
        try:
            return str(orjson.loads(self._last_string))
        except orjson.JSONDecodeError:
            raise self._error("has a member without a name") from None

    def _next_token(self) -> int | None:
        """Return the start of the next token, or None at the end of the document."""
        resume = self._at
        while True:
            match = _TOKEN.match(self._data, resume)
            if match is not None and match[1] != b'"':
                self._at = match.end()
                return match.start(1)
            if self._is_whole:
                if match is not None:
                    raise self._error("is truncated: its last text does not end")
                return None
            # A string may go on in the next chunk.
            resume = (len(self._data) if match is None else match.start(1)) - self._mark
            self._read()

    def _read(self) -> None:
        rest = self._data[self._mark :]
        if len(rest) > ELEMENT_BYTES_MAX:
            raise self._error(f"has an element of more than {ELEMENT_BYTES_MAX:,} bytes")
        chunk = self._stream.read(_CHUNK_BYTES)
        self._data, self._mark, self._is_whole = rest + chunk, 0, not chunk

    def _gap_error(self) -> SourceError:
        path = self._path()
        where = f'the list "{path}"' if path else "its list"
        return self._error(f"has something else than an object after {self._count:,} elements of {where}")

    def _error(self, problem: str) -> SourceError:
        return SourceError(
            f"{self._name} {problem}",
            hint="It must be one JSON list of objects, or an object with one. Write or copy it again.",
        )
