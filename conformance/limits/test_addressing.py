"""Addressing: requests identify a bucket or an index by names or by ARN, and unknown ones are errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.grades import Evidence
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import BucketHandle, IndexHandle, MakeBucket, MakeIndex

from ..operations.addresses import (
    NO_BUCKET_ARN,
    NO_INDEX_ARN,
    ON_BUCKETS,
    ON_INDEXES,
    Members,
    bucket_operations,
    each_operation,
    index_operations,
)
from ..operations.calls import account_policy, call, call_error, owner_of

BUCKET_TEXT = "The specified vector bucket could not be found"
INDEX_TEXT = "The specified index could not be found"
BUCKET_FORM = "Must specify either vectorBucketName or vectorBucketArn but not both"
INDEX_FORM = "Must specify either indexArn or both vectorBucketName and indexName"
#: Invalid ways to identify an index.
FORMS: dict[str, Members] = {
    "nothing": {},
    "bucket-name-alone": {"vectorBucketName": "nothing"},
    "index-name-alone": {"indexName": "nothing"},
    "index-name-and-arn": {"indexName": "nothing", "indexArn": NO_INDEX_ARN},
    "everything": {"vectorBucketName": "nothing", "indexName": "nothing", "indexArn": NO_INDEX_ARN},
}
#: Operations to which public tests on AWS sent such a request.
SENT_NAME_AND_INDEX_ARN = ("GetIndex", "PutVectors", "GetVectors", "ListVectors", "DeleteVectors")
SENT_UNKNOWN_BUCKET = ("GetVectorBucket", "DeleteVectorBucket", "ListIndexes", "GetVectorBucketPolicy")
SENT_UNKNOWN_INDEX = ("GetIndex", "DeleteIndex", "PutVectors", "GetVectors")


def recorded(operations: tuple[str, ...], *, others: Evidence) -> dict[str, Evidence]:
    """Return the evidence by operation: recorded for *operations*."""
    return {**dict.fromkeys(operations, "recorded"), "": others}


def prepare_members(client: Any, operation: str, bucket: BucketHandle) -> Members:
    """Prepare *bucket* for *operation* and return the other members of the request."""
    if not operation.endswith("Policy"):
        return ON_BUCKETS[operation]
    policy = account_policy(bucket.arn)
    client.put_vector_bucket_policy(**bucket.address, policy=policy)
    return {"policy": policy} if operation == "PutVectorBucketPolicy" else {}


@bucket_operations
@requirement(
    "addressing.bucket-by-name",
    kind="effect",
    evidence="documented",
    source=sources.MODEL,
    needs="{operation}",
)
def test_a_bucket_is_found_by_its_name(client: Any, make_bucket: MakeBucket, operation: str) -> None:
    """An operation on a vector bucket accepts the name of the bucket."""
    bucket = make_bucket()
    members = prepare_members(client, operation, bucket)
    call(client, operation, {**members, "vectorBucketName": bucket.name})


@bucket_operations
@requirement(
    "addressing.bucket-by-arn",
    kind="effect",
    evidence="documented",
    source=sources.MODEL,
    needs="{operation}",
)
def test_a_bucket_is_found_by_its_arn(client: Any, make_bucket: MakeBucket, operation: str) -> None:
    """An operation on a vector bucket accepts the ARN of the bucket."""
    bucket = make_bucket()
    members = prepare_members(client, operation, bucket)
    call(client, operation, {**members, "vectorBucketArn": bucket.arn})


@index_operations
@requirement(
    "addressing.index-by-name",
    kind="effect",
    evidence="documented",
    source=sources.MODEL,
    needs="{operation}",
)
def test_an_index_is_found_by_both_names(client: Any, make_index: MakeIndex, operation: str) -> None:
    """An operation on an index accepts the names of the bucket and of the index."""
    call(client, operation, {**ON_INDEXES[operation], **make_index().address})


@index_operations
@requirement(
    "addressing.index-by-arn", kind="effect", evidence="documented", source=sources.MODEL, needs="{operation}"
)
def test_an_index_is_found_by_its_arn(client: Any, make_index: MakeIndex, operation: str) -> None:
    """An operation on an index accepts the ARN of the index."""
    call(client, operation, {**ON_INDEXES[operation], "indexArn": make_index().arn})


@bucket_operations
@requirement(
    "addressing.bucket-by-both",
    kind="refusal",
    evidence=recorded(("ListIndexes",), others="documented"),
    source=sources.MOTO_INDEXES,
    needs="{operation}",
    covers="{operation}!ValidationException",
)
def test_a_bucket_by_name_and_arn_at_once_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """An operation on a vector bucket accepts its name or ARN, but not both, even if it does not exist."""
    members = {**ON_BUCKETS[operation], "vectorBucketName": "nothing", "vectorBucketArn": NO_BUCKET_ARN}
    expect_error(operation, members, code="ValidationException")


@bucket_operations
@requirement(
    "addressing.bucket-by-both-message",
    kind="detail",
    evidence=recorded(("ListIndexes",), others="inferred"),
    source=sources.MOTO_INDEXES,
    needs="{operation}",
)
def test_the_error_asks_for_either_name_or_arn(expect_error: ErrorExpectation, operation: str) -> None:
    """The error for a bucket identified by both name and ARN asks for exactly one of them."""
    members = {**ON_BUCKETS[operation], "vectorBucketName": "nothing", "vectorBucketArn": NO_BUCKET_ARN}
    expect_error(operation, members, code="ValidationException", message=BUCKET_FORM)


@bucket_operations
@requirement(
    "addressing.bucket-by-nothing",
    kind="refusal",
    evidence="documented",
    source=sources.MODEL,
    needs="{operation}",
)
def test_a_request_that_names_no_bucket_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """An operation on a vector bucket must identify one."""
    expect_error(operation, ON_BUCKETS[operation], code="ValidationException")


@pytest.mark.parametrize("form", FORMS)
@index_operations
@requirement(
    "addressing.index-form", kind="refusal", evidence="documented", source=sources.MODEL, needs="{operation}"
)
def test_an_incomplete_or_ambiguous_index_address_is_rejected(
    expect_error: ErrorExpectation, operation: str, form: str
) -> None:
    """An operation on an index accepts either its ARN, or the names of bucket and index."""
    expect_error(operation, {**ON_INDEXES[operation], **FORMS[form]}, code="ValidationException")


@index_operations
@requirement(
    "addressing.bucket-name-and-index-arn",
    kind="refusal",
    evidence=recorded(SENT_NAME_AND_INDEX_ARN, others="documented"),
    source=sources.MOTO_VECTORS,
    needs="{operation}",
    covers="{operation}!ValidationException",
)
def test_a_bucket_name_with_an_index_arn_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """An index ARN together with a bucket name is rejected, even if neither exists."""
    members = {**ON_INDEXES[operation], "vectorBucketName": "nothing", "indexArn": NO_INDEX_ARN}
    expect_error(operation, members, code="ValidationException")


@index_operations
@requirement(
    "addressing.bucket-name-and-index-arn-message",
    kind="detail",
    evidence=recorded(SENT_NAME_AND_INDEX_ARN, others="inferred"),
    source=sources.MOTO_VECTORS,
    needs="{operation}",
)
def test_the_error_for_a_bucket_name_with_an_index_arn(
    expect_error: ErrorExpectation, operation: str
) -> None:
    """The error for an index ARN together with a bucket name says what to specify instead."""
    members = {**ON_INDEXES[operation], "vectorBucketName": "nothing", "indexArn": NO_INDEX_ARN}
    expect_error(operation, members, code="ValidationException", message=INDEX_FORM)


# Resources that do not exist


@bucket_operations
@requirement(
    "addressing.unknown-bucket-name",
    kind="effect",
    evidence=recorded(SENT_UNKNOWN_BUCKET, others="model"),
    source=sources.MOTO_BUCKETS,
    needs="{operation}",
    covers="{operation}!NotFoundException",
)
def test_an_unknown_bucket_is_not_found_by_name(
    expect_error: ErrorExpectation, new_name: Callable[[], str], operation: str
) -> None:
    """An operation on a vector bucket that does not exist is answered with NotFoundException."""
    expect_error(
        operation, {**ON_BUCKETS[operation], "vectorBucketName": new_name()}, code="NotFoundException"
    )


@bucket_operations
@requirement(
    "addressing.unknown-bucket-arn",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
)
def test_an_unknown_bucket_is_not_found_by_arn(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, new_name: Callable[[], str], operation: str
) -> None:
    """The ARN of a vector bucket that does not exist is answered with NotFoundException."""
    bucket = make_bucket()
    arn = bucket.arn.replace(bucket.name, new_name())
    expect_error(operation, {**ON_BUCKETS[operation], "vectorBucketArn": arn}, code="NotFoundException")


@each_operation(*SENT_UNKNOWN_BUCKET)
@requirement(
    "addressing.unknown-bucket-message",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    needs="{operation}",
)
def test_the_answer_says_that_the_bucket_was_not_found(
    expect_error: ErrorExpectation, new_name: Callable[[], str], operation: str
) -> None:
    """An operation on a vector bucket that does not exist says that the bucket was not found."""
    members = {**ON_BUCKETS[operation], "vectorBucketName": new_name()}
    expect_error(operation, members, code="NotFoundException", message=BUCKET_TEXT)


@index_operations
@requirement(
    "addressing.unknown-index-name",
    kind="effect",
    evidence=recorded(SENT_UNKNOWN_INDEX, others="model"),
    source=sources.MOTO_VECTORS,
    needs="{operation}",
    covers="{operation}!NotFoundException",
)
def test_an_unknown_index_is_not_found_by_name(
    expect_error: ErrorExpectation, make_index: MakeIndex, operation: str
) -> None:
    """An operation on an index that does not exist in its bucket is answered with NotFoundException."""
    members = {**ON_INDEXES[operation], **make_index().address, "indexName": "nothing"}
    expect_error(operation, members, code="NotFoundException")


@index_operations
@requirement(
    "addressing.unknown-index-arn",
    kind="effect",
    evidence=recorded(("GetIndex", "PutVectors", "GetVectors"), others="model"),
    source=sources.MOTO_VECTORS,
    needs="{operation}",
)
def test_an_unknown_index_is_not_found_by_arn(
    expect_error: ErrorExpectation, make_index: MakeIndex, operation: str
) -> None:
    """The ARN of an index that does not exist is answered with NotFoundException."""
    arn = make_index().arn.rpartition("/")[0] + "/nothing"
    expect_error(operation, {**ON_INDEXES[operation], "indexArn": arn}, code="NotFoundException")


@index_operations
@requirement(
    "addressing.index-of-unknown-bucket",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
)
def test_an_index_of_an_unknown_bucket_is_not_found(
    expect_error: ErrorExpectation, new_name: Callable[[], str], operation: str
) -> None:
    """An operation on an index in a bucket that does not exist is answered with NotFoundException."""
    members = {**ON_INDEXES[operation], "vectorBucketName": new_name(), "indexName": "nothing"}
    expect_error(operation, members, code="NotFoundException")


@each_operation(*SENT_UNKNOWN_INDEX)
@requirement(
    "addressing.unknown-index-message",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    needs="{operation}",
)
def test_the_answer_says_that_the_index_was_not_found(
    expect_error: ErrorExpectation, plain_index: IndexHandle, operation: str
) -> None:
    """An operation on an index that does not exist says that the index was not found."""
    members = {**ON_INDEXES[operation], **plain_index.address, "indexName": "nothing"}
    expect_error(operation, members, code="NotFoundException", message=INDEX_TEXT)


@requirement(
    "addressing.unknown-bucket-blames-index", kind="detail", evidence="recorded", source=sources.MOTO_INDEXES
)
def test_the_index_is_reported_missing_even_if_its_bucket_is_missing(
    expect_error: ErrorExpectation, new_name: Callable[[], str]
) -> None:
    """GetIndex in a vector bucket that does not exist says that the index was not found."""
    members = {"vectorBucketName": new_name(), "indexName": "nothing"}
    expect_error("GetIndex", members, code="NotFoundException", message=INDEX_TEXT)


@pytest.mark.parametrize("part", ["region", "account"])
@requirement("addressing.foreign-arn", kind="open", evidence="inferred", source=sources.MODEL)
def test_an_arn_of_another_region_or_account_is_not_found(
    client: Any, make_index: MakeIndex, part: str
) -> None:
    """An ARN with another region or account does not reach the index of the same name here."""
    index = make_index()
    partition, region, account = owner_of(index.arn)
    owner = f"mars-north-1:{account}" if part == "region" else f"{region}:999999999999"
    arn = f"arn:{partition}:s3vectors:{owner}:bucket/{index.bucket}/index/{index.name}"
    assert call_error(client, "GetIndex", {"indexArn": arn}) is not None
