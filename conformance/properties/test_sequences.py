"""Properties of request sequences: whatever the sequence, the target matches the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.tolerant_reading import DistanceForm, TolerantIndex
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle

from ..oracle import Oracle, OracleIndex
from .oracle_checks import assert_nearest, put_rows
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
    """Two buckets with two indexes each, which may or may not exist. The oracle has the expected state."""

    client: Any
    expect_error: ErrorExpectation
    new_name: Callable[[], str]
    form: DistanceForm

    def __init__(self, client: Any, new_name: Callable[[], str], form: DistanceForm) -> None:
        super().__init__()
        self.form = form
        self.client, self.expect_error, self.new_name = client, ErrorExpectation(client), new_name
        self.oracle: Oracle = Oracle()
        self.names: list[str] = [new_name(), new_name()]

    def index(self, bucket: int, index: int) -> IndexHandle:
        handle = IndexHandle(self.client, self.names[bucket], f"index-{index}", "", 2)
        expected = self.expected(handle)
        return TolerantIndex(handle, expected.metric if expected else "cosine", self.form.is_rooted)

    def expected(self, index: IndexHandle) -> OracleIndex | None:
        """Return the oracle's index, or None if it does not exist."""
        return (
            self.oracle.index(index.bucket, index.name)
            if self.oracle.has_index(index.bucket, index.name)
            else None
        )

    @initialize(metric=METRICS)
    def create_first_index(self, metric: str) -> None:
        self.create_bucket(0)
        self.create_index(0, 0, metric)

    @rule(bucket=SLOTS)
    def create_bucket(self, bucket: int) -> None:
        name = self.names[bucket]
        if self.oracle.has_bucket(name):
            self.expect_error("CreateVectorBucket", {"vectorBucketName": name}, code="ConflictException")
        else:
            self.client.create_vector_bucket(vectorBucketName=name)
            self.oracle.buckets[name] = {}

    @rule(bucket=SLOTS, index=SLOTS, metric=METRICS)
    def create_index(self, bucket: int, index: int, metric: str) -> None:
        handle = self.index(bucket, index)
        members = {**handle.address, "dataType": "float32", "dimension": 2, "distanceMetric": metric}
        if not self.oracle.has_bucket(handle.bucket):
            self.expect_error("CreateIndex", members, code="NotFoundException")
        elif self.expected(handle):
            self.expect_error("CreateIndex", members, code="ConflictException")
        else:
            self.client.create_index(**members)
            self.oracle.buckets[handle.bucket][handle.name] = OracleIndex(metric)

    @rule(bucket=SLOTS, index=SLOTS)
    def delete_index(self, bucket: int, index: int) -> None:
        handle = self.index(bucket, index)
        if self.expected(handle):
            handle.remove()
            del self.oracle.buckets[handle.bucket][handle.name]
        else:
            self.expect_error("DeleteIndex", handle.address, code="NotFoundException")

    @rule(bucket=SLOTS)
    def delete_bucket(self, bucket: int) -> None:
        name = self.names[bucket]
        if not self.oracle.has_bucket(name):
            self.expect_error("DeleteVectorBucket", {"vectorBucketName": name}, code="NotFoundException")
        elif self.oracle.buckets[name]:
            self.expect_error("DeleteVectorBucket", {"vectorBucketName": name}, code="ConflictException")
        else:
            self.client.delete_vector_bucket(vectorBucketName=name)
            del self.oracle.buckets[name]
            # It is not known whether the name of a deleted bucket can be used at once.
            self.names[bucket] = self.new_name()

    @rule(bucket=SLOTS, index=SLOTS, rows=ROWS)
    def put_vectors(self, bucket: int, index: int, rows: list[Any]) -> None:
        handle = self.index(bucket, index)
        if expected := self.expected(handle):
            put_rows(handle, expected, rows)
        else:
            vectors = [{"key": key, "data": {"float32": values}} for key, values, _ in rows]
            self.expect_error("PutVectors", {**handle.address, "vectors": vectors}, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS, keys=st.sets(KEYS, min_size=1))
    def delete_vectors(self, bucket: int, index: int, keys: set[str]) -> None:
        handle = self.index(bucket, index)
        if expected := self.expected(handle):
            handle.delete(*sorted(keys))
            for key in keys:
                expected.delete(key)
        else:
            self.expect_error(
                "DeleteVectors", {**handle.address, "keys": sorted(keys)}, code="NotFoundException"
            )

    @rule(bucket=SLOTS, index=SLOTS, keys=st.sets(KEYS, min_size=1))
    def get_vectors(self, bucket: int, index: int, keys: set[str]) -> None:
        handle = self.index(bucket, index)
        if expected := self.expected(handle):
            assert handle.get(*sorted(keys)) == expected.stored(*keys)
        else:
            self.expect_error(
                "GetVectors", {**handle.address, "keys": sorted(keys)}, code="NotFoundException"
            )

    @rule(bucket=SLOTS, index=SLOTS, size=st.integers(1, 7))
    def list_vectors(self, bucket: int, index: int, size: int) -> None:
        handle = self.index(bucket, index)
        if expected := self.expected(handle):
            listed = handle.scan(returnData=True, returnMetadata=True, maxResults=size)
            assert len(listed) == len(expected.records)
            assert {each["key"]: each for each in listed} == expected.stored()
        else:
            self.expect_error("ListVectors", handle.address, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS)
    def get_index(self, bucket: int, index: int) -> None:
        handle = self.index(bucket, index)
        if expected := self.expected(handle):
            described = handle.call("GetIndex")["index"]
            assert (described["dimension"], described["distanceMetric"]) == (2, expected.metric)
        else:
            self.expect_error("GetIndex", handle.address, code="NotFoundException")

    @rule(bucket=SLOTS)
    def list_indexes(self, bucket: int) -> None:
        name = self.names[bucket]
        if self.oracle.has_bucket(name):
            listed = self.client.list_indexes(vectorBucketName=name)["indexes"]
            assert sorted(each["indexName"] for each in listed) == sorted(self.oracle.buckets[name])
        else:
            self.expect_error("ListIndexes", {"vectorBucketName": name}, code="NotFoundException")

    @rule(bucket=SLOTS)
    def get_bucket(self, bucket: int) -> None:
        name = self.names[bucket]
        if self.oracle.has_bucket(name):
            described = self.client.get_vector_bucket(vectorBucketName=name)["vectorBucket"]
            assert described["vectorBucketName"] == name
        else:
            self.expect_error("GetVectorBucket", {"vectorBucketName": name}, code="NotFoundException")

    def teardown(self) -> None:
        for bucket, indexes in self.oracle.buckets.items():
            for index in indexes:
                self.client.delete_index(vectorBucketName=bucket, indexName=index)
            self.client.delete_vector_bucket(vectorBucketName=bucket)


