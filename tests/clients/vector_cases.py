"""Expected behaviour of each operation on vectors, through any client."""

from __future__ import annotations

from client_programs import Json
from sample_index import VECTORS, SampleIndex
from sdks import Sdk


def put_vectors(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """A put replaces the whole vector, rounds floats to float32, and keeps the types of metadata."""
    metadata = {"s": 'text "quoted" ü 🎬', "n": 4.5, "i": -3, "b": True, "list": ["x", "y"], "dotted.key": 1}
    vectors = [
        {"key": "a", "data": {"float32": [0.1, 0.4]}},
        {"key": "ключ/1 é", "data": {"float32": [-1, 1e-7]}, "metadata": metadata},
    ]
    assert sdk.call("PutVectors", {**sample.index_address, "vectors": vectors}) == {}
    response = sdk.call(
        "GetVectors",
        {**sample.index_address, "keys": ["a", "ключ/1 é"], "returnData": True, "returnMetadata": True},
    )
    assert _by_key(response) == {
        "a": {"data": {"float32": [0.10000000149011612, 0.4000000059604645]}, "metadata": {}},
        "ключ/1 é": {"data": {"float32": [-1.0, 1.0000000116860974e-07]}, "metadata": metadata},
    }


def get_vectors(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """Unknown keys are omitted, and so are members that were not requested."""
    keys = {**sample.index_address, "keys": ["c", "unknown", "a"]}
    assert _by_key(sdk.call("GetVectors", keys)) == {"a": {}, "c": {}}
    assert _by_key(sdk.call("GetVectors", {**keys, "returnData": True, "returnMetadata": True})) == {
        "a": {"data": {"float32": [0.0, 0.0]}, "metadata": {"year": 1999, "plot": "A ship is lost."}},
        "c": {"data": {"float32": [8.0, 15.0]}, "metadata": {}},
    }
    assert sdk.call("GetVectors", {**sample.index_address, "keys": ["unknown"]}) == {"vectors": []}


def list_vectors(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """Everything in one page without a token, or in disjoint segments."""
    response = sdk.call("ListVectors", {**sample.index_address, "returnData": True, "returnMetadata": True})
    assert set(response) == {"vectors"}
    assert _by_key(response) == {
        each["key"]: {"data": each["data"], "metadata": each.get("metadata", {})} for each in VECTORS
    }
    segments = [
        sdk.call("ListVectors", {**sample.index_address, "segmentCount": 3, "segmentIndex": index})["vectors"]
        for index in range(3)
    ]
    assert sorted(each["key"] for segment in segments for each in segment) == ["a", "b", "c"]


def query_vectors(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """Euclidean distances are squared, a filter applies, and only the requested members are returned."""
    query = {**sample.index_address, "topK": 2, "queryVector": {"float32": [0, 0]}}
    assert sdk.call("QueryVectors", query) == {
        "vectors": [{"key": "a"}, {"key": "b"}],
        "distanceMetric": "euclidean",
    }
    filtered = {
        **query,
        "filter": {"$or": [{"tags": "war"}, {"year": {"$exists": False}}]},
        "returnDistance": True,
        "returnMetadata": True,
    }
    assert sdk.call("QueryVectors", filtered)["vectors"] == [
        {"key": "b", "distance": 25.0, "metadata": {"year": 2004, "tags": ["sea", "war"]}},
        {"key": "c", "distance": 289.0, "metadata": {}},
    ]


def delete_vectors(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """Unknown keys have no effect."""
    assert sdk.call("DeleteVectors", {**sample.index_address, "keys": ["a", "unknown", "c"]}) == {}
    assert service.call("ListVectors", sample.index_address) == {"vectors": [{"key": "b"}]}


def _by_key(response: Json) -> Json:
    return {each.pop("key"): each for each in response["vectors"]}
