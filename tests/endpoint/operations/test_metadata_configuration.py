from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.state import State

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

TEXTS = "textSearchConfigurations"
ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket/index/index"
LANGUAGES = ["en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"]


def texts(*names: str) -> dict[str, Any]:
    return {TEXTS: [{"metadataKey": name} for name in names]}


def shown(service: Service, address: dict[str, str]) -> Any:
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
    """In every language, or in none; ACTIVE at once; whatever status was asked for."""
    asked = {"metadataKey": "text", **({"language": language} if language else {})}
    address = service.index(metadataConfiguration={TEXTS: [{**asked, "status": "BUILDING"}]})
    assert shown(service, address) == [{**asked, "status": "ACTIVE"}]


def test_a_text_may_be_non_filterable(service: Service) -> None:
    """Configured twice, it is both; then it may have up to 40 KB."""
    configuration = {"nonFilterableMetadataKeys": ["text"], **texts("text")}
    address = service.index(metadataConfiguration=configuration)
    record = {"key": "k", "data": {"float32": [1.0, 2.0]}, "metadata": {"text": "long " * 8_000 + "needle"}}
    service("PutVectors", **address, vectors=[record])
    asked = {"topK": 1, "queryTexts": [{"metadataKey": "text", "text": "needle"}]}
    assert service("QueryVectors", **address, **asked)["vectors"] == [{"key": "k"}]
    refusal = service.refusal("QueryVectors", **address, **asked, filter={"text": "x"})
    assert refusal.message == "Invalid use of non-filterable metadata in filter"


def test_an_index_has_ten_searchable_keys_at_most(service: Service) -> None:
    """Ten are fine; the eleventh is refused at creation by the framework, later by the service. Inferred."""
    address = service.index(metadataConfiguration=texts(*"abcdefghi"))
    assert update(service, address, add=texts("j")) == {"indexArn": ARN}
    refusal = service.refusal("UpdateMetadataConfiguration", **address, add=texts("k"))
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    assert len(shown(service, address)) == 10


def test_a_key_is_configured_once(service: Service) -> None:
    """Twice in one request is a 400, one that is there already a 409. Inferred."""
    address = service.index(metadataConfiguration=texts("a"))
    twice = service.refusal("UpdateMetadataConfiguration", **address, add=texts("b", "b"))
    assert (twice.status, twice.code) == (400, "ValidationException")
    there = service.refusal("UpdateMetadataConfiguration", **address, add=texts("b", "a"))
    assert (there.status, there.code) == (409, "ConflictException")
    assert [each["metadataKey"] for each in shown(service, address)] == ["a"]
    shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    new = {"vectorBucketName": "bucket", "indexName": "other", **shape}
    assert service.refusal("CreateIndex", **new, metadataConfiguration=texts("a", "a")).status == 400


@pytest.mark.parametrize("change", [{}, {"add": texts("b"), "delete": texts("a")}, {"add": {}, "delete": {}}])
def test_an_update_either_adds_or_deletes(service: Service, change: dict[str, Any]) -> None:
    """Exactly one of the two, documented; checked before the index is looked for. The text is inferred."""
    refusal = service.refusal(
        "UpdateMetadataConfiguration", vectorBucketName="bucket", indexName="index", **change
    )
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    assert refusal.message == "Must specify either add or delete but not both"


@pytest.mark.parametrize("change", [{"add": {}}, {"add": {TEXTS: []}}, {"delete": {}}])
def test_an_update_of_nothing_changes_nothing(service: Service, change: dict[str, Any]) -> None:
    """The model allows the empty list. Inferred."""
    address = service.index(metadataConfiguration=texts("a"))
    assert update(service, address, **change) == {"indexArn": ARN}
    assert len(shown(service, address)) == 1


def test_what_is_added_to_vectors_is_built_first(service: Service) -> None:
    """BUILDING and of no use to queries, then ACTIVE; the other keys go on working."""
    address = filled(service, metadataConfiguration={"nonFilterableMetadataKeys": ["x"], **texts("a")})
    update(service, address, add={TEXTS: [{"metadataKey": "b", "language": "de"}]})
    building = {"metadataKey": "b", "language": "de", "status": "BUILDING"}
    assert shown(service, address) == [{"metadataKey": "a", "status": "ACTIVE"}, building]
    refusal = service.refusal("QueryVectors", **find(service, address, "b"))
    assert (refusal.status, refusal.code, refusal.paths) == (400, "ValidationException", ("queryTexts",))
    assert service("QueryVectors", **find(service, address, "a"))["vectors"] == [{"key": "k"}]
    service.now += 1
    assert shown(service, address)[1] == {**building, "status": "ACTIVE"}
    assert service("QueryVectors", **find(service, address, "b"))["vectors"] == [{"key": "k"}]


