"""Query vectors of a load test, also from the datasets of other benchmarks with their neighbours."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vecgate.errors import SourceError
from vecgate.load.scenario.scenario_spec import QuerySpec, Scenario, VectorsSpec
from vecgate.load.traffic.planned_requests import RequestPlanner
from vecgate.load.traffic.query_set import QUERIES_MAX, QuerySet, build_queries, read_neighbors
from vecgate.load.traffic.recall import recall_of_neighbors
from vecgate.load.traffic.request_bodies import RequestBodies, record_key
from vecgate.load.traffic.vector_pool import build_pool
from vecgate.s3vectors.arn import IndexAddress

ROWS, DIMENSION, TESTS, K = 40, 4, 6, 3
RANDOM = np.random.default_rng(7)
TRAIN = RANDOM.standard_normal((ROWS, DIMENSION)).astype(np.float32)
TEST = RANDOM.standard_normal((TESTS, DIMENSION)).astype(np.float32)


def exact(metric: str) -> np.ndarray:
    """Return the rows of TRAIN by distance from each of TEST, nearest first."""
    if metric == "euclidean":
        distances = ((TEST[:, None] - TRAIN[None]) ** 2).sum(axis=2)
    else:
        norms = np.linalg.norm(TEST, axis=1)[:, None] * np.linalg.norm(TRAIN, axis=1)
        distances = 1 - TEST @ TRAIN.T / norms
    return np.asarray(np.argsort(distances, axis=1))


def ann_benchmarks(folder: Path, metric: str) -> dict[str, str]:
    path = folder / "set.hdf5"
    with h5py.File(path, "w") as file:
        file["train"], file["test"] = TRAIN, TEST
        file["neighbors"] = exact(metric)[:, :10].astype(np.int32)
        file["distances"] = np.zeros((TESTS, 10), np.float32)
        file.attrs["distance"] = "angular" if metric == "cosine" else "euclidean"
    return {"vectors": str(path), "queries": str(path), "neighbors": str(path)}


def big_ann(folder: Path, metric: str) -> dict[str, str]:
    def write(name: str, data: np.ndarray, more: bytes = b"") -> str:
        path = folder / name
        path.write_bytes(np.array(data.shape, "<u4").tobytes() + data.tobytes() + more)
        return str(path)

    truth = exact(metric)[:, :10].astype("<u4")
    return {
        "vectors": write("base.fbin", TRAIN),
        "queries": write("query.fbin", TEST),
        "neighbors": write("truth.ibin", truth, np.zeros(truth.shape, "<f4").tobytes()),
    }


def vector_db_bench(folder: Path, metric: str) -> dict[str, str]:
    """Its vectors are shuffled, and its neighbours name them by their ids."""
    order = RANDOM.permutation(ROWS)
    ids, truth = 1_000 + np.arange(ROWS), exact(metric)[:, :10]

    def write(name: str, **columns: Any) -> str:
        pq.write_table(pa.table(columns), folder / name)
        return str(folder / name)

    return {
        "vectors": write("train.parquet", id=ids[order], emb=list(TRAIN[order])),
        "queries": write("test.parquet", id=np.arange(TESTS), emb=list(TEST)),
        "neighbors": write("neighbors.parquet", id=np.arange(TESTS), neighbors_id=list(ids[truth])),
    }


def shuffled_vector_db_bench(folder: Path, metric: str) -> dict[str, str]:
    """The rows of neighbours have another order than the queries, and there are those of other queries."""
    files = vector_db_bench(folder, metric)
    table = pq.read_table(files["neighbors"])
    names = [f"q{each}" for each in range(TESTS)]
    pq.write_table(pa.table({"id": names, "emb": list(TEST)}), files["queries"])
    others = pa.table({"id": ["other"], "neighbors_id": [[1_000] * 10]})
    named = pa.concat_tables([others, table.set_column(0, "id", pa.array(names))])
    pq.write_table(named.take(RANDOM.permutation(TESTS + 1)), files["neighbors"])
    return files


DATASETS = {
    "ann-benchmarks": ann_benchmarks,
    "big-ann": big_ann,
    "VectorDBBench": vector_db_bench,
    "shuffled": shuffled_vector_db_bench,
}


def scenario_of(files: dict[str, str], metric: str = "cosine", *, preload: int = ROWS, pool: int = ROWS, **query: Any) -> Scenario:  # fmt: skip
    return Scenario(
        unit="requests",
        operations={"QueryVectors": 1.0},
        preload=preload,
        vectors=VectorsSpec(dimension=DIMENSION, metric=metric, pool=pool, source=files["vectors"], metadata="none"),  # type: ignore[arg-type] # a metric
        query=QuerySpec(**{"top_k": K, "recall_sample": TESTS, "source": files["queries"], "neighbors": files["neighbors"], **query}),
    )  # fmt: skip


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_recall_is_that_against_the_given_neighbours(tmp_path: Path, dataset: str, metric: str) -> None:
    """One for the nearest records, and the share of them otherwise."""
    scenario = scenario_of(DATASETS[dataset](tmp_path, metric), metric)
    pool = build_pool(scenario)
    queries = build_queries(scenario, pool)
    assert queries.vectors.tolist() == TEST.tolist()
    assert queries.neighbors is not None
    assert pool.vectors[queries.neighbors].tolist() == TRAIN[exact(metric)[:, :10]].tolist()
    for wrong, expected in ((0, 1.0), (1, 2 / 3), (3, 0.0)):
        planner = RequestPlanner(
            scenario, RequestBodies(IndexAddress("media", "films"), scenario, pool, queries), pool
        )
        for arrival in range(TESTS):
            request = planner.plan(arrival)
            assert request.on_ok is not None
            nearest = queries.neighbors[arrival]
            records = [*nearest[: K - wrong], *nearest[-wrong or 10 :]]
            keys = ",".join(f'{{"key":"{record_key(record)}"}}' for record in records)
            request.on_ok(f'{{"vectors":[{keys}]}}'.encode())
        recall = planner.recall()
        assert recall is not None
        assert (recall.k, recall.queries) == (K, TESTS)
        assert (recall.mean, recall.lowest) == pytest.approx((expected, expected))


def test_without_neighbours_the_exact_results_are_computed(tmp_path: Path) -> None:
    """For held-out queries as for those near the pool."""
    files = ann_benchmarks(tmp_path, "cosine")
    scenario = scenario_of(files, neighbors="", preload=20, pool=20)
    queries = build_queries(scenario, build_pool(scenario))
    assert (queries.neighbors, len(queries)) == (None, TESTS)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pool": 20, "preload": 20}, "names .* neighbours that are not among the 20 vectors"),
        ({"preload": 80}, "those of 40 vectors, but preload is 80"),
        ({"top_k": 20}, "has 10 neighbours of each query, and query.top_k is 20"),
        ({"metric": "euclidean"}, "neighbours by angular distance, and vectors.metric is euclidean"),
    ],
)
def test_neighbours_that_do_not_fit_the_index_are_refused(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    """A recall against the wrong truth would say nothing."""
    scenario = scenario_of(ann_benchmarks(tmp_path, "cosine"), **more)
    with pytest.raises(SourceError, match=message):
        build_queries(scenario, build_pool(scenario))


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([*range(TESTS - 1), 99], f"no neighbours of 1 of {TESTS} queries, such as {TESTS - 1}"),
        ([*range(TESTS - 1), 0], "the neighbours of query 0 twice"),
    ],
)
def test_neighbours_of_other_queries_are_refused(tmp_path: Path, ids: list[int], message: str) -> None:
    """Matched by order they would be the wrong truth."""
    files = vector_db_bench(tmp_path, "cosine")
    table = pq.read_table(files["neighbors"])
    pq.write_table(table.set_column(0, "id", pa.array(ids)), files["neighbors"])
    scenario = scenario_of(files)
    with pytest.raises(SourceError, match=message):
        build_queries(scenario, build_pool(scenario))


def test_queries_of_another_dimension_are_refused(tmp_path: Path) -> None:
    """With both dimensions."""
    files = ann_benchmarks(tmp_path, "cosine")
    np.save(tmp_path / "odd.npy", np.zeros((2, 3), np.float32))
    scenario = scenario_of({**files, "queries": str(tmp_path / "odd.npy")})
    with pytest.raises(SourceError, match="has queries of 3 dimensions; the scenario needs 4"):
        build_queries(scenario, build_pool(scenario))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.ibin", b""),
        ("t.ibin", b"\x01\x00"),
        ("t.ibin", np.array([5, 10], "<u4").tobytes() + b"\0" * 8),
        ("t.hdf5", b"no"),
        ("t.parquet", b"no"),
    ],
)
def test_a_damaged_file_of_neighbours_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """In one line, whatever the format."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"t.{name.split('.')[1]}"):
        read_neighbors(str(tmp_path / name), 10, least=1)


