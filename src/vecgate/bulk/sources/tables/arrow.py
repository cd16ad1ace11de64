"""Arrow IPC: files (also known as Feather) and streams, with one record batch in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import EmptySource, source_errors
from vecgate.bulk.sources.tables.arrow_messages import check_expansion, check_stream_end
from vecgate.bulk.sources.tables.arrow_types import Batch, Schema
from vecgate.bulk.sources.tables.table_source import TableSource, open_table

FORMAT_NAME = "Arrow IPC"
FILE_MAGIC = b"ARROW1"


def open_arrow(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> TableSource:
    """Open an Arrow file or stream. Raises SourceError if it is not one, is empty, or no column fits."""
    with source_errors(str(path), FORMAT_NAME):
        is_file = _is_file(path)
        if isinstance(path, Path):  # a remote file would be read twice
            with _open(path, is_mapped=True) as file:
                check_expansion(str(path), file, is_file=is_file)
        schema = _schema(path, is_file=is_file)
        # Counted from the metadata of the batches; the length of a stream is known only at its end.
        total = _count_rows(path) if is_file else None
    if total == 0 or not any(batch.num_rows for batch in _batches(path)):
        raise EmptySource(f"{path} holds no records")

    def read_batches(names: list[str], rows: int) -> Iterator[Batch]:
        for whole in _batches(path):
            # Without any column, a batch would have no rows to count.
            batch = whole.select(names or schema.names[:1])
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)

    return open_table(path, schema, read_batches, total=total, choice=columns, keys_only=keys_only)


def _batches(path: SourceFile) -> Iterator[Batch]:
    with source_errors(str(path), FORMAT_NAME):
        for batch in _file_batches(path) if _is_file(path) else _stream_batches(path):
            # Offsets and texts of a damaged file may lead anywhere.
            batch.validate(full=True)
            yield batch


def _file_batches(path: SourceFile) -> Iterator[Batch]:
    """Yield the batches of a file with at least one.

    Each batch has its own memory map, so that batches read before no longer count as memory of this process.
    """
    number, count = 0, 1
    while number < count:
        with _open(path, is_mapped=True) as file, pa.ipc.open_file(file) as reader:
            count = reader.num_record_batches
            batch = reader.get_batch(number)
        yield batch
        number += 1


def _stream_batches(path: SourceFile) -> Iterator[Batch]:
    with _open(path) as file, pa.ipc.open_stream(file) as reader:
        while True:
            end = file.tell()
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                check_stream_end(str(path), file, end)
                return
            yield batch


def _is_file(path: SourceFile) -> bool:
    with path.open("rb") as file:
        return file.read(len(FILE_MAGIC)) == FILE_MAGIC


def _schema(path: SourceFile, *, is_file: bool) -> Schema:
    opener = pa.ipc.open_file if is_file else pa.ipc.open_stream
    with _open(path) as file, opener(file) as reader:
        return reader.schema


def _count_rows(path: SourceFile) -> int | None:
    """Return the number of rows; None with pyarrow before 26, which would have to read them all."""
    with _open(path) as file, pa.ipc.open_file(file) as reader:
        return int(reader.count_rows()) if hasattr(reader, "count_rows") else None


def _open(path: SourceFile, *, is_mapped: bool = False) -> Any:  # noqa: ANN401 - pyarrow ships no types
    if not isinstance(path, Path):
        return pa.PythonFile(path.open("rb"), mode="r")
    return pa.memory_map(str(path)) if is_mapped else pa.OSFile(str(path), "r")
