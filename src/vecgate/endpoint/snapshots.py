"""The results of queries as they were, for later pages: no write shows between pages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vecgate.endpoint.tokens import invalid_token, mark_of
from vecgate.s3vectors.metadata import Metadata

#: A token lives "several minutes" (the guide); one 16 minutes old was refused (observed 2026-10).
SNAPSHOT_AGE_S_MAX = 600.0
#: Ours: each holds at most 10,000 results, some 200 kB.
SNAPSHOTS_MAX = 512


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Results of a query, best first, in columns of equal length.

    distances  None where the vector had no part in it
    metadata   None for a vector that has none
    scores     as they are shown, empty where there are none to show
    """

    keys: Sequence[str]
    distances: Sequence[float | None]
    metadata: Sequence[Metadata | None]
    scores: Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.keys)

    def slice(self, start: int, stop: int) -> Hits:
        """Results *start* to *stop*."""
        part = slice(start, stop)
        return Hits(self.keys[part], self.distances[part], self.metadata[part], self.scores[part])


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All results of one query, and the query that they belong to."""

    query: bytes
    taken_s: float
    hits: Hits


class Snapshots:
    """The snapshots that can still be asked for: bounded in age and in number, the oldest goes first."""

    def __init__(self, *, count_max: int = SNAPSHOTS_MAX, age_s_max: float = SNAPSHOT_AGE_S_MAX) -> None:
        self.count_max, self.age_s_max = count_max, age_s_max
        self._kept: OrderedDict[bytes, Snapshot] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, snapshot: Snapshot, *, serial: int) -> bytes:
        """Keep *snapshot*; the mark that its tokens carry. *serial* differs from call to call."""
        self._forget(snapshot.taken_s)
        mark = mark_of(serial, snapshot.taken_s, snapshot.query)
        self._kept[mark] = snapshot
        return mark

    def find(self, mark: bytes, *, query: bytes, now: float) -> Snapshot:
        """The snapshot behind *mark*. Raises Refused where it is gone, or belongs to another query."""
        snapshot = self._kept.get(mark)
        if snapshot is None or snapshot.query != query or now - snapshot.taken_s > self.age_s_max:
            raise invalid_token()
        return snapshot

    def _forget(self, now: float) -> None:
        while self._kept:
            mark, oldest = next(iter(self._kept.items()))
            if len(self._kept) < self.count_max and now - oldest.taken_s <= self.age_s_max:
                return
            del self._kept[mark]
