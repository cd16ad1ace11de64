"""Arrow record batches of one task as a source of records, and the rows of each that belong to each index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.sources.column_mapping import ColumnChoice, Layout
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source
from vecgate.bulk.sources.tables.arrow_records import decode_dictionary
from vecgate.bulk.sources.tables.arrow_types import Array, Batch, vector_type
from vecgate.bulk.sources.tables.table_source import TableSource, build_table
from vecgate.bulk.sources.tables.text_vectors import is_text
from vecgate.errors import SourceError

NAME = "the record batches"
INDEX_MISSING = "the name of the index is missing"


class RepeatedKeys(StrEnum):
    """Treatment of rows of one batch with the same key: reject all of them, or let the last one count."""

    REJECT = "reject"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class BatchSpan:
    """Positions *start* to *stop* are the rows of one batch."""

    start: int
    stop: int


class BatchSource(Source):
    """The rows of *batches*, which are read once.

    columns   the use of the columns; the first batch decides what is not chosen
    repeated  treatment of equal keys in one batch
    spans     the batches read so far
    """

    def __init__(self, batches: Iterable[Batch], *, columns: ColumnChoice, repeated: RepeatedKeys) -> None:
        self.name = self.fingerprint = NAME
        self.total: int | None = None
        self.dimension: int | None = None
        self.is_repeatable = self.is_identified = False
        self.spans: list[BatchSpan] = []
        self._batches = (batch for batch in batches if batch.num_rows)
        self._choice, self._repeated = columns, repeated
        self._layout: Layout | None = None

    def describe(self) -> str:
        """Return one line that says what is read."""
        return NAME

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the records, at most *rows* at a time.

        Raises SourceError if the columns of a batch do not fit, before any of its rows is yielded.
        """
        for batch in self._batches:
            self.spans.append(BatchSpan(first, first + batch.num_rows))
            table = self._open(batch, dimension)
            is_repeated = self._repeated_rows(batch, table.layout)
            for block in table.blocks(dimension=dimension, rows=rows, first=first):
                yield block if is_repeated is None else _without(block, is_repeated, first)
            first += batch.num_rows

    def count_remaining(self) -> int:
        """Read the other batches without using them, and return the number of their rows."""
        rows: int = sum(batch.num_rows for batch in self._batches)
        return rows

    def _open(self, batch: Batch, dimension: int | None) -> TableSource:
        def read(names: list[str], rows: int) -> Iterator[Batch]:
            chosen = batch.select(names)
            for start in range(0, chosen.num_rows, rows):
                yield chosen.slice(start, rows)

        choice = self._choice if self._layout is None else replace(self._choice, layout=self._layout)
        table = build_table(
            NAME, NAME, batch.schema, read, total=batch.num_rows, choice=choice, keys_only=False
        )
        self._layout = table.layout
        _check_dimension(batch, table.layout, dimension)
        return table

    def _repeated_rows(self, batch: Batch, layout: Layout) -> npt.NDArray[np.bool_] | None:
        """Return for each row whether another one has its key; None if none has."""
        if self._repeated is RepeatedKeys.LAST or layout.key is None:
            return None
        column = decode_dictionary(batch.column(layout.key))
        column = column.storage if isinstance(column, pa.ExtensionArray) else column
        encoded = column.dictionary_encode().indices
        numbers = encoded.fill_null(-1).to_numpy(zero_copy_only=False)
        counts = np.bincount(numbers[numbers >= 0], minlength=1)
        is_repeated = (numbers >= 0) & (counts[numbers] > 1)
        return is_repeated if is_repeated.any() else None


def _check_dimension(batch: Batch, layout: Layout, dimension: int | None) -> None:
    """Raise SourceError if the type of the vectors fixes another length than *dimension*."""
    if dimension is None or layout.vector is None or layout.vector not in batch.schema.names:
        return
    found = batch.schema.field(layout.vector).type
    length = None if is_text(found) else vector_type(found)[0]
    if length not in {None, dimension}:
        raise SourceError(
            f'the vectors in column "{layout.vector}" have {length:,} values, those of the index {dimension}',
            hint="Name the index that was created for these vectors.",
        )


def _without(block: Block, is_repeated: npt.NDArray[np.bool_], first: int) -> Block:
    """Return *block*, of a batch that begins at position *first*, without the repeated rows."""
    mask = is_repeated[block.positions - first]
    if not mask.any():
        return block
    rejects = tuple(_reject(block, int(row)) for row in np.flatnonzero(mask))
    kept = block.take(np.flatnonzero(~mask))
    return replace(kept, rejects=tuple(sorted((*block.rejects, *rejects), key=lambda each: each.position)))


def _reject(block: Block, row: int) -> RejectedRecord:
    return RejectedRecord(
        int(block.positions[row]),
        block.keys[row],
        "the key occurs several times in one batch",
        block.vectors[row].tolist(),
        block.metadata[row],
    )


def split_by_index(batch: Batch, column: str) -> tuple[dict[str, Batch], Batch]:
    """Return the rows of each index that *column* names, and the rows without a name. Drop the column.

    Raises SourceError if there is no such column, or it has no texts.
    """
    if column not in batch.schema.names:
        raise SourceError(
            f'the record batches have no column "{column}" with names of indexes',
            hint=f"They have {_quoted(batch.schema.names)}.",
        )
    names = decode_dictionary(batch.column(column))
    if not is_text(names.type) and not pa.types.is_null(names.type):
        raise SourceError(f'column "{column}" is of type {names.type}; names of indexes are text')
    rest = batch.drop_columns([column])
    empty = pa.scalar("", pa.string())
    texts: Array = pc.fill_null(names.cast(pa.string()), empty)
    encoded = texts.dictionary_encode()
    numbers = encoded.indices.to_numpy(zero_copy_only=False)
    parts = {
        name: rest.take(pa.array(np.flatnonzero(numbers == number)))
        for number, name in enumerate(encoded.dictionary.to_pylist())
    }
    missing = parts.pop("", rest.slice(0, 0))
    return parts, missing


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
