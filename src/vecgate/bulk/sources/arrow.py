"""Arrow IPC: files (Feather is their other name) and streams, mapped rather than read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from vecgate.bulk.records import Block
from vecgate.bulk.sources.columns import ColumnChoice, Layout, recognise
from vecgate.bulk.sources.source import (
    FLOAT32_BYTES,
    ROWS_DEFAULT,
    Source,
    fingerprint_of,
    reading,
    rows_within,
)
from vecgate.bulk.sources.tables import block_of, first_length, kinds_of, vector_type
from vecgate.errors import SourceError

WHAT = "Arrow IPC"
FILE_MAGIC = b"ARROW1"
STREAM_MAGIC = b"\xff\xff\xff\xff"

Batch: TypeAlias = Any
Reader: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class ArrowSource(Source):
    """Records in an Arrow file or stream."""

    path: Path
    name: str
    total: int | None
    fingerprint: str
    dimension: int | None
    layout: Layout
    vectors: str
    is_repeatable: bool = True

    def describe(self) -> str:
        """One line that says which column was taken for what."""
        return self.layout.describe(self.dimension, self.vectors)

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, record batch by record batch."""
        width = dimension or self.dimension or 1
        step = rows_within(rows, width * FLOAT32_BYTES)
        for batch in _batches(self.path):
            for start in range(0, batch.num_rows, step):
                part = batch.slice(start, step)
                yield block_of(part, self.layout, width, first)
                first += part.num_rows


def open_arrow(path: Path, *, columns: ColumnChoice, keys_only: bool) -> ArrowSource:
    """The records of an Arrow file or stream. Raises SourceError where it is none, or no column fits."""
    name = str(path)
    with reading(name, WHAT), _opened(path) as reader:
        schema, total = reader.schema, _total(reader)
    if total == 0 or not any(batch.num_rows for batch in _batches(path)):
        raise SourceError(f"{name} holds no records")
    layout = recognise(name, kinds_of(name, schema), columns, keys_only=keys_only)
    dimension, vectors = (
        (None, "") if layout.vector is None else vector_type(schema.field(layout.vector).type)
    )
    if dimension is None and layout.vector is not None:
        lengths = (first_length(batch.column(layout.vector)) for batch in _batches(path))
        dimension = next((length for length in lengths if length), None)
    return ArrowSource(path, name, total, fingerprint_of(path), dimension, layout, vectors)


def _batches(path: Path) -> Iterator[Batch]:
    with reading(str(path), WHAT), _opened(path) as reader:
        if isinstance(reader, pa.RecordBatchFileReader):
            yield from map(reader.get_batch, range(reader.num_record_batches))
        else:
            yield from reader


@contextmanager
def _opened(path: Path) -> Iterator[Reader]:
    with pa.memory_map(str(path)) as file:
        is_file = file.read(len(FILE_MAGIC)) == FILE_MAGIC
        file.seek(0)
        with pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file) as reader:
            yield reader


def _total(reader: Reader) -> int | None:
    """The records of a file; a stream tells only at its end."""
    if not isinstance(reader, pa.RecordBatchFileReader):
        return None
    return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
