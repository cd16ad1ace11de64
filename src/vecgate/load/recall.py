"""How much of the exact answer a target's answers hold, judged against the pool that was put."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vecgate.bulk.records import Float32Matrix
from vecgate.results.load import Recall

#: Distances that differ by less are the same: float32 on both sides.
TOLERANCE = 1e-5
#: Vectors that are wide at once.
BLOCK = 4_096


def recall_of(
    answers: Sequence[Sequence[int]],
    queries: Float32Matrix,
    vectors: Float32Matrix,
    *,
    metric: str,
    k: int,
    keeps: Sequence[npt.NDArray[np.bool_] | None],
) -> Recall | None:
    """The recall of *answers*: for each row of *queries*, the rows of *vectors* that were returned.

    A returned row counts where it is as near as the exact k-th nearest, so that ties do not matter. None
    where there are no answers.
    keeps  for each query which rows its filter keeps; None where it has none
    """
    if not answers:
        return None
    distances = distances_of(queries, vectors, metric)
    shares = [_share(*each, k) for each in zip(answers, distances, keeps, strict=True)]
    return Recall(k=k, queries=len(shares), mean=float(np.mean(shares)), lowest=min(shares))


def together(parts: Sequence[Recall]) -> Recall | None:
    """The recall of all queries of *parts*."""
    queries = sum(part.queries for part in parts)
    if not queries:
        return None
    mean = sum(part.mean * part.queries for part in parts) / queries
    return Recall(k=parts[0].k, queries=queries, mean=mean, lowest=min(part.lowest for part in parts))


def distances_of(queries: Float32Matrix, vectors: Float32Matrix, metric: str) -> npt.NDArray[np.float64]:
    """The distance of each query to each vector, shape (queries, vectors); euclidean ones squared."""
    asked = queries.astype(np.float64)
    blocks = [vectors[start : start + BLOCK].astype(np.float64) for start in range(0, len(vectors), BLOCK)]
    return np.hstack([_distances(asked, block, metric) for block in blocks])


def _distances(
    asked: npt.NDArray[np.float64], rows: npt.NDArray[np.float64], metric: str
) -> npt.NDArray[np.float64]:
    dots = asked @ rows.T
    if metric == "euclidean":
        return np.asarray((asked**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2 * dots)
    norms = np.linalg.norm(asked, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
    return np.asarray(1 - dots / np.where(norms == 0, 1, norms))


def _share(
    rows: Sequence[int], distances: npt.NDArray[np.float64], keeps: npt.NDArray[np.bool_] | None, k: int
) -> float:
    allowed = distances if keeps is None else distances[keeps]
    wanted = min(k, len(allowed))
    if not wanted:
        return 1.0
    bound = np.partition(allowed, wanted - 1)[wanted - 1] + TOLERANCE
    # What was never put is not found, whatever the target says.
    known = {row for row in rows if 0 <= row < len(distances)}
    found = [row for row in known if distances[row] <= bound and (keeps is None or keeps[row])]
    return min(1.0, len(found) / wanted)
