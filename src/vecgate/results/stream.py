"""Result streams on disk. A run that is killed leaves a file that can be read, up to its last whole line.

A line in the middle that is no record is named, and the rest is read: a report shows what can be shown. Where
another run begins nothing more is read. What others are measured by, a baseline, must be whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

import msgspec
from msgspec import structs

from vecgate.errors import SourceError, UsageError, VecgateError
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
        self._path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what could not be written is not tried again when the file is closed.
            self._file = path.open("wb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, record: Record) -> None:
        """Write *record* as a line of its own. Raises VecgateError where the disk does not take it."""
        line = msgspec.json.encode(record) + b"\n"
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            told = f"{self._path} cannot be written any further: {error.strerror or error}"
            raise VecgateError(
                told, hint="What it holds until then can be read with `vecgate report`."
            ) from None

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()


def begin_anew(path: Path) -> None:
    """Make the file at *path* empty, for another process to write to.

    Raises UsageError where it cannot be written, or is no file: a device or a folder stays what it is.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} cannot be written: it is no file")
    StreamWriter(path).close()


def add_record(path: Path, record: Record) -> None:
    """Write *record* behind the last of the stream at *path*. Raises UsageError where it cannot be."""
    with writing(path), path.open("ab") as file:
        file.write(msgspec.json.encode(record) + b"\n")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system says against writing the file at *path*, as a UsageError that names it."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None


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
    number = len(broken)
    if number > PROBLEMS_MAX:
        broken = [*broken[:PROBLEMS_MAX], f"{name}: {number - PROBLEMS_MAX:,} more lines are no records"]
    return structs.replace(stream, problems=(*broken, *stream.problems), broken=number)


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
                break
            case Header():
                header = record
            case Footer():
                footer = record
            case _:
                others.append(record)
    if header is None:
        told = broken[0].removeprefix(f"{name}, ") if broken else "it has no header"
        raise SourceError(f"{name} is no result stream: {told}")
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
