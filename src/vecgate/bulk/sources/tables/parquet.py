"""Parquet files, read through small buffers in batches whose length depends on the size of a record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import EmptySource, file_bytes, source_errors
from vecgate.bulk.sources.tables.arrow_types import Batch
from vecgate.bulk.sources.tables.batch_sizes import RowGroups, merged
from vecgate.bulk.sources.tables.table_source import TableSource, open_table
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import KIB, MIB

FORMAT_NAME = "parquet"
_MAGIC = b"PAR1"
#: Behind the footer: its length and the magic. The smallest file has little more than its magics.
_TAIL_BYTES, _FILE_BYTES_MIN = 8, 12
_GAP_BYTES_MAX = 64 * MIB
#: Without a buffer size, a whole column of a row group would be in memory. All columns share the second size.
_BUFFER_BYTES, _BUFFERS_BYTES, _BUFFER_BYTES_MIN = MIB, 64 * MIB, 16 * KIB


def open_parquet(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> TableSource:
    """Open a parquet file. Raises SourceError if it is not one, is empty, or no column fits."""
    with source_errors(str(path), FORMAT_NAME), ExitStack() as stack:
        file = _open(path, stack)
        schema, metadata = file.schema_arrow, file.metadata
        _check_not_joined(path, metadata)
    if not metadata.num_rows:
        raise EmptySource(f"{path} holds no records")
    row_groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    row_bytes = sum(group.total_byte_size for group in row_groups) / metadata.num_rows

    def read_batches(names: list[str], rows: int) -> Iterator[Batch]:
        with source_errors(str(path), FORMAT_NAME), ExitStack() as stack:
            # Without any column, a batch would have no rows to count.
            columns = names or schema.names[:1]
            buffer_bytes = max(_BUFFER_BYTES_MIN, min(_BUFFER_BYTES, _BUFFERS_BYTES // len(columns)))
            opened = _open(path, stack, buffer_size=buffer_bytes, pre_buffer=False)

            @cache
            def probe(texts: tuple[str, ...]) -> Any:  # noqa: ANN401 - pyarrow ships no types
                options = {"buffer_size": buffer_bytes, "pre_buffer": False, "read_dictionary": list(texts)}
                return _open(path, stack, **options)

            for run in RowGroups(str(path), opened, probe, columns).runs(rows):
                batches = opened.iter_batches(batch_size=run.rows, row_groups=run.groups, columns=columns)
                yield from batches if run.rows == run.merged_rows else merged(batches, run.merged_rows)

    return open_table(
        path,
        schema,
        read_batches,
        total=metadata.num_rows,
        choice=columns,
        keys_only=keys_only,
        row_bytes=row_bytes,
    )


def _check_not_joined(path: SourceFile, metadata: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
    """Raise SourceError for two parquet files in one, of which the second says where the data are."""
    if not metadata.num_row_groups:
        return
    last = metadata.row_group(metadata.num_row_groups - 1)
    chunks = [last.column(i) for i in range(metadata.num_columns)]
    ends = [
        min(chunk.dictionary_page_offset or chunk.data_page_offset, chunk.data_page_offset)
        + chunk.total_compressed_size
        for chunk in chunks
    ]
    # Indexes and filters may be there as well. A file in front of this one has at most this size.
    gap = file_bytes(path) - _TAIL_BYTES - metadata.serialized_size - max(ends, default=0)
    if gap < _FILE_BYTES_MIN:
        return
    with path.open("rb") as file:
        if _MAGIC * 2 in file.read(min(gap + len(_MAGIC), _GAP_BYTES_MAX)):
            raise SourceError(
                f"{path} has several parquet files in one, of which only the last can be read",
                hint="Put the files themselves.",
            )


def _open(path: SourceFile, stack: ExitStack, **options: Any) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Open a file that is closed with *stack*."""
    file = path if isinstance(path, Path) else stack.enter_context(path.open("rb"))
    return stack.enter_context(pq.ParquetFile(file, **options))
