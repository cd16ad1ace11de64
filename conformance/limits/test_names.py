"""Names and ARNs: lengths and patterns of the service model, tested with every operation that takes one."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeIndex

from ..operations.addresses import (
    NO_BUCKET_ARN,
    ON_BUCKETS,
    ON_INDEXES,
    all_operations,
    bucket_operations,
    index_operations,
    other_members,
)
from ..operations.calls import call_error, pad_name

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
    """Return a valid name of three characters that no bucket has."""
    for _ in range(20):
        name = blake2b(new_name().encode()).hexdigest()[:3]
        error = call_error(client, "GetVectorBucket", {"vectorBucketName": name})
        if error and error.code == "NotFoundException":
            return name
    pytest.skip("all names of three characters that were tried are in use or not accessible")


@all_operations
@requirement(
    "names.bucket-too-short",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.min-1",
)
def test_a_bucket_name_of_2_characters_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """A bucket name of 2 characters is rejected as invalid, not reported as not found."""
    expect_error(
        operation, {**other_members(operation), "vectorBucketName": "ab"}, code="ValidationException"
    )


@all_operations
@requirement(
    "names.bucket-shortest",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.min",
)
def test_a_bucket_name_may_have_3_characters(
    expect_error: ErrorExpectation, short_name: str, operation: str
) -> None:
    """A bucket name may have 3 characters: an unknown one is reported as not found."""
    members = {**other_members(operation), "vectorBucketName": short_name}
    expect_error(operation, members, code="NotFoundException")


@all_operations
@requirement(
    "names.bucket-longest",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.max",
)
def test_a_bucket_name_may_have_63_characters(
    expect_error: ErrorExpectation, new_name: Callable[[], str], operation: str
) -> None:
    """A bucket name may have 63 characters: an unknown one is reported as not found."""
    members = {**other_members(operation), "vectorBucketName": pad_name(new_name(), 63)}
    expect_error(operation, members, code="NotFoundException")


@all_operations
@requirement(
    "names.bucket-too-long",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketName.max+1",
)
def test_a_bucket_name_of_64_characters_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """A bucket name of 64 characters is rejected as invalid, not reported as not found."""
    members = {**other_members(operation), "vectorBucketName": "a" * 64}
    expect_error(operation, members, code="ValidationException")


@pytest.mark.parametrize("length", [2, 64])
@index_operations
@requirement(
    "names.index-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.indexName.min-1 {operation}.indexName.max+1",
)
def test_an_index_name_too_short_or_too_long_is_rejected(
    expect_error: ErrorExpectation, operation: str, length: int
) -> None:
    """An index name must have 3 to 63 characters; otherwise the request is rejected."""
    members = {**ON_INDEXES[operation], "vectorBucketName": "nothing", "indexName": "a" * length}
    expect_error(operation, members, code="ValidationException")


@pytest.mark.parametrize("length", [3, 63])
@index_operations
@requirement(
    "names.index-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.indexName.min {operation}.indexName.max",
)
def test_an_index_name_may_have_3_to_63_characters(
    expect_error: ErrorExpectation, make_index: MakeIndex, operation: str, length: int
) -> None:
    """An index name may have 3 or 63 characters: an unknown one is reported as not found."""
    members = {**ON_INDEXES[operation], **make_index().address, "indexName": "a" * length}
    expect_error(operation, members, code="NotFoundException")


@pytest.mark.parametrize(
    ("operation", "member"),
    [("GetVectorBucket", "vectorBucketName"), ("GetIndex", "vectorBucketName"), ("GetIndex", "indexName")],
)
@requirement("names.length-message", kind="detail", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_the_error_gives_the_length_of_a_long_name(
    expect_error: ErrorExpectation, operation: str, member: str
) -> None:
    """The error for a name of 64 characters gives its length, the member and the allowed range."""
    expect_error(
        operation,
        {**other_members(operation), "vectorBucketName": "nothing", member: "a" * 64},
        code="ValidationException",
        message=f"1 validation error detected. Value with length 64 at '/{member}' failed to satisfy "
        "constraint: Member must have length between 3 and 63, inclusive",
    )


@bucket_operations
@requirement(
    "names.bucket-arn-pattern",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.vectorBucketArn.pattern",
)
def test_an_invalid_bucket_arn_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """A text that is not the ARN of a vector bucket is rejected as invalid, not reported as not found."""
    members = {**ON_BUCKETS[operation], "vectorBucketArn": "arn:aws:s3:::films"}
    expect_error(operation, members, code="ValidationException")


@index_operations
@requirement(
    "names.index-arn-pattern",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="{operation}",
    covers="{operation}.indexArn.pattern",
)
def test_an_invalid_index_arn_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """A text that is not the ARN of an index is rejected as invalid, not reported as not found."""
    expect_error(operation, {**ON_INDEXES[operation], "indexArn": NO_BUCKET_ARN}, code="ValidationException")


@pytest.mark.parametrize("misfit", MISFITS)
@requirement("names.bucket-arn-misfit", kind="refusal", evidence="model", source=sources.MODEL)
def test_a_bucket_arn_must_match_the_pattern(expect_error: ErrorExpectation, misfit: str) -> None:
    """A bucket ARN must match the pattern of the model from its first to its last character."""
    expect_error("GetVectorBucket", vectorBucketArn=MISFITS[misfit], code="ValidationException")
