"""The vectors of a load test, which are the same on every worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.errors import SourceError
from vecgate.load.scenario.scenario_spec import Scenario, VectorsSpec
from vecgate.load.traffic.vector_pool import (
    TEXT,
    VectorPool,
    build_filter,
    build_metadata,
    build_pool,
    generate_pool,
    read_pool,
)


def synthetic(count: int = 60, **more: object) -> VectorPool:
    values = {"dimension": 16, "clusters": 3, "spread": 0.1, "metadata": "small", "seed": 5, **more}
    return generate_pool(count, **values)  # type: ignore[arg-type] # of the types that it takes


def nearest_other(pool: VectorPool) -> float:
    """Return the mean cosine distance to the nearest other vector."""
    distances = 1 - pool.vectors @ pool.vectors.T
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(axis=1).mean())


def write(path: Path, *records: Mapping[str, object]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_synthetic_vectors_have_length_one() -> None:
    """Float32, in the requested number and dimension."""
    pool = synthetic(60)
    assert (len(pool), pool.dimension, str(pool.vectors.dtype)) == (60, 16, "float32")
    assert np.linalg.norm(pool.vectors, axis=1) == pytest.approx(np.ones(60), abs=1e-6)


def test_the_same_seed_gives_the_same_vectors() -> None:
    """On every worker; another seed gives other vectors."""
    assert np.array_equal(synthetic(seed=5).vectors, synthetic(seed=5).vectors)
    assert np.array_equal(synthetic(seed=5).queries(7, seed=5), synthetic(seed=5).queries(7, seed=5))
    assert not np.array_equal(synthetic(seed=5).vectors, synthetic(seed=6).vectors)


def test_vectors_lie_near_their_centres() -> None:
    """At a spread of 0 they are the centres; at a larger one they are further apart."""
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
def test_metadata_depends_on_profile_and_row(profile: str, row: int, metadata: object) -> None:
    """With the keys of the profile."""
    assert build_metadata(profile, row) == metadata


@given(row=st.integers(0, 10**6))
def test_one_in_a_hundred_vectors_passes_a_filter(row: int) -> None:
    """Including that of the given row."""
    ((key, value),) = build_filter(row).items()
    kept = [each for each in range(1_000) if (build_metadata("small", each) or {})[key] == value]
    assert len(kept) == 10
    assert row % 100 in {each % 100 for each in kept}


@given(first=st.integers(0, 1_000), count=st.integers(0, 300))
def test_records_repeat_the_rows_of_the_pool(first: int, count: int) -> None:
    """In order."""
    pool = synthetic(7, dimension=1)
    expected, row = [], 0
    for record in range(first + count):
        if record >= first:
            expected.append(row)
        row = 0 if row == 6 else row + 1
    assert pool.rows(first, count) == expected


def test_queries_are_near_vectors_of_the_pool() -> None:
    """One vector is by far the nearest, but never equal to the query."""
    pool = synthetic(50, spread=1.0, dimension=64)
    queries = pool.queries(40, seed=1)
    assert (queries.shape, str(queries.dtype)) == ((40, 64), "float32")
    distances = np.linalg.norm(queries[:, None] - pool.vectors, axis=2)
    distances.sort(axis=1)
    assert np.all(distances[:, 0] > 0)
    assert np.all(distances[:, 0] < 0.5 * distances[:, 1])


def test_queries_of_equal_vectors_are_not_all_equal() -> None:
    """A pool without any variance gives no scale for the noise."""
    pool = VectorPool(np.ones((3, 4), np.float32), [None] * 3)
    assert len({row.tobytes() for row in pool.queries(5, seed=0)}) == 5


def test_a_scenario_without_a_file_has_synthetic_vectors() -> None:
    """Generated from the seed of the scenario."""
    wanted = VectorsSpec(dimension=16, pool=60, clusters=3, spread=0.1)
    made = build_pool(Scenario(vectors=wanted, seed=5))
    assert np.array_equal(made.vectors, synthetic().vectors)
    assert made.metadata == synthetic().metadata


def test_the_vectors_of_a_scenario_may_come_from_a_file(tmp_path: Path) -> None:
    """The first ones, in order, with their own metadata if the profile is `file`."""
    path = tmp_path / "vectors.jsonl"
    write(path, *({"key": f"k{n}", "vector": [n, 1], "metadata": {"n": n}} for n in range(5)))
    wanted = VectorsSpec(dimension=2, pool=3, source=str(path), metadata="file")
    pool = build_pool(Scenario(vectors=wanted))
    assert pool.vectors.tolist() == [[0, 1], [1, 1], [2, 1]]
    assert pool.metadata == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert read_pool(str(path), 3, dimension=2, metadata="small").metadata == synthetic(3).metadata
    assert read_pool(str(path), 9, dimension=2, metadata="none").metadata == [None] * 5


def test_only_the_needed_blocks_of_a_file_are_read(tmp_path: Path) -> None:
    """Wide vectors come in small blocks."""
    path = tmp_path / "wide.npy"
    vectors = np.arange(3_000 * 2_000, dtype=np.float32).reshape(3_000, 2_000)
    np.save(path, vectors)
    pool = read_pool(str(path), 2_500, dimension=2_000, metadata="none")
    assert np.array_equal(pool.vectors, vectors[:2_500])


def test_a_file_with_unusable_vectors_is_rejected(tmp_path: Path) -> None:
    """Another dimension, an empty file, or a missing one."""
    path = write(tmp_path / "two.jsonl", {"key": "a", "vector": [1, 2]})
    with pytest.raises(SourceError, match="has vectors of 2 dimensions; the scenario needs 3 dimensions"):
        read_pool(path, 10, dimension=3, metadata="none")
    empty = tmp_path / "empty.npy"
    np.save(empty, np.empty((0, 3), np.float32))
    with pytest.raises(SourceError, match="holds no"):
        read_pool(str(empty), 10, dimension=3, metadata="none")
    with pytest.raises(SourceError, match="no such file"):
        read_pool(str(tmp_path / "none.jsonl"), 10, dimension=3, metadata="none")
