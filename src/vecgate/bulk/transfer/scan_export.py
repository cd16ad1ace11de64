"""Exports an index to a file that `put` reads: JSON lines, or a table with metadata as JSON text.

The pages of a scan arrive in any order, and an interrupted scan must be able to continue. So they are first
appended to a spool, as record batches of one schema, and the file is written from it when all are there.
Metadata is JSON text in each row: values of one key may be of different types, and a file has one schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeAlias

import orjson

from vecgate.bulk.core.repeated_keys import RepeatedKeys
from vecgate.bulk.core.response_decoding import WRONG_RESPONSE_HINT, Vectors
from vecgate.bulk.index_settings import SCHEMA_ENTRY, IndexSettings
from vecgate.bulk.transfer.segment_journal import StoredPart
from vecgate.errors import JournalMismatch, ProtocolError, UsageError
from vecgate.formatting import format_count
from vecgate.printable import printable_json
from vecgate.redaction import holds_secret, redact_own, redact_values

JSON_LINES = frozenset({".jsonl", ".ndjson"})
PARQUET = frozenset({".parquet", ".pq"})
ARROW = frozenset({".arrow", ".feather"})
#: Fewest rows of a row group or record batch, except the last one. Readers are slow with small ones.
GROUP_ROWS = 10_000

#: pyarrow ships no types.
Schema: TypeAlias = Any
Batch: TypeAlias = Any


def check_export_path(path: Path) -> None:
    """Raise UsageError if the format of *path* is unknown, or its folder does not exist."""
    if path.suffix not in JSON_LINES | PARQUET | ARROW:
        raise UsageError(
            f"cannot tell the format of {path} from its name", hint="Name it .jsonl, .parquet or .arrow."
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}")


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


def export_schema(settings: IndexSettings, *, data: bool, metadata: bool) -> Schema:
    """Return the schema of an exported table: `key`, `vector` (float32, fixed size), `metadata` (JSON text).

    Its entry SCHEMA_ENTRY has the settings of the index.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    fields = [pa.field("key", pa.string(), nullable=False)]
    if data:
        fields.append(pa.field("vector", pa.list_(pa.float32(), settings.rules.dimension), nullable=False))
    if metadata:
        fields.append(pa.field("metadata", pa.string()))
    return pa.schema(fields, {SCHEMA_ENTRY: orjson.dumps(settings.to_dict())})


