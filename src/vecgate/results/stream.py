"""Result streams on disk. A run that is killed leaves a file that can be read, up to its last whole line.

A line in the middle that is no record is named, and the rest is read: a report shows what can be shown. Only
what others are measured by, a baseline, must be whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

import msgspec
from msgspec import structs

from vecgate.errors import SourceError, UsageError
from vecgate.results.records import SCHEMA_VERSION, Footer, Header, Record, Run, Stream

#: The tags of the records that this version knows.
KNOWN = frozenset(kind.__struct_config__.tag for kind in get_args(Record))

#: Lines that are no records and are named one by one.
PROBLEMS_MAX = 20


class _Kind(msgspec.Struct):
    record: str
    schema: int = SCHEMA_VERSION


class StreamWriter:
    """Writes records to *path*, each flushed as it comes. Raises UsageError where that cannot be written."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None

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
    """The conformance run in the file at *path*. Raises SourceError where there is none, or no whole one."""
    return run_of(_content(path), str(path))


def read_stream(path: Path) -> Stream:
    """The run in the file at *path*. Raises SourceError where it holds none."""
    return stream_of(_content(path), str(path))


def run_of(content: bytes, name: str) -> Run:
    """The conformance run in *content*, which comes from *name*.

    Raises SourceError where there is none, or a line is no record: what is missing would weaken a gate.
    """
    stream, broken = _read(content, name)
    if broken:
        raise SourceError(broken[0])
    return stream.run


def stream_of(content: bytes, name: str) -> Stream:
    """The run in *content*, which comes from *name*. Raises SourceError where there is none."""
    stream, broken = _read(content, name)
    if len(broken) > PROBLEMS_MAX:
        more = f"{name}: {len(broken) - PROBLEMS_MAX:,} more lines are no records"
        broken = [*broken[:PROBLEMS_MAX], more]
    return structs.replace(stream, problems=(*broken, *stream.problems))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from None


def _read(content: bytes, name: str) -> tuple[Stream, list[str]]:
    """The stream, and a sentence for each line that is no record of it."""
    header: Header | None = None
    footer: Footer | None = None
    others: list[Record] = []
    broken: list[str] = []
    for where, record in _records(content, name):
        match record:
            case str():
                broken.append(f"{where} is no record: {record}")
            case Header() if header is not None:
                broken.append(f"{where} begins another run: a stream holds one")
            case Header():
                header = record
            case Footer():
                footer = record
            case _:
                others.append(record)
    if header is None:
        raise SourceError(broken[0] if broken else f"{name} is no result stream: it has no header")
    problems = () if footer else (f"{name} was cut off: what was written until then is shown",)
    return Stream(header, tuple(others), footer, problems), broken


def _records(content: bytes, name: str) -> Iterator[tuple[str, Record | str]]:
    """Where each record is, and the record, or why there is none; kinds that are passed over are left out."""
    # The last line of a run that was killed is half a line, or nothing.
    *lines, tail = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip() and (record := _record(line, f"{name}, line {number}")) is not None:
            yield f"{name}, line {number}", record
    if tail.strip() and (record := _record(tail, name)) is not None and not isinstance(record, str):
        yield name, record


def _record(line: bytes, where: str) -> Record | str | None:
    """The record in *line*, or why it is none; None where its kind is of a later version, to be passed over.

    Raises SourceError where a later vecgate says that we would misread it.
    """
    try:
        kind = msgspec.json.decode(line, type=_Kind)
        if kind.schema > SCHEMA_VERSION:
            raise SourceError(
                f"{where}: written by a later vecgate (schema {kind.schema}; this one reads {SCHEMA_VERSION})"
            )
        return msgspec.json.decode(line, type=Record) if kind.record in KNOWN else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
