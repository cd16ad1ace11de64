"""The vectors of a load test: what they are, and that every worker has the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import SourceError
from vecgate.load.data import (
    TEXT,
    Pool,
    file_pool,
    filter_of,
    metadata_of,
    pool_of,
    synthetic_pool,
)
from vecgate.load.specs import Scenario, VectorsSpec


def synthetic(count: int = 60, **more: object) -> Pool:
    told = {"dimension": 16, "clusters": 3, "spread": 0.1, "metadata": "small", "seed": 5, **more}
    return synthetic_pool(count, **told)  # type: ignore[arg-type] # of the types that it takes


def nearest_other(pool: Pool) -> float:
    """How near the next vector is, on average, by cosine distance."""
    distances = 1 - pool.vectors @ pool.vectors.T
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(axis=1).mean())


def write(path: Path, *records: Mapping[str, object]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_synthetic_vectors_have_length_one() -> None:
    """Float32, as many and as wide as was asked for."""
    pool = synthetic(60)
    assert (len(pool), pool.dimension, str(pool.vectors.dtype)) == (60, 16, "float32")
    assert np.linalg.norm(pool.vectors, axis=1) == pytest.approx(np.ones(60), abs=1e-6)


def test_the_same_seed_draws_the_same_vectors() -> None:
    """On every worker; another seed draws others."""
    assert np.array_equal(synthetic(seed=5).vectors, synthetic(seed=5).vectors)
    assert np.array_equal(synthetic(seed=5).queries(7, seed=5), synthetic(seed=5).queries(7, seed=5))
    assert not np.array_equal(synthetic(seed=5).vectors, synthetic(seed=6).vectors)


def test_vectors_lie_around_their_centres() -> None:
    """Without any spread there are no others than the centres; with more they are further apart."""
    assert len({row.tobytes() for row in synthetic(200, spread=0.0).vectors}) == 3
    assert nearest_other(synthetic(spread=0.01)) < 0.1 * nearest_other(synthetic(spread=0.3))


@pytest.mark.parametrize(
    ("profile", "row", "metadata"),
    [
        ("none", 7, None),
        ("small", 7, {"group": "g07", "year": 2007, "row": 7}),
        ("small", 1_234, {"group": "g34", "year": 2012, "row": 1_234}),
        ("full", 26, {"group": "g26", "year": 2000, "row": 26, "text": TEXT}),
    ],
)
def test_metadata_tells_the_row(profile: str, row: int, metadata: object) -> None:
    """Such as the profile says."""
    assert metadata_of(profile, row) == metadata


@given(row=st.integers(0, 10**6))
def test_a_filter_keeps_one_in_a_hundred(row: int) -> None:
    """The row that it is made for among them."""
    ((key, value),) = filter_of(row).items()
    kept = [each for each in range(1_000) if (metadata_of("small", each) or {})[key] == value]
    assert len(kept) == 10
    assert row % 100 in {each % 100 for each in kept}


@given(first=st.integers(0, 1_000), count=st.integers(0, 300))
def test_records_take_the_rows_round_and_round(first: int, count: int) -> None:
    """Each takes the row after that of the record before."""
    pool = synthetic(7, dimension=1)
    expected, row = [], 0
    for record in range(first + count):
        if record >= first:
            expected.append(row)
        row = 0 if row == 6 else row + 1
    assert pool.rows(first, count) == expected


def test_queries_are_near_vectors_of_the_pool() -> None:
    """Near enough that one of them is by far the nearest, and never the same."""
    pool = synthetic(50, spread=1.0, dimension=64)
    queries = pool.queries(40, seed=1)
    assert (queries.shape, str(queries.dtype)) == ((40, 64), "float32")
    distances = np.linalg.norm(queries[:, None] - pool.vectors, axis=2)
    distances.sort(axis=1)
    assert np.all(distances[:, 0] > 0)
    assert np.all(distances[:, 0] < 0.5 * distances[:, 1])


def test_queries_of_equal_vectors_are_not_all_equal() -> None:
    """Where there is no spread at all to take a scale from."""
    pool = Pool(np.ones((3, 4), np.float32), [None] * 3)
    assert len({row.tobytes() for row in pool.queries(5, seed=0)}) == 5


def test_a_scenario_without_a_file_has_synthetic_vectors() -> None:
    """Drawn with the seed of the scenario."""
    wanted = VectorsSpec(dimension=16, pool=60, clusters=3, spread=0.1)
    made = pool_of(Scenario(vectors=wanted, seed=5))
    assert np.array_equal(made.vectors, synthetic().vectors)
    assert made.metadata == synthetic().metadata


def test_a_scenario_may_take_its_vectors_from_a_file(tmp_path: Path) -> None:
    """The first of them, in order, with their own metadata where the profile says so."""
    path = tmp_path / "vectors.jsonl"
    write(path, *({"key": f"k{n}", "vector": [n, 1], "metadata": {"n": n}} for n in range(5)))
    wanted = VectorsSpec(dimension=2, pool=3, source=str(path), metadata="file")
    pool = pool_of(Scenario(vectors=wanted))
    assert pool.vectors.tolist() == [[0, 1], [1, 1], [2, 1]]
    assert pool.metadata == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert file_pool(str(path), 3, dimension=2, metadata="small").metadata == synthetic(3).metadata
    assert file_pool(str(path), 9, dimension=2, metadata="none").metadata == [None] * 5


def test_a_file_of_several_blocks_is_read_as_far_as_it_is_needed(tmp_path: Path) -> None:
    """Wide vectors come a few at a time."""
    path = tmp_path / "wide.npy"
    vectors = np.arange(3_000 * 2_000, dtype=np.float32).reshape(3_000, 2_000)
    np.save(path, vectors)
    pool = file_pool(str(path), 2_500, dimension=2_000, metadata="none")
    assert np.array_equal(pool.vectors, vectors[:2_500])


def test_a_file_of_other_vectors_is_refused(tmp_path: Path) -> None:
    """With both dimensions; so is one that is empty, or not there."""
    path = write(tmp_path / "two.jsonl", {"key": "a", "vector": [1, 2]})
    with pytest.raises(SourceError, match="has vectors of 2 dimensions; the scenario says 3"):
        file_pool(path, 10, dimension=3, metadata="none")
    empty = tmp_path / "empty.npy"
    np.save(empty, np.empty((0, 3), np.float32))
    with pytest.raises(SourceError, match="holds no"):
        file_pool(str(empty), 10, dimension=3, metadata="none")
    with pytest.raises(SourceError, match="no such file"):
        file_pool(str(tmp_path / "none.jsonl"), 10, dimension=3, metadata="none")
