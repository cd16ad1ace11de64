from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vecgate.endpoint.in_process import install
from vecgate.endpoint.search.nearest import find_nearest
from vecgate.endpoint.storage.state import State
from vecgate.endpoint.storage.vector_table import VectorTable

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]


def table_of(vectors: Float32) -> VectorTable:
    table = VectorTable(vectors.shape[1])
    table.put([f"{row:06}" for row in range(len(vectors))], vectors, [None] * len(vectors))
    return table


def naive(vectors: Float32, query: Float32, metric: str) -> npt.NDArray[np.float64]:
    """Return the distances by definition, in higher precision."""
    vectors64, query64 = vectors.astype(np.longdouble), query.astype(np.longdouble)
    if metric == "euclidean":
        distances = ((vectors64 - query64) ** 2).sum(axis=1)
    else:
        distances = 1 - (vectors64 * query64).sum(axis=1) / np.sqrt(
            (vectors64**2).sum(axis=1) * (query64**2).sum()
        )
    return np.asarray(distances, np.float64)


def assert_nearest(
    vectors: Float32, query: Float32, metric: str, top_k: int, candidates: list[int] | None = None
) -> None:
    """Require the nearest vectors, in order, with correct distances."""
    rows = None if candidates is None else np.array(candidates, dtype=np.intp)
    found = find_nearest(table_of(vectors), query, top_k=top_k, metric=metric, candidates=rows)
    expected = naive(vectors, query, metric)
    allowed = range(len(vectors)) if candidates is None else candidates
    best = sorted(expected[row] for row in allowed)[:top_k]
    assert set(found.rows.tolist()) <= set(allowed)
    assert len(set(found.rows.tolist())) == len(best)
    assert np.all(np.diff(found.distances) >= 0)
    # Distances that float32 cannot distinguish from zero or from its maximum count as equal.
    largest, smallest = np.finfo(np.float32).max, 1e-12 if metric == "cosine" else 1.5e-45
    assert np.allclose(found.distances, np.minimum(best, largest), rtol=3e-7, atol=smallest)
    assert np.allclose(found.distances, np.minimum(expected[found.rows], largest), rtol=3e-7, atol=smallest)


finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
small = st.floats(-4, 4, width=32) | st.sampled_from([0.0, 1.0, -1.0, 0.5])


@st.composite
def searches(draw: st.DrawFn, elements: st.SearchStrategy[float]) -> tuple[Float32, Float32, str, int]:
    dimension, count = draw(st.integers(1, 5)), draw(st.integers(1, 40))
    metric = draw(st.sampled_from(["euclidean", "cosine"]))
    vectors = draw(hnp.arrays(np.float32, (count, dimension), elements=elements))
    query = draw(hnp.arrays(np.float32, dimension, elements=elements))
    if metric == "cosine":
        vectors[~vectors.any(axis=1)] = 1
        query = query if query.any() else np.ones_like(query)
    return vectors, query, metric, draw(st.integers(1, count + 1))


@given(search=searches(small))
def test_search_is_exact(search: tuple[Float32, Float32, str, int]) -> None:
    """Compared with the definition, with many equal and nearly equal vectors."""
    assert_nearest(*search)


@given(search=searches(finite32))
def test_search_is_exact_over_the_range_of_float32(search: tuple[Float32, Float32, str, int]) -> None:
    """Subnormals and extremes neither overflow nor vanish."""
    vectors, query, metric, top_k = search
    found = find_nearest(table_of(vectors), query, top_k=top_k, metric=metric)
    assert np.isfinite(found.distances).all()
    if metric == "euclidean":
        assert_nearest(vectors, query, metric, top_k)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dimension", [3, 128, 1024])
@pytest.mark.parametrize("fraction", [1.0, 0.5, 0.05])
def test_search_is_exact_on_thousands_of_vectors(metric: str, dimension: int, fraction: float) -> None:
    """Dense and sparse filters use different algorithms with the same result."""
    random = np.random.default_rng(dimension)
    vectors = random.standard_normal((3_000, dimension)).astype(np.float32)
    candidates = None if fraction == 1 else np.flatnonzero(random.random(3_000) < fraction).tolist()
    assert_nearest(vectors, random.standard_normal(dimension).astype(np.float32), metric, 25, candidates)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_near_duplicates_far_from_the_origin_are_distinguished(metric: str) -> None:
    """Their float32 products alone would give a wrong order."""
    random = np.random.default_rng(7)
    base = (1_000 * random.standard_normal(64)).astype(np.float32)
    vectors = base + (1e-3 * random.standard_normal((2_000, 64))).astype(np.float32)
    assert_nearest(vectors, base, metric, 10)


