"""Parquet files, read in batches whose size follows the width of a record, through a small buffer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from vecgate.bulk.records import Block
from vecgate.bulk.sources.arrow_types import Batch, kinds_of, vector_type
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
from vecgate.s3vectors.limits import MIB

WHAT = "parquet"
#: Without it a whole column of a row group is in memory at once.
_BUFFER_BYTES = MIB


@dataclass(frozen=True, slots=True)
class ParquetSource(Source):
    """Records in a parquet file."""

    path: Path
    name: str
    total: int
    fingerprint: str
    dimension: int | None
    layout: Layout
    vectors: str
    row_bytes: float
    is_repeatable: bool = True
    is_identified: bool = True

    def describe(self) -> str:
        """One line that says which column was taken for what."""
        return self.layout.describe(self.dimension, self.vectors)

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, of the columns in use alone."""
        width = dimension or self.dimension or 1
        batch_rows = rows_within(rows, max(self.row_bytes, width * FLOAT32_BYTES))
        for batch in _batches(self.path, self.layout.used, batch_rows):
            yield block_of(batch, self.layout, width, first)
            first += batch.num_rows


def open_parquet(path: Path, *, columns: ColumnChoice, keys_only: bool) -> ParquetSource:
    """The records of a parquet file. Raises SourceError where it is none, or no column fits."""
    name = str(path)
    with reading(name, WHAT), pq.ParquetFile(path) as file:
        schema, metadata = file.schema_arrow, file.metadata
    if not metadata.num_rows:
        raise SourceError(f"{name} holds no records")
    layout = recognise(name, kinds_of(name, schema), columns, keys_only=keys_only)
    row_groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    row_bytes = sum(group.total_byte_size for group in row_groups) / metadata.num_rows
    dimension, vectors = (
        (None, "") if layout.vector is None else vector_type(schema.field(layout.vector).type)
    )
    if dimension is None and layout.vector is not None:
        dimension = _first_length(path, layout.vector, rows_within(ROWS_DEFAULT, row_bytes))
    return ParquetSource(
        path, name, metadata.num_rows, fingerprint_of(path), dimension, layout, vectors, row_bytes
    )


def _batches(path: Path, columns: list[str], rows: int) -> Iterator[Batch]:
    with (
        reading(str(path), WHAT),
        pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file,
    ):
        # With no column in use, an empty batch would have no rows to count.
        yield from file.iter_batches(batch_size=rows, columns=columns or file.schema_arrow.names[:1])


def _first_length(path: Path, column: str, rows: int) -> int | None:
    lengths = (first_length(batch.column(column)) for batch in _batches(path, [column], rows))
    return next((length for length in lengths if length), None)
