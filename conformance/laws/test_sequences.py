"""Sequences of requests against the oracle: buckets, indexes and vectors come, change and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index

from ..oracle import Oracle, OracleIndex
from .judging import assert_nearest, put
from .strategies import Filter, Values, filterable_scalars, filters_seen, plain_values

SLOTS = st.integers(0, 1)
KEYS = st.sampled_from(["a", "b", "c", "d", "e", "f"])
METRICS = st.sampled_from(["cosine", "euclidean"])
ROWS = st.lists(
    st.tuples(KEYS, plain_values(2), st.none() | filterable_scalars().map(lambda objects: objects[0])),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[0],
)
STEPS = 30
EXAMPLES = 25


class Sequences(RuleBasedStateMachine):
    """Two buckets with two indexes each, which exist or do not; the oracle knows."""

    def __init__(self, client: Any, new_name: Callable[[], str]) -> None:
        super().__init__()
        self.client, self.refused, self.new_name = client, Refused(client), new_name
        self.oracle = Oracle()
        self.names = [new_name(), new_name()]

    def index(self, bucket: int, index: int) -> Index:
        return Index(self.client, self.names[bucket], f"index-{index}", "", 2)

    def known(self, index: Index) -> OracleIndex | None:
        """The oracle's index, or None where there is none."""
        return (
            self.oracle.index(index.bucket, index.name)
            if self.oracle.has_index(index.bucket, index.name)
            else None
        )

    @initialize(metric=METRICS)
    def begin(self, metric: str) -> None:
        self.create_bucket(0)
        self.create_index(0, 0, metric)

    @rule(bucket=SLOTS)
    def create_bucket(self, bucket: int) -> None:
        name = self.names[bucket]
        if self.oracle.has_bucket(name):
            self.refused("CreateVectorBucket", {"vectorBucketName": name}, code="ConflictException")
        else:
            self.client.create_vector_bucket(vectorBucketName=name)
            self.oracle.buckets[name] = {}

    @rule(bucket=SLOTS, index=SLOTS, metric=METRICS)
    def create_index(self, bucket: int, index: int, metric: str) -> None:
        named = self.index(bucket, index)
        asked = {**named.address, "dataType": "float32", "dimension": 2, "distanceMetric": metric}
        if not self.oracle.has_bucket(named.bucket):
            self.refused("CreateIndex", asked, code="NotFoundException")
        elif self.known(named):
            self.refused("CreateIndex", asked, code="ConflictException")
        else:
            self.client.create_index(**asked)
            self.oracle.buckets[named.bucket][named.name] = OracleIndex(metric)

    @rule(bucket=SLOTS, index=SLOTS)
    def delete_index(self, bucket: int, index: int) -> None:
        named = self.index(bucket, index)
        if self.known(named):
            named.remove()
            del self.oracle.buckets[named.bucket][named.name]
        else:
            self.refused("DeleteIndex", named.address, code="NotFoundException")

    @rule(bucket=SLOTS)
    def delete_bucket(self, bucket: int) -> None:
        name = self.names[bucket]
        if not self.oracle.has_bucket(name):
            self.refused("DeleteVectorBucket", {"vectorBucketName": name}, code="NotFoundException")
        elif self.oracle.buckets[name]:
            self.refused("DeleteVectorBucket", {"vectorBucketName": name}, code="ConflictException")
        else:
            self.client.delete_vector_bucket(vectorBucketName=name)
            del self.oracle.buckets[name]
            # Whether a name is free again at once is not known.
            self.names[bucket] = self.new_name()

    @rule(bucket=SLOTS, index=SLOTS, rows=ROWS)
    def put_vectors(self, bucket: int, index: int, rows: list[Any]) -> None:
        named = self.index(bucket, index)
        if known := self.known(named):
            put(named, known, rows)
        else:
            vectors = [{"key": key, "data": {"float32": values}} for key, values, _ in rows]
            self.refused("PutVectors", {**named.address, "vectors": vectors}, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS, keys=st.sets(KEYS, min_size=1))
    def delete_vectors(self, bucket: int, index: int, keys: set[str]) -> None:
        named = self.index(bucket, index)
        if known := self.known(named):
            named.delete(*sorted(keys))
            for key in keys:
                known.delete(key)
        else:
            self.refused("DeleteVectors", {**named.address, "keys": sorted(keys)}, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS, keys=st.sets(KEYS, min_size=1))
    def get_vectors(self, bucket: int, index: int, keys: set[str]) -> None:
        named = self.index(bucket, index)
        if known := self.known(named):
            assert named.get(*sorted(keys)) == known.stored(*keys)
        else:
            self.refused("GetVectors", {**named.address, "keys": sorted(keys)}, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS, size=st.integers(1, 7))
    def list_vectors(self, bucket: int, index: int, size: int) -> None:
        named = self.index(bucket, index)
        if known := self.known(named):
            listed = named.scan(returnData=True, returnMetadata=True, maxResults=size)
            assert len(listed) == len(known.records)
            assert {each["key"]: each for each in listed} == known.stored()
        else:
            self.refused("ListVectors", named.address, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS)
    def get_index(self, bucket: int, index: int) -> None:
        named = self.index(bucket, index)
        if known := self.known(named):
            described = named.call("GetIndex")["index"]
            assert (described["dimension"], described["distanceMetric"]) == (2, known.metric)
        else:
            self.refused("GetIndex", named.address, code="NotFoundException")

    @rule(bucket=SLOTS)
    def list_indexes(self, bucket: int) -> None:
        name = self.names[bucket]
        if self.oracle.has_bucket(name):
            listed = self.client.list_indexes(vectorBucketName=name)["indexes"]
            assert sorted(each["indexName"] for each in listed) == sorted(self.oracle.buckets[name])
        else:
            self.refused("ListIndexes", {"vectorBucketName": name}, code="NotFoundException")

    @rule(bucket=SLOTS)
    def get_bucket(self, bucket: int) -> None:
        name = self.names[bucket]
        if self.oracle.has_bucket(name):
            described = self.client.get_vector_bucket(vectorBucketName=name)["vectorBucket"]
            assert described["vectorBucketName"] == name
        else:
            self.refused("GetVectorBucket", {"vectorBucketName": name}, code="NotFoundException")

    def teardown(self) -> None:
        for bucket, indexes in self.oracle.buckets.items():
            for index in indexes:
                self.client.delete_index(vectorBucketName=bucket, indexName=index)
            self.client.delete_vector_bucket(vectorBucketName=bucket)


