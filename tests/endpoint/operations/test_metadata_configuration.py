from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.storage.state import State

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

TEXTS = "textSearchConfigurations"
ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket/index/index"
LANGUAGES = ["en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"]


def texts(*names: str) -> dict[str, Any]:
    return {TEXTS: [{"metadataKey": name} for name in names]}


def described(service: Service, address: dict[str, str]) -> Any:
    return service("GetIndex", **address)["index"].get("metadataConfiguration", {}).get(TEXTS)


def update(service: Service, address: dict[str, str], **change: Any) -> Any:
    return service("UpdateMetadataConfiguration", **address, **change)


def filled(service: Service, **settings: Any) -> dict[str, str]:
    address = service.index(**settings)
    record = {"key": "k", "data": {"float32": [1.0, 2.0]}, "metadata": {"a": "word", "b": "word"}}
    service("PutVectors", **address, vectors=[record])
    return address


def find(service: Service, address: dict[str, str], key: str) -> dict[str, Any]:
    return {**address, "topK": 1, "queryTexts": [{"metadataKey": key, "text": "word"}]}


@pytest.mark.parametrize("language", [None, *LANGUAGES])
def test_a_new_index_shows_its_text_search_configurations(service: Service, language: str | None) -> None:
    """With any language or none. They are ACTIVE at once, whatever status was requested."""
    requested = {"metadataKey": "text", **({"language": language} if language else {})}
    address = service.index(metadataConfiguration={TEXTS: [{**requested, "status": "BUILDING"}]})
    assert described(service, address) == [{**requested, "status": "ACTIVE"}]


def test_a_searchable_key_may_be_non_filterable(service: Service) -> None:
    """Then its texts may have up to 40 KB."""
    configuration = {"nonFilterableMetadataKeys": ["text"], **texts("text")}
    address = service.index(metadataConfiguration=configuration)
    record = {"key": "k", "data": {"float32": [1.0, 2.0]}, "metadata": {"text": "long " * 8_000 + "needle"}}
    service("PutVectors", **address, vectors=[record])
    requested = {"topK": 1, "queryTexts": [{"metadataKey": "text", "text": "needle"}]}
    assert service("QueryVectors", **address, **requested)["vectors"] == [{"key": "k"}]
    error = service.error("QueryVectors", **address, **requested, filter={"text": "x"})
    assert error.message == "Invalid use of non-filterable metadata in filter"


def test_an_index_has_at_most_ten_searchable_keys(service: Service) -> None:
    """The eleventh is refused at creation by the framework, and in an update by the service. Inferred."""
    address = service.index(metadataConfiguration=texts(*"abcdefghi"))
    assert update(service, address, add=texts("j")) == {"indexArn": ARN}
    error = service.error("UpdateMetadataConfiguration", **address, add=texts("k"))
    assert (error.status, error.code) == (400, "ValidationException")
    assert len(described(service, address)) == 10


def test_a_key_has_at_most_one_configuration(service: Service) -> None:
    """Twice in one request is a 400; one that already exists is a 409. Inferred."""
    address = service.index(metadataConfiguration=texts("a"))
    twice = service.error("UpdateMetadataConfiguration", **address, add=texts("b", "b"))
    assert (twice.status, twice.code) == (400, "ValidationException")
    existing = service.error("UpdateMetadataConfiguration", **address, add=texts("b", "a"))
    assert (existing.status, existing.code) == (409, "ConflictException")
    assert [each["metadataKey"] for each in described(service, address)] == ["a"]
    shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    new = {"vectorBucketName": "bucket", "indexName": "other", **shape}
    assert service.error("CreateIndex", **new, metadataConfiguration=texts("a", "a")).status == 400


@pytest.mark.parametrize("change", [{}, {"add": texts("b"), "delete": texts("a")}, {"add": {}, "delete": {}}])
def test_an_update_either_adds_or_deletes(service: Service, change: dict[str, Any]) -> None:
    """Exactly one of the two (documented), which is checked before existence. The text is inferred."""
    error = service.error(
        "UpdateMetadataConfiguration", vectorBucketName="bucket", indexName="index", **change
    )
    assert (error.status, error.code) == (400, "ValidationException")
    assert error.message == "Must specify either add or delete but not both"


@pytest.mark.parametrize("change", [{"add": {}}, {"add": {TEXTS: []}}, {"delete": {}}])
def test_an_update_of_nothing_changes_nothing(service: Service, change: dict[str, Any]) -> None:
    """The model allows the empty list. Inferred."""
    address = service.index(metadataConfiguration=texts("a"))
    assert update(service, address, **change) == {"indexArn": ARN}
    assert len(described(service, address)) == 1


