"""Converts Arrow columns to keys, vectors and metadata, without Python floats.

Arrow handles slices, nulls and dictionaries: a list column is first filtered to the rows of the right length,
and `flatten` of the result is dense for any offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from vecgate.bulk.core.record_blocks import Block, Float32Matrix
from vecgate.bulk.core.record_validation import length_problem
from vecgate.bulk.sources.column_mapping import ColumnKind, Layout
from vecgate.bulk.sources.object_records import metadata_from_text, picked_entries
from vecgate.bulk.sources.plain_values import MetadataShape, Nulls
from vecgate.bulk.sources.table_slice import KEY_MISSING, VECTOR_MISSING, TableSlice
from vecgate.bulk.sources.tables.arrow_types import (
    Array,
    ArrowType,
    Batch,
    column_kind,
    is_list,
    readable_type,
    storage_type,
)
from vecgate.bulk.sources.tables.exact_times import exact_value
from vecgate.bulk.sources.tables.text_vectors import is_text, lists_of_text
from vecgate.s3vectors.metadata import Metadata

UUID_BYTES = 16
KEY_NOT_UTF8 = "key must be text, but its bytes are not UTF-8"


def first_length(column: Array) -> int | None:
    """Return the length of the first vector that is neither null nor empty."""
    lengths = pc.drop_null(pc.list_value_length(_lists(column)[0]))
    used = pc.filter(lengths, pc.greater(lengths, pa.scalar(0)))
    return int(used[0].as_py()) if len(used) else None


def build_block(batch: Batch, layout: Layout, width: int, first: int) -> Block:
    """Return the records of a record batch as a block. *first* is the position of the first one; vectors have
    *width* values.
    """
    keys, key_problems = _keys(batch, layout, first)
    metadata, metadata_problems = _metadata(batch, layout)
    column = None if layout.vector is None else batch.column(layout.vector)
    lists, row_problems = (None, {}) if column is None else _lists(column)
    matrix, rows, vector_problems = _no_vectors(batch.num_rows) if lists is None else to_matrix(lists, width)

    def as_read(row: int) -> tuple[Sequence[object] | None, object]:
        # A text that is no vector is kept, so that it can be corrected.
        values = column if column is not None and row in row_problems and is_text(column.type) else lists
        vector = None if values is None else values[row].as_py()
        is_raw = row in metadata_problems and layout.objects is not None
        return vector, batch.column(layout.objects)[row].as_py() if is_raw else metadata[row]

    problems = metadata_problems | vector_problems | row_problems | key_problems
    return TableSlice(first, keys, matrix, rows, metadata, problems, as_read).block()


def _no_vectors(rows: int) -> tuple[Float32Matrix, npt.NDArray[np.intp], dict[int, str]]:
    return np.empty((rows, 0), dtype=np.float32), np.arange(rows), {}


def to_matrix(lists: Array, width: int) -> tuple[Float32Matrix, npt.NDArray[np.intp], dict[int, str]]:
    """Return the vectors of *width* numbers as a matrix, the row of each, and by row why the others are not
    vectors.
    """
    lengths = pc.list_value_length(lists)
    has_length: Array = pc.fill_null(pc.equal(lengths, pa.scalar(width)), pa.scalar(False))  # noqa: FBT003 - a scalar of Arrow
    rows = np.flatnonzero(has_length.to_numpy(zero_copy_only=False))
    odd = np.flatnonzero(~has_length.to_numpy(zero_copy_only=False))
    problems = {int(row): _length_problem(lengths[int(row)].as_py(), width) for row in odd}
    # Even if all lengths fit, a null row of a fixed-size list still occupies the values.
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
    # A number beyond float32 becomes infinity, which validation rejects.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values.to_numpy(zero_copy_only=False), dtype=np.float32)


def _keys(batch: Batch, layout: Layout, first: int) -> tuple[list[str | None], dict[int, str]]:
    if layout.key is None:
        return [f"{layout.key_prefix}{row}" for row in range(first, first + batch.num_rows)], {}
    column = batch.column(layout.key)
    if layout.key_kind is ColumnKind.UUID:
        return _uuid_keys(column, layout.key_prefix)
    keys = _texts(column)
    if not column.null_count and (not keys or None not in keys):
        return [layout.key_prefix + cast("str", key) for key in keys] if layout.key_prefix else keys, {}
    is_null = column.is_null().to_pylist()
    problems = {
        row: KEY_MISSING if is_null[row] else KEY_NOT_UTF8 for row, key in enumerate(keys) if key is None
    }
    return [None if key is None else layout.key_prefix + key for key in keys], problems


def _uuid_keys(column: Array, prefix: str) -> tuple[list[str | None], dict[int, str]]:
    column = decode_dictionary(column)
    column = column.storage if isinstance(column, pa.ExtensionArray) else column
    rows = enumerate(column.to_pylist())
    problems = {
        row: KEY_MISSING if data is None else f"key must be a UUID of {UUID_BYTES} bytes, but has {len(data)}"
        for row, data in rows
        if data is None or len(data) != UUID_BYTES
    }
    keys = [
        None if row in problems else f"{prefix}{UUID(bytes=data)}"
        for row, data in enumerate(column.to_pylist())
    ]
    return keys, problems


def are_uuids(column: Array) -> bool:
    """Return True if *column* has bytes that can only be UUIDs: 16 each, and not all of them text."""
    column = decode_dictionary(column)
    column = column.storage if isinstance(column, pa.ExtensionArray) else column
    values = [data for data in column.to_pylist() if data is not None]
    return bool(values) and all(len(v) == UUID_BYTES for v in values) and None in map(_utf8, values)


def decode_dictionary(column: Array) -> Array:
    """Return *column* with the values of a dictionary in place of their indices."""
    if isinstance(column, pa.ExtensionArray) and pt.is_dictionary(column.type.storage_type):
        column = column.storage
    if not pt.is_dictionary(column.type):
        return column
    # Neither `take` nor `dictionary_decode` has a kernel for views.
    target = readable_type(column.type.value_type)
    values = column.dictionary if target == column.type.value_type else column.dictionary.cast(target)
    return values.take(column.indices)


def _texts(column: Array) -> list[str | None]:
    stored = storage_type(column.type)
    column = decode_dictionary(column)
    if pt.is_integer(stored):
        column = column.cast(pa.string())
    elif column_kind(stored) is ColumnKind.BYTES:
        raw = (column.storage if isinstance(column, pa.ExtensionArray) else column).to_pylist()
        return [None if data is None else _utf8(data) for data in raw]
    elif column.type != pa.string():
        column = column.cast(pa.string())
    # Twice as fast as to_pylist.
    return cast("list[str | None]", column.to_numpy(zero_copy_only=False).tolist())


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _metadata(batch: Batch, layout: Layout) -> tuple[Sequence[Metadata | None], dict[int, str]]:
    """Return the metadata of each row, and by row why they are none."""
    shape = layout.shape
    if layout.objects is None:
        entries = _flat_entries(batch, layout)
        return [entry or None for entry, _ in entries], _problems(entries)
    column = batch.column(layout.objects)
    if column_kind(storage_type(column.type)) is ColumnKind.TEXT:
        return metadata_from_text(_texts(column), shape)
    built = [shape.finish(entry) for entry in _objects(column, shape)]
    is_valid = column.is_valid().to_pylist()
    return [e if is_there else None for (e, _), is_there in zip(built, is_valid, strict=True)], _problems(
        built
    )


def _problems(built: Sequence[tuple[Metadata, str]]) -> dict[int, str]:
    return {row: problem for row, (_, problem) in enumerate(built) if problem}


def _flat_entries(batch: Batch, layout: Layout) -> list[tuple[Metadata, str]]:
    shape = layout.shape
    rows = list(_entries({name: batch.column(name) for name in layout.flat}, batch.num_rows, shape))
    if not layout.picks:
        # Nulls are left out already.
        return [(row, "") if shape.leaves_objects else shape.finish(row) for row in rows]
    picked = {pick.column: batch.column(pick.column) for pick in layout.picks}
    records = zip(*(_plain_values(column, shape) for column in picked.values()), strict=True)
    built = []
    for row, values in zip(rows, records, strict=True):
        entries, problem = picked_entries(row, dict(zip(picked, values, strict=True)), layout)
        built.append((entries, problem) if problem else shape.finish(entries))
    return built


def _objects(column: Array, shape: MetadataShape) -> list[dict[str, object]]:
    """Return the entries of each object, none for a null."""
    if pt.is_struct(column.type):
        names = [field.name for field in column.type]
        return list(_entries(dict(zip(names, column.flatten(), strict=True)), len(column), shape))
    return [row or {} for row in _plain_values(column, shape)]


def _entries(columns: Mapping[str, Array], rows: int, shape: MetadataShape) -> Iterator[dict[str, object]]:
    """Yield the values of each row, without nulls unless they are to be rejected."""
    if not columns:
        yield from ({} for _ in range(rows))
        return
    names = list(columns)
    keeps_nulls = shape.nulls is Nulls.REJECT
    for values in zip(*(_plain_values(column, shape) for column in columns.values()), strict=True):
        entries = zip(names, values, strict=True)
        yield {name: value for name, value in entries if keeps_nulls or value is not None}


def _plain_values(column: Array, shape: MetadataShape) -> list[Any]:
    """Return the values of a metadata column, None for a missing one."""
    target = readable_type(column.type)
    column = decode_dictionary(column)
    if target != column.type:
        # A type that has no cast, such as a dictionary of views in a list, is converted value by value.
        with suppress(pa.ArrowNotImplementedError):
            if pt.is_map(column.type) or pt.is_fixed_size_list(column.type):
                # A cast would take the entries of all rows of the batch, not only of this part.
                column = pa.concat_arrays([column, column.slice(0, 0)])
            try:
                column = column.cast(target, safe=_has_times(target))
            except pa.ArrowInvalid:
                return [shape.to_plain(exact_value(each, shape.timestamps)) for each in column]
    if pt.is_floating(column.type):
        # Tables also use NaN as a null.
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, target), column)
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        # A year or a time zone that Python does not know.
        return [shape.to_plain(exact_value(each, shape.timestamps)) for each in column]
    if pt.is_map(target):
        values = [None if value is None else dict(value) for value in values]
    is_simple = (
        pt.is_string(target) or pt.is_integer(target) or pt.is_floating(target) or pt.is_boolean(target)
    )
    return values if is_simple else [shape.to_plain(value) for value in values]


def _has_times(arrow_type: ArrowType) -> bool:
    if pt.is_temporal(arrow_type):
        return True
    return any(_has_times(arrow_type.field(i).type) for i in range(arrow_type.num_fields))


def _lists(column: Array) -> tuple[Array, dict[int, str]]:
    """Return the lists of a vector column, without extensions and structs around them, and by row why there
    is none.
    """
    if is_text(column.type):
        return lists_of_text(column)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pt.is_struct(column.type):
        # Unlike field, flatten passes the nulls of the structs on.
        column = column.flatten()[0]
    if pt.is_null(column.type):
        return column.cast(pa.list_(pa.float32())), {}
    return _only_rows(column) if is_list(column.type.value_type) else (column, {})


def _only_rows(matrices: Array) -> tuple[Array, dict[int, str]]:
    """Return the row of each matrix of one row, as datasets store fixed shapes."""
    lengths = pc.list_value_length(matrices)
    is_one: Array = pc.fill_null(pc.equal(lengths, pa.scalar(1)), pa.scalar(False))  # noqa: FBT003 - a scalar of Arrow
    mask = is_one.to_numpy(zero_copy_only=False)
    indices = pa.array(np.cumsum(mask) - 1, mask=~mask)
    problems = {
        int(row): f"vector must be one list of numbers, but is {lengths[int(row)].as_py():,}"
        for row in np.flatnonzero(~mask)
        if lengths[int(row)].is_valid
    }
    return matrices.filter(is_one).flatten().take(indices), problems
