"""Which metadata keys to make non-filterable, so that every record fits the 2 KB that filters may see.

What is non-filterable is fixed when an index is created, so it is worth knowing before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from vecgate.bulk.check_report import Suggestion
from vecgate.s3vectors.limits import (
    FILTERABLE_BYTES_MAX,
    NON_FILTERABLE_KEY_LENGTH_MAX,
    NON_FILTERABLE_KEYS_MAX,
)
from vecgate.s3vectors.metadata import Metadata, entry_bytes, metadata_bytes

#: Every set of so many keys, the largest ones, is tried.
CANDIDATES_MAX = 12
_TRIED_AT_ONCE = 1024


class Covers:
    """For every set of candidate keys: how large the largest record stays when they do not count.

    A set is a number whose bits are the candidates, so one matrix product weighs all sets at once.

    names  metadata keys, largest first
    fixed  keys that are non-filterable already
    """

    def __init__(self, names: Sequence[str], fixed: frozenset[str]) -> None:
        nameable = [n for n in names if n not in fixed and 1 <= len(n) <= NON_FILTERABLE_KEY_LENGTH_MAX]
        self._candidates, self._fixed = nameable[:CANDIDATES_MAX], fixed
        sets = np.arange(2 ** len(self._candidates))
        self._members = (sets[:, None] >> np.arange(len(self._candidates)) & 1).astype(np.float64)
        self._left_max = np.zeros(len(sets))
        self._rescued = 0

    def add(self, metadata: Iterable[Metadata | None]) -> None:
        """Weigh the metadata of records that would be taken if nothing of it were filterable."""
        over = [m for m in metadata if m and self._filterable(m) > FILTERABLE_BYTES_MAX]
        self._rescued += len(over)
        for start in range(0, len(over), _TRIED_AT_ONCE):
            self._weigh(over[start : start + _TRIED_AT_ONCE])

    def suggestion(self) -> Suggestion | None:
        """The fewest keys, of these the ones that leave least; None where no record needs it."""
        if not self._rescued:
            return None
        counts = self._members.sum(axis=1)
        fits = (self._left_max <= FILTERABLE_BYTES_MAX) & (
            counts + len(self._fixed) <= NON_FILTERABLE_KEYS_MAX
        )
        if not fits.any():
            return Suggestion((), 0)
        best = min(np.flatnonzero(fits).tolist(), key=lambda i: (counts[i], self._left_max[i]))
        chosen = (key for key, is_in in zip(self._candidates, self._members[best], strict=True) if is_in)
        return Suggestion((*sorted(self._fixed), *chosen), self._rescued)

    def _filterable(self, metadata: Metadata) -> int:
        return metadata_bytes(metadata, without=self._fixed)

    def _weigh(self, records: Sequence[Metadata]) -> None:
        sizes = [[entry_bytes(k, m[k]) if k in m else 0 for k in self._candidates] for m in records]
        whole = np.array([self._filterable(m) for m in records], dtype=np.float64)
        left = whole[:, None] - np.array(sizes, dtype=np.float64).reshape(len(records), -1) @ self._members.T
        self._left_max = np.maximum(self._left_max, left.max(axis=0))