class SequencesWithQueries(Sequences):
    """The same, with queries between the other requests."""

    @rule(bucket=SLOTS, index=SLOTS, query=plain_values(2), top_k=st.integers(1, 7))
    def query_vectors(self, bucket: int, index: int, query: Values, top_k: int) -> None:
        handle = self.index(bucket, index)
        if expected := self.expected(handle):
            assert_nearest(handle.query(query, top_k), expected, query, top_k=top_k)
        else:
            members = {**handle.address, "queryVector": {"float32": query}, "topK": top_k}
            self.expect_error("QueryVectors", members, code="NotFoundException")

    @rule(bucket=SLOTS, index=SLOTS, query=plain_values(2), filter_=filters_seen(), top_k=st.integers(1, 7))
    def filter_vectors(self, bucket: int, index: int, query: Values, filter_: Filter, top_k: int) -> None:
        handle = self.index(bucket, index)
        if expected := self.expected(handle):
            found = handle.query(query, top_k, filter=filter_)
            assert_nearest(found, expected, query, top_k=top_k, condition=filter_)


def run_machine(
    machine: type[Sequences], client: Any, new_name: Callable[[], str], form: DistanceForm
) -> None:
    default = settings.default
    assert default is not None
    steps = settings(default, stateful_step_count=STEPS, max_examples=min(EXAMPLES, default.max_examples))
    # Any callable that returns a state machine is accepted.
    run_state_machine_as_test(lambda: machine(client, new_name, form), settings=steps)  # type: ignore[arg-type]


@requirement(
    "properties.sequences", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS, slow=True
)
def test_any_sequence_of_requests(
    client: Any, new_name: Callable[[], str], distance_form: DistanceForm
) -> None:
    """After any sequence of creations, writes and deletions, the stored vectors are the expected ones."""
    run_machine(Sequences, client, new_name, distance_form)


@requirement(
    "properties.sequences-with-queries",
    kind="effect",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    needs="query",
    slow=True,
)
def test_any_sequence_with_queries(
    client: Any, new_name: Callable[[], str], distance_form: DistanceForm
) -> None:
    """After any sequence of writes, queries and filters find what is stored now."""
    run_machine(SequencesWithQueries, client, new_name, distance_form)