def test_a_file_without_neighbours_says_what_it_lacks(tmp_path: Path) -> None:
    """The dataset or the column; a missing file is missing."""
    with h5py.File(tmp_path / "t.hdf5", "w") as file:
        file["train"] = TRAIN
    with pytest.raises(SourceError, match="no dataset 'neighbors'; it has train"):
        read_neighbors(str(tmp_path / "t.hdf5"), 10, least=1)
    pq.write_table(pa.table({"id": [1]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="no column neighbors_id"):
        read_neighbors(str(tmp_path / "t.parquet"), 10, least=1)
    with pytest.raises(SourceError, match="no such file"):
        read_neighbors(str(tmp_path / "none.ibin"), 10, least=1)


def test_zipf_queries_are_chosen_by_rank() -> None:
    """The first one in proportion to 1, the second to a half, and the same on every worker."""
    queries = QuerySet(np.zeros((100, 2), np.float32), is_zipf=True)
    counts = Counter(queries.row_of(arrival) for arrival in range(50_000))
    harmonic = sum(1 / rank for rank in range(1, 101))
    for rank in (1, 2, 10, 50):
        assert counts[rank - 1] / 50_000 == pytest.approx(1 / rank / harmonic, rel=0.15)
    assert set(counts) == set(range(100))
    again = QuerySet(np.zeros((100, 2), np.float32), is_zipf=True)
    assert [queries.row_of(at) for at in range(99)] == [again.row_of(at) for at in range(99)]


def test_uniform_queries_take_turns() -> None:
    """So that each is sent equally often."""
    queries = QuerySet(np.zeros((7, 2), np.float32))
    assert [queries.row_of(at) for at in range(9)] == [0, 1, 2, 3, 4, 5, 6, 0, 1]


def test_ties_of_the_last_neighbour_are_right() -> None:
    """Records that were never put are not. Without an answer there is no recall."""
    vectors = np.array([[1, 0], [0, 1], [0, 1], [-1, 0]], np.float32)
    query, neighbors = np.array([[0.1, 1]], np.float32), np.array([[1, 2]])
    found = [
        recall_of_neighbors([answer], query, vectors, neighbors, metric="cosine", k=1)
        for answer in ([1], [2], [0], [7], [])
    ]
    assert [recall.mean for recall in found if recall] == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert recall_of_neighbors([], query[:0], vectors, neighbors[:0], metric="cosine", k=1) is None


def test_no_more_queries_are_read_than_wanted(tmp_path: Path) -> None:
    """A file of vectors may be large."""
    np.save(tmp_path / "many.npy", np.ones((QUERIES_MAX + 5, DIMENSION), np.float32))
    files = ann_benchmarks(tmp_path, "cosine")
    scenario = scenario_of({**files, "queries": str(tmp_path / "many.npy")}, neighbors="")
    assert len(build_queries(scenario, build_pool(scenario))) == QUERIES_MAX
