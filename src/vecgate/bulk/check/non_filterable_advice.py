"""Suggests metadata keys to make non-filterable, so that every record fits the 2 KB of filterable metadata.

Non-filterable keys are fixed when an index is created, so the advice is needed before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from vecgate.bulk.check.check_report import Suggestion
from vecgate.s3vectors.limits import (
    FILTERABLE_BYTES_MAX,
    NON_FILTERABLE_KEY_LENGTH_MAX,
    NON_FILTERABLE_KEYS_MAX,
)
from vecgate.s3vectors.metadata import Metadata, entry_bytes, metadata_bytes

#: Number of keys, the largest ones, of which every subset is tried.
CANDIDATES_MAX = 12
_RECORDS_PER_PRODUCT = 1024


class NonFilterableAdvisor:
    """Computes for every set of candidate keys the filterable size of the largest record without them.

    A set is a number whose bits are the candidates, so that one matrix product weighs all sets.

    names       metadata keys, largest first
    fixed       keys that are non-filterable already
    long_texts  keys of long texts, by which nobody filters: they are preferred, because a key that becomes
                non-filterable is lost to filters
    """

    def __init__(self, names: Sequence[str], fixed: frozenset[str], long_texts: Collection[str] = ()) -> None:
        allowed = [n for n in names if n not in fixed and 1 <= len(n) <= NON_FILTERABLE_KEY_LENGTH_MAX]
        self._candidates, self._fixed = allowed[:CANDIDATES_MAX], fixed
        sets = np.arange(2 ** len(self._candidates))
        self._long_texts = [name in long_texts for name in self._candidates]
        self._members = (sets[:, None] >> np.arange(len(self._candidates)) & 1).astype(np.float64)
        self._remaining_max = np.zeros(len(sets))
        self._rescued = 0

    def add(self, metadata: Iterable[Metadata | None]) -> None:
        """Weigh the metadata of records that would be accepted without the limit on filterable metadata."""
        over = [m for m in metadata if m and self._filterable_bytes(m) > FILTERABLE_BYTES_MAX]
        self._rescued += len(over)
        for start in range(0, len(over), _RECORDS_PER_PRODUCT):
            self._weigh(over[start : start + _RECORDS_PER_PRODUCT])

    def suggestion(self) -> Suggestion | None:
        """Return the set with the fewest keys that are no long text, then with the fewest keys; of equal sets
        the one that leaves the least. None if all records fit.
        """
        if not self._rescued:
            return None
        counts = self._members.sum(axis=1)
        fits = (self._remaining_max <= FILTERABLE_BYTES_MAX) & (
            counts + len(self._fixed) <= NON_FILTERABLE_KEYS_MAX
        )
        if not fits.any():
            return Suggestion((), 0)
        filtered = counts - self._members @ np.array(self._long_texts, dtype=np.float64)
        best = min(
            np.flatnonzero(fits).tolist(), key=lambda i: (filtered[i], counts[i], self._remaining_max[i])
        )
        chosen = [key for key, is_in in zip(self._candidates, self._members[best], strict=True) if is_in]
        return Suggestion((*sorted(self._fixed), *chosen), self._rescued, tuple(chosen))

    def _filterable_bytes(self, metadata: Metadata) -> int:
        return metadata_bytes(metadata, without=self._fixed)

    def _weigh(self, records: Sequence[Metadata]) -> None:
        sizes = [[entry_bytes(k, m[k]) if k in m else 0 for k in self._candidates] for m in records]
        total = np.array([self._filterable_bytes(m) for m in records], dtype=np.float64)
        saved = np.array(sizes, dtype=np.float64).reshape(len(records), -1) @ self._members.T
        self._remaining_max = np.maximum(self._remaining_max, (total[:, None] - saved).max(axis=0))
