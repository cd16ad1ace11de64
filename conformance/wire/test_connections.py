"""Connections: one is used again and again, after a refusal as well as after a success."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.testing import sources
from vecgate.testing.refusals import refusal_of
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex, vector


def refused_put(index: Index, vectors: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientError) as error:
        index.call("PutVectors", vectors=vectors)
    assert refusal_of(error.value).status == 400


@requirement("wire.after-a-refusal", level="must", evidence="inferred", source=sources.REST_JSON)
def test_after_a_refusal_the_next_request_is_served(client: Any, make_index: MakeIndex) -> None:
    """Refusals and successes take turns on the connections of one client."""
    index = make_index()
    for number in range(5):
        refused_put(index, [vector("bad", [1.0])])
        index.put((f"k{number}", [1.0, 0.5]))
        with pytest.raises(client.exceptions.NotFoundException):
            client.list_vectors(**{**index.address, "indexName": "vecgate-absent"})
    assert index.keys() == {f"k{number}" for number in range(5)}


@requirement("wire.after-a-large-refusal", level="must", evidence="inferred", source=sources.REST_JSON)
def test_after_a_large_refused_body_the_next_request_is_served(make_index: MakeIndex) -> None:
    """A body of several megabytes that is refused leaves nothing behind on its connection."""
    index = make_index(non_filterable=["bulk"])
    for _ in range(3):
        refused_put(index, [vector(f"k{number}", [1.0, 0.5], {"bulk": "x" * 41_000}) for number in range(50)])
        index.put(("k", [1.0, 0.5]))
        assert index.keys() == {"k"}


@requirement("wire.requests-side-by-side", level="must", evidence="inferred", source=sources.PRACTICES)
def test_requests_side_by_side_do_not_mix(make_index: MakeIndex) -> None:
    """Requests on several connections at once each get their own answer."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)]) for number in range(40)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: index.get(f"k{number}", metadata=False), range(40)))
    assert found == [
        {f"k{number}": {"key": f"k{number}", "data": {"float32": [1.0, float(number)]}}}
        for number in range(40)
    ]


@requirement("wire.writes-side-by-side", level="must", evidence="documented", source=sources.PRACTICES)
def test_writes_side_by_side_are_all_kept(make_index: MakeIndex) -> None:
    """Writes that overlap in time lose nothing of one another."""
    index = make_index()
    parts = [[(f"k{part}-{number}", [1.0, 0.5]) for number in range(10)] for part in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda part: index.put(*part), parts))
    assert index.keys() == {key for part in parts for key, _ in part}


@requirement("wire.writes-of-one-key", level="must", evidence="inferred", source=sources.PRACTICES)
def test_of_writes_of_one_key_one_stays_whole(make_index: MakeIndex) -> None:
    """Of writes of one key that overlap in time one stays, with values and metadata of the same write."""
    index = make_index()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: index.put(("k", [1.0, float(number)], {"n": number})), range(12)))
    found = index.get("k")["k"]
    assert found["data"]["float32"][1] == found["metadata"]["n"]
