"""Writes scanned vectors to a file that `put` reads: JSON lines, or parquet with metadata as JSON text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import orjson

from vecgate.bulk.core.response_decoding import Vectors
from vecgate.errors import UsageError
from vecgate.printable import printable_json
from vecgate.redaction import holds_secret, redact_own, redact_values

JSON_LINES = frozenset({".jsonl", ".ndjson"})
PARQUET = ".parquet"


class Sink(Protocol):
    """Writes page after page."""

    def write(self, page: Vectors) -> None:
        """Append *page*."""
        ...


@contextmanager
def open_sink(path: Path) -> Iterator[Sink]:
    """Open a sink for *path*, chosen by its suffix. An existing file is replaced only when everything is
    written.

    Raises UsageError for an unknown suffix.
    """
    if path.suffix not in JSON_LINES | {PARQUET}:
        raise UsageError(
            f"cannot tell the format of {path} from its name", hint="Name it .jsonl, .ndjson or .parquet."
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


def redact_page(page: Vectors) -> tuple[Vectors, int]:
    """Return *page* without the secrets of this run, and the number of records that had one.

    A server that repeats requests in its answers would put them into the file.
    """
    rows = [orjson.dumps([key, metadata]) for key, metadata in zip(page.keys, page.metadata, strict=True)]
    found = sum(map(holds_secret, rows))
    if not found:
        return page, 0
    keys, metadata = redact_values([list(page.keys), list(page.metadata)], replace=redact_own)
    return replace(page, keys=keys, metadata=metadata), found


class JsonLinesSink:
    """Writes one object per line: `key`, and `vector` and `metadata` if they were requested."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, page: Vectors) -> None:
        """Append *page*."""
        self._file.write(b"".join(_lines(page)))


class ParquetSink:
    """Writes columns `key`, `vector` (float32, fixed size) and `metadata` (JSON text). The first page decides
    which.
    """

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
        import pyarrow.parquet as pq  # noqa: PLC0415 - slow to import, and not needed for JSON lines

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
        yield printable_json(orjson.dumps(record, option=option))


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
