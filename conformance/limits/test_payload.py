"""A request body may have at most 20 MiB: 20,971,520 bytes are accepted, one more is rejected."""

from __future__ import annotations

import json

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.errors import TransportError
from vecgate.resources.handles import IndexHandle, MakeIndex, vector

SOURCE = sources.probe("request-payload-limit")
LIMIT = 20_971_520
VECTORS = 500


def put_body(index: IndexHandle, size: int) -> bytes:
    """Return a valid PutVectors body of *size* bytes: 500 vectors with metadata, padded with long keys."""
    bulk = {"bulk": "x" * 40_900}
    vectors = [vector(f"{number:03}", [1.0, 0.5], bulk) for number in range(VECTORS)]
    missing = size - len(_encoded(index, vectors))
    for number, each in enumerate(vectors):
        each["key"] += "k" * (missing // VECTORS + (number < missing % VECTORS))
    return _encoded(index, vectors)


def _encoded(index: IndexHandle, vectors: list[dict[str, object]]) -> bytes:
    return json.dumps({**index.address, "vectors": vectors}).encode()


def answer_or_reset(raw: RawClient, body: bytes) -> RawAnswer | None:
    """Return the answer, or None if the connection was reset first, which AWS does at times."""
    try:
        return raw("/PutVectors", body)
    except TransportError:
        return None


@requirement("payload.largest", kind="effect", evidence="recorded", source=SOURCE, needs="raw", slow=True)
def test_a_body_of_20_mib_is_accepted(raw: RawClient, make_index: MakeIndex) -> None:
    """A body of 20,971,520 bytes is accepted, and all its vectors are stored."""
    index = make_index(non_filterable=["bulk"])
    body = put_body(index, LIMIT)
    assert len(body) == LIMIT
    assert raw("/PutVectors", body).status == 200
    assert len(index.keys()) == VECTORS


@requirement("payload.too-large", kind="refusal", evidence="recorded", source=SOURCE, needs="raw", slow=True)
def test_a_body_of_one_byte_more_is_rejected(raw: RawClient, make_index: MakeIndex) -> None:
    """A body of 20,971,521 bytes is rejected with ValidationException, or the connection is reset."""
    index = make_index(non_filterable=["bulk"])
    body = put_body(index, LIMIT + 1)
    assert len(body) == LIMIT + 1
    answer = answer_or_reset(raw, body)
    assert answer is None or (answer.status, answer.code) == (400, "ValidationException")
    assert index.keys() == set()


@requirement(
    "payload.too-large-message", kind="detail", evidence="recorded", source=SOURCE, needs="raw", slow=True
)
def test_the_error_names_the_size_of_the_body(raw: RawClient, make_index: MakeIndex) -> None:
    """If an answer arrives, its message says that the body is too large."""
    index = make_index(non_filterable=["bulk"])
    answer = answer_or_reset(raw, put_body(index, LIMIT + 1))
    if answer is None:
        pytest.skip("the connection was reset before an answer came")
    assert answer.message == "Request body exceeds max allowed size"


@requirement("payload.works-on", kind="guard", evidence="inferred", source=SOURCE, needs="raw", slow=True)
def test_the_next_request_after_a_large_body_succeeds(raw: RawClient, make_index: MakeIndex) -> None:
    """A rejected body does not affect the next request."""
    index = make_index(non_filterable=["bulk"])
    answer_or_reset(raw, put_body(index, LIMIT + 1))
    index.put(("k", [1.0, 0.5]))
    assert "k" in index.keys()  # noqa: SIM118 - a method of the index
