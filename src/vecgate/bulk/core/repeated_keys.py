"""Counts the records of a run whose key a later record has too, so that a verdict can say what is stored."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

#: A run of more keys is not counted: they would need more than 160 MB.
KEYS_MAX = 20_000_000


class RepeatedKeys:
    """Keeps a hash of 64 bits of each key."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._is_too_long = False

    def add(self, keys: Sequence[str]) -> None:
        """Add the *keys* of records."""
        if self._is_too_long or len(self._hashes) + len(keys) > KEYS_MAX:
            self._is_too_long, self._hashes = True, array("q")
        else:
            self._hashes.extend(map(hash, keys))

    def count(self) -> int | None:
        """Return how many records a later one of the same key replaces; None if there are too many keys."""
        if self._is_too_long:
            return None
        hashes = np.sort(np.array(self._hashes))
        return int((hashes[1:] == hashes[:-1]).sum())
