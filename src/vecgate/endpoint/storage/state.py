"""The content of the endpoint: one account in one region, its vector buckets and their indexes.

Buckets and indexes are immutable values; a change replaces the value. The vectors of an index are a
`VectorTable`, which grows in place. The state knows nothing of requests: `operations` read it and change it
through its methods only. Each change is written to the store first and then made in memory, so the two never
differ. An operation makes at most one change, as its last step that can fail: it happens completely or not at
all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.search.full_text import TextIndexes
from vecgate.endpoint.storage.query_snapshots import Snapshots
from vecgate.endpoint.storage.vector_table import Float32Matrix, VectorTable
from vecgate.errors import UsageError
from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.metadata import Metadata

Json: TypeAlias = Mapping[str, Any]

#: Buckets created on or after 2026-09-30 are ENHANCED and cannot become CLASSIC (observed 2026-10).
DEFAULT_INDEX_MODE = "ENHANCED"
DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
DEFAULT_PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class Index:
    """A vector index: its settings and its vectors.

    created_s               epoch seconds, whole
    metric                  `cosine` or `euclidean`
    metadata_configuration  as in the API; empty if nothing was set
    encryption              its own, or that of its bucket
    mode                    `ENHANCED` or `CLASSIC`
    serial                  distinguishes it from an earlier index of the same name
    texts                   its full-text indexes, built from the vectors when a query needs them
    """

    bucket: str
    name: str
    arn: str
    created_s: int
    dimension: int
    metric: str
    table: VectorTable
    metadata_configuration: Json
    encryption: Json
    tags: Mapping[str, str]
    serial: int
    mode: str = DEFAULT_INDEX_MODE
    texts: TextIndexes = field(default_factory=TextIndexes, compare=False)

    @property
    def non_filterable(self) -> frozenset[str]:
        """The metadata keys that no filter may name."""
        return frozenset(self.metadata_configuration.get("nonFilterableMetadataKeys", ()))

    @property
    def text_configurations(self) -> Mapping[str, Json]:
        """The text search configurations by metadata key. `operations` define their content."""
        configurations = self.metadata_configuration.get("textSearchConfigurations", ())
        return {each["metadataKey"]: each for each in configurations}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A vector bucket with its indexes by name. *policy* is the text as put, empty for none."""

    name: str
    arn: str
    created_s: int
    encryption: Json
    tags: Mapping[str, str]
    default_mode: str = DEFAULT_INDEX_MODE
    policy: str = ""
    indexes: dict[str, Index] = field(default_factory=dict)


class Store:
    """Persists changes; this one persists nothing. `sqlite_store` has one that does.

    A method that returns has persisted its change; one that raises has not. They raise ApiError, which
    becomes the response.
    """

    def save_bucket(self, bucket: Bucket) -> None:
        """Persist a new bucket, or new settings of one, without its indexes."""

    def remove_bucket(self, bucket: Bucket) -> None:
        """Delete a bucket."""

    def save_index(self, index: Index) -> None:
        """Persist a new index, or new settings of one, without its vectors."""

    def remove_index(self, index: Index) -> None:
        """Delete an index and its vectors."""

    def put_vectors(
        self, index: Index, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]
    ) -> None:
        """Persist vectors, and replace those with the same keys."""

    def delete_vectors(self, index: Index, keys: Sequence[str]) -> None:
        """Delete the vectors with *keys*. Unknown keys have no effect."""

    def remove_everything(self) -> None:
        """Delete everything."""

    def back_up(self, file: Path) -> int:
        """Copy everything to the new *file* and return its bytes. Raises UsageError if it cannot."""
        raise UsageError(
            f"cannot write the backup {file}: the endpoint keeps its data in memory",
            hint="Start it with --data-dir.",
        )


@dataclass(slots=True)
class State:
    """All data of the endpoint. Not thread-safe: the adapters serialize requests.

    account    as in ARNs, like *region* and *partition*
    buckets    by name
    snapshots  results of queries that have further pages
    serial     the number of requests; replaces randomness, so that two runs are equal
    store      persists the changes
    behaviour  the switches
    """

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    partition: str = DEFAULT_PARTITION
    buckets: dict[str, Bucket] = field(default_factory=dict)
    snapshots: Snapshots = field(default_factory=Snapshots)
    serial: int = 0
    store: Store = field(default_factory=Store)
    behaviour: Behaviour = field(default_factory=Behaviour)

    def bucket_arn(self, bucket: str) -> str:
        """Return the ARN of a bucket name."""
        return bucket_arn(bucket, region=self.region, account=self.account, partition=self.partition)

    def index_arn(self, bucket: str, index: str) -> str:
        """Return the ARN of an index name."""
        return index_arn(bucket, index, region=self.region, account=self.account, partition=self.partition)

    def save_bucket(self, bucket: Bucket) -> None:
        """Add *bucket*, or replace the one of the same name; it must hold that one's indexes."""
        self.store.save_bucket(bucket)
        self.buckets[bucket.name] = bucket

    def remove_bucket(self, bucket: Bucket) -> None:
        """Remove *bucket*, which must be empty."""
        self.store.remove_bucket(bucket)
        del self.buckets[bucket.name]

    def save_index(self, index: Index) -> None:
        """Add *index* to its bucket, or replace the one of the same name; it must hold that one's table."""
        self.store.save_index(index)
        self.buckets[index.bucket].indexes[index.name] = index

    def remove_index(self, index: Index) -> None:
        """Remove *index* and its vectors."""
        self.store.remove_index(index)
        del self.buckets[index.bucket].indexes[index.name]

    def put_vectors(
        self, index: Index, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]
    ) -> None:
        """Insert or replace vectors. *keys* are distinct; *vectors* has shape (n, dimension)."""
        self.store.put_vectors(index, keys, vectors, metadata)
        index.table.put(keys, vectors, metadata)
        index.texts.mark_stale(keys)

    def delete_vectors(self, index: Index, keys: Sequence[str]) -> None:
        """Remove the vectors with *keys*. Unknown keys have no effect."""
        self.store.delete_vectors(index, keys)
        index.table.delete(keys)
        index.texts.mark_stale(keys)

    def reset(self) -> None:
        """Remove everything."""
        self.store.remove_everything()
        self.buckets.clear()
        self.snapshots = Snapshots()
