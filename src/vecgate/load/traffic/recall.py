"""The recall of query answers: how much of the exact answer they contain, computed from the vector pool.

An index may hold ten million records that repeat a pool of a thousand vectors. Distances are computed to the
pool only; the number of copies of each row says how many records have that distance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.bulk.core.record_blocks import Float32Matrix
from vecgate.results.load.load_records import Recall

#: Distances that differ by less are equal: both sides compute in float32.
TOLERANCE = 1e-5
#: Vectors converted to float64 at a time, and distances kept in memory at a time.
BLOCK, DISTANCES = 4_096, 2**25

Distances: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Copies: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What an index held at one time.

    copies     number of records with the vector of each row
    is_stored  tells whether a record was in the index
    """

    copies: Copies
    is_stored: Callable[[int], bool]


@dataclass(frozen=True, slots=True, eq=False)
class IndexContents:
    """The records of an index: record *i* of *total* is row *i* mod n of *vectors*, shape (n, dimension)."""

    vectors: Float32Matrix
    total: int

    def copies(self) -> Copies:
        """Return the number of records with the vector of each row."""
        rows = np.arange(len(self.vectors))
        return self.total // len(rows) + (rows < self.total % len(rows))

    def snapshot(self) -> Snapshot:
        """Return the contents as a snapshot."""
        return Snapshot(self.copies(), lambda record: 0 <= record < self.total)


def compute_recall(
    answers: Sequence[Sequence[int]],
    queries: Float32Matrix,
    contents: IndexContents,
    *,
    metric: str,
    k: int,
    masks: Iterable[Mask | None],
    snapshots: Iterable[Snapshot] | None = None,
) -> Recall | None:
    """Compute the recall of *answers*, which are the returned records for each row of *queries*.

    A record is correct if it is as near as the exact k-th nearest one, so ties do not matter. Returns None
    without answers.

    masks      for each query, the rows that pass its filter; None for a query without a filter
    snapshots  for each query, what the index held; by default *contents*
    """
    if not answers:
        return None
    distances = compute_distances(queries, contents.vectors, metric)
    held = repeat(contents.snapshot(), len(answers)) if snapshots is None else snapshots
    recalls = [_recall_of_one(*each, k) for each in zip(answers, distances, masks, held, strict=True)]
    return Recall(k=k, queries=len(recalls), mean=float(np.mean(recalls)), lowest=min(recalls))


def recall_of_neighbors(
    answers: Sequence[Sequence[int]],
    queries: Float32Matrix,
    vectors: Float32Matrix,
    neighbors: npt.NDArray[np.int64],
    *,
    metric: str,
    k: int,
) -> Recall | None:
    """Return the recall of *answers* against given nearest rows of *vectors*, of which record *i* is row *i*.

    A record is correct if it is as near as the k-th of the given *neighbors*, so ties do not matter.
    """
    recalls = []
    for answer, query, nearest in zip(answers, queries, neighbors, strict=True):
        rows = np.array([row for row in set(answer) if 0 <= row < len(vectors)], dtype=np.int64)
        compared = np.concatenate([nearest[:k], rows])
        distances = _distances(query[None].astype(np.float64), vectors[compared].astype(np.float64), metric)[
            0
        ]
        farthest = float(distances[:k].max())
        # Both sides compute in float32, whose error grows with the value.
        is_near = distances[k:] <= farthest + TOLERANCE * max(1.0, abs(farthest))
        recalls.append(min(1.0, int(is_near.sum()) / k))
    if not recalls:
        return None
    return Recall(k=k, queries=len(recalls), mean=float(np.mean(recalls)), lowest=min(recalls))


def merge_recalls(parts: Sequence[Recall]) -> Recall | None:
    """Return the recall of all queries of *parts* together; None if *parts* is empty."""
    queries = sum(part.queries for part in parts)
    if not queries:
        return None
    mean = sum(part.mean * part.queries for part in parts) / queries
    return Recall(k=parts[0].k, queries=queries, mean=mean, lowest=min(part.lowest for part in parts))


def compute_distances(queries: Float32Matrix, vectors: Float32Matrix, metric: str) -> Iterator[Distances]:
    """Yield the distances of each query to all vectors; euclidean distances are squared.

    Only DISTANCES of them are in memory at a time.
    """
    step = max(1, DISTANCES // len(vectors))
    for first in range(0, len(queries), step):
        batch = queries[first : first + step].astype(np.float64)
        found = np.empty((len(batch), len(vectors)))
        for start in range(0, len(vectors), BLOCK):
            block = slice(start, start + BLOCK)
            found[:, block] = _distances(batch, vectors[block].astype(np.float64), metric)
        yield from found


def _distances(queries: Distances, rows: Distances, metric: str) -> Distances:
    dots = queries @ rows.T
    if metric == "euclidean":
        return np.asarray((queries**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2 * dots)
    norms = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
    return np.asarray(1 - dots / np.where(norms == 0, 1, norms))


def _recall_of_one(
    records: Sequence[int], distances: Distances, mask: Mask | None, held: Snapshot, k: int
) -> float:
    copies = held.copies
    if mask is not None:
        copies = np.where(mask, copies, 0)
    count = min(k, int(copies.sum()))
    if not count:
        return 1.0
    distances = np.where(copies > 0, distances, np.inf)
    # A record that was never put is not correct, even if the target returns it.
    rows = [record % len(distances) for record in set(records) if held.is_stored(record)]
    is_near = distances[np.array(rows, dtype=np.int64)] <= _farthest(distances, copies, count) + TOLERANCE
    return min(1.0, int(is_near.sum()) / count)


def _farthest(distances: Distances, copies: Copies, count: int) -> float:
    """Return the distance of the *count*-th nearest record. Rows without a record are at infinity."""
    last = min(count, len(distances)) - 1
    near = np.argpartition(distances, last)[: last + 1]
    near = near[np.argsort(distances[near])]
    return float(distances[near[np.searchsorted(copies[near].cumsum(), count)]])
