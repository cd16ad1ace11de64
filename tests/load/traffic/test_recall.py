"""Recall, compared with loops over plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.load.traffic import recall
from vecgate.load.traffic.recall import IndexContents, compute_recall, merge_recalls
from vecgate.results.load.load_records import Recall

#: Maximum difference of two float32 sums of the same numbers.
SAME = 1e-5
METRICS = st.sampled_from(["cosine", "euclidean"])


def distance(one: Sequence[float], other: Sequence[float], metric: str) -> float:
    if metric == "euclidean":
        return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
    lengths = hypot(*one) * hypot(*other)
    return 1 - (sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0)


def naive_recall(
    *, rows: list[int], query: list[float], vectors: list[list[float]], metric: str, k: int, kept: list[bool]
) -> float:
    """Return the fraction of the nearest *k* rows that pass the filter and are in *rows*; ties count."""
    ranked = sorted(
        distance(query, vector, metric) for vector, is_kept in zip(vectors, kept, strict=True) if is_kept
    )
    nearest = ranked[:k]
    if not nearest:
        return 1.0
    good = 0
    for row in set(rows):
        if (
            0 <= row < len(vectors)
            and kept[row]
            and distance(query, vectors[row], metric) <= nearest[-1] + SAME
        ):
            good += 1
    return min(1.0, good / len(nearest))


def matrix(rows: Sequence[Sequence[float]]) -> npt.NDArray[np.float32]:
    return np.array(rows, dtype=np.float32)


class Case(NamedTuple):
    """An index of *total* records that repeat *vectors*; queries, their answers and their filter masks."""

    vectors: list[list[float]]
    queries: list[list[float]]
    answers: list[list[int]]
    masks: list[list[bool] | None]
    total: int = 1


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Generate small whole numbers, which give many ties and zero vectors."""
    values = st.lists(st.integers(-2, 2).map(float), min_size=2, max_size=2)
    vectors = draw(st.lists(values, min_size=1, max_size=12))
    queries = draw(st.lists(values, min_size=1, max_size=4))
    size, total = len(queries), draw(st.integers(0, 40))
    answers = st.lists(st.lists(st.integers(-1, total), max_size=12), min_size=size, max_size=size)
    kept = st.none() | st.lists(st.booleans(), min_size=len(vectors), max_size=len(vectors))
    masks = draw(st.lists(kept, min_size=size, max_size=size))
    return Case(vectors, queries, draw(answers), masks, total)


@given(case=cases(), metric=METRICS, k=st.integers(1, 15))
@example(case=Case([[1.0, 0.0]], [[0.0, 0.0]], [[0]], [None]), metric="cosine", k=1)
@example(case=Case([[1.0, 0.0]] * 3, [[1.0, 1.0]], [[2, 2, 2]], [None], total=3), metric="euclidean", k=2)
@example(case=Case([[1.0, 0.0]], [[1.0, 1.0]], [[0]], [[False]]), metric="euclidean", k=2)
def test_recall_equals_that_of_plain_loops(case: Case, metric: str, k: int) -> None:
    """With ties, filters, and answers that are short, repeated or contain unknown records."""
    rows, queries, answers, kept_rows, total = case
    vectors = [rows[record % len(rows)] for record in range(total)]
    masks = [
        None if kept is None else [kept[record % len(rows)] for record in range(total)] for kept in kept_rows
    ]
    recalls = [
        naive_recall(
            rows=answer,
            query=query,
            vectors=vectors,
            metric=metric,
            k=k,
            kept=kept or [True] * len(vectors),
        )
        for answer, query, kept in zip(answers, queries, masks, strict=True)
    ]
    found = compute_recall(
        answers,
        matrix(queries),
        IndexContents(matrix(rows), total),
        metric=metric,
        k=k,
        masks=(None if kept is None else np.array(kept) for kept in kept_rows),
    )
    assert found is not None
    assert (found.k, found.queries, found.lowest) == (k, len(queries), min(recalls))
    assert found.mean == pytest.approx(sum(recalls) / len(recalls))


