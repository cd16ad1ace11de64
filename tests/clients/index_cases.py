"""Expected behaviour of each operation on indexes, through any client."""

from __future__ import annotations

import time

from sample_index import INDEX, SampleIndex
from sdks import Sdk, expect_error

ACTIVE_TIMEOUT_S = 20.0


def create_index(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    arguments = {
        **sample.bucket_address,
        "indexName": "songs.2026",
        "dataType": "float32",
        "dimension": 3,
        "distanceMetric": "cosine",
        "metadataConfiguration": {"nonFilterableMetadataKeys": ["lyrics"]},
        "tags": {"team": "music"},
    }
    arn = f"{sample.bucket_arn}/index/songs.2026"
    assert sdk.call("CreateIndex", arguments) == {"indexArn": arn}
    index = service.call("GetIndex", {"indexArn": arn})["index"]
    assert (index["dimension"], index["distanceMetric"]) == (3, "cosine")
    assert index["metadataConfiguration"] == {"nonFilterableMetadataKeys": ["lyrics"]}
    assert service.call("ListTagsForResource", {"resourceArn": arn}) == {"tags": {"team": "music"}}


def get_index(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    index = sdk.call("GetIndex", sample.index_address)["index"]
    created = index.pop("creationTime")
    # Clients that do not support index modes omit that member.
    assert {"indexMode": "ENHANCED", **index} == {
        "vectorBucketName": sample.bucket,
        "indexName": INDEX,
        "indexArn": sample.index_arn,
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "euclidean",
        "metadataConfiguration": {"nonFilterableMetadataKeys": ["plot"]},
        "encryptionConfiguration": {"sseType": "AES256"},
        "indexMode": "ENHANCED",
    }
    assert created == service.call("GetIndex", sample.index_address)["index"]["creationTime"]


def list_indexes(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    other = {"indexName": "other", "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"}
    service.call("CreateIndex", {**sample.bucket_address, **other})
    (found,) = sdk.call("ListIndexes", {**sample.bucket_address, "prefix": "film"})["indexes"]
    assert set(found) == {"vectorBucketName", "indexName", "indexArn", "creationTime"}
    assert found["indexArn"] == sample.index_arn
    names = [each["indexName"] for each in sdk.call("ListIndexes", sample.bucket_address)["indexes"]]
    assert sorted(names) == [INDEX, "other"]


def delete_index(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    assert sdk.call("DeleteIndex", sample.index_address) == {}
    error = expect_error(sdk, "DeleteIndex", sample.index_address)
    assert (error.code, error.message) == (
        "NotFoundException",
        "The specified index could not be found",
    )
    assert service.call("ListIndexes", sample.bucket_address) == {"indexes": []}


def update_index_mode(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """A new index is ENHANCED and cannot change."""
    assert sdk.call("UpdateIndexMode", {**sample.index_address, "indexMode": "ENHANCED"}) == {}
    error = expect_error(sdk, "UpdateIndexMode", {**sample.index_address, "indexMode": "CLASSIC"})
    assert error.code == "ValidationException"
    assert error.message == (
        "indexMode cannot be set to CLASSIC because the vector bucket does not support CLASSIC mode"
    )


def update_metadata_configuration(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """Existing vectors are found by their text while a key is configured."""
    operation, configuration = "UpdateMetadataConfiguration", {"metadataKey": "plot", "language": "en"}
    add = {"add": {"textSearchConfigurations": [configuration]}}
    query = {
        **sample.index_address,
        "topK": 5,
        "queryTexts": [{"metadataKey": "plot", "text": "lost ship"}],
    }
    assert sdk.call(operation, {**sample.index_address, **add}) == {"indexArn": sample.index_arn}
    (shown,) = _text_search(service, sample)
    # With a slow client it may be built before it is read.
    assert shown in [{**configuration, "status": status} for status in ("BUILDING", "ACTIVE")]
    _wait_until_active(service, sample)
    assert [each["key"] for each in service.call("QueryVectors", query)["vectors"]] == ["a"]
    delete = {"delete": {"textSearchConfigurations": [{"metadataKey": "plot"}]}}
    assert sdk.call(operation, {**sample.index_address, **delete}) == {"indexArn": sample.index_arn}
    assert _text_search(service, sample) == []
    assert expect_error(service, "QueryVectors", query).code == "ValidationException"


def _wait_until_active(service: Sdk, sample: SampleIndex) -> None:
    """Wait until existing vectors are indexed, which takes a second here."""
    deadline = time.monotonic() + ACTIVE_TIMEOUT_S
    while _text_search(service, sample)[0]["status"] == "BUILDING":
        assert time.monotonic() < deadline, "the configuration is still BUILDING"


def _text_search(service: Sdk, sample: SampleIndex) -> list[dict[str, str]]:
    configuration = service.call("GetIndex", sample.index_address)["index"]["metadataConfiguration"]
    found: list[dict[str, str]] = configuration.get("textSearchConfigurations", [])
    return found
