"""Last write wins, even in parallel: a key is never in two requests at the same time.

A batch claims its keys before it is dispatched and releases them when every record of it is settled *and*
journaled. So a later record of a key is sent, and journaled, after the earlier one. A journal that holds the
later one also holds the earlier one, which makes a resume safe.
"""

from __future__ import annotations

from collections.abc import Iterable


class KeysInFlight:
    """The keys of batches that are not settled."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def claim(self, keys: Iterable[str]) -> bool:
        """Claim all of *keys*. Return False, and claim none, if one of them is still in flight."""
        new_keys = set(keys)
        if not self._keys.isdisjoint(new_keys):
            return False
        self._keys |= new_keys
        return True

    def release(self, keys: Iterable[str]) -> None:
        """Release *keys*."""
        self._keys.difference_update(keys)
