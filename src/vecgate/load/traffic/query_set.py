"""The query vectors of a load test: near vectors of the pool, or held-out ones from a file with their true
neighbours, as the datasets of ann-benchmarks, big-ann-benchmarks and VectorDBBench have them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecgate.bulk.core.record_blocks import Float32Matrix
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.bulk.sources.hdf5 import read_attribute, read_dataset
from vecgate.bulk.sources.source import source_errors
from vecgate.errors import SourceError
from vecgate.extras import import_extra
from vecgate.load.scenario.scenario_spec import QUERIES, Scenario
from vecgate.load.traffic.vector_pool import KEYS_OPTIONAL, VectorPool

#: Query vectors that are read from a file: as many as the datasets have.
QUERIES_MAX = 10_000
HDF5_SUFFIXES = (".hdf5", ".h5", ".hdf")
#: Names of ann-benchmarks for the metrics of S3 Vectors.
METRIC_OF_DISTANCE = {"angular": "cosine", "euclidean": "euclidean"}
#: Columns of neighbours in a parquet file.
NEIGHBOR_COLUMNS = ("neighbors_id", "neighbors", "neighbours")
#: Column of the query that has these neighbours.
QUERY_ID = "id"
#: Steps of the mixing function of SplitMix64, which turns numbers of arrivals into random ones.
MIX, WORD = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)), 2**64
GOLDEN = 0x9E3779B97F4A7C15

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class QuerySet:
    """Distinct query vectors, shape (n, dimension), and how arrivals choose among them.

    neighbors  rows of the pool that are nearest to each query, nearest first; None if they are computed
    is_zipf    the query of rank r is chosen in proportion to 1/r, as popular searches are; else each in turn
    """

    vectors: Float32Matrix
    neighbors: Rows | None = None
    is_zipf: bool = False
    _ends: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.is_zipf:
            weights = 1.0 / np.arange(1, len(self) + 1)
            self._ends.extend((weights.cumsum() / weights.sum()).tolist())

    def __len__(self) -> int:
        return len(self.vectors)

    def row_of(self, arrival: int) -> int:
        """Return the row of the query of *arrival*, which is the same on every worker."""
        if not self.is_zipf:
            return arrival % len(self)
        return min(bisect_left(self._ends, _random_value(arrival)), len(self) - 1)


def build_queries(scenario: Scenario, pool: VectorPool) -> QuerySet:
    """Build the queries of *scenario* for an index of *pool*. Raises SourceError if a file does not fit."""
    query, is_zipf = scenario.query, scenario.query.choice == "zipf"
    if not query.source:
        return QuerySet(pool.queries(QUERIES, seed=scenario.seed), is_zipf=is_zipf)
    vectors, keys = _read_vectors(query.source, dimension=pool.dimension)
    if not query.neighbors:
        return QuerySet(vectors, is_zipf=is_zipf)
    if scenario.preload != len(pool):
        raise SourceError(
            f"query.neighbors are those of {len(pool):,} vectors, but preload is {scenario.preload:,}",
            hint=f"Set preload = {len(pool)}, and vectors.pool to all vectors of the file or more.",
        )
    _check_distance(query.neighbors, scenario.vectors.metric)
    ids = read_neighbors(query.neighbors, len(vectors), least=query.top_k, keys=keys)
    if len(ids) < len(vectors):
        vectors = vectors[: len(ids)]
    return QuerySet(vectors, _rows_of(ids, pool, query.neighbors), is_zipf=is_zipf)


def read_neighbors(path: str, count: int, *, least: int, keys: Sequence[str | None] = ()) -> Rows:
    """Return the ids of the neighbours of at most *count* queries in the file at *path*, shape (n, k).

    The file is HDF5 with the dataset `neighbors`, a file of integers (`.ibin`), or parquet. A parquet file
    whose rows have the ids of their queries is matched with the *keys* of the queries, others are in their
    order. Raises SourceError if it cannot be read or has fewer than *least* neighbours of each query.
    """
    suffix = Path(path).suffix.lower()
    with source_errors(path, "a file of neighbours"):
        if suffix in HDF5_SUFFIXES:
            ids = np.asarray(read_dataset(path, "neighbors", count))
        elif suffix in {".parquet", ".pq"}:
            ids = _read_parquet(path, count, keys)
        else:
            ids = _read_integers(path, count)
    if ids.ndim != 2 or not len(ids) or ids.shape[1] < least:  # noqa: PLR2004 - a matrix
        found = f"{ids.shape[1]:,}" if ids.ndim == 2 else "no"  # noqa: PLR2004
        raise SourceError(f"{path} has {found} neighbours of each query, and query.top_k is {least:,}")
    return ids.astype(np.int64)


def _check_distance(path: str, metric: str) -> None:
    """Raise SourceError if the neighbours in *path* were found by another distance than *metric*."""
    if Path(path).suffix.lower() not in HDF5_SUFFIXES:
        return
    distance = read_attribute(path, "distance")
    if distance and METRIC_OF_DISTANCE.get(distance) != metric:
        found = f"{path} has neighbours by {distance} distance"
        raise SourceError(f"{found}, and vectors.metric is {metric}")


def _read_vectors(path: str, *, dimension: int) -> tuple[Float32Matrix, list[str | None]]:
    """Return the first vectors of the file at *path*, and the key of each."""
    is_hdf5 = Path(path).suffix.lower() in HDF5_SUFFIXES
    columns = ColumnChoice(vector="test", key_prefix="") if is_hdf5 else KEYS_OPTIONAL
    found: list[Float32Matrix] = []
    keys: list[str | None] = []
    for block in open_source(path, columns=columns).blocks(rows=QUERIES_MAX):
        found.append(block.vectors[: QUERIES_MAX - len(keys)])
        keys += block.keys[: len(found[-1])]
        if len(keys) >= QUERIES_MAX:
            break
    if not found or found[0].shape[1] != dimension:
        actual = f"has queries of {found[0].shape[1]} dimensions" if found else "contains no queries"
        raise SourceError(f"{path} {actual}; the scenario needs {dimension} dimensions")
    return np.concatenate(found), keys


def _rows_of(ids: Rows, pool: VectorPool, path: str) -> Rows:
    """Return the row in *pool* of each vector in *ids*, which are keys of its source. Raises SourceError."""
    row_of_key = {key: row for row, key in enumerate(pool.keys)}
    rows = np.array([row_of_key.get(str(each), -1) for each in ids.ravel().tolist()], dtype=np.int64)
    if missing := int((rows < 0).sum()):
        raise SourceError(
            f"{path} names {missing:,} neighbours that are not among the {len(pool):,} vectors of the source",
            hint="Set vectors.pool to all vectors of the file or more: a part has other neighbours.",
        )
    return rows.reshape(ids.shape)


def _read_integers(path: str, count: int) -> Rows:
    # The ground truth of big-ann-benchmarks has the distances after the ids.
    with Path(path).open("rb") as file:
        head = np.frombuffer(file.read(8), "<u4")
        rows, width = (int(value) for value in head) if len(head) == 2 else (0, 0)  # noqa: PLR2004 - the header
        number = min(rows, count) * width
        data = np.frombuffer(file.read(4 * number), "<u4")
    if not number or len(data) < number:
        raise SourceError(f"{path} is not a file of neighbours, or it is truncated")
    return data.reshape(-1, width).astype(np.int64)


def _read_parquet(path: str, count: int, keys: Sequence[str | None]) -> Rows:
    parquet = import_extra("pyarrow.parquet", "a parquet file of neighbours", error=SourceError)
    with parquet.ParquetFile(path) as file:
        names = [name for name in NEIGHBOR_COLUMNS if name in file.schema_arrow.names]
        if not names:
            raise SourceError(f"{path} has no column {' or '.join(NEIGHBOR_COLUMNS)}")
        has_ids = bool(keys) and QUERY_ID in file.schema_arrow.names
        columns = [names[0], *([QUERY_ID] if has_ids else [])]
        batches = (
            [batch.column(name).to_pylist() for name in columns]
            for batch in file.iter_batches(batch_size=count, columns=columns)
        )
        lists = _match(path, batches, keys) if has_ids else next(batches, [[]])[0]
    shortest = min(map(len, lists), default=0)
    return np.array([each[:shortest] for each in lists], dtype=np.int64).reshape(len(lists), shortest)


def _match(
    path: str, batches: Iterable[Sequence[Sequence[Any]]], keys: Sequence[str | None]
) -> list[Sequence[int]]:
    """Return the neighbours of the query with each of *keys*, from *batches* of neighbours and query ids.

    Raises SourceError if a query has none, or two rows.
    """
    wanted, found = set(keys), dict[str, Sequence[int]]()
    for lists, ids in batches:
        for neighbors, each in zip(lists, ids, strict=True):
            key = str(each)
            if key not in wanted:
                continue
            if key in found:
                raise SourceError(f"{path} has the neighbours of query {key} twice")
            found[key] = neighbors
    if missing := [key for key in keys if key not in found]:
        raise SourceError(
            f"{path} has no neighbours of {len(missing):,} of {len(keys):,} queries, such as {missing[0]}",
            hint=f"Its column {QUERY_ID} has the ids of the queries in query.source.",
        )
    return [found[str(key)] for key in keys]


def _random_value(number: int) -> float:
    """Return a number from 0 to 1 that looks random, and is not related to the mix of operations."""
    value = (number + 1) * GOLDEN % WORD
    for shift, factor in MIX:
        value = (value ^ (value >> shift)) * factor % WORD
    return (value ^ (value >> 31)) / WORD
