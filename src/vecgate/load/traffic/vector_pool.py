"""The vectors of a load test: a pool of distinct ones, written repeatedly under new keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vecgate.bulk.core.record_blocks import Float32Matrix
from vecgate.bulk.sources import ColumnChoice, open_source
from vecgate.errors import SourceError
from vecgate.s3vectors.metadata import Metadata

if TYPE_CHECKING:
    from vecgate.load.scenario.scenario_file import Scenario

#: Number of values of the key `group`; one in GROUPS vectors passes a filter on one of them.
GROUPS = 100
YEAR_FIRST, YEARS = 2000, 26
#: The non-filterable text of the metadata profile `full`: a paragraph.
TEXT_KEY = "text"
TEXT = "The quick brown fox jumps over the lazy dog. " * 30
QUERY_NOISE = 0.1
#: Only vectors and metadata of a file are used, so it needs no keys.
KEYS_OPTIONAL = ColumnChoice(key_prefix="")


@dataclass(frozen=True, slots=True, eq=False)
class VectorPool:
    """Distinct vectors and their metadata.

    vectors   shape (n, dimension), float32
    metadata  n objects, or None for a vector without metadata
    keys      the keys that the vectors have in their file; none if they are synthetic
    """

    vectors: Float32Matrix
    metadata: Sequence[Metadata | None]
    keys: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        """The dimension of the vectors."""
        return int(self.vectors.shape[1])

    def rows(self, first: int, count: int) -> list[int]:
        """Return the rows of *count* records from *first* on. Records repeat the pool in order."""
        return [record % len(self) for record in range(first, first + count)]

    def queries(self, count: int, *, seed: int) -> Float32Matrix:
        """Generate *count* query vectors near vectors of the pool, shape (count, dimension)."""
        rng = np.random.default_rng([seed, 1])
        near = self.vectors[rng.integers(len(self), size=count)]
        scale = QUERY_NOISE * float(np.std(near)) or QUERY_NOISE
        return (near + scale * rng.standard_normal(near.shape)).astype(np.float32)


def build_pool(scenario: Scenario) -> VectorPool:
    """Build the pool of *scenario*, which is the same on every worker. Raises SourceError."""
    spec = scenario.vectors
    if spec.source != "synthetic":
        return read_pool(spec.source, spec.pool, dimension=spec.dimension, metadata=spec.metadata)
    return generate_pool(
        spec.pool,
        dimension=spec.dimension,
        clusters=spec.clusters,
        spread=spec.spread,
        metadata=spec.metadata,
        seed=scenario.seed,
    )


def generate_pool(
    count: int, *, dimension: int, clusters: int, spread: float, metadata: str, seed: int
) -> VectorPool:
    """Generate *count* unit vectors in *clusters* clusters.

    spread  distance of the vectors from their centre, relative to the distance between centres
    """
    rng = np.random.default_rng([seed, 0])
    centres = rng.standard_normal((clusters, dimension), np.float32)
    vectors = centres[rng.integers(clusters, size=count)]
    vectors += spread * rng.standard_normal((count, dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return VectorPool(vectors, [build_metadata(metadata, row) for row in range(count)])


def read_pool(path: str, count: int, *, dimension: int, metadata: str) -> VectorPool:
    """Read the first *count* vectors of the file at *path*, with their metadata if the profile is `file`.

    Raises SourceError if the file cannot be read or its vectors have another dimension.
    """
    vectors: list[Float32Matrix] = []
    kept: list[Metadata | None] = []
    keys: list[str | None] = []
    for block in open_source(path, columns=KEYS_OPTIONAL).blocks(rows=count):
        vectors.append(block.vectors[: count - len(kept)])
        kept += list(block.metadata[: len(vectors[-1])])
        keys += list(block.keys[: len(vectors[-1])])
        if len(kept) >= count:
            break
    if not kept or vectors[0].shape[1] != dimension:
        found = f"has vectors of {vectors[0].shape[1]} dimensions" if kept else "contains no vectors"
        raise SourceError(f"{path} {found}; the scenario needs {dimension} dimensions")
    chosen = kept if metadata == "file" else [build_metadata(metadata, row) for row in range(len(kept))]
    return VectorPool(np.concatenate(vectors), chosen, keys)


def build_metadata(profile: str, row: int) -> Metadata | None:
    """Build the metadata of vector *row*: none; small: three filterable keys; full: also a long text."""
    if profile == "none":
        return None
    small: Metadata = {"group": f"g{row % GROUPS:02d}", "year": YEAR_FIRST + row % YEARS, "row": row}
    return {**small, TEXT_KEY: TEXT} if profile == "full" else small


def build_filter(row: int) -> dict[str, object]:
    """Build a filter that one in GROUPS vectors passes, including the vector of *row*."""
    return {"group": f"g{row % GROUPS:02d}"}
