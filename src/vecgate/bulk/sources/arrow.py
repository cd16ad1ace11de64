"""Arrow IPC: files (Feather is their other name) and streams, a record batch in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow.dataset import dataset

from vecgate.bulk.records import Block
from vecgate.bulk.sources.arrow_types import Batch, Schema, kinds_of, vector_type
from vecgate.bulk.sources.columns import ColumnChoice, Layout, recognise
from vecgate.bulk.sources.source import (
    FLOAT32_BYTES,
    ROWS_DEFAULT,
    Source,
    fingerprint_of,
    reading,
    rows_within,
)
from vecgate.bulk.sources.tables import block_of, first_length
from vecgate.errors import SourceError

WHAT = "Arrow IPC"
FILE_MAGIC = b"ARROW1"


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
    is_identified: bool = True

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
    with reading(name, WHAT):
        is_file = _is_file(path)
        schema = _schema(path, is_file=is_file)
        # Counted from the metadata of the batches; a stream tells only at its end.
        total = dataset(path, format="ipc").count_rows() if is_file else None
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
    with reading(str(path), WHAT):
        yield from _file_batches(path) if _is_file(path) else _stream_batches(path)


def _file_batches(path: Path) -> Iterator[Batch]:
    """The batches of a file that has some.

    Each comes from a map of its own, so that what was read no longer counts as memory of this process.
    """
    number, count = 0, 1
    while number < count:
        with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
            count = reader.num_record_batches
            batch = reader.get_batch(number)
        yield batch
        number += 1


def _stream_batches(path: Path) -> Iterator[Batch]:
    with pa.OSFile(str(path), "r") as file, pa.ipc.open_stream(file) as reader:
        yield from reader


def _is_file(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(FILE_MAGIC)) == FILE_MAGIC


def _schema(path: Path, *, is_file: bool) -> Schema:
    opener = pa.ipc.open_file if is_file else pa.ipc.open_stream
    with pa.OSFile(str(path), "r") as file, opener(file) as reader:
        return reader.schema
