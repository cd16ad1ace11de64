"""A request body has at most 20 MiB: 20,971,520 bytes are taken, one more is refused."""

from __future__ import annotations

import json

import pytest

from vecgate.errors import TransportError
from vecgate.testing import sources
from vecgate.testing.raw import RawAnswer, RawClient
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex, vector

SOURCE = sources.probe("request-payload-limit")
LIMIT = 20_971_520
VECTORS = 500


def body_of(index: Index, size: int) -> bytes:
    """A valid PutVectors of *size* bytes, which 500 vectors fill with metadata and with keys."""
    bulk = {"bulk": "x" * 40_900}
    vectors = [vector(f"{number:03}", [1.0, 0.5], bulk) for number in range(VECTORS)]
    lacking = size - len(_written(index, vectors))
    for number, each in enumerate(vectors):
        each["key"] += "k" * (lacking // VECTORS + (number < lacking % VECTORS))
    return _written(index, vectors)


def _written(index: Index, vectors: list[dict[str, object]]) -> bytes:
    return json.dumps({**index.address, "vectors": vectors}).encode()


def answer_to(raw: RawClient, body: bytes) -> RawAnswer | None:
    """The answer, None where the connection was reset before it came, which AWS does at times."""
    try:
        return raw("/PutVectors", body)
    except TransportError:
        return None


@requirement("payload.largest", level="must", evidence="recorded", source=SOURCE, needs="raw", slow=True)
def test_a_body_of_20_mib_is_taken(raw: RawClient, make_index: MakeIndex) -> None:
    """A body of 20,971,520 bytes is taken, and all its vectors are stored."""
    index = make_index(non_filterable=["bulk"])
    body = body_of(index, LIMIT)
    assert len(body) == LIMIT
    assert raw("/PutVectors", body).status == 200
    assert len(index.keys()) == VECTORS


@requirement("payload.too-large", level="must", evidence="recorded", source=SOURCE, needs="raw", slow=True)
def test_a_body_of_one_byte_more_is_refused(raw: RawClient, make_index: MakeIndex) -> None:
    """A body of 20,971,521 bytes is refused with ValidationException, or the connection is reset."""
    index = make_index(non_filterable=["bulk"])
    body = body_of(index, LIMIT + 1)
    assert len(body) == LIMIT + 1
    answer = answer_to(raw, body)
    assert answer is None or (answer.status, answer.code) == (400, "ValidationException")
    assert index.keys() == set()


@requirement(
    "payload.too-large-message", level="should", evidence="recorded", source=SOURCE, needs="raw", slow=True
)
def test_a_body_that_is_too_large_is_called_that(raw: RawClient, make_index: MakeIndex) -> None:
    """Where an answer comes its sentence speaks of the size of the body."""
    index = make_index(non_filterable=["bulk"])
    answer = answer_to(raw, body_of(index, LIMIT + 1))
    if answer is None:
        pytest.skip("the connection was reset before an answer came")
    assert answer.message == "Request body exceeds max allowed size"


@requirement("payload.works-on", level="must", evidence="inferred", source=SOURCE, needs="raw", slow=True)
def test_after_a_body_that_is_too_large_others_are_taken(raw: RawClient, make_index: MakeIndex) -> None:
    """A refused body has no consequences for the next request."""
    index = make_index(non_filterable=["bulk"])
    answer_to(raw, body_of(index, LIMIT + 1))
    index.put(("k", [1.0, 0.5]))
    assert index.keys() == {"k"}
