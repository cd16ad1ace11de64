"""Splits JSON documents into the elements of their lists, without parsing or holding the document.

Only strings and brackets are looked at, a megabyte at a time; the caller parses each element. The text
between two elements must be one comma, so that no element is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import orjson

from vecgate.bulk.sources.documents.partial_answers import NAMES
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB

#: A whole string, a bracket, or the beginning of a string that ends in the next chunk, after anything else. A
#: search would try each byte of the numbers.
_TOKEN = re.compile(rb'[^"\[\]{}]*+("(?:[^"\\]++|\\.)*+"|[\[\]{}]|")', re.DOTALL)
#: The same inside an element, where strings and lists of numbers are of no interest: a token for each would
#: cost more than the rest of reading.
_INNER_TOKEN = re.compile(
    rb"""(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"|\[[^"\[\]{}]*+\]|\{[^"\[\]{}]*+\})*+([\[\]{}]|")""", re.DOTALL
)
_CHUNK_BYTES = MIB
#: Larger elements are not records, or the document is damaged.
ELEMENT_BYTES_MAX = 16 * MIB
#: Open brackets. Parsers refuse a record of some hundred.
DEPTH_MAX = 10_000
#: Names and paths outside of the elements, with some bytes for each bracket. A document of records has few.
OUTSIDE_BYTES_MAX, _BRACKET_BYTES = 16 * MIB, 16
_BOM = b"\xef\xbb\xbf"
_CLOSING = {b"{": b"}", b"[": b"]"}


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""


class JsonSplitter:
    """Yields the objects in the lists of one JSON document.

    A list counts if only objects lead to it and its first element is an object; its path is the names on the
    way, joined by dots, and empty for the list that is the whole document. *members* gets those members
    outside of all lists, by their paths, that say whether there are more records.
    """

    def __init__(self, stream: Readable, name: str, members: dict[str, object] | None = None) -> None:
        self._stream, self._name = stream, name
        #: The part in memory; *_at* is the end of the last token, *_mark* the start of what is needed.
        self._data, self._at, self._mark, self._is_whole = stream.read(len(_BOM)), 0, 0, False
        self._data = self._data.removeprefix(_BOM)
        #: Open brackets, each with the name that leads to it.
        self._open: list[tuple[bytes, str]] = []
        self._open_lists = 0
        #: Number of open brackets inside the list of records, 0 outside of it, its elements so far, its path.
        self._list_depth, self._count, self._path = 0, 0, ""
        self._last_string, self._outside_bytes = b"", 0
        self._members = {} if members is None else members

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
            if self._open and not self._open_lists:
                self._keep_member(text, start)
            if text[:1] == b'"':
                self._last_string = text
            elif text in _CLOSING:
                self._open_bracket(text, start)
            elif self._close_bracket(text, start):
                yield self._path, self._data[self._mark : self._at]
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
            self._path = ".".join(name for _, name in self._open if name)
            self._count_outside(len(self._path))
        if self._list_depth == depth > 0:
            if bracket != b"{" or self._gap(start) != (b"," if self._count else b""):
                raise self._gap_error()
            self._mark = start
        is_member = depth > 0 and not self._list_depth and self._open[-1][0] == b"{"
        name = self._name_before() if is_member else ""
        if not self._list_depth:
            self._count_outside(_BRACKET_BYTES + len(name))
        self._open.append((bracket, name))
        self._open_lists += bracket == b"["

    def _close_bracket(self, bracket: bytes, start: int) -> bool:
        """Close a bracket. Return True if an element of the list ends with it."""
        if _CLOSING[self._open[-1][0]] != bracket:
            raise self._error(f"has a wrong bracket after element {self._count:,}")
        if self._list_depth == len(self._open) > 0:
            if self._gap(start):
                raise self._gap_error()
            self._list_depth = 0
        self._open_lists -= self._open.pop()[0] == b"["
        return self._list_depth == len(self._open) > 0

    def _is_in_list(self) -> bool:
        """Return True if the innermost open bracket is a list, and the only one."""
        return self._open_lists == 1 and self._open[-1][0] == b"["

    def _keep_member(self, text: bytes, start: int) -> None:
        """Keep the value before *text*, or *text* itself, if the last string is a name of interest."""
        gap = self._gap(start)
        value = gap.removeprefix(b":").removesuffix(b",").strip() or text
        if gap[:1] != b":" or value in _CLOSING or self._last_string[1:-1] not in NAMES:
            return
        path = ".".join([name for _, name in self._open if name] + [self._name_before()])
        try:
            self._members[path] = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise self._error(f'has something else than a value in "{path}"') from None

    def _count_outside(self, size: int) -> None:
        self._outside_bytes += size
        if self._outside_bytes > OUTSIDE_BYTES_MAX:
            raise self._error("is too large outside of its list of records")

    def _gap(self, end: int) -> bytes:
        """Return the text before *end* that belongs to no element."""
        return self._data[self._mark : end].strip()

    def _name_before(self) -> str:
        try:
            return str(orjson.loads(self._last_string))
        except orjson.JSONDecodeError:
            raise self._error("has a member without a name") from None

    def _next_token(self) -> int | None:
        """Return the start of the next token, or None at the end of the document."""
        resume = self._at
        token = _INNER_TOKEN if 0 < self._list_depth < len(self._open) else _TOKEN
        while True:
            match = token.match(self._data, resume)
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
        where = f'the list "{self._path}"' if self._path else "its list"
        return self._error(f"has something else than an object after {self._count:,} elements of {where}")

    def _error(self, problem: str) -> SourceError:
        return SourceError(
            f"{self._name} {problem}",
            hint="It must be one JSON list of objects, or an object with one. Write or copy it again.",
        )
