"""How much of the exact answer a target's answers hold, judged against the pool that was put.

An index may hold ten million records of a pool of a thousand vectors: distances are those to the pool, and
how often each of its rows was put says how many records are as near.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.bulk.records import Float32Matrix
from vecgate.results.load import Recall

#: Distances that differ by less are the same: float32 on both sides.
TOLERANCE = 1e-5
#: Vectors that are wide at once, and distances that are there at once.
BLOCK, DISTANCES = 4_096, 2**25

Distances: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Copies: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What an index holds: record *i* of *total* is row *i* mod n of *vectors*, shape (n, dimension)."""

    vectors: Float32Matrix
    total: int

    def copies(self) -> Copies:
        """How many records each row is."""
        rows = np.arange(len(self.vectors))
        return self.total // len(rows) + (rows < self.total % len(rows))


def recall_of(
    answers: Sequence[Sequence[int]],
    queries: Float32Matrix,
    held: Held,
    *,
    metric: str,
    k: int,
    keeps: Iterable[Mask | None],
) -> Recall | None:
    """The recall of *answers*: for each row of *queries*, the records that were returned.

    A record counts where it is as near as the exact k-th nearest, so that ties do not matter. None where
    there are no answers.
    keeps  for each query which rows its filter keeps; None where it has none
    """
    if not answers:
        return None
    copies, distances = held.copies(), distances_of(queries, held.vectors, metric)
    shares = [_share(*each, copies, k) for each in zip(answers, distances, keeps, strict=True)]
    return Recall(k=k, queries=len(shares), mean=float(np.mean(shares)), lowest=min(shares))


def together(parts: Sequence[Recall]) -> Recall | None:
    """The recall of all queries of *parts*."""
    queries = sum(part.queries for part in parts)
    if not queries:
        return None
    mean = sum(part.mean * part.queries for part in parts) / queries
    return Recall(k=parts[0].k, queries=queries, mean=mean, lowest=min(part.lowest for part in parts))


def distances_of(queries: Float32Matrix, vectors: Float32Matrix, metric: str) -> Iterator[Distances]:
    """For each query its distance to each vector, euclidean ones squared; never all of them at once."""
    step = max(1, DISTANCES // len(vectors))
    for first in range(0, len(queries), step):
        asked = queries[first : first + step].astype(np.float64)
        found = np.empty((len(asked), len(vectors)))
        for start in range(0, len(vectors), BLOCK):
            block = slice(start, start + BLOCK)
            found[:, block] = _distances(asked, vectors[block].astype(np.float64), metric)
        yield from found


def _distances(asked: Distances, rows: Distances, metric: str) -> Distances:
    dots = asked @ rows.T
    if metric == "euclidean":
        return np.asarray((asked**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2 * dots)
    norms = np.linalg.norm(asked, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
    return np.asarray(1 - dots / np.where(norms == 0, 1, norms))


def _share(records: Sequence[int], distances: Distances, keeps: Mask | None, copies: Copies, k: int) -> float:
    total = int(copies.sum())
    if keeps is not None:
        copies = np.where(keeps, copies, 0)
    wanted = min(k, int(copies.sum()))
    if not wanted:
        return 1.0
    distances = np.where(copies > 0, distances, np.inf)
    # What was never put is not found, whatever the target says.
    rows = [record % len(distances) for record in set(records) if 0 <= record < total]
    is_near = distances[np.array(rows, dtype=np.int64)] <= _reach(distances, copies, wanted) + TOLERANCE
    return min(1.0, int(is_near.sum()) / wanted)


def _reach(distances: Distances, copies: Copies, wanted: int) -> float:
    """How far the nearest *wanted* records reach: rows that are no record are infinitely far."""
    last = min(wanted, len(distances)) - 1
    near = np.argpartition(distances, last)[: last + 1]
    near = near[np.argsort(distances[near])]
    return float(distances[near[np.searchsorted(copies[near].cumsum(), wanted)]])
