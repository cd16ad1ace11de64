"""The vectors of one index, in growing columns.

Rows are dense: the last row moves into the position of a deleted one, so a row number is valid only until the
next write. ListVectors returns keys in the order of a hash of the key. That is neither insertion order nor
key order, and it is the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from vecgate.endpoint.search.metadata_columns import MetadataColumn, MetadataColumns
from vecgate.endpoint.storage.key_order import KeyOrder
from vecgate.s3vectors.limits import MIB
from vecgate.s3vectors.metadata import Metadata, metadata_bytes

Float32Matrix: TypeAlias = npt.NDArray[np.float32]
Float32Vector: TypeAlias = npt.NDArray[np.float32]
Hashes: TypeAlias = npt.NDArray[np.uint64]
Scalar = TypeVar("Scalar", bound=np.generic)

FLOAT32_BYTES = 4
CAPACITY_MIN = 64
#: A matrix that grows beyond LARGE_BYTES reserves RESERVED_BYTES at once: copying it takes ever longer, and
#: requests wait for it. Only addresses are reserved; unwritten pages take no memory.
LARGE_BYTES, RESERVED_BYTES = 16 * MIB, 1024 * MIB
#: Between these norms, sums of squares and products of two norms stay well within the range of float32.
SAFE_NORM_MIN, SAFE_NORM_MAX = 1e-15, 1e15


def hash_keys(keys: Iterable[str]) -> Hashes:
    """Return a 64-bit hash of each key."""
    digests = [blake2b(key.encode(), digest_size=8).digest() for key in keys]
    return np.frombuffer(b"".join(digests), dtype="<u8")


class VectorTable:
    """Keys, vectors, norms and metadata of an index, row by row.

    dimension  of its vectors
    hashing    the hash that orders ListVectors
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
        self._columns = MetadataColumns()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def vectors(self) -> Float32Matrix:
        """All vectors, shape (n, dimension). A view, valid until the next write."""
        return self._vectors[: len(self)]

    @property
    def norms(self) -> Float32Vector:
        """The Euclidean norm of each vector, shape (n,)."""
        return self._norms[: len(self)]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """The size of each row in bytes: floats, key, and metadata by the service's size model."""
        return self._sizes[: len(self)]

    @property
    def order(self) -> KeyOrder:
        """The order of ListVectors. It is sorted on first use after keys were added or removed."""
        if self._order is None:
            self._order = KeyOrder.sort(self.keys, self._hashes[: len(self)])
        return self._order

    def column(self, name: str) -> MetadataColumn:
        """Return the values of metadata key *name* in all rows, valid until the next write."""
        return self._columns.get(name, self.metadata)

    def find_rows(self, keys: Iterable[str]) -> list[int]:
        """Return the rows of those *keys* that exist."""
        return [row for key in keys if (row := self._rows.get(key)) is not None]

    def sort_rows(self, rows: Iterable[int]) -> list[int]:
        """Return *rows* in the order of ListVectors, without sorting the whole index."""
        return sorted(rows, key=lambda row: (self._hashes[row], self.keys[row]))

    def position_after(self, key: str) -> int:
        """Return the position in `order` right after *key*, whether or not the key still exists."""
        return self.order.position_after(key, int(self._hashing([key])[0]), self.keys)

    def put(self, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]) -> None:
        """Insert or replace vectors. *keys* are distinct; *vectors* has shape (n, dimension)."""
        self._append([key for key in keys if key not in self._rows])
        rows = [self._rows[key] for key in keys]
        self._vectors[rows] = vectors
        self._norms[rows] = compute_norms(vectors)
        self._sizes[rows] = [self._row_bytes(key, each) for key, each in zip(keys, metadata, strict=True)]
        for row, each in zip(rows, metadata, strict=True):
            self.metadata[row] = each
        self._columns.put(rows, metadata)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the vectors with *keys*. Unknown keys have no effect."""
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
        capacity = max(rows, 2 * len(self._norms), CAPACITY_MIN)
        if capacity * self.dimension * FLOAT32_BYTES > LARGE_BYTES:
            capacity = max(capacity, RESERVED_BYTES // (self.dimension * FLOAT32_BYTES))
        self._vectors = _grow(self._vectors, len(self), capacity)
        self._norms = _grow(self._norms, len(self), capacity)
        self._hashes = _grow(self._hashes, len(self), capacity)
        self._sizes = _grow(self._sizes, len(self), capacity)

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


def compute_norms(vectors: Float32Matrix) -> Float32Vector:
    """Return the norm of each row: 0 only for a zero vector, infinity if float32 cannot hold it."""
    with np.errstate(over="ignore", under="ignore"):
        norms: Float32Vector = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        extreme = np.flatnonzero((norms < SAFE_NORM_MIN) | (norms > SAFE_NORM_MAX))
        if len(extreme):
            # Squares of extreme floats exceed the range of float32, but not that of float64.
            norms[extreme] = np.linalg.norm(vectors[extreme].astype(np.float64), axis=1)
    return norms


def _grow(column: npt.NDArray[Scalar], used: int, capacity: int) -> npt.NDArray[Scalar]:
    grown = np.empty((capacity, *column.shape[1:]), column.dtype)
    grown[:used] = column[:used]
    return grown
