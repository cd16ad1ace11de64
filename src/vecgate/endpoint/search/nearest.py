"""Exact nearest neighbours.

BLAS computes all distances in float32, whose rounding error has a known bound. Vectors that may be among the
nearest within that bound are measured again in float64. So the result is exact, and BLAS does most of the
work. cosine is 1 - cosine similarity; euclidean is the squared distance (observed 2025-10 and 2026-06). Equal
distances are ordered by key; the service's order is not known. A distance beyond float32 is returned as its
largest number, and ordered by its own value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.endpoint.storage.vector_table import (
    SAFE_NORM_MAX,
    SAFE_NORM_MIN,
    Float32Matrix,
    Float32Vector,
    VectorTable,
    compute_norms,
)

Rows: TypeAlias = npt.NDArray[np.intp]
Float64Vector: TypeAlias = npt.NDArray[np.float64]

COSINE = "cosine"
FLOAT32_UNIT = 2.0**-24
FLOAT32_MAX = float(np.finfo(np.float32).max)
#: Rows that are measured in float64 at a time, which takes some MiB at any dimension.
EXACT_ROWS = 1024
#: Rows are copied out if the search covers less than one in this many.
GATHER_FRACTION = 4


@dataclass(frozen=True, slots=True, eq=False)
class NearestRows:
    """Rows, nearest first, and their distances, both of shape (n,)."""

    rows: Rows
    distances: Float32Vector


def find_nearest(
    table: VectorTable, query: Float32Vector, *, top_k: int, metric: str, candidates: Rows | None = None
) -> NearestRows:
    """Return the *top_k* rows of *table* nearest to *query*, shape (dimension,), or all if there are fewer.

    *candidates* limits the search to some rows, in ascending order.
    """
    rows = np.arange(len(table), dtype=np.intp) if candidates is None else candidates
    if len(rows) > top_k:
        rows = _preselect(table, query, top_k, metric, rows)
    exact = _exact_distances(table.vectors, rows, query, metric=metric)
    rounded: Float32Vector = np.minimum(exact, FLOAT32_MAX).astype(np.float32)
    # Rounded first: the same distance may differ in the last bits of its float64.
    distances = np.where(exact > FLOAT32_MAX, exact, rounded)
    order = _order_smallest(distances, [table.keys[row] for row in rows], top_k)
    return NearestRows(rows[order], rounded[order])


def _exact_distances(
    vectors: Float32Matrix, rows: Rows, query: Float32Vector, *, metric: str
) -> Float64Vector:
    """Return the distances of *rows* from *query*, computed in float64."""
    distance = _cosine if metric == COSINE else _squared
    parts = [
        distance(vectors[rows[start : start + EXACT_ROWS]].astype(np.float64), query.astype(np.float64))
        for start in range(0, len(rows), EXACT_ROWS)
    ]
    distances: Float64Vector = np.concatenate([np.empty(0), *parts])
    return distances


def _cosine(vectors: npt.NDArray[np.float64], query: Float64Vector) -> Float64Vector:
    similarity = (vectors @ query) / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    distances: Float64Vector = 1.0 - np.clip(similarity, -1.0, 1.0)
    return distances


def _squared(vectors: npt.NDArray[np.float64], query: Float64Vector) -> Float64Vector:
    difference = vectors - query
    distances: Float64Vector = np.einsum("ij,ij->i", difference, difference)
    return distances


def _preselect(table: VectorTable, query: Float32Vector, top_k: int, metric: str, rows: Rows) -> Rows:
    """Return those *rows* that may be among the *top_k* nearest, in ascending order."""
    norms, query_norm = table.norms[rows], compute_norms(query[np.newaxis])[0]
    if not (_is_safe(norms) and _is_safe(query_norm)):
        return rows
    # Rows that are no candidates may overflow here; their products are discarded.
    with np.errstate(over="ignore", invalid="ignore"):
        products = _products(table.vectors, rows, query)
    distances, error = _approximate(products, norms, query_norm, metric, dimension=table.dimension)
    limit = np.partition(distances + error, top_k - 1)[top_k - 1]
    near: Rows = rows[distances - error <= limit]
    return near


def _products(vectors: Float32Matrix, rows: Rows, query: Float32Vector) -> Float32Vector:
    # Copying rows out costs more than multiplying them, so it pays only for few rows. vecdot uses one core;
    # `@` would wake the others, which takes longer than this little work if they are busy.
    are_few = len(rows) * GATHER_FRACTION < len(vectors)
    return np.vecdot(vectors[rows], query) if are_few else (vectors @ query)[rows]


def _approximate(
    products: Float32Vector, norms: Float32Vector, query_norm: np.float32, metric: str, *, dimension: int
) -> tuple[Float32Vector, Float32Vector | np.float32]:
    """Return distances from inner products in float32, and a bound on their error."""
    # The error of a float32 inner product is less than d rounding units of the product of the norms. The
    # norms, the arithmetic below and the final rounding of exact distances add a few more.
    unit = np.float32((3 * dimension + 32) * FLOAT32_UNIT)
    if metric == COSINE:
        return 1 - products / (norms * query_norm), unit
    squares = norms * norms + query_norm * query_norm
    return squares - 2 * products, unit * 2 * squares


def _is_safe(norms: Float32Vector | np.float32) -> bool:
    return bool(np.all((norms == 0) | ((norms > SAFE_NORM_MIN) & (norms < SAFE_NORM_MAX))))


def _order_smallest(distances: Float64Vector, keys: Sequence[str], count: int) -> Rows:
    """Return the positions of the *count* smallest; equal ones are ordered by key."""
    order = np.argsort(distances, kind="stable")
    if len(order) > 1 and (distances[order[1:]] == distances[order[:-1]]).any():
        order = np.array(sorted(order.tolist(), key=lambda at: (distances[at], keys[at])), dtype=np.intp)
    return order[:count]
