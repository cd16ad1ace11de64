"""Data frames, Arrow tables and database relations: whatever has the Arrow PyCapsule interface.

https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import pyarrow as pa

from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.object_records import SAMPLE_RECORDS
from vecgate.bulk.sources.source import EmptySource
from vecgate.bulk.sources.tables.arrow_types import Batch, Schema
from vecgate.bulk.sources.tables.table_source import TableSource, build_table
from vecgate.errors import SourceError

Frame: TypeAlias = Any

_REASON_LENGTH_MAX = 200
#: Libraries whose tables hold their rows. Another, such as a database, may run a query for each length and
#: each reading.
_HELD_BY = frozenset({"pandas", "polars", "pyarrow"})
_STREAM, _ARRAY = "__arrow_c_stream__", "__arrow_c_array__"


def is_frame(value: object) -> bool:
    """Return True for an object that gives its content to Arrow."""
    return hasattr(value, _STREAM) or hasattr(value, _ARRAY)


def is_column(value: object) -> bool:
    """Return True for a single column, such as a Series."""
    return is_frame(value) and not any(hasattr(value, name) for name in ("columns", "schema"))


def column_values(column: Frame) -> list[object]:
    """Return the values of a column as Python objects. Raises SourceError."""
    with _errors(column):
        stream = column if hasattr(column, _STREAM) else pa.chunked_array([pa.array(column)])
        return list(pa.chunked_array(stream).to_pylist())


def source_from_frame(frame: Frame, *, columns: ColumnChoice, keys_only: bool = False) -> TableSource:
    """Return *frame* as a source. A table that is held in memory can be read again, a stream cannot.

    Raises SourceError if it is empty, no table, or no column fits.
    """
    name = frame_name(frame)
    is_held = isinstance(frame, Sized) and _library(frame) in _HELD_BY
    reader = _open(frame)
    stream = _Stream(frame, reader)
    sample = stream.first_rows()
    if not sample:
        raise EmptySource(f"{name} holds no records")
    source = build_table(
        name,
        _fingerprint(name, reader.schema, sample),
        reader.schema,
        stream.peek,
        total=len(frame) if is_held else None,
        choice=columns,
        keys_only=keys_only,
    )

    def read_again(names: list[str], rows: int) -> Iterator[Batch]:
        return _Stream(frame, _open(frame)).read(names, rows)

    read = read_again if is_held else stream.read
    return replace(source, read_batches=read, is_repeatable=is_held, is_identified=False)


def frame_name(frame: Frame) -> str:
    """Return the library and the type of *frame*, such as `polars DataFrame`."""
    return f"{_library(frame)} {type(frame).__name__}"


def _library(frame: Frame) -> str:
    return type(frame).__module__.partition(".")[0].lstrip("_")


class _Stream:
    """The batches of a frame. Those that were looked at are not lost."""

    def __init__(self, frame: Frame, reader: Iterator[Batch]) -> None:
        self._frame, self._reader = frame, reader
        self._ahead: list[Batch] = []
        self._is_read = False

    def first_rows(self) -> list[object]:
        """Return the first rows as objects, none if there are none."""
        batch = next((batch for batch in self._all() if batch.num_rows), None)
        return [] if batch is None else list(batch.slice(0, SAMPLE_RECORDS).to_pylist())

    def peek(self, names: list[str], rows: int) -> Iterator[Batch]:
        """Yield the batches from the first one on, and keep them."""
        for batch in self._all():
            yield from _slices(batch.select(names), rows)

    def read(self, names: list[str], rows: int) -> Iterator[Batch]:
        """Yield all batches, once."""
        if self._is_read:
            raise SourceError(f"{frame_name(self._frame)} was read already and cannot be read again")
        self._is_read = True
        while self._ahead:
            yield from _slices(self._ahead.pop(0).select(names), rows)
        with _errors(self._frame):
            for batch in self._reader:
                yield from _slices(batch.select(names), rows)

    def _all(self) -> Iterator[Batch]:
        yield from list(self._ahead)
        with _errors(self._frame):
            for batch in self._reader:
                self._ahead.append(batch)
                yield batch


def _open(frame: Frame) -> Any:  # noqa: ANN401 - a reader of pyarrow
    with _errors(frame):
        if hasattr(frame, _STREAM):
            return pa.RecordBatchReader.from_stream(frame)
        batch = pa.record_batch(frame)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])


def _slices(batch: Batch, rows: int) -> Iterator[Batch]:
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _fingerprint(name: str, schema: Schema, sample: object) -> str:
    text = f"{schema.remove_metadata()}{sample!r}"
    return (
        f"{name} that begins with {hashlib.sha256(text.encode(errors='backslashreplace')).hexdigest()[:16]}"
    )


@contextmanager
def _errors(frame: Frame) -> Iterator[None]:
    """Turn any error of the library of *frame* into a SourceError."""
    try:
        yield
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:_REASON_LENGTH_MAX] or type(error).__name__
        raise SourceError(
            f"{frame_name(frame)} cannot be read as an Arrow table: {reason}",
            hint="It needs a column of keys and a column of vectors, each a list of numbers.",
        ) from error
