"""Connections: they are reused after errors as well as after successes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.errors import UnexpectedResponse
from vecgate.resources.handles import IndexHandle, MakeIndex, vector


def put_invalid(index: IndexHandle, vectors: list[dict[str, Any]]) -> None:
    """Send an invalid request. Whether it is refused is a matter of other requirements."""
    with suppress(ClientError, UnexpectedResponse):
        index.call("PutVectors", vectors=vectors)


@requirement("wire.after-a-refusal", kind="guard", evidence="inferred", source=sources.REST_JSON, slow=True)
def test_the_next_request_after_an_error_is_served(client: Any, make_index: MakeIndex) -> None:
    """Errors and successes can alternate on the connections of one client."""
    index = make_index()
    for number in range(5):
        put_invalid(index, [vector("bad", [1.0])])
        index.put((f"k{number}", [1.0, 0.5]))
        with suppress(ClientError):
            client.list_vectors(**{**index.address, "indexName": "vecgate-absent"})
    assert index.keys() - {"bad"} == {f"k{number}" for number in range(5)}


@requirement(
    "wire.after-a-large-refusal", kind="guard", evidence="inferred", source=sources.REST_JSON, slow=True
)
def test_the_next_request_after_a_large_rejected_body_is_served(make_index: MakeIndex) -> None:
    """A rejected body of several megabytes does not affect the next request on its connection."""
    index = make_index(non_filterable=["bulk"])
    for _ in range(3):
        put_invalid(
            index, [vector(f"bad{number}", [1.0, 0.5], {"bulk": "x" * 41_000}) for number in range(50)]
        )
        index.put(("k", [1.0, 0.5]))
        stored = index.keys()
        assert {key for key in stored if not key.startswith("bad")} == {"k"}


@requirement(
    "wire.requests-side-by-side", kind="guard", evidence="inferred", source=sources.PRACTICES, slow=True
)
def test_simultaneous_requests_do_not_mix(make_index: MakeIndex) -> None:
    """Simultaneous requests on several connections each get their own answer."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)]) for number in range(40)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: index.get(f"k{number}", metadata=False), range(40)))
    assert found == [
        {f"k{number}": {"key": f"k{number}", "data": {"float32": [1.0, float(number)]}}}
        for number in range(40)
    ]


@requirement(
    "wire.writes-side-by-side", kind="effect", evidence="documented", source=sources.PRACTICES, slow=True
)
def test_simultaneous_writes_are_all_stored(make_index: MakeIndex) -> None:
    """Simultaneous writes of different keys are all stored."""
    index = make_index()
    parts = [[(f"k{part}-{number}", [1.0, 0.5]) for number in range(10)] for part in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda part: index.put(*part), parts))
    assert index.keys() == {key for part in parts for key, _ in part}


@requirement("wire.writes-of-one-key", kind="guard", evidence="inferred", source=sources.PRACTICES, slow=True)
def test_simultaneous_writes_of_one_key(make_index: MakeIndex) -> None:
    """After simultaneous writes of one key, values and metadata are from the same write."""
    index = make_index()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: index.put(("k", [1.0, float(number)], {"n": number})), range(12)))
    found = index.get("k")["k"]
    assert found["data"]["float32"][1] == found["metadata"]["n"]