def test_a_configuration_added_to_an_index_with_vectors_is_built_first(service: Service) -> None:
    """It is BUILDING, when queries cannot use it, then ACTIVE. Other keys are not affected."""
    address = filled(service, metadataConfiguration={"nonFilterableMetadataKeys": ["x"], **texts("a")})
    update(service, address, add={TEXTS: [{"metadataKey": "b", "language": "de"}]})
    building = {"metadataKey": "b", "language": "de", "status": "BUILDING"}
    assert described(service, address) == [{"metadataKey": "a", "status": "ACTIVE"}, building]
    error = service.error("QueryVectors", **find(service, address, "b"))
    assert (error.status, error.code, error.paths) == (400, "ValidationException", ("queryTexts",))
    assert service("QueryVectors", **find(service, address, "a"))["vectors"] == [{"key": "k"}]
    service.now += 1
    assert described(service, address)[1] == {**building, "status": "ACTIVE"}
    assert service("QueryVectors", **find(service, address, "b"))["vectors"] == [{"key": "k"}]


def test_the_building_time_is_a_switch(new_service: type[Service]) -> None:
    """AWS publishes no number."""
    service = new_service(State(behaviour=Behaviour(backfill_s=60.0)))
    address = filled(service)
    update(service, address, add=texts("a"))
    service.now += 59.5
    assert described(service, address)[0]["status"] == "BUILDING"
    service.now += 0.5
    assert described(service, address)[0]["status"] == "ACTIVE"


def test_a_configuration_added_to_an_empty_index_is_active_at_once(service: Service) -> None:
    """There is nothing to build."""
    address = service.index()
    update(service, address, add=texts("a"))
    assert described(service, address)[0]["status"] == "ACTIVE"


def test_a_deleted_configuration_has_no_effect(service: Service) -> None:
    """Queries that use it are refused, GetIndex does not return it, and vectors keep their metadata."""
    address = filled(service, metadataConfiguration=texts("a", "b"))
    assert update(service, address, delete=texts("a", "b")) == {"indexArn": ARN}
    assert "metadataConfiguration" not in service("GetIndex", **address)["index"]
    assert service.error("QueryVectors", **find(service, address, "a")).status == 400
    record = service("GetVectors", **address, keys=["k"], returnMetadata=True)["vectors"][0]
    assert record["metadata"] == {"a": "word", "b": "word"}


def test_a_key_may_be_added_again_in_another_language(service: Service) -> None:
    """Delete and add: there is no other way to change a configuration."""
    address = service.index(metadataConfiguration=texts("a"))
    record = {"key": "k", "data": {"float32": [1.0, 2.0]}, "metadata": {"a": "houses"}}
    service("PutVectors", **address, vectors=[record])
    requested = {**address, "topK": 1, "queryTexts": [{"metadataKey": "a", "text": "house"}]}
    assert service("QueryVectors", **requested)["vectors"] == []
    update(service, address, delete=texts("a"))
    update(service, address, add={TEXTS: [{"metadataKey": "a", "language": "en"}]})
    service.now += 1
    assert service("QueryVectors", **requested)["vectors"] == [{"key": "k"}]


def test_deleting_a_missing_configuration_is_a_404(service: Service) -> None:
    """Nothing of the request is applied. Inferred."""
    address = service.index(metadataConfiguration=texts("a"))
    error = service.error("UpdateMetadataConfiguration", **address, delete=texts("a", "b"))
    assert (error.status, error.code) == (404, "NotFoundException")
    assert len(described(service, address)) == 1


def test_deleting_a_configuration_that_is_building_is_a_conflict(service: Service) -> None:
    """409 until it is ACTIVE. Inferred: the operation declares that error."""
    address = filled(service)
    update(service, address, add=texts("a"))
    error = service.error("UpdateMetadataConfiguration", **address, delete=texts("a"))
    assert (error.status, error.code) == (409, "ConflictException")
    service.now += 1
    update(service, address, delete=texts("a"))


def test_text_search_requires_an_enhanced_index(new_service: type[Service]) -> None:
    """A CLASSIC index accepts no configuration (documented). That an index with one must stay ENHANCED is
    inferred.
    """
    service = new_service(State(behaviour=Behaviour(classic_until_s=1_900_000_000.0)))
    address = service.index()
    shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    new = {"vectorBucketName": "bucket", "indexName": "other", **shape}
    message = "textSearchConfigurations require indexMode ENHANCED"
    assert service.error("CreateIndex", **new, metadataConfiguration=texts("a")).message == message
    assert service.error("UpdateMetadataConfiguration", **address, add=texts("a")).message == message
    service("UpdateIndexMode", **address, indexMode="ENHANCED")
    update(service, address, add=texts("a"))
    error = service.error("UpdateIndexMode", **address, indexMode="CLASSIC")
    assert (error.status, error.code) == (400, "ValidationException")
    update(service, address, delete=texts("a"))
    service("UpdateIndexMode", **address, indexMode="CLASSIC")


def test_an_update_needs_an_index(service: Service) -> None:
    """By name or by ARN."""
    service.bucket()
    error = service.error("UpdateMetadataConfiguration", indexArn=ARN, add=texts("a"))
    assert (error.status, error.message) == (404, "The specified index could not be found")
    service.index()
    assert service("UpdateMetadataConfiguration", indexArn=ARN, add=texts("a")) == {"indexArn": ARN}
