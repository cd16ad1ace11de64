"""The scripted service fails as scripted, and otherwise stores and deletes vectors."""

from __future__ import annotations

import json

import pytest

from vecgate.bulk.core.body_encoding import Body, encode_delete, encode_put
from vecgate.errors import NoCredentials, ServiceError, TransportError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import ScriptedService, ServiceFault, modelled_error
from vecgate.testing.strategies import block_of

ADDRESS = IndexAddress("media", "films")


def body_of(*keys: str, first: int = 0) -> Body:
    return encode_put(ADDRESS, block_of(keys, first=first))


def test_the_last_put_wins() -> None:
    """A put replaces vector and metadata, and deleting an unknown key succeeds."""
    service = ScriptedService()
    assert service.send("PutVectors", body_of("a", "b")) == b"{}"
    service.send("PutVectors", body_of("a", first=5))
    service.send("DeleteVectors", encode_delete(ADDRESS, ["b", "unknown"]))
    assert service.stored == {"a": ([5.0, 1.0], None)}
    assert [operation for operation, _ in service.requests] == ["PutVectors", "PutVectors", "DeleteVectors"]
    assert service.requests[1][1]["vectors"][0]["key"] == "a"
    service.close()


@pytest.mark.parametrize(
    ("fault", "status", "is_retryable", "is_throttling"),
    [
        (ServiceFault.THROTTLED, 429, True, True),
        (ServiceFault.UNAVAILABLE, 503, True, False),
        (ServiceFault.BROKEN, 500, True, False),
    ],
)
def test_an_error_is_as_modelled_and_nothing_is_applied(
    fault: ServiceFault, status: int, *, is_retryable: bool, is_throttling: bool
) -> None:
    """An error has the status and the traits of the service model, and the next request succeeds."""
    service = ScriptedService([fault])
    with pytest.raises(ServiceError) as caught:
        service.send("PutVectors", body_of("a"))
    error = caught.value
    assert (error.operation, error.code, error.status) == ("PutVectors", fault.value, status)
    assert (error.is_retryable, error.is_throttling) == (is_retryable, is_throttling)
    assert service.stored == {}
    service.send("PutVectors", body_of("a"))
    assert set(service.stored) == {"a"}


@pytest.mark.parametrize(
    ("fault", "stored"), [(ServiceFault.RESET, set()), (ServiceFault.ANSWER_LOST, {"a"})]
)
def test_a_lost_answer_is_not_a_lost_request(fault: ServiceFault, stored: set[str]) -> None:
    """Both faults look the same to the client, but only one request was applied."""
    service = ScriptedService([fault])
    with pytest.raises(TransportError):
        service.send("PutVectors", body_of("a"))
    assert set(service.stored) == stored


def test_any_exception_can_be_scripted() -> None:
    """The script may contain any exception."""
    failure = NoCredentials("none")
    service = ScriptedService([ServiceFault.NONE, failure])
    service.send("PutVectors", body_of("a"))
    with pytest.raises(NoCredentials) as caught:
        service.send("PutVectors", body_of("b"))
    assert caught.value is failure


def test_a_poisoned_key_rejects_the_whole_request() -> None:
    """The error has the wording of the service."""
    service = ScriptedService(poisoned=["bad"])
    with pytest.raises(ServiceError) as caught:
        service.send("PutVectors", body_of("a", "bad"))
    assert caught.value.message == "Invalid record for key 'bad': poisoned"
    assert not caught.value.is_retryable
    assert service.stored == {}


@pytest.mark.parametrize("operation", ["PutVectors", "DeleteVectors"])
def test_a_duplicate_key_rejects_the_whole_request(operation: str) -> None:
    """As in the service."""
    body = body_of("a", "a") if operation == "PutVectors" else encode_delete(ADDRESS, ["a", "a"])
    with pytest.raises(ServiceError, match="Request must not contain duplicate keys"):
        ScriptedService().send(operation, body)


@pytest.mark.parametrize("index", [None, {"dimension": 3, "distanceMetric": "cosine"}])
def test_it_describes_its_index(index: dict[str, object] | None) -> None:
    """GetIndex does not use up the script."""
    service = ScriptedService([ServiceFault.BROKEN], index=index)
    answer = json.loads(service.send("GetIndex", Body.of(b"{}")))
    assert answer == {"index": index or {"dimension": 2, "distanceMetric": "euclidean"}}
    assert service.requests == []


def test_an_error_is_built_from_its_code() -> None:
    """An error can have any message and operation."""
    error = modelled_error("NotFoundException", "gone", operation="GetIndex")
    assert (error.operation, error.code, error.status, error.message) == (
        "GetIndex",
        "NotFoundException",
        404,
        "gone",
    )
