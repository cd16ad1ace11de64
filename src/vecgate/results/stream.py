"""Result streams on disk. A run that is killed leaves a file that can be read, up to its last whole line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

import msgspec

from vecgate.errors import SourceError
from vecgate.results.records import SCHEMA_VERSION, Footer, Header, Record, Run, Stream

#: The tags of the records that this version knows.
KNOWN = frozenset(kind.__struct_config__.tag for kind in get_args(Record))


class _Kind(msgspec.Struct):
    record: str
    schema: int = SCHEMA_VERSION


class StreamWriter:
    """Writes records to *path*, each flushed as it comes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, record: Record) -> None:
        """Write *record* as a line of its own."""
        self._file.write(msgspec.json.encode(record) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()


def read_run(path: Path) -> Run:
    """The conformance run in the file at *path*. Raises SourceError where it holds none."""
    return read_stream(path).run


def read_stream(path: Path) -> Stream:
    """The run in the file at *path*. Raises SourceError where it holds none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from None
    return stream_of(content, str(path))


def run_of(content: bytes, name: str) -> Run:
    """The conformance run in *content*, which comes from *name*. Raises SourceError where there is none."""
    return stream_of(content, name).run


def stream_of(content: bytes, name: str) -> Stream:
    """The run in *content*, which comes from *name*. Raises SourceError where there is none."""
    header: Header | None = None
    footer: Footer | None = None
    others: list[Record] = []
    for record in _records(content, name):
        match record:
            case Header():
                header = record
            case Footer():
                footer = record
            case _:
                others.append(record)
    if header is None:
        raise SourceError(f"{name} is no result stream: it has no header")
    problems = () if footer else (f"{name} was cut off: what was written until then is shown",)
    return Stream(header, tuple(others), footer, problems)


def _records(content: bytes, name: str) -> Iterator[Record]:
    # The last line of a run that was killed is half a line, or nothing.
    *lines, tail = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            record = _record(line, f"{name}, line {number}")
            if record is not None:
                yield record
    if tail.strip():
        try:
            record = _record(tail, name)
        except SourceError:
            return
        if record is not None:
            yield record


def _record(line: bytes, where: str) -> Record | None:
    """The record in *line*, None where its kind is of a later version that says it may be passed over."""
    try:
        kind = msgspec.json.decode(line, type=_Kind)
        if kind.schema > SCHEMA_VERSION:
            raise SourceError(
                f"{where}: written by a later vecgate (schema {kind.schema}; this one reads {SCHEMA_VERSION})"
            )
        return msgspec.json.decode(line, type=Record) if kind.record in KNOWN else None
    except msgspec.DecodeError as error:
        raise SourceError(f"{where} is no record: {error}") from None