@given(
    seed=st.integers(0, 1_000),
    metric=METRICS,
    dimension=st.sampled_from([1, 7, 128]),
    k=st.integers(1, 20),
    scale=st.sampled_from([1.0, 100.0]),
)
@example(seed=0, metric="euclidean", dimension=128, k=10, scale=100.0)
def test_an_answer_computed_in_float32_is_exact(
    *, seed: int, metric: str, dimension: int, k: int, scale: float
) -> None:
    """All targets compute in float32: a different order due to rounding does not lower the recall."""
    rng = np.random.default_rng(seed)
    vectors = (scale * rng.standard_normal((60, dimension))).astype(np.float32)
    queries = (scale * rng.standard_normal((3, dimension))).astype(np.float32)
    if metric == "euclidean":
        distances = ((queries[:, None] - vectors) ** 2).sum(axis=2)
    else:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        distances = 1 - (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ unit.T
    assert distances.dtype == np.float32
    answers = np.argsort(distances, axis=1)[:, :k].tolist()
    found = compute_recall(answers, queries, IndexContents(vectors, 60), metric=metric, k=k, masks=[None] * 3)
    assert found == Recall(k=k, queries=3, mean=1.0, lowest=1.0)


def test_without_answers_there_is_no_recall() -> None:
    """Neither good nor bad."""
    contents = IndexContents(matrix([[1, 2]]), 1)
    assert compute_recall([], matrix([[1, 2]]), contents, metric="cosine", k=1, masks=[]) is None
    assert merge_recalls([]) is None


def test_half_of_the_nearest_gives_a_recall_of_one_half() -> None:
    """Four points on a line; the nearest two are 0 and 1."""
    vectors, query = matrix([[1], [2], [3], [4]]), matrix([[0.5]])
    found = compute_recall([[1, 3]], query, IndexContents(vectors, 4), metric="euclidean", k=2, masks=[None])
    assert found == Recall(k=2, queries=1, mean=0.5, lowest=0.5)


def test_merged_recalls_are_weighted_by_their_queries() -> None:
    """The lowest is the lowest of all."""
    found = merge_recalls(
        [Recall(k=5, queries=1, mean=0.2, lowest=0.2), Recall(k=5, queries=3, mean=1, lowest=0.9)]
    )
    assert found is not None
    assert (found.k, found.queries, found.lowest) == (5, 4, 0.2)
    assert found.mean == pytest.approx(0.8)


def test_a_zero_vector_is_at_cosine_distance_one() -> None:
    """Like a right angle: it has no direction."""
    vectors, query = matrix([[0, 0], [0, 1], [sqrt(3), 1]]), matrix([[1, 0]])
    found = compute_recall(
        [[2, 0], [2, 1]],
        query.repeat(2, axis=0),
        IndexContents(vectors, 3),
        metric="cosine",
        k=2,
        masks=[None] * 2,
    )
    assert found == Recall(k=2, queries=2, mean=1.0, lowest=1.0)


def test_a_large_index_needs_no_more_memory_than_its_pool() -> None:
    """Ten million records of two vectors: all five million copies of the nearer one are equally near."""
    contents = IndexContents(matrix([[1, 0], [0, 1]]), 10_000_000)
    queries = matrix([[2, 1]])
    near, far = [0, 2, 9_999_998], [1, 3, 9_999_999]
    found = [
        compute_recall([answer], queries, contents, metric="cosine", k=3, masks=[None])
        for answer in (near, far, near[:2])
    ]
    assert [each.mean for each in found if each] == [1.0, 0.0, pytest.approx(2 / 3)]


def test_distances_are_computed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the queries."""
    monkeypatch.setattr(recall, "DISTANCES", 8)
    rows, queries = matrix([[1], [2], [4]]), matrix([[0], [1], [2], [3], [4]])
    found = [each.tolist() for each in recall.compute_distances(queries, rows, "euclidean")]
    assert found == [[(q - r) ** 2 for r in (1, 2, 4)] for q in range(5)]
