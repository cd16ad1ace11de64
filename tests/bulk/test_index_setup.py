"""Describing an index, and creating it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_setup import (
    NewResourceSender,
    check_first_batch,
    check_new_index,
    create_index,
    describe_index,
)
from vecgate.bulk.sources import source_from_records
from vecgate.errors import IndexUnusable, ProtocolError, ServiceError, SourceError, UsageError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.scripted_service import modelled_error

BY_NAME = IndexAddress("media", "films")
ARN = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films"


class Service:
    """Gives a fixed response to each operation."""

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
        """Do nothing."""


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
def test_an_index_states_the_rules_for_vectors(answer: bytes, rules: IndexRules) -> None:
    """They are dimension, metric, and the non-filterable keys; that member is missing if none were set."""
    service = Service(GetIndex=answer)
    assert describe_index(service, BY_NAME) == rules
    assert service.calls == [("GetIndex", {"vectorBucketName": "media", "indexName": "films"})]


def test_an_index_can_be_described_by_arn() -> None:
    """The request has nothing but the ARN."""
    service = Service(GetIndex=index())
    describe_index(service, IndexAddress(arn=ARN))
    assert service.calls == [("GetIndex", {"indexArn": ARN})]


def test_a_missing_index_is_named() -> None:
    """The error has a hint."""
    with pytest.raises(IndexUnusable) as caught:
        describe_index(Service(GetIndex=modelled_error("NotFoundException", operation="GetIndex")), BY_NAME)
    assert str(caught.value) == "there is no index media/films"
    assert caught.value.hint


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_other_errors_are_passed_on(code: str) -> None:
    """An error about permissions does not mean that the index is missing."""
    with pytest.raises(ServiceError) as caught:
        describe_index(Service(GetIndex=modelled_error(code)), BY_NAME)
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
def test_a_response_that_does_not_describe_an_index_is_reported(answer: bytes) -> None:
    """Something other than an S3 Vectors service may listen there."""
    with pytest.raises(ProtocolError, match="does not describe an index"):
        describe_index(Service(GetIndex=answer), BY_NAME)


class Account:
    """Has buckets and indexes, which it finds only after *delay* requests that name them."""

    def __init__(self, *, bucket: bool = False, index: bool = False, delay: int = 0) -> None:
        self.has_bucket, self.has_index, self.delay = bucket, index, delay
        self.calls: list[str] = []

    def send(self, operation: str, body: Body) -> bytes:
        self.calls.append(operation)
        if operation == "CreateVectorBucket":
            self._create(exists=self.has_bucket)
            self.has_bucket = True
        elif not self.has_bucket or self.delay > 0:
            self.delay -= self.has_bucket
            raise modelled_error("NotFoundException", operation=operation)
        elif operation == "CreateIndex":
            self._create(exists=self.has_index)
            self.has_index = True
            self.definition = json.loads(body.data)
        elif not self.has_index:
            raise modelled_error("NotFoundException", operation=operation)
        return index()

    def close(self) -> None:
        """Do nothing."""

    def _create(self, *, exists: bool) -> None:
        if exists:
            raise modelled_error("ConflictException")


@pytest.mark.parametrize(
    ("account", "is_created", "calls"),
    [
        (Account(bucket=True, index=True), False, ["CreateIndex"]),
        (Account(bucket=True), True, ["CreateIndex"]),
        (Account(), True, ["CreateIndex", "CreateVectorBucket", "CreateIndex"]),
    ],
    ids=["index exists", "bucket exists", "nothing exists"],
)
def test_only_what_is_missing_is_created(account: Account, *, is_created: bool, calls: list[str]) -> None:
    """So the permission to create buckets is needed only for a missing bucket."""
    assert create_index(account, BY_NAME, IndexRules(3, "cosine", frozenset({"url", "text"}))) is is_created
    assert account.calls == calls
    if is_created:
        assert account.definition == {
            "vectorBucketName": "media",
            "indexName": "films",
            "dataType": "float32",
            "dimension": 3,
            "distanceMetric": "cosine",
            "metadataConfiguration": {"nonFilterableMetadataKeys": ["text", "url"]},
        }


def test_an_index_without_non_filterable_keys_has_no_configuration() -> None:
    """The service rejected an empty list before 2026-11-16."""
    account = Account(bucket=True)
    create_index(account, BY_NAME, IndexRules(3, "euclidean"))
    assert "metadataConfiguration" not in account.definition


def test_a_new_bucket_may_not_be_found_at_once() -> None:
    """The index is created when it is."""
    account = Account(delay=1)
    assert create_index(account, BY_NAME, IndexRules(3, "cosine"))
    assert account.calls == ["CreateIndex", "CreateVectorBucket", "CreateIndex", "CreateIndex"]


def test_not_found_is_retryable_only_for_a_new_resource() -> None:
    """For some seconds; other errors stay as they are."""
    now = [100.0]
    sender = NewResourceSender(
        Service(
            PutVectors=modelled_error("NotFoundException"), GetIndex=modelled_error("AccessDeniedException")
        ),
        now_s=lambda: now[0],
    )
    for operation, seconds, is_retryable in (
        ("GetIndex", 0.0, False),
        ("PutVectors", 0.0, True),
        ("PutVectors", 14.9, True),
        ("PutVectors", 15.1, False),
    ):
        now[0] = 100.0 + seconds
        with pytest.raises(ServiceError) as caught:
            sender.send(operation, Body.of(b"{}"))
        assert caught.value.is_retryable is is_retryable
        caught.value.is_retryable = False  # the fake raises the same object again


@pytest.mark.parametrize(
    ("address", "rules", "problems"),
    [
        (IndexAddress("B_d", "films"), IndexRules(3, "cosine"), ["'B_d' cannot name a bucket"]),
        (IndexAddress("ab", "films"), IndexRules(3, "cosine"), ["'ab' cannot name a bucket"]),
        (IndexAddress("a.b.c", "films"), IndexRules(3, "cosine"), ["'a.b.c' cannot name a bucket"]),
        (IndexAddress("-abc", "films"), IndexRules(3, "cosine"), ["'-abc' cannot name a bucket"]),
        (IndexAddress("media", "x" * 64), IndexRules(3, "cosine"), ["cannot name an index"]),
        (IndexAddress("media", "films\n"), IndexRules(3, "cosine"), ["cannot name an index"]),
        (BY_NAME, IndexRules(0, "cosine"), ["have 0 dimensions"]),
        (BY_NAME, IndexRules(4_097, "cosine"), ["have 4,097 dimensions; an index has 1 to 4,096"]),
        (BY_NAME, IndexRules(3, "dot"), ["'dot' is no distance metric; use euclidean or cosine"]),
        (BY_NAME, IndexRules(3, "cosine", frozenset(map(str, range(11)))), ["11 non-filterable"]),
        (BY_NAME, IndexRules(3, "cosine", frozenset({"k" * 64})), ["has 64 characters; allowed are 1 to 63"]),
        (BY_NAME, IndexRules(3, "cosine", frozenset({""})), ["has 0 characters"]),
        (IndexAddress("x", "y"), IndexRules(0, "dot"), ["a bucket", "an index", "dimensions", "metric"]),
        (IndexAddress(arn=ARN), IndexRules(3, "cosine"), ["by name, not by ARN"]),
    ],
)
def test_what_the_service_would_refuse_is_not_sent(
    address: IndexAddress, rules: IndexRules, problems: list[str]
) -> None:
    """Names, dimension, metric and non-filterable keys are checked first, and every problem is named."""
    service = Service()
    with pytest.raises(UsageError) as caught:
        create_index(service, address, rules)
    assert all(problem in str(caught.value) for problem in problems)
    assert service.calls == []


@pytest.mark.parametrize("name", ["abc", "a-1", "x" * 63, "0-0"])
def test_names_of_the_documented_form_are_accepted(name: str) -> None:
    """Dots are allowed in the name of an index."""
    check_new_index(IndexAddress(name, f"{name[:60]}.v1"[:63]), IndexRules(4_096, "euclidean"))


@pytest.mark.parametrize(
    ("vectors", "is_refused"), [([[0.0, 0.0]] * 3, True), ([[0.0, 0.0], [1.0, 0.0]], False), ([], False)]
)
def test_no_index_is_created_for_an_input_that_cannot_be_written(
    vectors: list[list[float]], *, is_refused: bool
) -> None:
    """If none of its first records can; an input that is read only once is not checked."""
    records = [{"key": f"k{number}", "vector": vector} for number, vector in enumerate(vectors)]
    source = source_from_records(records or [{"key": "a", "vector": [1.0, 2.0]}])
    with pytest.raises(SourceError, match="none of the first 3 records") if is_refused else nullcontext():
        check_first_batch(source, IndexRules(2, "cosine"))
    if records:
        check_first_batch(source_from_records(iter(records)), IndexRules(2, "cosine"))


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
def test_an_error_during_creation_is_raised(operation: str) -> None:
    """The error of the service is passed on."""
    with pytest.raises(ServiceError) as caught:
        create_index(
            Service(
                **{
                    "CreateIndex": modelled_error("NotFoundException"),
                    operation: modelled_error("ServiceQuotaExceededException"),
                }
            ),
            BY_NAME,
            IndexRules(3, "cosine"),
        )
    assert caught.value.code == "ServiceQuotaExceededException"
