"""Random sequences of operations, against a model made of dictionaries."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vecgate.endpoint.answers import Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.state import State

buckets = st.sampled_from(["bucket-a", "bucket-b"])
indexes = st.sampled_from(["index-a", "index-b", "index.c"])
keys = st.sampled_from([f"key-{number}" for number in range(12)])
vectors = st.tuples(st.integers(-3, 3), st.integers(-3, 3))
metadatas = st.none() | st.fixed_dictionaries(
    {}, optional={"n": st.integers(0, 3), "t": st.sampled_from(["a", "b"])}
)
batches = st.dictionaries(keys, st.tuples(vectors, metadatas), min_size=1, max_size=8)
sizes = st.integers(1, 13)

Record = tuple[tuple[int, int], dict[str, Any] | None]


class Sequences(RuleBasedStateMachine):
    """The endpoint beside the model: the same answers, whatever the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.now = 1_800_000_000.0
        self.model: dict[str, dict[str, dict[str, Record]]] = {}

    def call(self, operation: str, **members: Any) -> tuple[int, dict[str, Any]]:
        self.now += 1
        answer = apply(self.state, Request("POST", f"/{operation}", orjson.dumps(members)), self.now)
        return answer.status, orjson.loads(answer.body)

    def records(self, bucket: str, index: str) -> dict[str, Record] | None:
        return self.model.get(bucket, {}).get(index)

    def on_index(self, operation: str, bucket: str, index: str, **members: Any) -> dict[str, Any] | None:
        """The answer where the index is there; None where it is not, which must be a 404."""
        status, answer = self.call(operation, vectorBucketName=bucket, indexName=index, **members)
        if self.records(bucket, index) is None:
            assert (status, answer["message"]) == (404, "The specified index could not be found")
            return None
        assert status == 200, answer
        return answer

    @initialize(batch=batches)
    def begin_with_one_index(self, batch: dict[str, Record]) -> None:
        self.create_bucket("bucket-a")
        self.create_index("bucket-a", "index-a")
        self.put("bucket-a", "index-a", batch)

    @rule(bucket=buckets)
    def create_bucket(self, bucket: str) -> None:
        status, _ = self.call("CreateVectorBucket", vectorBucketName=bucket)
        assert status == (409 if bucket in self.model else 200)
        self.model.setdefault(bucket, {})

    @rule(bucket=buckets)
    def delete_bucket(self, bucket: str) -> None:
        status, _ = self.call("DeleteVectorBucket", vectorBucketName=bucket)
        assert status == (404 if bucket not in self.model else 409 if self.model[bucket] else 200)
        if status == 200:
            del self.model[bucket]

    @rule(bucket=buckets, index=indexes)
    def create_index(self, bucket: str, index: str) -> None:
        shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "euclidean"}
        status, _ = self.call("CreateIndex", vectorBucketName=bucket, indexName=index, **shape)
        assert status == (404 if bucket not in self.model else 409 if index in self.model[bucket] else 200)
        if status == 200:
            self.model[bucket][index] = {}

    @rule(bucket=buckets, index=indexes)
    def delete_index(self, bucket: str, index: str) -> None:
        if self.on_index("DeleteIndex", bucket, index) is not None:
            del self.model[bucket][index]

    @rule(bucket=buckets, index=indexes, batch=batches)
    def put(self, bucket: str, index: str, batch: dict[str, Record]) -> None:
        wire = [
            {"key": key, "data": {"float32": list(vector)}, "metadata": metadata}
            for key, (vector, metadata) in batch.items()
        ]
        if self.on_index("PutVectors", bucket, index, vectors=wire) is not None:
            self.model[bucket][index] |= batch

    @rule(bucket=buckets, index=indexes, batch=batches, bad=keys)
    def put_with_one_bad_vector(self, bucket: str, index: str, batch: dict[str, Record], bad: str) -> None:
        wire = [{"key": key, "data": {"float32": [1, 2]}} for key in batch if key != bad]
        wire.append({"key": bad, "data": {"float32": [1, 2, 3]}})
        status, _ = self.call("PutVectors", vectorBucketName=bucket, indexName=index, vectors=wire)
        assert status == (404 if self.records(bucket, index) is None else 400)

    @rule(bucket=buckets, index=indexes, gone=st.sets(keys, min_size=1))
    def delete(self, bucket: str, index: str, gone: set[str]) -> None:
        if self.on_index("DeleteVectors", bucket, index, keys=sorted(gone)) is not None:
            for key in gone:
                self.model[bucket][index].pop(key, None)

    @rule(bucket=buckets, index=indexes, wanted=st.lists(keys, min_size=1))
    def get(self, bucket: str, index: str, wanted: list[str]) -> None:
        answer = self.on_index("GetVectors", bucket, index, keys=wanted, returnData=True, returnMetadata=True)
        if answer is not None:
            records = self.model[bucket][index]
            assert as_records(answer) == {key: shown(records[key]) for key in set(wanted) & records.keys()}

    @rule(bucket=buckets, index=indexes, size=sizes, segments=st.integers(1, 4))
    def scan(self, bucket: str, index: str, size: int, segments: int) -> None:
        found: list[str] = []
        for segment in range(segments):
            members: dict[str, Any] = {"segmentIndex": segment, "segmentCount": segments, "maxResults": size}
            while answer := self.on_index("ListVectors", bucket, index, **members):
                found += [each["key"] for each in answer["vectors"]]
                if "nextToken" not in answer:
                    break
                members["nextToken"] = answer["nextToken"]
        assert sorted(found) == sorted(self.records(bucket, index) or {})

    @rule(bucket=buckets, index=indexes, near=vectors, top_k=sizes, least=st.none() | st.integers(0, 3))
    def query(self, bucket: str, index: str, near: tuple[int, int], top_k: int, least: int | None) -> None:
        members: dict[str, Any] = {
            "topK": top_k,
            "queryVector": {"float32": list(near)},
            "returnDistance": True,
        }
        if least is not None:
            members["filter"] = {"n": {"$gte": least}}
        answer = self.on_index("QueryVectors", bucket, index, **members)
        if answer is not None:
            matching = {
                key: (vector[0] - near[0]) ** 2 + (vector[1] - near[1]) ** 2
                for key, (vector, metadata) in self.model[bucket][index].items()
                if least is None or (metadata or {}).get("n", -1) >= least
            }
            nearest = sorted(matching.items(), key=lambda item: (item[1], item[0]))[:top_k]
            assert [(each["key"], each["distance"]) for each in answer["vectors"]] == nearest

    @invariant()
    def lists_show_what_is_there(self) -> None:
        _, answer = self.call("ListVectorBuckets")
        assert [each["vectorBucketName"] for each in answer["vectorBuckets"]] == sorted(self.model)
        for bucket, held in self.model.items():
            _, answer = self.call("ListIndexes", vectorBucketName=bucket)
            assert [each["indexName"] for each in answer["indexes"]] == sorted(held)


def as_records(answer: dict[str, Any]) -> dict[str, tuple[tuple[float, ...], dict[str, Any]]]:
    return {each["key"]: (tuple(each["data"]["float32"]), each["metadata"]) for each in answer["vectors"]}


def shown(record: Record) -> tuple[tuple[float, ...], dict[str, Any]]:
    return record[0], record[1] or {}


Sequences.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSequences = Sequences.TestCase
