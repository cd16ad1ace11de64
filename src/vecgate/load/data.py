"""The vectors of a load test: a pool of distinct ones, written again and again under new keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vecgate.bulk.records import Float32Matrix
from vecgate.bulk.sources import open_source
from vecgate.errors import SourceError
from vecgate.load.scenario import Scenario
from vecgate.s3vectors.metadata import Metadata

#: Values of the key `group`; a filter on one of them keeps one in so many.
GROUPS = 100
YEAR_FIRST, YEARS = 2000, 26
#: The non-filterable text of the profile `full`: a paragraph.
TEXT_KEY = "text"
TEXT = "The quick brown fox jumps over the lazy dog. " * 30
QUERY_NOISE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Distinct vectors and their metadata.

    vectors   shape (n, dimension), float32
    metadata  n objects, or None for a vector that has none
    """

    vectors: Float32Matrix
    metadata: Sequence[Metadata | None]

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        """Of the vectors."""
        return int(self.vectors.shape[1])

    def rows(self, first: int, count: int) -> list[int]:
        """The rows that records *first* to *first* + *count* take: round and round."""
        return [record % len(self) for record in range(first, first + count)]

    def queries(self, count: int, *, seed: int) -> Float32Matrix:
        """*count* query vectors near vectors of the pool, shape (count, dimension)."""
        rng = np.random.default_rng([seed, 1])
        near = self.vectors[rng.integers(len(self), size=count)]
        scale = QUERY_NOISE * float(np.std(near)) or QUERY_NOISE
        return (near + scale * rng.standard_normal(near.shape)).astype(np.float32)


def pool_of(scenario: Scenario) -> Pool:
    """The pool that *scenario* describes, the same on every worker. Raises SourceError."""
    wanted = scenario.vectors
    if wanted.source != "synthetic":
        return file_pool(wanted.source, wanted.pool, dimension=wanted.dimension, metadata=wanted.metadata)
    return synthetic_pool(
        wanted.pool,
        dimension=wanted.dimension,
        clusters=wanted.clusters,
        spread=wanted.spread,
        metadata=wanted.metadata,
        seed=scenario.seed,
    )


def synthetic_pool(
    count: int, *, dimension: int, clusters: int, spread: float, metadata: str, seed: int
) -> Pool:
    """*count* unit vectors around *clusters* centres, *spread* times as far from them as those are apart."""
    rng = np.random.default_rng([seed, 0])
    centres = rng.standard_normal((clusters, dimension), np.float32)
    vectors = centres[rng.integers(clusters, size=count)]
    vectors += spread * rng.standard_normal((count, dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Pool(vectors, [metadata_of(metadata, row) for row in range(count)])


def file_pool(path: str, count: int, *, dimension: int, metadata: str) -> Pool:
    """The first *count* vectors of the file at *path*, with metadata of its own where the profile is `file`.

    Raises SourceError where it cannot be read or its vectors have another dimension.
    """
    vectors: list[Float32Matrix] = []
    kept: list[Metadata | None] = []
    for block in open_source(path).blocks(rows=count):
        vectors.append(block.vectors[: count - len(kept)])
        kept += list(block.metadata[: len(vectors[-1])])
        if len(kept) >= count:
            break
    if not kept or vectors[0].shape[1] != dimension:
        found = f"has vectors of {vectors[0].shape[1]} dimensions" if kept else "holds no vector"
        raise SourceError(f"{path} {found}; the scenario says {dimension}")
    made = kept if metadata == "file" else [metadata_of(metadata, row) for row in range(len(kept))]
    return Pool(np.concatenate(vectors), made)


def metadata_of(profile: str, row: int) -> Metadata | None:
    """The metadata of vector *row*: none; small, three filterable keys; full, a non-filterable text too."""
    if profile == "none":
        return None
    small: Metadata = {"group": f"g{row % GROUPS:02d}", "year": YEAR_FIRST + row % YEARS, "row": row}
    return {**small, TEXT_KEY: TEXT} if profile == "full" else small


def filter_of(row: int) -> dict[str, object]:
    """A filter that keeps one in GROUPS of the vectors, that of *row* among them."""
    return {"group": f"g{row % GROUPS:02d}"}
