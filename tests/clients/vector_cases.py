"""What each operation on vectors must do, through any client."""

from __future__ import annotations

from client_programs import Json
from places import VECTORS, Place
from sdks import Sdk


def put_vectors(sdk: Sdk, place: Place, service: Sdk) -> None:
    """A key is replaced wholly, floats are rounded to float32, metadata keeps its types."""
    kept = {"s": 'text "quoted" ü 🎬', "n": 4.5, "i": -3, "b": True, "list": ["x", "y"], "dotted.key": 1}
    vectors = [
        {"key": "a", "data": {"float32": [0.1, 0.4]}},
        {"key": "ключ/1 é", "data": {"float32": [-1, 1e-7]}, "metadata": kept},
    ]
    assert sdk.call("PutVectors", {**place.index_address, "vectors": vectors}) == {}
    answer = sdk.call(
        "GetVectors",
        {**place.index_address, "keys": ["a", "ключ/1 é"], "returnData": True, "returnMetadata": True},
    )
    assert _by_key(answer) == {
        "a": {"data": {"float32": [0.10000000149011612, 0.4000000059604645]}, "metadata": {}},
        "ключ/1 é": {"data": {"float32": [-1.0, 1.0000000116860974e-07]}, "metadata": kept},
    }


def get_vectors(sdk: Sdk, place: Place, service: Sdk) -> None:
    """Absent keys are left out, and what was not asked for."""
    keys = {**place.index_address, "keys": ["c", "never there", "a"]}
    assert _by_key(sdk.call("GetVectors", keys)) == {"a": {}, "c": {}}
    assert _by_key(sdk.call("GetVectors", {**keys, "returnData": True, "returnMetadata": True})) == {
        "a": {"data": {"float32": [0.0, 0.0]}, "metadata": {"year": 1999, "plot": "A ship is lost."}},
        "c": {"data": {"float32": [8.0, 15.0]}, "metadata": {}},
    }
    assert sdk.call("GetVectors", {**place.index_address, "keys": ["never there"]}) == {"vectors": []}


def list_vectors(sdk: Sdk, place: Place, service: Sdk) -> None:
    """All in one page without a token, or in segments that share none."""
    answer = sdk.call("ListVectors", {**place.index_address, "returnData": True, "returnMetadata": True})
    assert set(answer) == {"vectors"}
    assert _by_key(answer) == {
        each["key"]: {"data": each["data"], "metadata": each.get("metadata", {})} for each in VECTORS
    }
    segments = [
        sdk.call("ListVectors", {**place.index_address, "segmentCount": 3, "segmentIndex": index})["vectors"]
        for index in range(3)
    ]
    assert sorted(each["key"] for segment in segments for each in segment) == ["a", "b", "c"]


def query_vectors(sdk: Sdk, place: Place, service: Sdk) -> None:
    """Euclidean distances are squared; a filter keeps what it says; what was not asked for is left out."""
    query = {**place.index_address, "topK": 2, "queryVector": {"float32": [0, 0]}}
    assert sdk.call("QueryVectors", query) == {
        "vectors": [{"key": "a"}, {"key": "b"}],
        "distanceMetric": "euclidean",
    }
    narrowed = {
        **query,
        "filter": {"$or": [{"tags": "war"}, {"year": {"$exists": False}}]},
        "returnDistance": True,
        "returnMetadata": True,
    }
    assert sdk.call("QueryVectors", narrowed)["vectors"] == [
        {"key": "b", "distance": 25.0, "metadata": {"year": 2004, "tags": ["sea", "war"]}},
        {"key": "c", "distance": 289.0, "metadata": {}},
    ]


def delete_vectors(sdk: Sdk, place: Place, service: Sdk) -> None:
    """Keys that were never there do not matter."""
    assert sdk.call("DeleteVectors", {**place.index_address, "keys": ["a", "never there", "c"]}) == {}
    assert service.call("ListVectors", place.index_address) == {"vectors": [{"key": "b"}]}


def _by_key(answer: Json) -> Json:
    return {each.pop("key"): each for each in answer["vectors"]}
