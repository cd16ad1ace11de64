"""A source that is an Arrow table: it reads record batches and turns each into a block."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.sources.column_mapping import (
    DOCUMENT_KEY_NAMES,
    NUMBER_LISTS,
    ColumnChoice,
    ColumnKind,
    Layout,
    check_entries,
    detect_layout,
)
from vecgate.bulk.sources.remote_files import RemoteFile, SourceFile
from vecgate.bulk.sources.source import (
    FLOAT32_BYTES,
    ROWS_DEFAULT,
    FileSource,
    FileState,
    block_rows,
    file_fingerprint,
    source_errors,
)
from vecgate.bulk.sources.tables.arrow_records import are_uuids, build_block, decode_dictionary, first_length
from vecgate.bulk.sources.tables.arrow_types import (
    Array,
    Batch,
    Schema,
    column_kinds,
    describe_conversions,
    has_entry,
    holds_vectors,
    is_numeric,
    vector_type,
)
from vecgate.bulk.sources.tables.batch_sizes import BatchCutter
from vecgate.bulk.sources.tables.dimension_columns import BatchReader, gather_dimensions
from vecgate.bulk.sources.tables.text_vectors import holds_vector_text, is_text
from vecgate.errors import SourceError

#: A file with vectors has one among its first records; this one is read no further.
ROWS_WITHOUT_VECTOR_MAX = 1_000_000


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
    conversions: tuple[str, ...] = ()
    files: tuple[FileState | RemoteFile, ...] = ()

    def describe(self) -> str:
        """Return one line that says how each column is used."""
        return self.layout.describe(self.dimension, self.value_type)

    def _read_blocks(self, dimension: int | None, rows: int, first: int) -> Generator[Block]:
        """Yield one block per record batch. Only the columns in use are read."""
        width = dimension or self.dimension or 1
        batch_rows = block_rows(rows, max(self.row_bytes, width * FLOAT32_BYTES))
        cutter = BatchCutter(self.name)
        for batch in self.read_batches(self.layout.used, batch_rows):
            for part in cutter.cut(batch):
                yield build_block(part, self.layout, width, first)
                first += part.num_rows


def open_table(
    path: SourceFile,
    schema: Schema,
    read_batches: BatchReader,
    *,
    total: int | None,
    choice: ColumnChoice,
    keys_only: bool,
    row_bytes: float = 0.0,
) -> TableSource:
    """Return the table in *path* as a source. Raises SourceError if no column fits."""
    return build_table(
        str(path),
        file_fingerprint(path),
        schema,
        read_batches,
        total=total,
        choice=choice,
        keys_only=keys_only,
        row_bytes=row_bytes,
    )


def build_table(
    name: str,
    fingerprint: str,
    schema: Schema,
    read_batches: BatchReader,
    *,
    total: int | None,
    choice: ColumnChoice,
    keys_only: bool,
    row_bytes: float = 0.0,
) -> TableSource:
    """Return the table that *read_batches* reads as a source. Raises SourceError if no column fits."""
    with source_errors(name, "a table"):  # a name may be no UTF-8
        kinds = column_kinds(name, schema)
    if not keys_only:
        chosen = choice.layout.vector if choice.layout else choice.vector
        texts = _text_vectors(kinds, read_batches, chosen)
        has_vectors = bool(texts) or any(kind in NUMBER_LISTS for kind in kinds.values())
        schema, read_batches = gather_dimensions(schema, read_batches, chosen, has_vectors=has_vectors)
        kinds = column_kinds(name, schema) | dict.fromkeys(texts, ColumnKind.VECTOR)
    layout = _with_key_kind(name, detect_layout(name, kinds, choice, keys_only=keys_only), read_batches)
    if not keys_only and choice.key is None and choice.layout is None:
        _check_guessed_key(name, layout, read_batches)
    layout = _with_families(name, layout, kinds, schema)
    check_entries(name, layout, lambda pick: has_entry(schema, pick))
    dimension, value_type = None, ""
    if layout.vector is not None:
        found = schema.field(layout.vector).type
        if kinds[layout.vector] is ColumnKind.LIST and not holds_vectors(found):
            raise SourceError(
                f'column "{layout.vector}" of {name} is of type {found}; vectors are lists of numbers',
                hint="Write one list of numbers for each record.",
            )
        dimension, value_type = (None, "text") if is_text(found) else vector_type(found)
        if dimension is None:
            batches = read_batches([layout.vector], block_rows(ROWS_DEFAULT, row_bytes))
            dimension = _first_dimension(name, batches, layout.vector)
    return TableSource(
        name,
        total,
        fingerprint,
        dimension,
        layout,
        value_type,
        read_batches,
        row_bytes,
        conversions=describe_conversions(schema, layout),
    )


def _with_families(name: str, layout: Layout, kinds: Mapping[str, ColumnKind], schema: Schema) -> Layout:
    """Return *layout* with the columns of metadata that have numbers or text.

    Raises SourceError if one has the other in the files before this one: no filter would find both.
    """
    columns = [*layout.flat, *(pick.column for pick in layout.picks if not pick.path)]
    texts = {column for column in columns if kinds.get(column) is ColumnKind.TEXT}
    numeric = {
        column for column in columns if column in schema.names and is_numeric(schema.field(column).type)
    }
    for found, before, kind, kind_before in (
        (texts, layout.numeric, "text", "numbers"),
        (numeric, layout.texts, "numbers", "text"),
    ):
        if mixed := [column for column in columns if column in found and column in before]:
            raise SourceError(
                f'column "{mixed[0]}" of {name} holds {kind}, but {kind_before} in the files before it',
                hint="Write it as one type in all files, or choose other columns with --metadata.",
            )
    return replace(
        layout,
        numeric=tuple(dict.fromkeys((*layout.numeric, *sorted(numeric)))),
        texts=tuple(dict.fromkeys((*layout.texts, *sorted(texts)))),
    )


def _first_dimension(name: str, batches: Iterator[Batch], column: str) -> int | None:
    """Return the dimension of the first vector. Raises SourceError if many records have no vector."""
    rows = 0
    for batch in batches:
        if length := first_length(batch.column(column)):
            return length
        rows += batch.num_rows
        if rows >= ROWS_WITHOUT_VECTOR_MAX:
            raise SourceError(
                f'the first {rows:,} records of {name} have no vector in "{column}"',
                hint="Choose another column with --vector-column, or write only the records with vectors.",
            )
    return None


def _text_vectors(
    kinds: Mapping[str, ColumnKind], read_batches: BatchReader, chosen: str | None
) -> list[str]:
    """Return the columns of text that hold vectors. Those of a table with real vectors are not looked at."""
    texts = [column for column, kind in kinds.items() if kind is ColumnKind.TEXT]
    if chosen is not None:
        texts = [column for column in texts if column == chosen]
    elif any(kind in NUMBER_LISTS for kind in kinds.values()):
        return []
    first = next(iter(read_batches(texts, ROWS_DEFAULT)), None) if texts else None
    return [] if first is None else [c for c in texts if holds_vector_text(first.column(c))]


def _with_key_kind(name: str, layout: Layout, read_batches: BatchReader) -> Layout:
    """Return *layout* with the kind of keys that are bytes, which the first of them decide."""
    if layout.key is None or layout.key_kind is not ColumnKind.BYTES:
        return layout
    keys = _first_keys(name, layout.key, read_batches)
    return layout if keys is None or not are_uuids(keys) else replace(layout, key_kind=ColumnKind.UUID)


def _first_keys(name: str, column: str, read_batches: BatchReader) -> Array | None:
    first = next(iter(read_batches([column], ROWS_DEFAULT)), None)
    return None if first is None else next(BatchCutter(name).cut(first)).column(column)


def _check_guessed_key(name: str, layout: Layout, read_batches: BatchReader) -> None:
    """Raise SourceError if the guessed key names documents that have several of the first records: only one
    record of each document would be stored.
    """
    if layout.key is None or layout.key.lower() not in DOCUMENT_KEY_NAMES:
        return
    column = _first_keys(name, layout.key, read_batches)
    keys = [] if column is None else [key for key in decode_dictionary(column).to_pylist() if key is not None]
    if len(set(keys)) < len(keys):
        raise SourceError(
            f'several records of {name} have the same "{layout.key}", so it is not their key',
            hint="Name the column of unique keys with --key-column, or join columns into one that is unique.",
        )