def test_equal_distances_are_ordered_by_key() -> None:
    """Also if top_k separates equal ones: the first keys are returned."""
    found = find_nearest(
        table_of(np.ones((5_000, 4), np.float32)), np.zeros(4, np.float32), top_k=3, metric="euclidean"
    )
    assert found.rows.tolist() == [0, 1, 2]
    assert found.distances.tolist() == [4.0, 4.0, 4.0]


def test_a_search_without_candidates_finds_nothing() -> None:
    table = table_of(np.ones((3, 2), np.float32))
    empty = np.array([], dtype=np.intp)
    assert (
        len(find_nearest(table, np.ones(2, np.float32), top_k=3, metric="cosine", candidates=empty).rows) == 0
    )


def test_distances_beyond_float32_are_ordered_by_their_value() -> None:
    """All are returned as the largest float32, the nearest first."""
    largest = float(np.finfo(np.float32).max)
    vectors = np.array([[largest], [largest / 4], [-largest], [largest / 2], [0.0]], np.float32)
    found = find_nearest(table_of(vectors), np.array([largest / 8], np.float32), top_k=5, metric="euclidean")
    assert found.rows.tolist() == [1, 4, 3, 0, 2] or found.rows.tolist() == [4, 1, 3, 0, 2]
    assert found.distances.tolist() == [largest] * 5


EXTREMES = [3.4028234663852886e38, 3.4028232635611926e38, 1.7e38, 1e20, 2e19, 1.0, 1e-20, 1e-38, 1e-45, 0.0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_numbers_near_the_largest_float32_give_no_warning(metric: str) -> None:
    """Numpy would write it to the stderr of the endpoint. The order and the distances are right."""
    rng = np.random.default_rng(1)
    values = np.array([*EXTREMES, *(-value for value in EXTREMES)], np.float32)
    with warnings.catch_warnings(action="error"):
        for dimension in (1, 2, 3, 5):
            for top_k in (1, 3, 20):
                vectors = rng.choice(values, (40, dimension))
                vectors[~vectors.any(axis=1)] = 1
                query = rng.choice(values[values != 0], dimension)
                assert_nearest(vectors, query, metric, top_k)
                assert_nearest(vectors, query, metric, top_k, [0, 3, 4, 20, 39])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_requests_with_the_largest_numbers_give_no_warning(metric: str) -> None:
    """Also on the way in and out, and for those that float32 cannot hold, which are refused."""
    client: Any = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    )
    install(client, State())
    with warnings.catch_warnings(action="error"):
        client.create_vector_bucket(vectorBucketName="bucket")
        at = {"vectorBucketName": "bucket", "indexName": "index"}
        client.create_index(**at, dimension=2, distanceMetric=metric, dataType="float32")
        largest = EXTREMES[0]
        rows = {"a": [largest, largest], "b": [largest, -largest], "c": [-largest, 1.0], "d": [1e-45, 1.0]}
        client.put_vectors(**at, vectors=[{"key": k, "data": {"float32": v}} for k, v in rows.items()])
        for number in (3.5e38, -1e39, 1e308):
            with pytest.raises(client.exceptions.ValidationException):
                client.put_vectors(**at, vectors=[{"key": "e", "data": {"float32": [1.0, number]}}])
            with pytest.raises(client.exceptions.ValidationException):
                client.query_vectors(**at, topK=4, queryVector={"float32": [1.0, number]})
        found = client.query_vectors(
            **at, topK=4, queryVector={"float32": [largest, largest]}, returnDistance=True
        )
        expected = {"euclidean": "adbc", "cosine": "adbc"}
        assert "".join(each["key"] for each in found["vectors"]) == expected[metric]
        assert all(np.isfinite(each["distance"]) for each in found["vectors"])


large32 = st.floats(2.0**84, 2.0**127, width=32).flatmap(lambda value: st.sampled_from([value, -value]))


@given(values=st.lists(large32, min_size=2, max_size=20, unique=True))
def test_any_large_distances_are_in_order(values: list[float]) -> None:
    """By the distance in higher precision, where float32 cannot distinguish them."""
    vectors, query = np.array(values, np.float32)[:, np.newaxis], np.array([1e20], np.float32)
    found = find_nearest(table_of(vectors), query, top_k=len(values), metric="euclidean")
    expected = naive(vectors, query, "euclidean")[found.rows]
    assert (np.diff(expected) >= -1e-14 * expected[1:]).all()
