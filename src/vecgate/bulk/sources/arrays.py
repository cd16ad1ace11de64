"""Columns that are arrays: a matrix of vectors, perhaps with keys and metadata of equal length beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from vecgate.bulk.records import Block, Float32Matrix
from vecgate.bulk.sources.assembly import KEY_MISSING, Stretch
from vecgate.bulk.sources.columns import ColumnChoice, Kind, Layout, recognise
from vecgate.bulk.sources.plain import is_absent, plain
from vecgate.bulk.sources.source import FLOAT32_BYTES, ROWS_DEFAULT, Source, rows_within
from vecgate.bulk.validation import length_problem
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import KIB
from vecgate.s3vectors.metadata import Metadata

AnyArray: TypeAlias = npt.NDArray[Any]

MATRIX_AXES = 2
_EDGE_BYTES = 64 * KIB


class Column(Protocol):
    """An array of which rows are read, in ascending order and none twice."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and for a matrix the values in each."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a value."""

    def __getitem__(self, rows: slice, /) -> AnyArray:
        """The rows of a slice."""


Columns: TypeAlias = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class ArraysSource(Source):
    """Records whose columns are arrays.

    opened  gives the columns anew for every reading
    """

    name: str
    total: int
    fingerprint: str
    dimension: int | None
    layout: Layout
    vectors: str
    opened: Callable[[], AbstractContextManager[Columns]]
    is_repeatable: bool = True
    is_identified: bool = True

    def describe(self) -> str:
        """One line that says which array was taken for what."""
        return self.layout.describe(self.dimension, self.vectors)

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """The records, slice by slice."""
        width = self.dimension or 0
        step = rows_within(rows, width * FLOAT32_BYTES)
        with self.opened() as columns:
            used = {name: columns[name] for name in self.layout.used}
            for start in range(0, self.total, step):
                stop = min(start + step, self.total)
                parts = {name: column[start:stop] for name, column in used.items()}
                yield _block(parts, self.layout, dimension or width, first + start, stop - start)


def arrays_source(
    name: str,
    opened: Callable[[], AbstractContextManager[Columns]],
    *,
    fingerprint: str,
    choice: ColumnChoice,
    keys_only: bool,
) -> ArraysSource:
    """A source of the columns that *opened* gives. Raises SourceError where they hold no records."""
    with opened() as columns:
        shapes = {column: (array.shape, array.dtype) for column, array in columns.items()}
    rows = _rows(name, shapes, choice)
    kinds = {
        column: _kind(dtype, len(shape))
        for column, (shape, dtype) in shapes.items()
        if len(shape) in {1, MATRIX_AXES} and shape[0] == rows
    }
    layout = recognise(name, kinds, choice, keys_only=keys_only, is_numbered=True)
    if not rows:
        raise SourceError(f"{name} holds no records")
    if layout.vector is None:
        return ArraysSource(name, rows, fingerprint, None, layout, "", opened)
    shape, dtype = shapes[layout.vector]
    if not shape[1]:
        raise SourceError(f"{name} holds vectors without values: its shape is {shape}")
    return ArraysSource(name, rows, fingerprint, shape[1], _only_flat(layout, kinds), str(dtype), opened)


def source_of_arrays(
    keys: Sequence[str] | None, matrix: AnyArray, metadata: Sequence[Metadata | None] | None = None
) -> Source:
    """Arrays in memory as a source: *matrix* has the shape (n, dimension); n *keys*, row numbers where None.

    Raises SourceError where the lengths differ or the matrix is none.
    """
    lengths = {len(part) for part in (keys, matrix, metadata) if part is not None}
    if matrix.ndim != MATRIX_AXES or len(lengths) != 1:
        raise SourceError(
            f"the matrix has the shape {matrix.shape}, but there are {_count(keys)} keys"
            f" and {_count(metadata)} metadata",
            hint="It must have two axes, and as many rows as there are keys and metadata.",
        )
    columns: dict[str, Column] = {"vector": matrix}
    columns |= {} if keys is None else {"key": _column(keys)}
    columns |= {} if metadata is None else {"metadata": _column(metadata)}
    return arrays_source(
        "arrays",
        lambda: nullcontext(columns),
        fingerprint=_fingerprint(matrix),
        choice=ColumnChoice(),
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


def _rows(name: str, shapes: Mapping[str, tuple[tuple[int, ...], Any]], choice: ColumnChoice) -> int:
    """How many records there are: as many as the vectors, or else the keys, have rows."""
    kinds = {c: _kind(dtype, len(shape)) for c, (shape, dtype) in shapes.items() if shape}
    matrices = {column: kind for column, kind in kinds.items() if kind is Kind.VECTOR}
    layout = recognise(name, kinds, choice, keys_only=not matrices, is_numbered=True)
    column = layout.vector or layout.key
    if column is None:
        raise SourceError(f"{name} has neither vectors nor keys", hint="It needs a matrix of numbers.")
    return shapes[column][0][0]


def _only_flat(layout: Layout, kinds: Mapping[str, Kind]) -> Layout:
    """Other matrices of the same length, such as neighbours, are no metadata."""
    if layout.is_chosen:
        return layout
    flat = tuple(column for column in layout.flat if kinds[column] is not Kind.VECTOR)
    others = (*layout.others, *(column for column in layout.flat if column not in flat))
    return Layout(
        layout.key, layout.key_kind, layout.key_prefix, layout.vector, layout.objects, flat, others=others
    )


def _kind(dtype: np.dtype[Any], axes: int) -> Kind:
    if axes == MATRIX_AXES:
        return Kind.VECTOR if dtype.kind in "fiu" else Kind.OTHER
    if axes != 1:
        return Kind.OTHER
    # Objects are text: h5py gives its strings so, and pickled ones are never read.
    kinds = {
        "U": Kind.TEXT,
        "O": Kind.TEXT,
        "T": Kind.TEXT,
        "S": Kind.BYTES,
        "i": Kind.INTEGER,
        "u": Kind.INTEGER,
    }
    return kinds.get(dtype.kind, Kind.OTHER)


def _block(parts: Mapping[str, AnyArray], layout: Layout, width: int, first: int, rows: int) -> Block:
    keys = _keys(parts, layout, first, rows)
    metadata = _metadata(parts, layout, rows)
    matrix = _matrix(parts[layout.vector]) if layout.vector else np.empty((rows, 0), dtype=np.float32)
    problems = {row: KEY_MISSING for row, key in enumerate(keys) if key is None}
    if layout.vector and matrix.shape[1] != width:
        problem = length_problem(width, matrix.shape[1])
        problems = dict.fromkeys(range(rows), problem) | problems
    good = np.arange(rows) if matrix.shape[1] == width or not layout.vector else np.arange(0)
    fitting = matrix if len(good) else np.empty((0, width), dtype=np.float32)

    def as_read(row: int) -> tuple[Sequence[object] | None, object]:
        return (cast("list[object]", matrix[row].tolist()) if layout.vector else None), metadata[row]

    return Stretch(first, keys, fitting, good, metadata, problems, as_read).block()


def _matrix(values: AnyArray) -> Float32Matrix:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def _keys(parts: Mapping[str, AnyArray], layout: Layout, first: int, rows: int) -> list[str | None]:
    if layout.key is None:
        return [f"{layout.key_prefix}{row}" for row in range(first, first + rows)]
    keys = (plain(key) for key in parts[layout.key].tolist())
    return [None if key is None else f"{layout.key_prefix}{key}" for key in keys]


def _metadata(parts: Mapping[str, AnyArray], layout: Layout, rows: int) -> list[Metadata | None]:
    if layout.objects is not None:
        return cast("list[Metadata | None]", parts[layout.objects].tolist())
    if not layout.flat:
        return [None] * rows
    columns = [[plain(value) for value in _values(parts[name])] for name in layout.flat]
    return [
        {name: value for name, value in zip(layout.flat, row, strict=True) if not is_absent(value)} or None
        for row in zip(*columns, strict=True)
    ]


def _values(column: AnyArray) -> list[Any]:
    # tolist makes integers of nanoseconds; as text a date keeps its own precision.
    return list(column) if column.dtype.kind in "mM" else cast("list[Any]", column.tolist())
