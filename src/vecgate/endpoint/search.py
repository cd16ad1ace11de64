"""Exact nearest neighbours.

BLAS looks at every vector in float32, and its rounding error has a bound; vectors that may be among the
nearest within that bound are measured again in float64. So the answer is exact, and the work is BLAS's.
cosine is 1 - cosine similarity; euclidean is the squared distance (observed 2025-10 and 2026-06). Equal
distances are ordered by key, which is ours: the service's order is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.endpoint.table import (
    MODEST_NORM_MAX,
    MODEST_NORM_MIN,
    Float32Matrix,
    Float32Vector,
    VectorTable,
    norms_of,
)

Rows: TypeAlias = npt.NDArray[np.intp]
Float64Vector: TypeAlias = npt.NDArray[np.float64]

COSINE = "cosine"
FLOAT32_UNIT = 2.0**-24
FLOAT32_MAX = float(np.finfo(np.float32).max)
#: Rows that are measured in float64 at a time: some MiB at any dimension.
EXACT_ROWS = 1024
#: Rows are gathered when fewer than one in this many is asked for.
GATHER_BELOW = 4


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Rows, nearest first, and how far they are; both of shape (n,)."""

    rows: Rows
    distances: Float32Vector


def nearest(
    table: VectorTable, query: Float32Vector, *, top_k: int, metric: str, among: Rows | None = None
) -> Nearest:
    """The *top_k* rows of *table* nearest to *query*, shape (dimension,), or all if there are fewer.

    *among* limits the search to some rows, in ascending order.
    """
    rows = np.arange(len(table), dtype=np.intp) if among is None else among
    if len(rows) > top_k:
        rows = _candidates(table, query, top_k, metric, rows)
    exact = exact_distances(table.vectors, rows, query, metric=metric)
    order = _first(exact, [table.keys[row] for row in rows], top_k)
    return Nearest(rows[order], exact[order])


def exact_distances(
    vectors: Float32Matrix, rows: Rows, query: Float32Vector, *, metric: str
) -> Float32Vector:
    """The distances of *rows* from *query*: computed in float64, rounded once."""
    measure = _cosine if metric == COSINE else _squared
    parts = [
        measure(vectors[rows[start : start + EXACT_ROWS]].astype(np.float64), query.astype(np.float64))
        for start in range(0, len(rows), EXACT_ROWS)
    ]
    distances: Float32Vector = np.minimum(np.concatenate([np.empty(0), *parts]), FLOAT32_MAX).astype(
        np.float32
    )
    return distances


def _cosine(vectors: npt.NDArray[np.float64], query: Float64Vector) -> Float64Vector:
    similarity = (vectors @ query) / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    distances: Float64Vector = 1.0 - np.clip(similarity, -1.0, 1.0)
    return distances


def _squared(vectors: npt.NDArray[np.float64], query: Float64Vector) -> Float64Vector:
    apart = vectors - query
    distances: Float64Vector = np.einsum("ij,ij->i", apart, apart)
    return distances


def _candidates(table: VectorTable, query: Float32Vector, top_k: int, metric: str, rows: Rows) -> Rows:
    """Those *rows* that may be among the *top_k* nearest, in ascending order."""
    norms, query_norm = table.norms[rows], norms_of(query[np.newaxis])[0]
    if not (_modest(norms) and _modest(query_norm)):
        return rows
    products = _products(table.vectors, rows, query)
    rough, error = _rough(products, norms, query_norm, metric, dimension=table.dimension)
    worst_of_best = np.partition(rough + error, top_k - 1)[top_k - 1]
    close: Rows = rows[rough - error <= worst_of_best]
    return close


def _products(vectors: Float32Matrix, rows: Rows, query: Float32Vector) -> Float32Vector:
    # To gather rows costs more than to multiply them: worth it only where few are asked for. Row by row, for
    # `@` would wake the other cores, which takes longer than the work where something else keeps them busy.
    few = len(rows) * GATHER_BELOW < len(vectors)
    return np.vecdot(vectors[rows], query) if few else (vectors @ query)[rows]


def _rough(
    products: Float32Vector, norms: Float32Vector, query_norm: np.float32, metric: str, *, dimension: int
) -> tuple[Float32Vector, Float32Vector | np.float32]:
    """Distances from inner products in float32, and a bound on their error."""
    # The error of a float32 inner product is below d units of rounding of the product of the norms; the
    # norms themselves, the arithmetic below and the final rounding of exact distances add a few more.
    unit = np.float32((3 * dimension + 32) * FLOAT32_UNIT)
    if metric == COSINE:
        return 1 - products / (norms * query_norm), unit
    squares = norms * norms + query_norm * query_norm
    return squares - 2 * products, unit * 2 * squares


def _modest(norms: Float32Vector | np.float32) -> bool:
    return bool(np.all((norms == 0) | ((norms > MODEST_NORM_MIN) & (norms < MODEST_NORM_MAX))))


def _first(distances: Float32Vector, keys: Sequence[str], count: int) -> Rows:
    """Positions of the *count* smallest, equal ones by key."""
    order = np.argsort(distances, kind="stable")
    if len(order) > 1 and (distances[order[1:]] == distances[order[:-1]]).any():
        order = np.array(
            sorted(order.tolist(), key=lambda place: (distances[place], keys[place])), dtype=np.intp
        )
    return order[:count]
