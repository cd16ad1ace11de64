"""What each operation on indexes must do, through any client."""

from __future__ import annotations

import time

from places import INDEX, Place
from sdks import Sdk, refusal_of

ACTIVE_WITHIN_S = 20.0


def create_index(sdk: Sdk, place: Place, service: Sdk) -> None:
    arguments = {
        **place.bucket_address,
        "indexName": "songs.2026",
        "dataType": "float32",
        "dimension": 3,
        "distanceMetric": "cosine",
        "metadataConfiguration": {"nonFilterableMetadataKeys": ["lyrics"]},
        "tags": {"team": "music"},
    }
    arn = f"{place.bucket_arn}/index/songs.2026"
    assert sdk.call("CreateIndex", arguments) == {"indexArn": arn}
    index = service.call("GetIndex", {"indexArn": arn})["index"]
    assert (index["dimension"], index["distanceMetric"]) == (3, "cosine")
    assert index["metadataConfiguration"] == {"nonFilterableMetadataKeys": ["lyrics"]}
    assert service.call("ListTagsForResource", {"resourceArn": arn}) == {"tags": {"team": "music"}}


def get_index(sdk: Sdk, place: Place, service: Sdk) -> None:
    index = sdk.call("GetIndex", place.index_address)["index"]
    created = index.pop("creationTime")
    # Clients that do not know index modes leave that one out.
    assert {"indexMode": "ENHANCED", **index} == {
        "vectorBucketName": place.bucket,
        "indexName": INDEX,
        "indexArn": place.index_arn,
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "euclidean",
        "metadataConfiguration": {"nonFilterableMetadataKeys": ["plot"]},
        "encryptionConfiguration": {"sseType": "AES256"},
        "indexMode": "ENHANCED",
    }
    assert created == service.call("GetIndex", place.index_address)["index"]["creationTime"]


def list_indexes(sdk: Sdk, place: Place, service: Sdk) -> None:
    other = {"indexName": "other", "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"}
    service.call("CreateIndex", {**place.bucket_address, **other})
    (found,) = sdk.call("ListIndexes", {**place.bucket_address, "prefix": "film"})["indexes"]
    assert set(found) == {"vectorBucketName", "indexName", "indexArn", "creationTime"}
    assert found["indexArn"] == place.index_arn
    names = [each["indexName"] for each in sdk.call("ListIndexes", place.bucket_address)["indexes"]]
    assert sorted(names) == [INDEX, "other"]


def delete_index(sdk: Sdk, place: Place, service: Sdk) -> None:
    assert sdk.call("DeleteIndex", place.index_address) == {}
    refusal = refusal_of(sdk, "DeleteIndex", place.index_address)
    assert (refusal.code, refusal.message) == (
        "NotFoundException",
        "The specified index could not be found",
    )
    assert service.call("ListIndexes", place.bucket_address) == {"indexes": []}


def update_index_mode(sdk: Sdk, place: Place, service: Sdk) -> None:
    """An index of today is ENHANCED for good."""
    assert sdk.call("UpdateIndexMode", {**place.index_address, "indexMode": "ENHANCED"}) == {}
    refusal = refusal_of(sdk, "UpdateIndexMode", {**place.index_address, "indexMode": "CLASSIC"})
    assert refusal.code == "ValidationException"
    assert refusal.message == (
        "indexMode cannot be set to CLASSIC because the vector bucket does not support CLASSIC mode"
    )


def update_metadata_configuration(sdk: Sdk, place: Place, service: Sdk) -> None:
    """What was put before is found by its text while a key is configured."""
    operation, configuration = "UpdateMetadataConfiguration", {"metadataKey": "plot", "language": "en"}
    add = {"add": {"textSearchConfigurations": [configuration]}}
    query = {
        **place.index_address,
        "topK": 5,
        "queryTexts": [{"metadataKey": "plot", "text": "lost ship"}],
    }
    assert sdk.call(operation, {**place.index_address, **add}) == {"indexArn": place.index_arn}
    (state,) = _text_search(service, place)
    # A slow client may see it only when it is built.
    assert state in [{**configuration, "status": status} for status in ("BUILDING", "ACTIVE")]
    _wait_until_active(service, place)
    assert [each["key"] for each in service.call("QueryVectors", query)["vectors"]] == ["a"]
    delete = {"delete": {"textSearchConfigurations": [{"metadataKey": "plot"}]}}
    assert sdk.call(operation, {**place.index_address, **delete}) == {"indexArn": place.index_arn}
    assert _text_search(service, place) == []
    assert refusal_of(service, "QueryVectors", query).code == "ValidationException"


def _wait_until_active(service: Sdk, place: Place) -> None:
    """What was put before the configuration is indexed in the background: here it takes a second."""
    deadline = time.monotonic() + ACTIVE_WITHIN_S
    while _text_search(service, place)[0]["status"] == "BUILDING":
        assert time.monotonic() < deadline, "the configuration is still BUILDING"


def _text_search(service: Sdk, place: Place) -> list[dict[str, str]]:
    configuration = service.call("GetIndex", place.index_address)["index"]["metadataConfiguration"]
    found: list[dict[str, str]] = configuration.get("textSearchConfigurations", [])
    return found
