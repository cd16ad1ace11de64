from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from vecgate.bulk import index_admin
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.index_admin import (
    Entry,
    call_on_bucket,
    create_index,
    created_time,
    describe_bucket,
    list_buckets,
    list_indexes,
)
from vecgate.endpoint.in_process import install, uninstall
from vecgate.endpoint.storage.state import State
from vecgate.errors import IndexUnusable, ProtocolError, ServiceError, UsageError
from vecgate.s3vectors.arn import BucketAddress
from vecgate.testing.scripted_service import modelled_error

ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/media"
MEDIA = BucketAddress.parse("media")


class Answers:
    """A sender that gives the answers in order and keeps the requests."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.requests = list(answers), list[tuple[str, dict[str, Any]]]()

    def send(self, operation: str, body: Body) -> bytes:
        self.requests.append((operation, json.loads(body.data)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def close(self) -> None:
        """Do nothing."""


def test_an_index_is_created_with_all_settings() -> None:
    """And found before the call returns. One that exists is left as it is."""
    service = Answers({}, {"index": {}})
    settings: dict[str, Any] = {
        "non_filterable": ["text"],
        "text_search": {"title": "en"},
        "tags": {"team": "a"},
    }
    assert create_index(service, bucket="media", index="films", dimension=4, **settings)
    assert service.requests[0] == (
        "CreateIndex",
        {
            "vectorBucketName": "media",
            "indexName": "films",
            "dataType": "float32",
            "dimension": 4,
            "distanceMetric": "cosine",
            "metadataConfiguration": {
                "nonFilterableMetadataKeys": ["text"],
                "textSearchConfigurations": [{"metadataKey": "title", "language": "en"}],
            },
            "tags": {"team": "a"},
        },
    )
    assert [name for name, _ in service.requests] == ["CreateIndex", "GetIndex"]
    exists = Answers(modelled_error("ConflictException", operation="CreateIndex"))
    assert not create_index(exists, bucket="media", index="films", dimension=4, text_search=["a"])
    assert exists.requests[0][1]["metadataConfiguration"] == {
        "textSearchConfigurations": [{"metadataKey": "a"}]
    }
    with pytest.raises(UsageError, match="9,999 dimensions"):
        create_index(Answers(), bucket="media", index="films", dimension=9_999)


def test_a_boto3_client_creates_an_index() -> None:
    """As every function of the package takes one."""
    client = boto3.client(
        "s3vectors",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    with in_process(client):
        assert create_index(client, bucket="media", index="films", dimension=2)
        found = client.get_index(vectorBucketName="media", indexName="films")["index"]
    assert (found["dimension"], found["distanceMetric"]) == (2, "cosine")


@contextmanager
def in_process(client: Any) -> Iterator[None]:
    """Answer the requests of *client* without a server."""
    install(client, State())
    try:
        yield
    finally:
        uninstall(client)
        client.close()


def test_lists_have_the_entries_of_all_pages() -> None:
    """With the prefix in each request."""
    first = {
        "indexes": [{"indexName": "a", "indexArn": f"{ARN}/index/a", "creationTime": 0}],
        "nextToken": "t",
    }
    service = Answers(first, {"indexes": [{}]})
    assert list(list_indexes(service, BucketAddress.parse(ARN), prefix="x")) == [
        Entry("a", f"{ARN}/index/a", datetime(1970, 1, 1, tzinfo=UTC)),
        Entry("", "", None),
    ]
    address = {"vectorBucketArn": ARN, "prefix": "x"}
    assert service.requests == [("ListIndexes", address), ("ListIndexes", {**address, "nextToken": "t"})]
    buckets = Answers({"vectorBuckets": [{"vectorBucketName": "media", "vectorBucketArn": ARN}]})
    assert list(list_buckets(buckets)) == [Entry("media", ARN, None)]
    assert buckets.requests == [("ListVectorBuckets", {})]


def test_a_bucket_is_described_and_deleted() -> None:
    """An empty body is an answer too."""
    service = Answers({"vectorBucket": {"vectorBucketName": "media"}}, b"")
    assert describe_bucket(service, MEDIA) == {"vectorBucketName": "media"}
    call_on_bucket(service, "DeleteVectorBucket", MEDIA)
    assert service.requests[1] == ("DeleteVectorBucket", {"vectorBucketName": "media"})


def test_a_missing_bucket_is_named_and_another_error_is_passed_on() -> None:
    """With the way to find its name."""
    absent = modelled_error("NotFoundException", operation="ListIndexes")
    with pytest.raises(IndexUnusable, match="there is no bucket media"):
        list(list_indexes(Answers(absent), MEDIA))
    with pytest.raises(ServiceError, match="AccessDenied"):
        describe_bucket(Answers(modelled_error("AccessDeniedException")), MEDIA)


@pytest.mark.parametrize("answer", [b"<html>", [], {}, {"indexes": {}}, {"indexes": ["a"]}])
def test_an_answer_that_is_none_is_an_error_of_the_server(answer: object) -> None:
    """Not an empty list."""
    with pytest.raises(ProtocolError, match="does not have the format of S3 Vectors"):
        list(list_indexes(Answers(answer), MEDIA))
    with pytest.raises(ProtocolError, match="does not have the format of S3 Vectors"):
        describe_bucket(Answers(answer), MEDIA)


def test_pages_that_do_not_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may return the same token for ever."""
    monkeypatch.setattr(index_admin, "PAGES_MAX", 3)
    page = {"vectorBuckets": [], "nextToken": "t"}
    with pytest.raises(ProtocolError, match="did not end after 3"):
        list(list_buckets(Answers(page, page, page)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (86_400, datetime(1970, 1, 2, tzinfo=UTC)),
        ("1970-01-02T00:00:00+00:00", datetime(1970, 1, 2, tzinfo=UTC)),
        ("yesterday", None),
        (1e30, None),
        (None, None),
    ],
)
def test_a_time_that_cannot_be_read_is_none(value: object, expected: datetime | None) -> None:
    """Whatever a server sends."""
    assert created_time(value) == expected
