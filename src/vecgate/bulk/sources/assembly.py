"""A stretch of a table, sorted into rows and rejects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecgate.bulk.records import Block, Float32Matrix, Reject
from vecgate.s3vectors.metadata import Metadata

KEY_MISSING = "key is missing"
VECTOR_MISSING = "vector is missing"


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Consecutive records as read, n of them.

    first        position of the first one
    keys         n keys, None where there is none
    matrix       the vectors that could be read
    matrix_rows  which record each row of *matrix* belongs to, ascending
    metadata     n objects or None
    problems     by row, from 0: why it is a reject; every row without a vector is among them
    as_read      vector and metadata of a row, for its reject
    """

    first: int
    keys: Sequence[str | None]
    matrix: Float32Matrix
    matrix_rows: npt.NDArray[np.intp]
    metadata: Sequence[Metadata | None]
    problems: Mapping[int, str]
    as_read: Callable[[int], tuple[Sequence[object] | None, object]]

    def block(self) -> Block:
        """The records without a problem as rows, the others as rejects."""
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

    def _reject(self, row: int) -> Reject:
        return Reject(self.first + row, self.keys[row] or "", self.problems[row], *self.as_read(row))
