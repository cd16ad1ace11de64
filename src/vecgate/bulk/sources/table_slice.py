"""Consecutive rows of a table, sorted into rows of a block and rejects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecgate.bulk.core.record_blocks import Block, Float32Matrix, RejectedRecord
from vecgate.s3vectors.metadata import Metadata

KEY_MISSING = "key is missing"
VECTOR_MISSING = "vector is missing"


@dataclass(frozen=True, slots=True, eq=False)
class TableSlice:
    """Consecutive records as read, n of them.

    first        position of the first one
    keys         n keys, None for a missing one
    matrix       the vectors that could be read
    matrix_rows  the record of each row of *matrix*, ascending
    metadata     n objects or None
    problems     why a row, counted from 0, is rejected; every row without a vector is among them
    as_read      returns vector and metadata of a row, for its reject
    """

    first: int
    keys: Sequence[str | None]
    matrix: Float32Matrix
    matrix_rows: npt.NDArray[np.intp]
    metadata: Sequence[Metadata | None]
    problems: Mapping[int, str]
    as_read: Callable[[int], tuple[Sequence[object] | None, object]]

    def block(self) -> Block:
        """Return a block of the records without a problem; the others are its rejects."""
        is_good = np.ones(len(self.keys), dtype=bool)
        is_good[list(self.problems)] = False
        keep = is_good[self.matrix_rows]
        rows = self.matrix_rows[keep]
        return Block(
            self.first + rows.astype(np.int64),
            [key for key, good in zip(self.keys, is_good, strict=True) if good and key is not None],
            self.matrix if keep.all() else self.matrix[keep],
            [entry for entry, good in zip(self.metadata, is_good, strict=True) if good],
            tuple(self._reject(row) for row in sorted(self.problems)),
        )

    def _reject(self, row: int) -> RejectedRecord:
        return RejectedRecord(self.first + row, self.keys[row] or "", self.problems[row], *self.as_read(row))
