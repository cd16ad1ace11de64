"""Columns that are arrays: a matrix of vectors, optionally with keys and metadata of the same length."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from vecgate.bulk.core.record_blocks import Block, Float32Matrix
from vecgate.bulk.core.record_validation import length_problem
from vecgate.bulk.sources.column_mapping import (
    KEY_KINDS,
    KEY_NAMES,
    ColumnChoice,
    ColumnKind,
    Layout,
    detect_layout,
)
from vecgate.bulk.sources.plain_values import DEFAULT_SHAPE, Conversion
from vecgate.bulk.sources.remote_files import RemoteFile
from vecgate.bulk.sources.source import (
    FLOAT32_BYTES,
    EmptySource,
    FileSource,
    FileState,
    Source,
    block_rows,
    check_record_bytes,
)
from vecgate.bulk.sources.table_slice import KEY_MISSING, TableSlice
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import KIB
from vecgate.s3vectors.metadata import Metadata

AnyArray: TypeAlias = npt.NDArray[Any]

MATRIX_AXES = 2
_EDGE_BYTES = 64 * KIB
#: Kind of a numpy type to the conversion of its values.
_CONVERSIONS = {"M": Conversion.TIMESTAMP, "m": Conversion.DURATION, "S": Conversion.BYTES}


class ArrayColumn(Protocol):
    """An array that is read by slices of rows, in ascending order, each row once."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and for a matrix the number of values in each."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a value."""

    def __getitem__(self, rows: slice, /) -> AnyArray:
        """Return a slice of rows."""


Columns: TypeAlias = Mapping[str, ArrayColumn]


@dataclass(frozen=True, slots=True)
class ArraySource(FileSource):
    """Records whose columns are arrays.

    open_columns  opens the columns for one reading
    """

    name: str
    total: int
    fingerprint: str
    dimension: int | None
    layout: Layout
    vectors: str
    open_columns: Callable[[], AbstractContextManager[Columns]]
    is_repeatable: bool = True
    is_identified: bool = True
    conversions: tuple[str, ...] = ()
    files: tuple[FileState | RemoteFile, ...] = ()

    def describe(self) -> str:
        """Return one line that says how each array is used."""
        return self.layout.describe(self.dimension, self.vectors)

    def _read_blocks(self, dimension: int | None, rows: int, first: int) -> Generator[Block]:
        """Yield the records, slice by slice."""
        width = self.dimension or 0
        with self.open_columns() as columns:
            used = {name: columns[name] for name in self.layout.used}
            row_bytes = sum(prod(column.shape[1:]) * column.dtype.itemsize for column in used.values())
            check_record_bytes(self.name, row_bytes)
            step = block_rows(rows, max(row_bytes, width * FLOAT32_BYTES))
            for start in range(0, self.total, step):
                stop = min(start + step, self.total)
                parts = {name: column[start:stop] for name, column in used.items()}
                yield _block(parts, self.layout, dimension or width, first + start, stop - start)


def build_array_source(
    name: str,
    open_columns: Callable[[], AbstractContextManager[Columns]],
    *,
    fingerprint: str,
    choice: ColumnChoice,
    keys_only: bool,
) -> ArraySource:
    """Return a source of the columns that *open_columns* opens. Raises SourceError if they are empty."""
    with open_columns() as columns:
        shapes = {column: (array.shape, array.dtype) for column, array in columns.items()}
    rows, row_column = _rows(name, shapes, choice)
    kinds = {
        column: _kind(dtype, len(shape))
        for column, (shape, dtype) in shapes.items()
        if len(shape) in {1, MATRIX_AXES} and shape[0] == rows
    }
    _check_key_lengths(name, shapes, kinds, choice, rows=rows, row_column=row_column)
    layout = detect_layout(name, kinds, choice, keys_only=keys_only)
    if layout.vector is not None and choice.metadata is None:
        _check_metadata_lengths(name, shapes, rows=rows, row_column=row_column)
    layout = replace(layout, others=(*layout.others, *(column for column in shapes if column not in kinds)))
    if not rows:
        raise EmptySource(f"{name} holds no records")
    if layout.vector is None:
        return ArraySource(name, rows, fingerprint, None, layout, "", open_columns)
    shape, dtype = shapes[layout.vector]
    if not shape[1]:
        raise SourceError(f"{name} holds vectors without values: its shape is {shape}")
    names = {name: name for name in layout.flat} | {pick.name: pick.column for pick in layout.picks}
    conversions = layout.shape.describe_conversions(
        {name: _CONVERSIONS.get(shapes[column][1].kind) for name, column in names.items()}
    )
    return ArraySource(
        name, rows, fingerprint, shape[1], layout, str(dtype), open_columns, conversions=conversions
    )


def source_from_arrays(
    keys: Sequence[str] | None, matrix: AnyArray, metadata: Sequence[Metadata | None] | None = None
) -> Source:
    """Return arrays in memory as a source.

    keys      n keys; None numbers the rows
    matrix    shape (n, dimension)
    metadata  n objects or None

    Raises SourceError if the lengths differ or *matrix* does not have two axes.
    """
    lengths = {len(part) for part in (keys, matrix, metadata) if part is not None}
    if matrix.ndim != MATRIX_AXES or len(lengths) != 1:
        raise SourceError(
            f"the matrix has the shape {matrix.shape}, but there are {_count(keys)} keys"
            f" and {_count(metadata)} metadata",
            hint="It must have two axes, and as many rows as there are keys and metadata.",
        )
    columns: dict[str, ArrayColumn] = {"vector": matrix}
    columns |= {} if keys is None else {"key": _column(keys)}
    columns |= {} if metadata is None else {"metadata": _column(metadata)}
    return build_array_source(
        "arrays",
        lambda: nullcontext(columns),
        fingerprint=_fingerprint(matrix),
        choice=ColumnChoice(row_keys=keys is None),
        keys_only=False,
    )


def _column(values: Sequence[object]) -> AnyArray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _count(values: Sequence[object] | None) -> str:
    return "no" if values is None else f"{len(values):,}"


def _fingerprint(matrix: AnyArray) -> str:
    rows = max(1, _EDGE_BYTES // max(1, matrix.itemsize * matrix.shape[1]))
    digest = hashlib.sha256(np.ascontiguousarray(matrix[:rows]).tobytes())
    digest.update(np.ascontiguousarray(matrix[-rows:]).tobytes())
    return f"{matrix.nbytes}-{digest.hexdigest()[:32]}"


def _rows(
    name: str, shapes: Mapping[str, tuple[tuple[int, ...], Any]], choice: ColumnChoice
) -> tuple[int, str]:
    """Return the number of records: the number of vectors, or of keys without vectors; and their column."""
    kinds = {c: _kind(dtype, len(shape)) for c, (shape, dtype) in shapes.items() if shape}
    has_matrix = ColumnKind.VECTOR in kinds.values()
    if not has_matrix and not any(kind in KEY_KINDS for kind in kinds.values()):
        raise SourceError(f"{name} has neither vectors nor keys", hint="It needs a matrix of numbers.")
    layout = detect_layout(
        name, kinds, replace(choice, row_keys=has_matrix, key=None if has_matrix else choice.key),
        keys_only=not has_matrix,
    )  # fmt: skip
    column = layout.vector or layout.key
    assert column is not None
    return shapes[column][0][0], column


def _check_key_lengths(
    name: str,
    shapes: Mapping[str, tuple[tuple[int, ...], Any]],
    kinds: Mapping[str, ColumnKind],
    choice: ColumnChoice,
    *,
    rows: int,
    row_column: str,
) -> None:
    """Raise SourceError if the only keys of a file are fewer or more than its vectors."""
    names = KEY_NAMES if choice.key is None else (choice.key,)
    keys = {
        column: shape[0]
        for column, (shape, dtype) in shapes.items()
        if (column if choice.key else column.lower()) in names
        and len(shape) == 1
        and _kind(dtype, 1) in KEY_KINDS
    }
    if choice.row_keys or not keys or any(column in kinds for column in keys):
        return
    column, length = next(iter(keys.items()))
    raise SourceError(
        f'{name} has {length:,} keys in "{column}", but {rows:,} rows in "{row_column}"',
        hint="Write the file again with one key for each vector, or ignore its keys with --row-keys.",
    )


def _check_metadata_lengths(
    name: str, shapes: Mapping[str, tuple[tuple[int, ...], Any]], *, rows: int, row_column: str
) -> None:
    """Raise SourceError if an array has values for no matrix of the file: some are missing, or too many."""
    known = {shape[0] for shape, _ in shapes.values() if len(shape) == MATRIX_AXES}
    for column, (shape, _) in shapes.items():
        if len(shape) == 1 and shape[0] not in {rows, *known}:
            raise SourceError(
                f'{name} has {shape[0]:,} values in "{column}", but {rows:,} rows in "{row_column}"',
                hint="Write the file again with one value for each vector, or choose its metadata with "
                "--metadata.",
            )


def _kind(dtype: np.dtype[Any], axes: int) -> ColumnKind:
    if axes == MATRIX_AXES:
        return ColumnKind.VECTOR if dtype.kind in "fiu" else ColumnKind.OTHER
    if axes != 1:
        return ColumnKind.OTHER
    # Objects are text: h5py returns strings as objects, and pickled objects are never read.
    kinds = {
        "U": ColumnKind.TEXT,
        "O": ColumnKind.TEXT,
        "T": ColumnKind.TEXT,
        "S": ColumnKind.BYTES,
        "i": ColumnKind.INTEGER,
        "u": ColumnKind.INTEGER,
    }
    return kinds.get(dtype.kind, ColumnKind.OTHER)


def _block(parts: Mapping[str, AnyArray], layout: Layout, width: int, first: int, rows: int) -> Block:
    keys = _keys(parts, layout, first, rows)
    metadata, metadata_problems = _metadata(parts, layout, rows)
    matrix = _matrix(parts[layout.vector]) if layout.vector else np.empty((rows, 0), dtype=np.float32)
    problems = metadata_problems | {row: KEY_MISSING for row, key in enumerate(keys) if key is None}
    if layout.vector and matrix.shape[1] != width:
        problem = length_problem(width, matrix.shape[1])
        problems = dict.fromkeys(range(rows), problem) | problems
    good = np.arange(rows) if matrix.shape[1] == width or not layout.vector else np.arange(0)
    fitting = matrix if len(good) else np.empty((0, width), dtype=np.float32)

    def as_read(row: int) -> tuple[Sequence[object] | None, object]:
        return (cast("list[object]", matrix[row].tolist()) if layout.vector else None), metadata[row]

    return TableSlice(first, keys, fitting, good, metadata, problems, as_read).block()


def _matrix(values: AnyArray) -> Float32Matrix:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def _keys(parts: Mapping[str, AnyArray], layout: Layout, first: int, rows: int) -> list[str | None]:
    if layout.key is None:
        return [f"{layout.key_prefix}{row}" for row in range(first, first + rows)]
    keys = (DEFAULT_SHAPE.to_plain(key) for key in parts[layout.key].tolist())
    return [None if key is None else f"{layout.key_prefix}{key}" for key in keys]


def _metadata(
    parts: Mapping[str, AnyArray], layout: Layout, rows: int
) -> tuple[list[Metadata | None], dict[int, str]]:
    """Return the metadata of each row, and by row why they are none."""
    if layout.objects is not None:
        given = cast("list[Metadata | None]", parts[layout.objects].tolist())
        built = [({}, "") if entries is None else layout.shape.build(entries) for entries in given]
        metadata = [None if g is None else entries for g, (entries, _) in zip(given, built, strict=True)]
    else:
        names = {name: name for name in layout.flat} | {pick.name: pick.column for pick in layout.picks}
        columns = [_values(parts[column]) for column in names.values()]
        records = zip(*columns, strict=True) if columns else [()] * rows
        built = [layout.shape.build(dict(zip(names, record, strict=True))) for record in records]
        metadata = [entries or None for entries, _ in built]
    return metadata, {row: problem for row, (_, problem) in enumerate(built) if problem}


def _values(column: AnyArray) -> list[Any]:
    # tolist converts nanoseconds to integers; as text a date keeps its own precision.
    return list(column) if column.dtype.kind in "mM" else cast("list[Any]", column.tolist())
