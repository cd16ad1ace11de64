"""Scanned vectors into a file that `put` reads back: JSON lines, or parquet with metadata as JSON text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import orjson

from vecgate.bulk.decoding import Vectors
from vecgate.errors import UsageError

JSON_LINES = frozenset({".jsonl", ".ndjson"})
PARQUET = ".parquet"


class Sink(Protocol):
    """Takes page after page."""

    def write(self, page: Vectors) -> None:
        """Append *page*."""
        ...


@contextmanager
def open_sink(path: Path) -> Iterator[Sink]:
    """A sink for *path*, by its suffix; what is there is replaced only when all has been written.

    Raises UsageError for a suffix that is not understood.
    """
    if path.suffix not in JSON_LINES | {PARQUET}:
        raise UsageError(
            f"{path} has no format that can be written", hint="Name it .jsonl, .ndjson or .parquet."
        )
    partial = path.with_name(f".{path.name}.partial")
    try:
        if path.suffix == PARQUET:
            with ParquetSink(partial) as sink:
                yield sink
        else:
            with partial.open("wb") as file:
                yield JsonLinesSink(file)
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


class JsonLinesSink:
    """One object a line: `key`, and `vector` and `metadata` where they were asked for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, page: Vectors) -> None:
        """Append *page*."""
        self._file.write(b"".join(_lines(page)))


class ParquetSink:
    """Columns `key`, `vector` (float32, fixed size) and `metadata` (JSON text), as page one has them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, page: Vectors) -> None:
        """Append *page*."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import, and JSON lines have no need of it

        table = _table(page)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)


def _lines(page: Vectors) -> Iterable[bytes]:
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    for row, (key, metadata) in enumerate(zip(page.keys, page.metadata, strict=True)):
        record: dict[str, object] = {"key": key}
        if page.vectors is not None:
            record["vector"] = page.vectors[row]
        if metadata is not None:
            record["metadata"] = metadata
        yield orjson.dumps(record, option=option)


def _table(page: Vectors) -> Any:  # noqa: ANN401 - pyarrow ships no types
    import pyarrow as pa  # noqa: PLC0415 - as above

    columns: dict[str, Any] = {"key": pa.array(page.keys, pa.string())}
    if page.vectors is not None:
        flat = pa.array(page.vectors.ravel(), pa.float32())
        columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, page.vectors.shape[1])
    if any(metadata is not None for metadata in page.metadata):
        texts = [None if m is None else orjson.dumps(m).decode() for m in page.metadata]
        columns["metadata"] = pa.array(texts, pa.string())
    return pa.table(columns)
