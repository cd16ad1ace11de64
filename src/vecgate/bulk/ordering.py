"""Last write wins, even in parallel: a key never flies twice at once.

A batch claims its keys before it is handed out and gives them back when every record of it is settled *and*
journaled. So a later record of a key is sent, and journaled, after the earlier one; and a journal that holds
the later one holds the earlier one too, which is what makes a resume safe.
"""

from __future__ import annotations

from collections.abc import Iterable


class KeysInFlight:
    """The keys whose fate is open."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def claim(self, keys: Iterable[str]) -> bool:
        """Take all of *keys*; False, and none taken, where one of them is still in flight."""
        wanted = set(keys)
        if not self._keys.isdisjoint(wanted):
            return False
        self._keys |= wanted
        return True

    def release(self, keys: Iterable[str]) -> None:
        """Give *keys* back."""
        self._keys.difference_update(keys)
