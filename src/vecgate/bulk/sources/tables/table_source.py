"""A source that is an Arrow table: it reads record batches and turns each into a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.sources.column_mapping import ColumnChoice, ColumnKind, Layout, detect_layout
from vecgate.bulk.sources.source import (
    FLOAT32_BYTES,
    ROWS_DEFAULT,
    FileSource,
    block_rows,
    file_fingerprint,
)
from vecgate.bulk.sources.tables.arrow_records import are_uuids, build_block, first_length
from vecgate.bulk.sources.tables.arrow_types import Batch, Schema, column_kinds, vector_type
from vecgate.errors import SourceError

#: Yields the columns of the given names in batches of at most the given number of rows.
BatchReader: TypeAlias = Callable[[list[str], int], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class TableSource(FileSource):
    """Records in a file of Arrow record batches.

    value_type  type of the values of a vector, empty if only keys are read
    row_bytes   size of a record in the file, 0 if unknown
    """

    name: str
    total: int | None
    fingerprint: str
    dimension: int | None
    layout: Layout
    value_type: str
    read_batches: BatchReader
    row_bytes: float = 0.0
    is_repeatable: bool = True
    is_identified: bool = True

    def describe(self) -> str:
        """Return one line that says how each column is used."""
        return self.layout.describe(self.dimension, self.value_type)

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield one block per record batch. Only the columns in use are read."""
        width = dimension or self.dimension or 1
        batch_rows = block_rows(rows, max(self.row_bytes, width * FLOAT32_BYTES))
        for batch in self.read_batches(self.layout.used, batch_rows):
            yield build_block(batch, self.layout, width, first)
            first += batch.num_rows


def open_table(
    path: Path,
    schema: Schema,
    read_batches: BatchReader,
    *,
    total: int | None,
    choice: ColumnChoice,
    keys_only: bool,
    row_bytes: float = 0.0,
) -> TableSource:
    """Return the table in *path* as a source. Raises SourceError if no column fits."""
    name = str(path)
    kinds = column_kinds(name, schema)
    layout = _with_key_kind(detect_layout(name, kinds, choice, keys_only=keys_only), read_batches)
    dimension, value_type = None, ""
    if layout.vector is not None:
        if kinds[layout.vector] is ColumnKind.LIST:
            found = schema.field(layout.vector).type
            raise SourceError(
                f'column "{layout.vector}" of {name} is of type {found}; vectors are lists of numbers',
                hint="Write one list of numbers for each record.",
            )
        dimension, value_type = vector_type(schema.field(layout.vector).type)
        if dimension is None:
            batches = read_batches([layout.vector], block_rows(ROWS_DEFAULT, row_bytes))
            lengths = (first_length(batch.column(layout.vector)) for batch in batches)
            dimension = next((length for length in lengths if length), None)
    fingerprint = file_fingerprint(path)
    return TableSource(name, total, fingerprint, dimension, layout, value_type, read_batches, row_bytes)


def _with_key_kind(layout: Layout, read_batches: BatchReader) -> Layout:
    """Return *layout* with the kind of keys that are bytes, which the first of them decide."""
    if layout.key is None or layout.key_kind is not ColumnKind.BYTES:
        return layout
    first = next(iter(read_batches([layout.key], ROWS_DEFAULT)), None)
    if first is None or not are_uuids(first.column(layout.key)):
        return layout
    return replace(layout, key_kind=ColumnKind.UUID)
