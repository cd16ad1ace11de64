"""The vectors of one index, in columns that grow.

Rows are dense: the last one moves into the place of a deleted one, so the number of a row means something
only until the next write. ListVectors walks keys in the order of a hash of the key, which is neither
insertion order nor key order, and is the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from vecgate.endpoint.columns import Column, Columns
from vecgate.endpoint.order import KeyOrder
from vecgate.s3vectors.limits import MIB
from vecgate.s3vectors.metadata import Metadata, metadata_bytes

Float32Matrix: TypeAlias = npt.NDArray[np.float32]
Float32Vector: TypeAlias = npt.NDArray[np.float32]
Hashes: TypeAlias = npt.NDArray[np.uint64]
Scalar = TypeVar("Scalar", bound=np.generic)

FLOAT32_BYTES = 4
ROWS_AT_FIRST = 64
#: A matrix that grows beyond the one gets room up to the other at once: to copy it takes ever longer, and
#: requests wait for it. Room is addresses; what has not been written takes no memory.
ROOMY_BYTES, ROOM_BYTES = 16 * MIB, 1024 * MIB
#: Between these the squares that make up a norm, and products of two norms, are well within float32.
MODEST_NORM_MIN, MODEST_NORM_MAX = 1e-15, 1e15


def hash_keys(keys: Iterable[str]) -> Hashes:
    """A 64-bit hash of each key."""
    return np.frombuffer(
        b"".join([blake2b(key.encode(), digest_size=8).digest() for key in keys]), dtype="<u8"
    )


class VectorTable:
    """Keys, vectors, norms and metadata of an index, row by row.

    *dimension* of its vectors; *hashing* gives the order of ListVectors.
    """

    def __init__(self, dimension: int, *, hashing: Callable[[Iterable[str]], Hashes] = hash_keys) -> None:
        self.dimension = dimension
        self.keys: list[str] = []
        self.metadata: list[Metadata | None] = []
        self._hashing = hashing
        self._rows: dict[str, int] = {}
        self._vectors = np.empty((0, dimension), np.float32)
        self._norms = np.empty(0, np.float32)
        self._hashes = np.empty(0, np.uint64)
        self._sizes = np.empty(0, np.int64)
        self._order: KeyOrder | None = None
        self._columns = Columns()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def vectors(self) -> Float32Matrix:
        """All vectors, shape (n, dimension). A view: it is true until the next write."""
        return self._vectors[: len(self)]

    @property
    def norms(self) -> Float32Vector:
        """The euclidean norm of each vector, shape (n,)."""
        return self._norms[: len(self)]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """The bytes that each row counts for: floats, key, and metadata by the service's size model."""
        return self._sizes[: len(self)]

    @property
    def order(self) -> KeyOrder:
        """The rows in the order of ListVectors, sorted when first needed after keys came or went."""
        if self._order is None:
            self._order = KeyOrder.of(self.keys, self._hashes[: len(self)])
        return self._order

    def column(self, name: str) -> Column:
        """What each row holds under *name* in its metadata. It is true until the next write."""
        return self._columns.of(name, self.metadata)

    def rows_of(self, keys: Iterable[str]) -> list[int]:
        """The rows of those *keys* that are present."""
        return [row for key in keys if (row := self._rows.get(key)) is not None]

    def in_order(self, rows: Iterable[int]) -> list[int]:
        """*rows* in the order of ListVectors, without sorting all of the index."""
        return sorted(rows, key=lambda row: (self._hashes[row], self.keys[row]))

    def place_after(self, key: str) -> int:
        """The place in `order` right after *key*, whether or not it is still there."""
        return self.order.after(key, int(self._hashing([key])[0]), self.keys)

    def put(self, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]) -> None:
        """Insert or wholly replace. *keys* must differ; *vectors* has shape (n, dimension)."""
        self._append([key for key in keys if key not in self._rows])
        rows = [self._rows[key] for key in keys]
        self._vectors[rows] = vectors
        self._norms[rows] = norms_of(vectors)
        self._sizes[rows] = [self._row_bytes(key, each) for key, each in zip(keys, metadata, strict=True)]
        for row, each in zip(rows, metadata, strict=True):
            self.metadata[row] = each
        self._columns.put(rows, metadata)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove those *keys* that are present."""
        for key in keys:
            if (row := self._rows.pop(key, None)) is not None:
                self._fill_from_last(row)
                self._order = None

    def _append(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        start, stop = len(self), len(self) + len(keys)
        self._reserve(stop)
        self._hashes[start:stop] = self._hashing(keys)
        self._rows.update(zip(keys, range(start, stop), strict=True))
        self.keys += keys
        self.metadata += [None] * len(keys)
        self._order = None

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._norms):
            return
        capacity = max(rows, 2 * len(self._norms), ROWS_AT_FIRST)
        if capacity * self.dimension * FLOAT32_BYTES > ROOMY_BYTES:
            capacity = max(capacity, ROOM_BYTES // (self.dimension * FLOAT32_BYTES))
        self._vectors = _grown(self._vectors, len(self), capacity)
        self._norms = _grown(self._norms, len(self), capacity)
        self._hashes = _grown(self._hashes, len(self), capacity)
        self._sizes = _grown(self._sizes, len(self), capacity)

    def _fill_from_last(self, row: int) -> None:
        last = len(self) - 1
        key, metadata = self.keys.pop(), self.metadata.pop()
        self._columns.put([last], [None])
        if row != last:
            self.keys[row], self.metadata[row], self._rows[key] = key, metadata, row
            for column in (self._vectors, self._norms, self._hashes, self._sizes):
                column[row] = column[last]
            self._columns.put([row], [metadata])

    def _row_bytes(self, key: str, metadata: Metadata | None) -> int:
        stored = 0 if metadata is None else metadata_bytes(metadata)
        return FLOAT32_BYTES * self.dimension + len(key.encode()) + stored


def norms_of(vectors: Float32Matrix) -> Float32Vector:
    """The norm of each row: 0 for a zero vector only, infinity where float32 cannot hold it."""
    with np.errstate(over="ignore", under="ignore"):
        norms: Float32Vector = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        odd = np.flatnonzero((norms < MODEST_NORM_MIN) | (norms > MODEST_NORM_MAX))
        if len(odd):
            # Squares of extreme floats leave the range of float32, not that of float64.
            norms[odd] = np.linalg.norm(vectors[odd].astype(np.float64), axis=1)
    return norms


def _grown(column: npt.NDArray[Scalar], used: int, capacity: int) -> npt.NDArray[Scalar]:
    grown = np.empty((capacity, *column.shape[1:]), column.dtype)
    grown[:used] = column[:used]
    return grown