def test_building_takes_as_long_as_the_switch_says(new_service: type[Service]) -> None:
    """Ours: how long AWS takes is not known."""
    service = new_service(State(behaviour=Behaviour(backfill_s=60.0)))
    address = filled(service)
    update(service, address, add=texts("a"))
    service.now += 59.5
    assert shown(service, address)[0]["status"] == "BUILDING"
    service.now += 0.5
    assert shown(service, address)[0]["status"] == "ACTIVE"


def test_what_is_added_to_an_empty_index_is_active_at_once(service: Service) -> None:
    """There is nothing to build from."""
    address = service.index()
    update(service, address, add=texts("a"))
    assert shown(service, address)[0]["status"] == "ACTIVE"


def test_a_deleted_configuration_is_gone(service: Service) -> None:
    """Queries on it are refused, GetIndex shows none, and vectors keep their metadata."""
    address = filled(service, metadataConfiguration=texts("a", "b"))
    assert update(service, address, delete=texts("a", "b")) == {"indexArn": ARN}
    assert "metadataConfiguration" not in service("GetIndex", **address)["index"]
    assert service.refusal("QueryVectors", **find(service, address, "a")).status == 400
    record = service("GetVectors", **address, keys=["k"], returnMetadata=True)["vectors"][0]
    assert record["metadata"] == {"a": "word", "b": "word"}


def test_a_key_may_be_added_again_in_another_language(service: Service) -> None:
    """Delete and add: there is no other way to change one."""
    address = service.index(metadataConfiguration=texts("a"))
    record = {"key": "k", "data": {"float32": [1.0, 2.0]}, "metadata": {"a": "houses"}}
    service("PutVectors", **address, vectors=[record])
    asked = {**address, "topK": 1, "queryTexts": [{"metadataKey": "a", "text": "house"}]}
    assert service("QueryVectors", **asked)["vectors"] == []
    update(service, address, delete=texts("a"))
    update(service, address, add={TEXTS: [{"metadataKey": "a", "language": "en"}]})
    service.now += 1
    assert service("QueryVectors", **asked)["vectors"] == [{"key": "k"}]


def test_deleting_what_is_not_configured_is_a_404(service: Service) -> None:
    """And nothing of the request is done. Inferred."""
    address = service.index(metadataConfiguration=texts("a"))
    refusal = service.refusal("UpdateMetadataConfiguration", **address, delete=texts("a", "b"))
    assert (refusal.status, refusal.code) == (404, "NotFoundException")
    assert len(shown(service, address)) == 1


def test_deleting_what_is_being_built_is_a_conflict(service: Service) -> None:
    """409 until it is ACTIVE. Inferred: the operation declares that error."""
    address = filled(service)
    update(service, address, add=texts("a"))
    refusal = service.refusal("UpdateMetadataConfiguration", **address, delete=texts("a"))
    assert (refusal.status, refusal.code) == (409, "ConflictException")
    service.now += 1
    update(service, address, delete=texts("a"))


def test_text_search_needs_an_enhanced_index(new_service: type[Service]) -> None:
    """Documented: a CLASSIC index takes no configuration. That it keeps an index ENHANCED is inferred."""
    service = new_service(State(behaviour=Behaviour(classic_until_s=1_900_000_000.0)))
    address = service.index()
    shape = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    new = {"vectorBucketName": "bucket", "indexName": "other", **shape}
    message = "textSearchConfigurations require indexMode ENHANCED"
    assert service.refusal("CreateIndex", **new, metadataConfiguration=texts("a")).message == message
    assert service.refusal("UpdateMetadataConfiguration", **address, add=texts("a")).message == message
    service("UpdateIndexMode", **address, indexMode="ENHANCED")
    update(service, address, add=texts("a"))
    refusal = service.refusal("UpdateIndexMode", **address, indexMode="CLASSIC")
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    update(service, address, delete=texts("a"))
    service("UpdateIndexMode", **address, indexMode="CLASSIC")


def test_an_update_needs_an_index(service: Service) -> None:
    """By name or by ARN."""
    service.bucket()
    refusal = service.refusal("UpdateMetadataConfiguration", indexArn=ARN, add=texts("a"))
    assert (refusal.status, refusal.message) == (404, "The specified index could not be found")
    service.index()
    assert service("UpdateMetadataConfiguration", indexArn=ARN, add=texts("a")) == {"indexArn": ARN}
