"""Bodies that are joined from parts, read back with the standard library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.encoding import Body
from vecgate.load.bodies import Bodies, key_of, record_of, spread_over
from vecgate.load.data import GROUPS, Pool, synthetic_pool
from vecgate.load.specs import QUERIES, QuerySpec, Scenario
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.metadata import metadata_bytes
from vecgate.testing.strategies import metadata_objects

ADDRESS = {"vectorBucketName": "media", "indexName": "films"}


def bodies_of(pool: Pool, **query: Any) -> Bodies:
    return Bodies(IndexAddress("media", "films"), Scenario(query=QuerySpec(**query)), pool)


def small_pool() -> Pool:
    return synthetic_pool(10, dimension=4, clusters=2, spread=0.3, metadata="small", seed=1)


def read(body: Body) -> dict[str, Any]:
    """What is in *body*, whose hash is right."""
    assert body.sha256 == hashlib.sha256(body.data).hexdigest()
    found: dict[str, Any] = json.loads(body.data)
    return found


def bits(values: Sequence[float]) -> bytes:
    return np.array(values, dtype=np.float32).tobytes()


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Of any vectors that are not so large that their noise has no room."""
    size, dimension = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    values = st.lists(st.floats(-1e6, 1e6, width=32), min_size=dimension, max_size=dimension)
    vectors = np.array(draw(st.lists(values, min_size=size, max_size=size)), dtype=np.float32)
    metadata = st.lists(st.none() | metadata_objects(), min_size=size, max_size=size)
    return Pool(vectors, draw(metadata))


@given(pool=pools(), first=st.integers(0, 10**9), count=st.integers(1, 20))
def test_a_body_is_the_json_of_its_records(pool: Pool, first: int, count: int) -> None:
    """Keys in order, float32 values to the last bit, metadata where there is any; also round the pool."""
    records = range(first, first + count)
    bodies = bodies_of(pool)
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


def test_a_body_may_hold_any_records() -> None:
    """Not only neighbours: a batch that was cut goes on with what is left of it."""
    body = read(bodies_of(small_pool()).put([5, 3, 25]))
    assert [each["key"] for each in body["vectors"]] == ["v0000000005", "v0000000003", "v0000000025"]
    assert [each["metadata"]["row"] for each in body["vectors"]] == [5, 3, 5]


@given(record=st.integers(0, 10**10 - 1))
def test_a_key_tells_its_record(record: int) -> None:
    """And is as long as any other."""
    assert record_of(key_of(record)) == record
    assert len(key_of(record)) == 11


def test_queries_are_distinct_and_come_again() -> None:
    """With what the scenario asks for."""
    bodies = bodies_of(small_pool(), top_k=7, return_metadata=True)
    found = [read(bodies.query(number, filtered=False)) for number in range(QUERIES)]
    vectors = [bits(each.pop("queryVector")["float32"]) for each in found]
    assert vectors == [row.tobytes() for row in bodies.queries]
    assert len(set(vectors)) == QUERIES
    asked = {**ADDRESS, "topK": 7, "returnDistance": True, "returnMetadata": True}
    assert all(each == asked for each in found)
    assert bodies.query(QUERIES + 3, filtered=False) == bodies.query(3, filtered=False)


def test_a_filtered_query_asks_the_same_of_fewer() -> None:
    """One in a hundred groups, each in its turn."""
    bodies = bodies_of(small_pool())
    for number in range(QUERIES):
        filtered = read(bodies.query(number, filtered=True))
        assert filtered.pop("filter") == {"group": f"g{number % GROUPS:02d}"}
        assert filtered == read(bodies.query(number, filtered=False))
        assert (filtered["topK"], filtered["returnMetadata"]) == (10, False)


def test_reads_and_deletes_name_their_keys() -> None:
    """A listing names none."""
    bodies, keys = bodies_of(small_pool()), ["v0000000004", "v0000000009"]
    assert read(bodies.get([4, 9])) == {**ADDRESS, "keys": keys, "returnData": True, "returnMetadata": True}
    assert read(bodies.delete([4, 9])) == {**ADDRESS, "keys": keys}
    assert read(bodies.listing()) == {**ADDRESS, "maxResults": 100, "returnData": False}


@given(record=st.integers(0, 10**6), count=st.integers(0, 300), total=st.integers(0, 1_000))
@example(record=3, count=10, total=9)
@example(record=1, count=100, total=100)
def test_records_that_are_picked_are_different_and_there(record: int, count: int, total: int) -> None:
    """As many as were asked for, where there are so many; the same each time."""
    picked = spread_over(record, count, total)
    assert len(picked) == len(set(picked)) == min(count, total)
    assert all(0 <= each < total for each in picked)
    assert picked == spread_over(record, count, total)


def test_picks_differ_from_arrival_to_arrival() -> None:
    """Over time every record has its turn."""
    picked = [spread_over(arrival, 10, 1_000) for arrival in range(1_000)]
    assert {record for each in picked for record in each} == set(range(1_000))
