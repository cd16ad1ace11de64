"""What the model says of names and ARNs, held against every operation that takes one."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex

from ..operations.addresses import (
    NO_BUCKET_ARN,
    ON_BUCKETS,
    ON_INDEXES,
    all_operations,
    beside_bucket,
    bucket_operations,
    index_operations,
)
from ..operations.asking import outcome, padded

MISFITS = {
    "no-arn": "films",
    "other-service": "arn:aws:s3:us-east-1:123456789012:bucket/films",
    "account-of-11-digits": "arn:aws:s3vectors:us-east-1:12345678901:bucket/films",
    "other-partition": "arn:gcp:s3vectors:us-east-1:123456789012:bucket/films",
    "upper-case-name": "arn:aws:s3vectors:us-east-1:123456789012:bucket/Films",
    "name-of-2-characters": "arn:aws:s3vectors:us-east-1:123456789012:bucket/ab",
    "name-of-64-characters": f"arn:aws:s3vectors:us-east-1:123456789012:bucket/{'a' * 64}",
    "index": f"{NO_BUCKET_ARN}/index/films",
    "line-break-at-the-end": f"{NO_BUCKET_ARN}\n",
}


@pytest.fixture
def short_name(client: Any, new_name: Callable[[], str]) -> str:
    """Three characters that are the name of no bucket: nothing must happen to one that is."""
    for _ in range(20):
        name = blake2b(new_name().encode()).hexdigest()[:3]
        refusal = outcome(client, "GetVectorBucket", {"vectorBucketName": name})
        if refusal and refusal.code == "NotFoundException":
            return name
    pytest.skip("every name of three characters is taken, or may not be looked at")


@all_operations
@requirement(
    "names.bucket-too-short",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.min-1",
)
def test_a_bucket_name_of_2_characters_is_refused(refused: Refused, operation: str) -> None:
    """A name of a vector bucket with 2 characters is refused, before anybody looks for the bucket."""
    refused(operation, {**beside_bucket(operation), "vectorBucketName": "ab"}, code="ValidationException")


@all_operations
@requirement(
    "names.bucket-shortest",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.min",
)
def test_a_bucket_name_may_have_3_characters(refused: Refused, short_name: str, operation: str) -> None:
    """A name of a vector bucket may have 3 characters: the bucket is looked for, and not found."""
    members = {**beside_bucket(operation), "vectorBucketName": short_name}
    refused(operation, members, code="NotFoundException")


@all_operations
@requirement(
    "names.bucket-longest",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.max",
)
def test_a_bucket_name_may_have_63_characters(
    refused: Refused, new_name: Callable[[], str], operation: str
) -> None:
    """A name of a vector bucket may have 63 characters: the bucket is looked for, and not found."""
    members = {**beside_bucket(operation), "vectorBucketName": padded(new_name(), 63)}
    refused(operation, members, code="NotFoundException")


@all_operations
@requirement(
    "names.bucket-too-long",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.max+1",
)
def test_a_bucket_name_of_64_characters_is_refused(refused: Refused, operation: str) -> None:
    """A name of a vector bucket with 64 characters is refused, before anybody looks for the bucket."""
    members = {**beside_bucket(operation), "vectorBucketName": "a" * 64}
    refused(operation, members, code="ValidationException")


@pytest.mark.parametrize("length", [2, 64])
@index_operations
@requirement(
    "names.index-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.indexName.min-1 {operation}.indexName.max+1",
)
def test_an_index_name_too_short_or_too_long_is_refused(
    refused: Refused, operation: str, length: int
) -> None:
    """A name of an index has 3 to 63 characters, or the request is refused."""
    members = {**ON_INDEXES[operation], "vectorBucketName": "nothing", "indexName": "a" * length}
    refused(operation, members, code="ValidationException")


@pytest.mark.parametrize("length", [3, 63])
@index_operations
@requirement(
    "names.index-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.indexName.min {operation}.indexName.max",
)
def test_an_index_name_may_have_3_to_63_characters(
    refused: Refused, make_index: MakeIndex, operation: str, length: int
) -> None:
    """A name of an index may have 3 or 63 characters: the index is looked for, and not found."""
    members = {**ON_INDEXES[operation], **make_index().address, "indexName": "a" * length}
    refused(operation, members, code="NotFoundException")


@pytest.mark.parametrize(
    ("operation", "member"),
    [("GetVectorBucket", "vectorBucketName"), ("GetIndex", "vectorBucketName"), ("GetIndex", "indexName")],
)
@requirement("names.length-message", level="should", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_name_too_long_is_refused_with_its_length(refused: Refused, operation: str, member: str) -> None:
    """The sentence that refuses a name of 64 characters tells its length, the member and what is allowed."""
    refused(
        operation,
        {**beside_bucket(operation), "vectorBucketName": "nothing", member: "a" * 64},
        code="ValidationException",
        message=f"1 validation error detected. Value with length 64 at '/{member}' failed to satisfy "
        "constraint: Member must have length between 3 and 63, inclusive",
    )


@bucket_operations
@requirement(
    "names.bucket-arn-pattern",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketArn.pattern",
)
def test_what_is_no_arn_of_a_bucket_is_refused(refused: Refused, operation: str) -> None:
    """A text that is no ARN of a vector bucket is refused as one, rather than not found."""
    members = {**ON_BUCKETS[operation], "vectorBucketArn": "arn:aws:s3:::films"}
    refused(operation, members, code="ValidationException")


@index_operations
@requirement(
    "names.index-arn-pattern",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.indexArn.pattern",
)
def test_what_is_no_arn_of_an_index_is_refused(refused: Refused, operation: str) -> None:
    """A text that is no ARN of an index is refused as one, rather than not found."""
    refused(operation, {**ON_INDEXES[operation], "indexArn": NO_BUCKET_ARN}, code="ValidationException")


@pytest.mark.parametrize("misfit", MISFITS)
@requirement("names.bucket-arn-misfit", level="must", evidence="model", source=sources.MODEL)
def test_an_arn_must_fit_its_pattern(refused: Refused, misfit: str) -> None:
    """An ARN of a vector bucket fits the pattern of the model, from its first character to its last."""
    refused("GetVectorBucket", vectorBucketArn=MISFITS[misfit], code="ValidationException")