class SequencesWithQueries(Sequences):
    """The same, searched in between."""

    @rule(bucket=SLOTS, index=SLOTS, query=plain_values(2), top_k=st.integers(1, 7))
    def query_vectors(self, bucket: int, index: int, query: Values, top_k: int) -> None:
        named = self.index(bucket, index)
        if known := self.known(named):
            assert_nearest(named.query(query, top_k), known, query, top_k=top_k)
        else:
            asked = {**named.address, "queryVector": {"float32": query}, "topK": top_k}
            self.refused("QueryVectors", asked, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS, query=plain_values(2), filter_=filters_seen(), top_k=st.integers(1, 7))
    def filter_vectors(self, bucket: int, index: int, query: Values, filter_: Filter, top_k: int) -> None:
        named = self.index(bucket, index)
        if known := self.known(named):
            found = named.query(query, top_k, filter=filter_)
            assert_nearest(found, known, query, top_k=top_k, condition=filter_)


def run(machine: type[Sequences], client: Any, new_name: Callable[[], str]) -> None:
    default = settings.default
    assert default is not None
    steps = settings(default, stateful_step_count=STEPS, max_examples=min(EXAMPLES, default.max_examples))
    # Any callable that makes a machine will do.
    run_state_machine_as_test(lambda: machine(client, new_name), settings=steps)  # type: ignore[arg-type]


@requirement("laws.sequences", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_any_sequence_of_requests(client: Any, new_name: Callable[[], str]) -> None:
    """Whatever is created, put and deleted, in whatever order: what is stored is what it should be."""
    run(Sequences, client, new_name)


@requirement(
    "laws.sequences-with-queries",
    level="must",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    needs="query",
)
def test_any_sequence_with_queries(client: Any, new_name: Callable[[], str]) -> None:
    """Whatever was written, in whatever order: searches and filters find what is stored now."""
    run(SequencesWithQueries, client, new_name)
