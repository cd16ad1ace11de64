"""Arrow columns as keys, vectors and metadata, without a Python float on the way.

Slices, nulls and dictionaries are Arrow's business: a list column is filtered down to the rows of the right
length first, and `flatten` of what is left is dense, whatever the offsets were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from vecgate.bulk.records import Block, Float32Matrix
from vecgate.bulk.sources.arrow_types import Array, Batch, kind, plain_type, storage
from vecgate.bulk.sources.assembly import KEY_MISSING, VECTOR_MISSING, Stretch
from vecgate.bulk.sources.columns import Kind, Layout
from vecgate.bulk.sources.objects import metadata_from_text
from vecgate.bulk.sources.plain import is_absent, plain
from vecgate.bulk.validation import length_problem
from vecgate.s3vectors.metadata import Metadata

UUID_BYTES = 16
KEY_NOT_UTF8 = "key must be text, but its bytes are not UTF-8"


def first_length(column: Array) -> int | None:
    """The length of the first vector that is there and not empty."""
    lengths = pc.drop_null(pc.list_value_length(_lists(column)))
    used = pc.filter(lengths, pc.greater(lengths, pa.scalar(0)))
    return int(used[0].as_py()) if len(used) else None


def block_of(batch: Batch, layout: Layout, width: int, first: int) -> Block:
    """The records of a record batch, whose first one has position *first*; vectors have *width* values."""
    keys, key_problems = _keys(batch, layout, first)
    metadata, metadata_problems = _metadata(batch, layout)
    lists = None if layout.vector is None else _lists(batch.column(layout.vector))
    matrix, rows, vector_problems = _no_vectors(batch.num_rows) if lists is None else matrix_of(lists, width)

    def as_read(row: int) -> tuple[Sequence[object] | None, object]:
        vector = None if lists is None else lists[row].as_py()
        return vector, batch.column(layout.objects)[row].as_py() if row in metadata_problems else metadata[
            row
        ]

    problems = metadata_problems | vector_problems | key_problems
    return Stretch(first, keys, matrix, rows, metadata, problems, as_read).block()


def _no_vectors(rows: int) -> tuple[Float32Matrix, npt.NDArray[np.intp], dict[int, str]]:
    return np.empty((rows, 0), dtype=np.float32), np.arange(rows), {}


def matrix_of(lists: Array, width: int) -> tuple[Float32Matrix, npt.NDArray[np.intp], dict[int, str]]:
    """The vectors of *width* numbers as a matrix, the row of each, and by row why the others are none."""
    lengths = pc.list_value_length(lists)
    has_length: Array = pc.fill_null(pc.equal(lengths, pa.scalar(width)), pa.scalar(False))  # noqa: FBT003 - a scalar of Arrow
    rows = np.flatnonzero(has_length.to_numpy(zero_copy_only=False))
    odd = np.flatnonzero(~has_length.to_numpy(zero_copy_only=False))
    problems = {int(row): _length_problem(lengths[int(row)].as_py(), width) for row in odd}
    # Even where all lengths fit, a null row of a fixed-size list still occupies the values.
    values = (lists.filter(has_length) if problems else lists).flatten()
    matrix = _float32(values).reshape(len(rows), width)
    if values.null_count:
        is_null = values.is_null().to_numpy(zero_copy_only=False).reshape(len(rows), width)
        problems |= {int(rows[i]): _null_problem(is_null[i]) for i in np.flatnonzero(is_null.any(axis=1))}
    return matrix, rows, problems


def _length_problem(length: int | None, width: int) -> str:
    return VECTOR_MISSING if length is None else length_problem(width, length)


def _null_problem(is_null: npt.NDArray[np.bool_]) -> str:
    return f"vector must hold numbers only, but element {int(is_null.argmax())} is null"


def _float32(values: Array) -> Float32Matrix:
    if pt.is_decimal(values.type):
        values = values.cast(pa.float64())
    # Beyond float32 means infinity, which validation names.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values.to_numpy(zero_copy_only=False), dtype=np.float32)


def _keys(batch: Batch, layout: Layout, first: int) -> tuple[list[str | None], dict[int, str]]:
    if layout.key is None:
        return [f"{layout.key_prefix}{row}" for row in range(first, first + batch.num_rows)], {}
    column = batch.column(layout.key)
    keys = _texts(column)
    if not column.null_count and (not keys or None not in keys):
        return [layout.key_prefix + cast("str", key) for key in keys] if layout.key_prefix else keys, {}
    is_null = column.is_null().to_pylist()
    problems = {
        row: KEY_MISSING if is_null[row] else KEY_NOT_UTF8 for row, key in enumerate(keys) if key is None
    }
    return [None if key is None else layout.key_prefix + key for key in keys], problems


def _texts(column: Array) -> list[str | None]:
    stored = storage(column.type)
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pt.is_integer(stored):
        column = column.cast(pa.string())
    elif kind(stored) is Kind.BYTES:
        is_uuid = pt.is_fixed_size_binary(stored) and stored.byte_width == UUID_BYTES
        raw = (column.storage if isinstance(column, pa.ExtensionArray) else column).to_pylist()
        return [None if data is None else _key_text(data, is_uuid=is_uuid) for data in raw]
    elif column.type != pa.string():
        column = column.cast(pa.string())
    # Twice as fast as to_pylist.
    return cast("list[str | None]", column.to_numpy(zero_copy_only=False).tolist())


def _key_text(data: bytes, *, is_uuid: bool) -> str | None:
    if is_uuid:
        return str(UUID(bytes=data))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _metadata(batch: Batch, layout: Layout) -> tuple[Sequence[Metadata | None], dict[int, str]]:
    if layout.objects is None:
        columns = {name: batch.column(name) for name in layout.flat}
        entries = _entries(columns, batch.num_rows)
        return [entry or None for entry in entries], {}
    column = batch.column(layout.objects)
    if kind(storage(column.type)) is Kind.TEXT:
        return metadata_from_text(_texts(column))
    return _objects(column), {}


def _objects(column: Array) -> Sequence[Metadata | None]:
    if pt.is_struct(column.type):
        names = [field.name for field in column.type]
        entries = list(_entries(dict(zip(names, column.flatten(), strict=True)), len(column)))
        return [e if there else None for e, there in zip(entries, column.is_valid().to_pylist(), strict=True)]
    rows = [None if row is None else dict(row) for row in _plain_values(column)]
    return [None if row is None else {str(k): v for k, v in row.items() if not is_absent(v)} for row in rows]


def _entries(columns: Mapping[str, Array], rows: int) -> Iterator[dict[str, object]]:
    """Row by row the values that are there."""
    if not columns:
        yield from ({} for _ in range(rows))
        return
    names = list(columns)
    for values in zip(*map(_plain_values, columns.values()), strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _plain_values(column: Array) -> list[Any]:
    """The values of a metadata column, None where there is none."""
    target = plain_type(column.type)
    if target != column.type:
        column = column.cast(target, safe=False)
    if pt.is_floating(target):
        # NaN is a table's other null.
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, target), column)
    values: list[Any] = column.to_pylist()
    is_simple = (
        pt.is_string(target) or pt.is_integer(target) or pt.is_floating(target) or pt.is_boolean(target)
    )
    return values if is_simple else [plain(value) for value in values]


def _lists(column: Array) -> Array:
    """The lists of a vector column, whatever they are wrapped in."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pt.is_struct(column.type):
        # Flatten, unlike field, carries the nulls of the objects down.
        column = column.flatten()[0]
    if pt.is_null(column.type):
        return column.cast(pa.list_(pa.float32()))
    return column
