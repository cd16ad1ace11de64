"""The index is asked what it wants, and made as it is wanted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vecgate.bulk.encoding import Body
from vecgate.bulk.indexes import create_index, describe_index
from vecgate.bulk.validation import IndexRules
from vecgate.errors import IndexUnusable, ProtocolError, ServiceError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted import error_of

BY_NAME = IndexAddress("media", "films")
ARN = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films"


class Service:
    """Answers each operation as told."""

    def __init__(self, **answers: bytes | ServiceError) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def send(self, operation: str, body: Body) -> bytes:
        self.calls.append((operation, json.loads(body.data)))
        answer = self.answers.get(operation, b"{}")
        if isinstance(answer, ServiceError):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to close."""


def index(**members: object) -> bytes:
    return json.dumps({"index": {"dimension": 384, "distanceMetric": "cosine", **members}}).encode()


@pytest.mark.parametrize(
    ("answer", "rules"),
    [
        (index(), IndexRules(384, "cosine")),
        (index(metadataConfiguration=None), IndexRules(384, "cosine")),
        (index(metadataConfiguration={}), IndexRules(384, "cosine")),
        (index(dimension=3, distanceMetric="euclidean"), IndexRules(3, "euclidean")),
        (
            index(metadataConfiguration={"nonFilterableMetadataKeys": ["text", "url"]}),
            IndexRules(384, "cosine", frozenset({"text", "url"})),
        ),
    ],
)
def test_an_index_says_what_it_asks_of_a_vector(answer: bytes, rules: IndexRules) -> None:
    """Dimension, metric, and the keys that do not count; where none were set the member is missing."""
    service = Service(GetIndex=answer)
    assert describe_index(service, BY_NAME) == rules
    assert service.calls == [("GetIndex", {"vectorBucketName": "media", "indexName": "films"})]


def test_an_index_is_asked_for_by_arn_too() -> None:
    """And nothing but the ARN."""
    service = Service(GetIndex=index())
    describe_index(service, IndexAddress(arn=ARN))
    assert service.calls == [("GetIndex", {"indexArn": ARN})]


def test_an_index_that_is_missing_is_named() -> None:
    """With the way out."""
    with pytest.raises(IndexUnusable) as caught:
        describe_index(Service(GetIndex=error_of("NotFoundException", operation="GetIndex")), BY_NAME)
    assert str(caught.value) == "there is no index media/films"
    assert caught.value.hint


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_other_refusals_are_left_as_they_are(code: str) -> None:
    """No permission is not a missing index."""
    with pytest.raises(ServiceError) as caught:
        describe_index(Service(GetIndex=error_of(code)), BY_NAME)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"\xff",
        b"{}",
        b"[]",
        b"null",
        b'{"index": null}',
        b'{"index": []}',
        b'{"index": {"dimension": 3}}',
        b'{"index": {"distanceMetric": "cosine"}}',
        b'{"index": {"dimension": "many", "distanceMetric": "cosine"}}',
        b'{"index": {"dimension": null, "distanceMetric": "cosine"}}',
        b'{"index": {"dimension": 3, "distanceMetric": "cosine", "metadataConfiguration": [1]}}',
        index(metadataConfiguration={"nonFilterableMetadataKeys": 1}),
    ],
)
def test_an_answer_that_describes_no_index_is_named(answer: bytes) -> None:
    """Something else than an S3 Vectors service may listen there."""
    with pytest.raises(ProtocolError, match="describes no index"):
        describe_index(Service(GetIndex=answer), BY_NAME)


@pytest.mark.parametrize("bucket_is_there", [True, False])
@pytest.mark.parametrize("index_is_there", [True, False])
def test_bucket_and_index_are_made_where_they_are_missing(
    *, bucket_is_there: bool, index_is_there: bool
) -> None:
    """What is there is left as it is, and told apart."""
    there = error_of("ConflictException")
    service = Service(
        CreateVectorBucket=there if bucket_is_there else b"{}", CreateIndex=there if index_is_there else b"{}"
    )
    made = create_index(service, BY_NAME, IndexRules(3, "cosine", frozenset({"url", "text"})))
    assert made is not index_is_there
    assert service.calls == [
        ("CreateVectorBucket", {"vectorBucketName": "media"}),
        (
            "CreateIndex",
            {
                "vectorBucketName": "media",
                "indexName": "films",
                "dataType": "float32",
                "dimension": 3,
                "distanceMetric": "cosine",
                "metadataConfiguration": {"nonFilterableMetadataKeys": ["text", "url"]},
            },
        ),
    ]


def test_an_index_without_non_filterable_keys_has_no_configuration() -> None:
    """An empty list was refused before 2026-11-16."""
    service = Service()
    create_index(service, BY_NAME, IndexRules(3, "euclidean"))
    assert "metadataConfiguration" not in service.calls[1][1]


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
def test_what_cannot_be_made_is_told(operation: str) -> None:
    """The service's refusal comes through."""
    with pytest.raises(ServiceError) as caught:
        create_index(
            Service(**{operation: error_of("ServiceQuotaExceededException")}),
            BY_NAME,
            IndexRules(3, "cosine"),
        )
    assert caught.value.code == "ServiceQuotaExceededException"
