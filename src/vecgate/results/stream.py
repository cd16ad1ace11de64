"""Result streams on disk. A run that is killed leaves a file that can be read, up to its last whole line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vecgate.errors import SourceError
from vecgate.results.records import SCHEMA_VERSION, Footer, Header, Record, Result, Run

KNOWN = frozenset({"header", "requirement", "footer"})


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
    """The run in the file at *path*. Raises SourceError where it holds none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from None
    return run_of(content, str(path))


def run_of(content: bytes, name: str) -> Run:
    """The run in *content*, which comes from *name*. Raises SourceError where there is none."""
    header: Header | None = None
    footer: Footer | None = None
    results: list[Result] = []
    for record in _records(content, name):
        match record:
            case Header():
                header = record
            case Result():
                results.append(record)
            case Footer():
                footer = record
    if header is None:
        raise SourceError(f"{name} is no result stream: it has no header")
    return Run(header, tuple(results), footer)


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
