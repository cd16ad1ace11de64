"""What the endpoint holds: one account in one region, its vector buckets, their indexes.

Buckets and indexes are values; a change of one is a new value in its place. What grows, the vectors of an
index, is a `VectorTable`. The state knows nothing of requests: `operations` read and change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vecgate.endpoint.snapshots import Snapshots
from vecgate.endpoint.table import VectorTable
from vecgate.s3vectors.arn import bucket_arn, index_arn

Json: TypeAlias = Mapping[str, Any]

#: Buckets made on or after 2026-09-30 are ENHANCED and never CLASSIC (observed 2026-10).
DEFAULT_INDEX_MODE = "ENHANCED"
DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Index:
    """A vector index: its settings, and its vectors.

    arn                     its address
    created_s               epoch seconds, whole
    metric                  `cosine` or `euclidean`
    metadata_configuration  as given at creation, empty where nothing was set
    encryption              its own, or its bucket's
    mode                    `ENHANCED` or `CLASSIC`
    serial                  tells it from an earlier index of the same name
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

    @property
    def non_filterable(self) -> frozenset[str]:
        """The metadata keys that no filter may name."""
        return frozenset(self.metadata_configuration.get("nonFilterableMetadataKeys", ()))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A vector bucket and its indexes by name."""

    name: str
    arn: str
    created_s: int
    encryption: Json
    tags: Mapping[str, str]
    default_mode: str = DEFAULT_INDEX_MODE
    indexes: dict[str, Index] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Everything. One request at a time may touch it.

    account, region  as they stand in ARNs
    buckets          by name
    snapshots        the results of queries that have further pages
    serial           counts requests: chance would make two runs differ
    """

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    buckets: dict[str, Bucket] = field(default_factory=dict)
    snapshots: Snapshots = field(default_factory=Snapshots)
    serial: int = 0

    def bucket_arn(self, bucket: str) -> str:
        """The ARN that a bucket of that name has here."""
        return bucket_arn(bucket, region=self.region, account=self.account)

    def index_arn(self, bucket: str, index: str) -> str:
        """The ARN that an index of that name has here."""
        return index_arn(bucket, index, region=self.region, account=self.account)
