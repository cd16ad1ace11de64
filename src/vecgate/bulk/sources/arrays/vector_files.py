"""Vectors as the benchmarks of nearest-neighbour search store them: fvecs and its kin, fbin and its kin.

fvecs has the number of values as int32 before each vector, fbin the numbers of vectors and of values once.
The letters before them say the type of a value. Sizes are checked before anything is read.
http://corpus-texmex.irisa.fr and https://big-ann-benchmarks.com/neurips21.html (read 2026-11-30)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from vecgate.bulk.sources.array_columns import AnyArray, ArraySource, Columns, build_array_source
from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import EmptySource, file_bytes, file_fingerprint, source_errors
from vecgate.errors import SourceError

FORMAT_NAME = "a file of vectors"
VECTOR_COLUMN = "vector"
_VECS_TYPES = {".fvecs": "<f4", ".ivecs": "<i4", ".bvecs": "u1"}
_BIN_TYPES = {".fbin": "<f4", ".ibin": "<i4", ".u8bin": "u1", ".i8bin": "i1"}
_INT_BYTES = 4
_BIN_HEADER_BYTES = 8
#: A larger dimension is no dimension, but another format or damage.
_DIMENSION_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class VectorFile:
    """The vectors of a file.

    header_bytes     before the first vector
    row_header       each vector has its dimension before it
    """

    file: SourceFile
    rows: int
    dimension: int
    dtype: np.dtype[Any]
    header_bytes: int
    row_header: bool

    @property
    def row_bytes(self) -> int:
        """The size of a vector in the file."""
        return _INT_BYTES * self.row_header + self.dimension * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class _VectorColumn:
    """The vectors of an open file, front to back."""

    layout: VectorFile
    stream: BinaryIO

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and values."""
        return self.layout.rows, self.layout.dimension

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a value."""
        return self.layout.dtype

    def __getitem__(self, rows: slice, /) -> AnyArray:
        """Return the next *rows*. Raises SourceError if a vector has another dimension than the first."""
        layout, count = self.layout, int(rows.stop) - int(rows.start)
        with source_errors(str(layout.file), FORMAT_NAME):
            data = self.stream.read(count * layout.row_bytes)
        if len(data) < count * layout.row_bytes:
            raise SourceError(
                f"{layout.file} is truncated: it ends before row {rows.stop:,} of {layout.rows:,}"
            )
        matrix = np.frombuffer(data, np.uint8).reshape(count, layout.row_bytes)
        if layout.row_header:
            found = np.ascontiguousarray(matrix[:, :_INT_BYTES]).view("<i4")[:, 0]
            if len(odd := np.flatnonzero(found != layout.dimension)):
                row = int(odd[0])
                raise SourceError(
                    f"{layout.file}: row {rows.start + row:,} has {found[row]:,} values, but row 0 has "
                    f"{layout.dimension:,}"
                )
            matrix = matrix[:, _INT_BYTES:]
        return np.ascontiguousarray(matrix).view(layout.dtype)


def open_vecs(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> ArraySource:
    """Open an fvecs, ivecs or bvecs file. Raises SourceError if its size does not fit its dimension."""
    dtype = _type_of(path, _VECS_TYPES)
    (dimension,), size = _header(path, 1)
    layout = VectorFile(path, 0, dimension, dtype, 0, row_header=True)
    if size % layout.row_bytes:
        raise SourceError(
            f"{path} is truncated, or not {path.name[-5:]}: its {size:,} bytes are no multiple of the "
            f"{layout.row_bytes:,} of a vector of {dimension:,} values",
            hint="Write or copy it again.",
        )
    rows = size // layout.row_bytes
    return _source(VectorFile(path, rows, dimension, dtype, 0, row_header=True), columns, keys_only=keys_only)


def open_bin(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> ArraySource:
    """Open an fbin, u8bin, i8bin or ibin file. Raises SourceError if its size does not fit its header."""
    dtype = _type_of(path, _BIN_TYPES)
    (rows, dimension), size = _header(path, 2)
    expected = _BIN_HEADER_BYTES + rows * dimension * dtype.itemsize
    if size != expected:
        state = "is truncated" if size < expected else "is too long"
        raise SourceError(
            f"{path} {state}: it has {size:,} bytes, but its header says {rows:,} vectors of {dimension:,} "
            f"values, which are {expected:,} bytes",
            hint="Write or copy it again.",
        )
    if not rows:
        raise EmptySource(f"{path} holds no records")
    layout = VectorFile(path, rows, dimension, dtype, _BIN_HEADER_BYTES, row_header=False)
    return _source(layout, columns, keys_only=keys_only)


def _source(layout: VectorFile, choice: ColumnChoice, *, keys_only: bool) -> ArraySource:
    name = str(layout.file)

    @contextmanager
    def opened() -> Iterator[Columns]:
        with source_errors(name, FORMAT_NAME):
            stream = layout.file.open("rb")
        with stream:
            with source_errors(name, FORMAT_NAME):
                stream.read(layout.header_bytes)
            yield {VECTOR_COLUMN: _VectorColumn(layout, stream)}

    fingerprint = file_fingerprint(layout.file)
    return build_array_source(name, opened, fingerprint=fingerprint, choice=choice, keys_only=keys_only)


def _type_of(path: SourceFile, types: dict[str, str]) -> np.dtype[Any]:
    return np.dtype(next(dtype for suffix, dtype in types.items() if path.name.lower().endswith(suffix)))


def _header(path: SourceFile, count: int) -> tuple[tuple[int, ...], int]:
    """Return the first *count* integers, the last of which is the dimension, and the size of the file."""
    with source_errors(str(path), FORMAT_NAME):
        with path.open("rb") as file:
            data = file.read(count * _INT_BYTES)
        size = file_bytes(path)
    if len(data) < count * _INT_BYTES:
        raise SourceError(f"{path} is truncated: it ends within its first {count * _INT_BYTES} bytes")
    values = tuple(np.frombuffer(data, "<u4").tolist())
    if not 0 < values[-1] <= _DIMENSION_MAX:
        raise SourceError(
            f"{path} is not {path.name.rpartition('.')[2]}: its vectors would have {values[-1]:,} values"
        )
    return values, size
