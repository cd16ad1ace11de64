"""How requests name a bucket or an index: by name, by ARN, by one of the two; and what is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Bucket, MakeBucket, MakeIndex

from ..operations.addresses import (
    NO_BUCKET_ARN,
    NO_INDEX_ARN,
    ON_BUCKETS,
    ON_INDEXES,
    Members,
    bucket_operations,
    cases,
    index_operations,
)
from ..operations.asking import called, outcome, policy_on

BUCKET_TEXT = "The specified vector bucket could not be found"
INDEX_TEXT = "The specified index could not be found"
BUCKET_FORM = "Must specify either vectorBucketName or vectorBucketArn but not both"
INDEX_FORM = "Must specify either indexArn or both vectorBucketName and indexName"
#: What names no index.
FORMS: dict[str, Members] = {
    "nothing": {},
    "bucket-name-alone": {"vectorBucketName": "nothing"},
    "index-name-alone": {"indexName": "nothing"},
    "index-name-and-arn": {"indexName": "nothing", "indexArn": NO_INDEX_ARN},
    "everything": {"vectorBucketName": "nothing", "indexName": "nothing", "indexArn": NO_INDEX_ARN},
}


def _prepared(client: Any, operation: str, bucket: Bucket) -> Members:
    """What a request holds beside the address of *bucket*, which is made ready for it."""
    if not operation.endswith("Policy"):
        return ON_BUCKETS[operation]
    policy = policy_on(bucket.arn)
    client.put_vector_bucket_policy(**bucket.address, policy=policy)
    return {"policy": policy} if operation == "PutVectorBucketPolicy" else {}


@bucket_operations
@requirement(
    "addressing.bucket-by-name",
    level="must",
    evidence="documented",
    source=sources.MODEL,
    needs="{operation}",
)
def test_a_bucket_is_found_by_its_name(client: Any, make_bucket: MakeBucket, operation: str) -> None:
    """An operation on a vector bucket takes the bucket's name."""
    bucket = make_bucket()
    members = _prepared(client, operation, bucket)
    called(client, operation, {**members, "vectorBucketName": bucket.name})


@bucket_operations
@requirement(
    "addressing.bucket-by-arn", level="must", evidence="documented", source=sources.MODEL, needs="{operation}"
)
def test_a_bucket_is_found_by_its_arn(client: Any, make_bucket: MakeBucket, operation: str) -> None:
    """An operation on a vector bucket takes the bucket's ARN."""
    bucket = make_bucket()
    members = _prepared(client, operation, bucket)
    called(client, operation, {**members, "vectorBucketArn": bucket.arn})


@index_operations
@requirement(
    "addressing.index-by-name", level="must", evidence="documented", source=sources.MODEL, needs="{operation}"
)
def test_an_index_is_found_by_both_names(client: Any, make_index: MakeIndex, operation: str) -> None:
    """An operation on an index takes the names of the bucket and of the index."""
    called(client, operation, {**ON_INDEXES[operation], **make_index().address})


@index_operations
@requirement(
    "addressing.index-by-arn", level="must", evidence="documented", source=sources.MODEL, needs="{operation}"
)
def test_an_index_is_found_by_its_arn(client: Any, make_index: MakeIndex, operation: str) -> None:
    """An operation on an index takes the index's ARN."""
    called(client, operation, {**ON_INDEXES[operation], "indexArn": make_index().arn})


@bucket_operations
@requirement(
    "addressing.bucket-by-both",
    level="must",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    needs="{operation}",
    covers="{operation}!ValidationException",
)
def test_a_bucket_by_name_and_arn_at_once_is_refused(refused: Refused, operation: str) -> None:
    """An operation on a vector bucket takes its name or its ARN, not both; that it exists does not matter."""
    members = {**ON_BUCKETS[operation], "vectorBucketName": "nothing", "vectorBucketArn": NO_BUCKET_ARN}
    refused(operation, members, code="ValidationException")


@bucket_operations
@requirement(
    "addressing.bucket-by-both-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    needs="{operation}",
)
def test_the_refusal_of_name_and_arn_names_both(refused: Refused, operation: str) -> None:
    """A vector bucket named twice is refused with the sentence that says so."""
    members = {**ON_BUCKETS[operation], "vectorBucketName": "nothing", "vectorBucketArn": NO_BUCKET_ARN}
    refused(operation, members, code="ValidationException", message=BUCKET_FORM)


@bucket_operations
@requirement(
    "addressing.bucket-by-nothing",
    level="must",
    evidence="documented",
    source=sources.MODEL,
    needs="{operation}",
)
def test_a_request_that_names_no_bucket_is_refused(refused: Refused, operation: str) -> None:
    """An operation on a vector bucket must name one."""
    refused(operation, ON_BUCKETS[operation], code="ValidationException")


@pytest.mark.parametrize("form", FORMS)
@index_operations
@requirement(
    "addressing.index-form", level="must", evidence="documented", source=sources.MODEL, needs="{operation}"
)
def test_an_index_named_by_too_much_or_too_little_is_refused(
    refused: Refused, operation: str, form: str
) -> None:
    """An operation on an index takes its ARN, or the names of bucket and index: no less and no more."""
    refused(operation, {**ON_INDEXES[operation], **FORMS[form]}, code="ValidationException")


@index_operations
@requirement(
    "addressing.bucket-name-and-index-arn",
    level="must",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    needs="{operation}",
    covers="{operation}!ValidationException",
)
def test_a_bucket_name_beside_an_index_arn_is_refused(refused: Refused, operation: str) -> None:
    """An ARN of an index and a name of a bucket are no address; that neither exists does not matter."""
    members = {**ON_INDEXES[operation], "vectorBucketName": "nothing", "indexArn": NO_INDEX_ARN}
    refused(operation, members, code="ValidationException")


