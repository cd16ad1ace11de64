"""Request bodies, parsed again with the standard library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.body_encoding import Body
from vecgate.load.scenario.scenario_spec import QUERIES, QuerySpec, Scenario
from vecgate.load.traffic.request_bodies import RequestBodies, pick_records, record_key, record_number
from vecgate.load.traffic.vector_pool import GROUPS, VectorPool, generate_pool
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.metadata import metadata_bytes
from vecgate.testing.strategies import metadata_objects

ADDRESS = {"vectorBucketName": "media", "indexName": "films"}


def build_bodies(pool: VectorPool, **query: Any) -> RequestBodies:
    return RequestBodies(IndexAddress("media", "films"), Scenario(query=QuerySpec(**query)), pool)


def small_pool() -> VectorPool:
    return generate_pool(10, dimension=4, clusters=2, spread=0.3, metadata="small", seed=1)


def read(body: Body) -> dict[str, Any]:
    """Parse *body*, after checking its hash."""
    assert body.sha256 == hashlib.sha256(body.data).hexdigest()
    found: dict[str, Any] = json.loads(body.data)
    return found


def bits(values: Sequence[float]) -> bytes:
    return np.array(values, dtype=np.float32).tobytes()


@st.composite
def pools(draw: st.DrawFn) -> VectorPool:
    """Generate pools of any vectors that are small enough to add noise to."""
    size, dimension = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    values = st.lists(st.floats(-1e6, 1e6, width=32), min_size=dimension, max_size=dimension)
    vectors = np.array(draw(st.lists(values, min_size=size, max_size=size)), dtype=np.float32)
    metadata = st.lists(st.none() | metadata_objects(), min_size=size, max_size=size)
    return VectorPool(vectors, draw(metadata))


@given(pool=pools(), first=st.integers(0, 10**9), count=st.integers(1, 20))
def test_a_body_is_the_json_of_its_records(pool: VectorPool, first: int, count: int) -> None:
    """Keys in order, exact float32 values, and metadata; also across the end of the pool."""
    records = range(first, first + count)
    bodies = build_bodies(pool)
    body = read(bodies.put(records))
    found = body.pop("vectors")
    assert body == ADDRESS
    assert [each["key"] for each in found] == [f"v{record:010d}" for record in records]
    for each, record in zip(found, records, strict=True):
        row = record % len(pool)
        assert bits(each["data"].pop("float32")) == bits(pool.vectors[row].tolist())
        assert each["data"] == {}
        assert each.get("metadata") == pool.metadata[row]
    assert bodies.stored_bytes(records) == sum(
        len(each["key"])
        + 4 * pool.dimension
        + (metadata_bytes(each["metadata"]) if "metadata" in each else 0)
        for each in found
    )


def test_a_body_may_contain_any_records() -> None:
    """After a batch was split, the remaining records are not adjacent."""
    body = read(build_bodies(small_pool()).put([5, 3, 25]))
    assert [each["key"] for each in body["vectors"]] == ["v0000000005", "v0000000003", "v0000000025"]
    assert [each["metadata"]["row"] for each in body["vectors"]] == [5, 3, 5]


@given(record=st.integers(0, 10**10 - 1))
def test_a_key_contains_the_number_of_its_record(record: int) -> None:
    """All keys have the same length."""
    assert record_number(record_key(record)) == record
    assert len(record_key(record)) == 11


def test_queries_are_distinct_and_repeat() -> None:
    """With the settings of the scenario."""
    bodies = build_bodies(small_pool(), top_k=7, return_metadata=True)
    found = [read(bodies.query(number, filtered=False)) for number in range(QUERIES)]
    vectors = [bits(each.pop("queryVector")["float32"]) for each in found]
    assert vectors == [row.tobytes() for row in bodies.query_set.vectors]
    assert len(set(vectors)) == QUERIES
    expected = {**ADDRESS, "topK": 7, "returnDistance": True, "returnMetadata": True}
    assert all(each == expected for each in found)
    assert bodies.query(QUERIES + 3, filtered=False) == bodies.query(3, filtered=False)


def test_a_filtered_query_is_the_same_query_with_a_filter() -> None:
    """On each of a hundred groups in turn."""
    bodies = build_bodies(small_pool())
    for number in range(QUERIES):
        filtered = read(bodies.query(number, filtered=True))
        assert filtered.pop("filter") == {"group": f"g{number % GROUPS:02d}"}
        assert filtered == read(bodies.query(number, filtered=False))
        assert (filtered["topK"], filtered["returnMetadata"]) == (10, False)


def test_reads_and_deletes_contain_their_keys() -> None:
    """A listing has none."""
    bodies, keys = build_bodies(small_pool()), ["v0000000004", "v0000000009"]
    assert read(bodies.get([4, 9])) == {**ADDRESS, "keys": keys, "returnData": True, "returnMetadata": True}
    assert read(bodies.delete([4, 9])) == {**ADDRESS, "keys": keys}
    assert read(bodies.listing()) == {**ADDRESS, "maxResults": 100, "returnData": False}


@given(record=st.integers(0, 10**6), count=st.integers(0, 300), total=st.integers(0, 1_000))
@example(record=3, count=10, total=9)
@example(record=1, count=100, total=100)
def test_picked_records_are_distinct_and_exist(record: int, count: int, total: int) -> None:
    """As many as requested, or all; the same ones each time."""
    picked = pick_records(record, count, total)
    assert len(picked) == len(set(picked)) == min(count, total)
    assert all(0 <= each < total for each in picked)
    assert picked == pick_records(record, count, total)


def test_picked_records_differ_between_arrivals() -> None:
    """Over time every record is picked."""
    picked = [pick_records(arrival, 10, 1_000) for arrival in range(1_000)]
    assert {record for each in picked for record in each} == set(range(1_000))
