"""Writes and reads result streams. A run that was killed leaves a file that can be read up to its last whole
line.

A report shows what it can: an invalid line is named, and the rest of the file is read up to the next header.
A baseline must be whole, so the functions for conformance runs raise SourceError instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import structs

from vecgate.errors import SourceError, UsageError, VecgateError
from vecgate.printable import printable, printable_json
from vecgate.redaction import redact_values
from vecgate.results.record_decoding import RecordDecoder
from vecgate.results.records import ConformanceRun, Footer, Header, Record, Stream
from vecgate.s3vectors.limits import MIB

#: Invalid lines that are named one by one.
PROBLEMS_MAX = 20
#: A run of a day at one record each second has some MB, and the largest record some 100 KB.
FILE_BYTES_MAX, LINE_BYTES_MAX = 512 * MIB, 16 * MIB


class StreamWriter:
    """Writes records to *path*, each at once. Raises UsageError if the file cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with report_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered, because a buffer would try again to write to a full disk when the file is closed.
            self._file = path.open("wb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, record: Record) -> None:
        """Write *record* as one line. Raises VecgateError if the disk is full or fails."""
        line = encode_record(record) + b"\n"
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            message = f"writing to {self._path} failed: {error.strerror or error}"
            hint = "`vecgate report` can read the records that were written before."
            raise VecgateError(message, hint=hint) from None

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        self._file.close()


def create_empty_stream(path: Path) -> None:
    """Create or empty the file at *path*, for another process to write to.

    Raises UsageError if it cannot be written, or if it is a device or a folder.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} cannot be written: it is not a file")
    StreamWriter(path).close()


def append_record(path: Path, record: Record) -> None:
    """Append *record* to the stream at *path*. Raises UsageError if that fails."""
    with report_write_errors(path), path.open("ab") as file:
        file.write(encode_record(record) + b"\n")


def encode_record(record: Record) -> bytes:
    """Return *record* as a line of a stream, without secrets: a record may hold what a server said."""
    plain = redact_values(msgspec.to_builtins(record))
    try:
        return printable_json(msgspec.json.encode(plain))
    except UnicodeEncodeError:  # a lone surrogate, which JSON cannot hold
        return msgspec.json.encode(redact_values(plain, replace=printable))


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """Raise errors of the system while the file at *path* is written as a UsageError that names the file."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None


def read_conformance_run(path: Path) -> ConformanceRun:
    """Return the conformance run in the file at *path*. Raises SourceError if it is missing or incomplete."""
    return parse_conformance_run(read_whole(path), str(path))


def read_stream(path: Path | str) -> Stream:
    """Return the run in the file at *path*. Raises SourceError if it contains none."""
    return parse_stream(read_whole(Path(path)), str(path))


def parse_conformance_run(content: bytes, name: str) -> ConformanceRun:
    """Return the conformance run in *content*; *name* is used in messages.

    Raises SourceError without one, or if a line is invalid: a missing record would weaken the gate.
    """
    stream, invalid = _parse(content, name)
    if invalid:
        raise SourceError(invalid[0])
    return stream.run


def parse_stream(content: bytes, name: str) -> Stream:
    """Return the run in *content*; *name* is used in messages. Raises SourceError if it contains none."""
    stream, invalid = _parse(content, name)
    number = len(invalid)
    if number > PROBLEMS_MAX:
        more = f"{name}: {number - PROBLEMS_MAX:,} more lines are not records"
        invalid = [*invalid[:PROBLEMS_MAX], more]
    return structs.replace(stream, problems=(*invalid, *stream.problems), invalid_lines=number)


def read_whole(path: Path) -> bytes:
    """Return the content of a file of records, also of a pipe.

    Raises SourceError if it cannot be read, or has more than FILE_BYTES_MAX.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > FILE_BYTES_MAX:
        raise SourceError(
            f"{path} has more than {FILE_BYTES_MAX:,} bytes",
            hint="A run of a day has some MB: this is another file, or a damaged one.",
        )
    return content


def _parse(content: bytes, name: str) -> tuple[Stream, list[str]]:
    """Return the stream, and a sentence for each invalid line."""
    header: Header | None = None
    footer: Footer | None = None
    others: list[Record] = []
    invalid: list[str] = []
    for location, record in _records(content, name):
        match record:
            case str():
                invalid.append(f"{location} is not a record: {record}")
            case Header() if header is not None:
                invalid.append(f"{location} begins another run: a stream contains only one")
                break
            case Header():
                header = record
            case Footer():
                footer = record
            case _:
                others.append(record)
    if header is None:
        reason = invalid[0].removeprefix(f"{name}, ") if invalid else "it has no header"
        raise SourceError(f"{name} is not a result stream: {reason}")
    problems = () if footer else (f"{name} was cut off: the records written before are shown",)
    return Stream(header, tuple(others), footer, problems), invalid


def _records(content: bytes, name: str) -> Iterator[tuple[str, Record | str]]:
    """Yield the location of each line with its record, or with the reason why it is invalid."""
    decoder = RecordDecoder()
    # The last line of a run that was killed is incomplete or empty.
    *lines, tail = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        location = f"{name}, line {number}"
        if line.strip() and (record := _decode(decoder, line, location)) is not None:
            yield location, record
    if tail.strip() and (record := _decode(decoder, tail, name)) is not None and not isinstance(record, str):
        yield name, record


def _decode(decoder: RecordDecoder, line: bytes, location: str) -> Record | str | None:
    if len(line) > LINE_BYTES_MAX:
        return f"it has {len(line):,} bytes, and at most {LINE_BYTES_MAX:,} are read"
    try:
        return decoder.decode(line)
    except SourceError as error:
        raise SourceError(f"{location}: {error}", hint=error.hint) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
