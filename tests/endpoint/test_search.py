from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vecgate.endpoint.search import nearest
from vecgate.endpoint.table import VectorTable

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]


def table_of(vectors: Float32) -> VectorTable:
    table = VectorTable(vectors.shape[1])
    table.put([f"{row:06}" for row in range(len(vectors))], vectors, [None] * len(vectors))
    return table


def naive(vectors: Float32, query: Float32, metric: str) -> npt.NDArray[np.float64]:
    """The definition, in twice the precision."""
    wide, asked = vectors.astype(np.longdouble), query.astype(np.longdouble)
    if metric == "euclidean":
        distances = ((wide - asked) ** 2).sum(axis=1)
    else:
        distances = 1 - (wide * asked).sum(axis=1) / np.sqrt((wide**2).sum(axis=1) * (asked**2).sum())
    return np.asarray(distances, np.float64)


def assert_nearest(
    vectors: Float32, query: Float32, metric: str, top_k: int, among: list[int] | None = None
) -> None:
    """What is found is as near as the nearest, in order, and truly as far as it says."""
    rows = None if among is None else np.array(among, dtype=np.intp)
    found = nearest(table_of(vectors), query, top_k=top_k, metric=metric, among=rows)
    expected = naive(vectors, query, metric)
    allowed = range(len(vectors)) if among is None else among
    best = sorted(expected[row] for row in allowed)[:top_k]
    assert set(found.rows.tolist()) <= set(allowed)
    assert len(set(found.rows.tolist())) == len(best)
    assert np.all(np.diff(found.distances) >= 0)
    # What float32 cannot tell from zero, or from its largest, need not be told apart.
    largest, smallest = np.finfo(np.float32).max, 1e-12 if metric == "cosine" else 1.5e-45
    assert np.allclose(found.distances, np.minimum(best, largest), rtol=3e-7, atol=smallest)
    assert np.allclose(found.distances, np.minimum(expected[found.rows], largest), rtol=3e-7, atol=smallest)


finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
modest = st.floats(-4, 4, width=32) | st.sampled_from([0.0, 1.0, -1.0, 0.5])


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


@given(search=searches(modest))
def test_search_is_exact(search: tuple[Float32, Float32, str, int]) -> None:
    """Against the definition, with many equal and nearly equal vectors."""
    assert_nearest(*search)


@given(search=searches(finite32))
def test_search_is_exact_over_all_of_float32(search: tuple[Float32, Float32, str, int]) -> None:
    """Subnormals and extremes neither overflow nor vanish."""
    vectors, query, metric, top_k = search
    found = nearest(table_of(vectors), query, top_k=top_k, metric=metric)
    assert np.isfinite(found.distances).all()
    if metric == "euclidean":
        assert_nearest(vectors, query, metric, top_k)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dimension", [3, 128, 1024])
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.05])
def test_search_is_exact_on_thousands_of_vectors(metric: str, dimension: int, kept: float) -> None:
    """Dense and sparse filters take different ways to the same answer."""
    random = np.random.default_rng(dimension)
    vectors = random.standard_normal((3_000, dimension)).astype(np.float32)
    among = None if kept == 1 else np.flatnonzero(random.random(3_000) < kept).tolist()
    assert_nearest(vectors, random.standard_normal(dimension).astype(np.float32), metric, 25, among)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_vectors_that_differ_by_less_than_float32_products_show_are_told_apart(metric: str) -> None:
    """Near-duplicates far from the origin are where products in float32 mislead."""
    random = np.random.default_rng(7)
    base = (1_000 * random.standard_normal(64)).astype(np.float32)
    vectors = base + (1e-3 * random.standard_normal((2_000, 64))).astype(np.float32)
    assert_nearest(vectors, base, metric, 10)


def test_equal_distances_are_ordered_by_key_even_where_the_answer_is_cut() -> None:
    """All are equally near: the first keys are found."""
    found = nearest(
        table_of(np.ones((5_000, 4), np.float32)), np.zeros(4, np.float32), top_k=3, metric="euclidean"
    )
    assert found.rows.tolist() == [0, 1, 2]
    assert found.distances.tolist() == [4.0, 4.0, 4.0]


def test_an_empty_selection_finds_nothing() -> None:
    """No rows, no hits."""
    table = table_of(np.ones((3, 2), np.float32))
    empty = np.array([], dtype=np.intp)
    assert len(nearest(table, np.ones(2, np.float32), top_k=3, metric="cosine", among=empty).rows) == 0