class JsonLinesSink:
    """Writes one object per line: `key`, and `vector` and `metadata` if they were requested."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._keys = RepeatedKeys()

    def write(self, page: Vectors) -> None:
        """Append *page*."""
        self._keys.add(page.keys)
        self._file.write(b"".join(_lines(page.keys, page.vectors, page.metadata)))

    def check_keys(self) -> None:
        """Raise ProtocolError if a key was written twice."""
        _check_keys(self._keys)


class Spool:
    """A file of record batches, to which pages are appended.

    path  of the file
    used  its bytes that count; the rest is from a page that was cut off

    Raises JournalMismatch if the file has fewer bytes than count, UsageError if it cannot be written.
    """

    path: Path

    def __init__(self, path: Path, schema: Schema, *, used: int) -> None:
        self.path, self._schema, self._end = path, schema, used
        with file_errors(path):
            self._file = path.open("r+b" if used else "wb")
            if self._file.seek(0, 2) < used:
                self._file.close()
                raise JournalMismatch(
                    f"{path} has lost vectors that were saved in it", hint="Begin again with --restart."
                )
            self._file.truncate(used)
            self._file.seek(used)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, page: Vectors) -> StoredPart:
        """Append *page*, and return the part of the file that has it."""
        with file_errors(self.path):
            data = export_batch(page, self._schema).serialize()
            self._file.write(data)
            self._file.flush()
        part = StoredPart(self._end, data.size)
        self._end = part.stop
        return part

    def batches(self, parts: Iterable[StoredPart]) -> Iterator[Batch]:
        """Yield the batches in *parts*."""
        import pyarrow as pa  # noqa: PLC0415 - as above

        with file_errors(self.path), self.path.open("rb") as file:
            for part in parts:
                file.seek(part.start)
                yield pa.ipc.read_record_batch(pa.py_buffer(file.read(part.length)), self._schema)


def write_export(path: Path, schema: Schema, batches: Iterable[Batch]) -> None:
    """Write *batches* to *path*, in the format of its name. An existing file is replaced only when everything
    is written.

    Raises UsageError if it cannot be written, ProtocolError if a key occurs twice in it.
    """
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    new = path.with_name(f".{path.name}.new")
    batches = _with_keys_checked(batches)
    try:
        with file_errors(path):
            if path.suffix in JSON_LINES:
                with new.open("wb") as file:
                    for batch in batches:
                        file.writelines(_lines_of(batch))
            elif path.suffix in PARQUET:
                with pq.ParquetWriter(new, schema, use_dictionary=["metadata"]) as writer:
                    for table in _groups(schema, batches):
                        writer.write_table(table, row_group_size=len(table))
            else:
                with pa.OSFile(str(new), "wb") as file, pa.ipc.new_file(file, schema) as writer:
                    for table in _groups(schema, batches):
                        writer.write_table(table.combine_chunks())
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn an error of the file system into a UsageError that names *path*."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="Free some space or choose another folder; an export needs twice the size of its file.",
        ) from error


def _with_keys_checked(batches: Iterable[Batch]) -> Iterator[Batch]:
    keys = RepeatedKeys()
    for batch in batches:
        keys.add(batch.column("key").to_pylist())
        yield batch
    _check_keys(keys)


def _check_keys(keys: RepeatedKeys) -> None:
    """Raise ProtocolError if one of *keys* occurs twice. Then another vector may be missing."""
    if repeated := keys.count():
        raise ProtocolError(
            f"the server listed {format_count(repeated, 'vector')} twice, so the export may lack others",
            hint="Export again, with --restart, while nobody writes to the index.",
        )


def _groups(schema: Schema, batches: Iterable[Batch]) -> Iterator[Any]:
    """Yield tables of at least GROUP_ROWS rows, and the rest."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    waiting: list[Batch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= GROUP_ROWS:
            yield pa.Table.from_batches(waiting, schema)
            waiting, rows = [], 0
    if rows:
        yield pa.Table.from_batches(waiting, schema)


def export_batch(page: Vectors, schema: Schema) -> Batch:
    """Return *page* as a record batch of *schema*, which is one of `export_schema`. Raises ProtocolError."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    columns = [pa.array(page.keys, pa.string())]
    if "vector" in schema.names:
        dimension = schema.field("vector").type.list_size
        flat: Any = [] if page.vectors is None else page.vectors.ravel()
        if len(flat) != len(page) * dimension:
            raise ProtocolError(
                f"the index has {dimension:,} dimensions, but its vectors {len(flat) // max(1, len(page)):,}",
                hint=WRONG_RESPONSE_HINT,
            )
        columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), dimension))
    if "metadata" in schema.names:
        texts = [None if each is None else orjson.dumps(each).decode() for each in page.metadata]
        columns.append(pa.array(texts, pa.string()))
    return pa.record_batch(columns, schema=schema)


def _lines_of(batch: Batch) -> Iterator[bytes]:
    names = batch.schema.names
    vectors = None
    if "vector" in names:
        column = batch.column("vector")
        vectors = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    texts = batch.column("metadata").to_pylist() if "metadata" in names else [None] * batch.num_rows
    documents = [None if text is None else orjson.Fragment(text) for text in texts]
    return _lines(batch.column("key").to_pylist(), vectors, documents)


def _lines(keys: Iterable[str], vectors: Any, documents: Iterable[object]) -> Iterator[bytes]:  # noqa: ANN401 - a matrix or None
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    for row, (key, document) in enumerate(zip(keys, documents, strict=True)):
        record: dict[str, object] = {"key": key}
        if vectors is not None:
            record["vector"] = vectors[row]
        if document is not None:
            record["metadata"] = document
        yield printable_json(orjson.dumps(record, option=option))


def recreation_options(settings: IndexSettings) -> str:
    """Return the options of `put --create` that create an index like the one exported."""
    rules = settings.rules
    keys = f" --non-filterable {','.join(sorted(rules.non_filterable))}" if rules.non_filterable else ""
    return f"--metric {rules.metric}{keys}"
