"""What the endpoint holds: one account in one region, its vector buckets, their indexes.

Buckets and indexes are values; a change of one is a new value in its place. What grows, the vectors of an
index, is a `VectorTable`. The state knows nothing of requests: `operations` read it, and change it by its
methods alone. Each change goes to the store first and is made in memory once the store has it, so the two
are never apart. An operation makes one change at most, as the last thing that can fail: all or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.snapshots import Snapshots
from vecgate.endpoint.table import Float32Matrix, VectorTable
from vecgate.endpoint.text import TextIndexes
from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.metadata import Metadata

Json: TypeAlias = Mapping[str, Any]

#: Buckets made on or after 2026-09-30 are ENHANCED and never CLASSIC (observed 2026-10).
DEFAULT_INDEX_MODE = "ENHANCED"
DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
DEFAULT_PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class Index:
    """A vector index: its settings, and its vectors.

    arn                     its address
    created_s               epoch seconds, whole
    metric                  `cosine` or `euclidean`
    metadata_configuration  as given at creation and changed since, empty where nothing was set
    encryption              its own, or its bucket's
    mode                    `ENHANCED` or `CLASSIC`
    serial                  tells it from an earlier index of the same name
    texts                   its full-text indexes: made from the vectors when a query needs them
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
        """How metadata keys are searchable, by key; what such a configuration holds, `operations` say."""
        configurations = self.metadata_configuration.get("textSearchConfigurations", ())
        return {each["metadataKey"]: each for each in configurations}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A vector bucket and its indexes by name; *policy* as it was put, empty for none."""

    name: str
    arn: str
    created_s: int
    encryption: Json
    tags: Mapping[str, str]
    default_mode: str = DEFAULT_INDEX_MODE
    policy: str = ""
    indexes: dict[str, Index] = field(default_factory=dict)


class Store:
    """Where changes are kept beyond this process: nowhere. `storage` has one that keeps them.

    A method that returns has kept its change, one that raises has not. They raise Refused: it is the answer.
    """

    def save_bucket(self, bucket: Bucket) -> None:
        """Keep a new bucket, or new settings of one; not its indexes."""

    def remove_bucket(self, bucket: Bucket) -> None:
        """Forget a bucket."""

    def save_index(self, index: Index) -> None:
        """Keep a new index, or new settings of one; not its vectors."""

    def remove_index(self, index: Index) -> None:
        """Forget an index and its vectors."""

    def put_vectors(
        self, index: Index, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]
    ) -> None:
        """Keep vectors, new or in the place of others."""

    def delete_vectors(self, index: Index, keys: Sequence[str]) -> None:
        """Forget the vectors that have one of *keys*; not all need be there."""

    def remove_everything(self) -> None:
        """Forget all of it."""


@dataclass(slots=True)
class State:
    """Everything. One request at a time may touch it.

    account    as it stands in ARNs, like *region* and *partition*
    buckets    by name
    snapshots  the results of queries that have further pages
    serial     counts requests: chance would make two runs differ
    store      keeps what changes, see `storage`
    behaviour  where it could behave otherwise
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
        """The ARN that a bucket of that name has here."""
        return bucket_arn(bucket, region=self.region, account=self.account, partition=self.partition)

    def index_arn(self, bucket: str, index: str) -> str:
        """The ARN that an index of that name has here."""
        return index_arn(bucket, index, region=self.region, account=self.account, partition=self.partition)

    def save_bucket(self, bucket: Bucket) -> None:
        """Add *bucket*, or put it in the place of the one of that name, whose indexes it must hold."""
        self.store.save_bucket(bucket)
        self.buckets[bucket.name] = bucket

    def remove_bucket(self, bucket: Bucket) -> None:
        """Remove *bucket*, which is empty."""
        self.store.remove_bucket(bucket)
        del self.buckets[bucket.name]

    def save_index(self, index: Index) -> None:
        """Add *index* to its bucket, or put it in the place of the one of that name, with the same table."""
        self.store.save_index(index)
        self.buckets[index.bucket].indexes[index.name] = index

    def remove_index(self, index: Index) -> None:
        """Remove *index* with its vectors."""
        self.store.remove_index(index)
        del self.buckets[index.bucket].indexes[index.name]

    def put_vectors(
        self, index: Index, keys: Sequence[str], vectors: Float32Matrix, metadata: Sequence[Metadata | None]
    ) -> None:
        """Insert or wholly replace. *keys* must differ; *vectors* has shape (n, dimension)."""
        self.store.put_vectors(index, keys, vectors, metadata)
        index.table.put(keys, vectors, metadata)
        index.texts.touch(keys)

    def delete_vectors(self, index: Index, keys: Sequence[str]) -> None:
        """Remove those *keys* that are present."""
        self.store.delete_vectors(index, keys)
        index.table.delete(keys)
        index.texts.touch(keys)

    def reset(self) -> None:
        """Remove everything."""
        self.store.remove_everything()
        self.buckets.clear()
        self.snapshots = Snapshots()
