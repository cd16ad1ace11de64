"""The scripted service fails as told, and otherwise does what a service does."""

from __future__ import annotations

import json

import pytest

from vecgate.bulk.encoding import Body, encode_delete, encode_put
from vecgate.errors import NoCredentials, ServiceError, TransportError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import Mishap, ScriptedService, error_of
from vecgate.testing.strategies import block_of

ADDRESS = IndexAddress("media", "films")


def body_of(*keys: str, first: int = 0) -> Body:
    return encode_put(ADDRESS, block_of(keys, first=first))


def test_it_keeps_what_was_put_last() -> None:
    """Vectors and metadata are replaced wholly; deletes of what is not there succeed."""
    service = ScriptedService()
    assert service.send("PutVectors", body_of("a", "b")) == b"{}"
    service.send("PutVectors", body_of("a", first=5))
    service.send("DeleteVectors", encode_delete(ADDRESS, ["b", "unknown"]))
    assert service.stored == {"a": ([5.0, 1.0], None)}
    assert [operation for operation, _ in service.requests] == ["PutVectors", "PutVectors", "DeleteVectors"]
    assert service.requests[1][1]["vectors"][0]["key"] == "a"
    service.close()


@pytest.mark.parametrize(
    ("mishap", "status", "is_retryable", "is_throttling"),
    [
        (Mishap.THROTTLED, 429, True, True),
        (Mishap.UNAVAILABLE, 503, True, False),
        (Mishap.BROKEN, 500, True, False),
    ],
)
def test_an_error_is_the_models_and_nothing_is_applied(
    mishap: Mishap, status: int, *, is_retryable: bool, is_throttling: bool
) -> None:
    """With its status and its flags; the next request finds the service well."""
    service = ScriptedService([mishap])
    with pytest.raises(ServiceError) as caught:
        service.send("PutVectors", body_of("a"))
    error = caught.value
    assert (error.operation, error.code, error.status) == ("PutVectors", mishap.value, status)
    assert (error.is_retryable, error.is_throttling) == (is_retryable, is_throttling)
    assert service.stored == {}
    service.send("PutVectors", body_of("a"))
    assert set(service.stored) == {"a"}


@pytest.mark.parametrize(("mishap", "stored"), [(Mishap.RESET, set()), (Mishap.ANSWER_LOST, {"a"})])
def test_a_lost_answer_is_not_a_lost_request(mishap: Mishap, stored: set[str]) -> None:
    """The client sees the same; the service has applied the one and not the other."""
    service = ScriptedService([mishap])
    with pytest.raises(TransportError):
        service.send("PutVectors", body_of("a"))
    assert set(service.stored) == stored


def test_any_exception_can_be_scripted() -> None:
    """In its turn."""
    failure = NoCredentials("none")
    service = ScriptedService([Mishap.NONE, failure])
    service.send("PutVectors", body_of("a"))
    with pytest.raises(NoCredentials) as caught:
        service.send("PutVectors", body_of("b"))
    assert caught.value is failure


def test_a_poisoned_key_refuses_the_whole_request() -> None:
    """In the service's words."""
    service = ScriptedService(poisoned=["bad"])
    with pytest.raises(ServiceError) as caught:
        service.send("PutVectors", body_of("a", "bad"))
    assert caught.value.message == "Invalid record for key 'bad': poisoned"
    assert not caught.value.is_retryable
    assert service.stored == {}


@pytest.mark.parametrize("operation", ["PutVectors", "DeleteVectors"])
def test_a_key_twice_refuses_the_whole_request(operation: str) -> None:
    """As the service does."""
    body = body_of("a", "a") if operation == "PutVectors" else encode_delete(ADDRESS, ["a", "a"])
    with pytest.raises(ServiceError, match="Request must not contain duplicate keys"):
        ScriptedService().send(operation, body)


@pytest.mark.parametrize("index", [None, {"dimension": 3, "distanceMetric": "cosine"}])
def test_it_describes_its_index(index: dict[str, object] | None) -> None:
    """That is not a request of the script."""
    service = ScriptedService([Mishap.BROKEN], index=index)
    answer = json.loads(service.send("GetIndex", Body.of(b"{}")))
    assert answer == {"index": index or {"dimension": 2, "distanceMetric": "euclidean"}}
    assert service.requests == []


def test_an_error_is_made_by_its_code() -> None:
    """With any words and operation."""
    error = error_of("NotFoundException", "gone", operation="GetIndex")
    assert (error.operation, error.code, error.status, error.message) == (
        "GetIndex",
        "NotFoundException",
        404,
        "gone",
    )