@index_operations
@requirement(
    "addressing.bucket-name-and-index-arn-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    needs="{operation}",
)
def test_the_refusal_of_a_bucket_name_beside_an_index_arn_says_what_to_give(
    refused: Refused, operation: str
) -> None:
    """An ARN of an index beside a name of a bucket is refused with the sentence that says so."""
    members = {**ON_INDEXES[operation], "vectorBucketName": "nothing", "indexArn": NO_INDEX_ARN}
    refused(operation, members, code="ValidationException", message=INDEX_FORM)


# What is not there


@bucket_operations
@requirement(
    "addressing.unknown-bucket-name",
    level="must",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    needs="{operation}",
    covers="{operation}!NotFoundException",
)
def test_an_unknown_bucket_is_not_found_by_name(
    refused: Refused, new_name: Callable[[], str], operation: str
) -> None:
    """An operation on a vector bucket that does not exist is answered with NotFoundException."""
    refused(operation, {**ON_BUCKETS[operation], "vectorBucketName": new_name()}, code="NotFoundException")


@bucket_operations
@requirement(
    "addressing.unknown-bucket-arn", level="must", evidence="model", source=sources.MODEL, needs="{operation}"
)
def test_an_unknown_bucket_is_not_found_by_arn(
    refused: Refused, make_bucket: MakeBucket, new_name: Callable[[], str], operation: str
) -> None:
    """An ARN of a vector bucket that does not exist is answered with NotFoundException."""
    bucket = make_bucket()
    arn = bucket.arn.replace(bucket.name, new_name())
    refused(operation, {**ON_BUCKETS[operation], "vectorBucketArn": arn}, code="NotFoundException")


@cases("GetVectorBucket", "DeleteVectorBucket", "ListIndexes", "GetVectorBucketPolicy")
@requirement(
    "addressing.unknown-bucket-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    needs="{operation}",
)
def test_the_answer_says_that_the_bucket_was_not_found(
    refused: Refused, new_name: Callable[[], str], operation: str
) -> None:
    """The bucket is blamed where an operation on a bucket does not find it."""
    members = {**ON_BUCKETS[operation], "vectorBucketName": new_name()}
    refused(operation, members, code="NotFoundException", message=BUCKET_TEXT)


@index_operations
@requirement(
    "addressing.unknown-index-name",
    level="must",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    needs="{operation}",
    covers="{operation}!NotFoundException",
)
def test_an_unknown_index_is_not_found_by_name(
    refused: Refused, make_index: MakeIndex, operation: str
) -> None:
    """An operation on an index that its bucket does not have is answered with NotFoundException."""
    members = {**ON_INDEXES[operation], **make_index().address, "indexName": "nothing"}
    refused(operation, members, code="NotFoundException")


@index_operations
@requirement(
    "addressing.unknown-index-arn",
    level="must",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    needs="{operation}",
)
def test_an_unknown_index_is_not_found_by_arn(
    refused: Refused, make_index: MakeIndex, operation: str
) -> None:
    """An ARN of an index that does not exist is answered with NotFoundException."""
    arn = make_index().arn.rpartition("/")[0] + "/nothing"
    refused(operation, {**ON_INDEXES[operation], "indexArn": arn}, code="NotFoundException")


@index_operations
@requirement(
    "addressing.index-of-unknown-bucket",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
)
def test_an_index_of_an_unknown_bucket_is_not_found(
    refused: Refused, new_name: Callable[[], str], operation: str
) -> None:
    """An operation on an index is answered with NotFoundException where even the bucket does not exist."""
    members = {**ON_INDEXES[operation], "vectorBucketName": new_name(), "indexName": "nothing"}
    refused(operation, members, code="NotFoundException")


@cases("GetIndex", "DeleteIndex", "PutVectors", "GetVectors")
@requirement(
    "addressing.unknown-index-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    needs="{operation}",
)
def test_the_answer_says_that_the_index_was_not_found(
    refused: Refused, make_index: MakeIndex, operation: str
) -> None:
    """The index is blamed where an operation on an index does not find it."""
    members = {**ON_INDEXES[operation], **make_index().address, "indexName": "nothing"}
    refused(operation, members, code="NotFoundException", message=INDEX_TEXT)


@requirement(
    "addressing.unknown-bucket-blames-index", level="should", evidence="recorded", source=sources.MOTO_INDEXES
)
def test_the_index_is_blamed_even_where_its_bucket_is_missing(
    refused: Refused, new_name: Callable[[], str]
) -> None:
    """GetIndex in a vector bucket that does not exist says that the index was not found."""
    members = {"vectorBucketName": new_name(), "indexName": "nothing"}
    refused("GetIndex", members, code="NotFoundException", message=INDEX_TEXT)


@pytest.mark.parametrize("part", ["region", "account"])
@requirement("addressing.foreign-arn", level="may", evidence="inferred", source=sources.MODEL)
def test_an_arn_of_elsewhere_reaches_nothing_here(client: Any, make_index: MakeIndex, part: str) -> None:
    """An ARN with another region or account does not reach the index of that name here."""
    parts = make_index().arn.split(":")
    parts[3 if part == "region" else 4] = "mars-north-1" if part == "region" else "999999999999"
    assert outcome(client, "GetIndex", {"indexArn": ":".join(parts)}) is not None
