"""Snapshots of query results, from which later pages are read: writes between pages have no effect on
them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vecgate.endpoint.requests.page_tokens import invalid_token, scope_id
from vecgate.s3vectors.limits import MIB
from vecgate.s3vectors.metadata import Metadata

#: A token is valid for "several minutes" (the guide); one of 16 minutes was refused (observed 2026-10).
SNAPSHOT_AGE_S_MAX = 600.0
#: AWS publishes no limits. A snapshot keeps the metadata of its results, of which there are at most 10,000,
#: even if newer writes replace it.
SNAPSHOTS_MAX, SNAPSHOTS_BYTES_MAX = 512, 128 * MIB
#: The memory of a result beside its key and metadata.
HIT_BYTES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The results of a query, best first, in columns of equal length.

    distances  None if the vector did not take part
    metadata   None if the vector has none
    scores     as in the response; empty if there are none
    """

    keys: Sequence[str]
    distances: Sequence[float | None]
    metadata: Sequence[Metadata | None]
    scores: Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.keys)

    def slice(self, start: int, stop: int) -> Hits:
        """Return results *start* to *stop*."""
        part = slice(start, stop)
        return Hits(self.keys[part], self.distances[part], self.metadata[part], self.scores[part])


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All results of one query, and the id of that query.

    stored_bytes  the size of their keys and metadata
    """

    query: bytes
    created_s: float
    hits: Hits
    stored_bytes: int = 0

    @property
    def memory_bytes(self) -> int:
        """About how much memory the snapshot takes."""
        return self.stored_bytes + HIT_BYTES * len(self.hits)


class Snapshots:
    """The snapshots that tokens can refer to, limited in age, number and memory; the least recently used is
    dropped first. The newest is always kept.
    """

    count_max: int
    age_s_max: float
    bytes_max: int

    def __init__(
        self,
        *,
        count_max: int = SNAPSHOTS_MAX,
        age_s_max: float = SNAPSHOT_AGE_S_MAX,
        bytes_max: int = SNAPSHOTS_BYTES_MAX,
    ) -> None:
        self.count_max, self.age_s_max, self.bytes_max = count_max, age_s_max, bytes_max
        self._memory_bytes = 0
        self._snapshots: OrderedDict[bytes, Snapshot] = OrderedDict()

    def __len__(self) -> int:
        return len(self._snapshots)

    def add(self, snapshot: Snapshot, *, serial: int) -> bytes:
        """Store *snapshot* and return the scope id of its tokens. *serial* differs with every call."""
        now = snapshot.created_s
        for scope in [each for each, old in self._snapshots.items() if now - old.created_s > self.age_s_max]:
            self._drop(scope)
        new = scope_id(serial, now, snapshot.query)
        self._snapshots[new] = snapshot
        self._memory_bytes += snapshot.memory_bytes
        while len(self._snapshots) > 1 and self._is_too_large():
            self._drop(next(iter(self._snapshots)))
        return new

    def find(self, scope: bytes, *, query: bytes, now: float) -> Snapshot:
        """Return the snapshot of *scope*. Raises ApiError if it has expired or is of a different query."""
        snapshot = self._snapshots.get(scope)
        if snapshot is None or snapshot.query != query or now - snapshot.created_s > self.age_s_max:
            raise invalid_token()
        self._snapshots.move_to_end(scope)
        return snapshot

    def _is_too_large(self) -> bool:
        return len(self._snapshots) > self.count_max or self._memory_bytes > self.bytes_max

    def _drop(self, scope: bytes) -> None:
        self._memory_bytes -= self._snapshots.pop(scope).memory_bytes
