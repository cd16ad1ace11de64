"""Records in columns: sources yield blocks, and batches are taken from them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.s3vectors.metadata import Metadata

Float32Matrix: TypeAlias = npt.NDArray[np.float32]
Positions: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that cannot be written.

    position  of the record in its source, from 0
    key       empty if the record has none
    problem   what is wrong, how much, and what is allowed
    vector    the values that could be read, None without any
    metadata  as read
    raw       the text of a record that could not be parsed
    """

    position: int
    key: str
    problem: str
    vector: Sequence[object] | None = None
    metadata: object = None
    raw: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive records of a source, in columns of equal length n.

    positions  shape (n,), ascending: the position of each record in its source, from 0
    keys       n keys
    vectors    shape (n, dimension), C-contiguous float32; (n, 0) for deletes, where only keys matter
    metadata   n objects, or None for a record without metadata
    rejects    records from the same part of the source that could not become a row
    """

    positions: Positions
    keys: Sequence[str]
    vectors: Float32Matrix
    metadata: Sequence[Metadata | None]
    rejects: tuple[RejectedRecord, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: Sequence[int] | npt.NDArray[np.intp]) -> Block:
        """Return a block of *rows*, in the order given, without rejects."""
        picked = np.asarray(rows, dtype=np.intp)
        return Block(
            self.positions[picked],
            [self.keys[row] for row in picked],
            self.vectors[picked],
            [self.metadata[row] for row in picked],
        )

    def slice(self, start: int, stop: int) -> Block:
        """Return rows *start* to *stop*, which share the memory of this block, without rejects."""
        return Block(
            self.positions[start:stop],
            self.keys[start:stop],
            self.vectors[start:stop],
            self.metadata[start:stop],
        )


def concat(first: Block, second: Block) -> Block:
    """Return *first* followed by *second*, without rejects."""
    if not len(first):
        return second.slice(0, len(second))
    if not len(second):
        return first.slice(0, len(first))
    return Block(
        np.concatenate([first.positions, second.positions]),
        [*first.keys, *second.keys],
        np.concatenate([first.vectors, second.vectors]),
        [*first.metadata, *second.metadata],
    )


@lru_cache(maxsize=16)
def float32_packer(dimension: int) -> struct.Struct:
    """Return what packs *dimension* Python numbers as float32, three times as fast as numpy reads a list.

    It accepts booleans and everything else that Python converts to a float. A number beyond float32 becomes
    infinity; from CPython 3.14 on it is an OverflowError.
    """
    return struct.Struct(f"{dimension}f")


def pack_float32(numbers: Sequence[Any]) -> bytes:
    """Return *numbers* as float32, those beyond it as infinity. Raises struct.error for other values."""
    try:
        return float32_packer(len(numbers)).pack(*numbers)
    except OverflowError:
        wide = np.frombuffer(struct.pack(f"{len(numbers)}d", *numbers))
        with np.errstate(over="ignore"):
            return wide.astype(np.float32).tobytes()


def reject_row(block: Block, row: int, problem: str) -> RejectedRecord:
    """Return row *row* of *block* as a rejected record."""
    vector = block.vectors[row].tolist()
    return RejectedRecord(int(block.positions[row]), block.keys[row], problem, vector, block.metadata[row])
