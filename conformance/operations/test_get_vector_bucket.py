"""GetVectorBucket: the description of a bucket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket

from .calls import describe_bucket, unmodelled_members

#: The clock difference that a signature allows.
SKEW = timedelta(minutes=15)


@requirement(
    "get-vector-bucket.name-and-arn",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="GetVectorBucket>vectorBucket GetVectorBucket>vectorBucket.vectorBucketName "
    "GetVectorBucket>vectorBucket.vectorBucketArn",
)
def test_a_bucket_is_described_by_name_and_arn(client: Any, make_bucket: MakeBucket) -> None:
    """GetVectorBucket returns the name of the bucket, and the ARN that CreateVectorBucket returned."""
    bucket = make_bucket()
    shown = describe_bucket(client, bucket.name)
    assert shown["vectorBucketName"] == bucket.name
    assert shown["vectorBucketArn"] == bucket.arn


@requirement("get-vector-bucket.same-by-arn", kind="effect", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_name_and_arn_lead_to_the_same_description(client: Any, make_bucket: MakeBucket) -> None:
    """GetVectorBucket returns the same description for a bucket's ARN as for its name."""
    bucket = make_bucket()
    by_arn = client.get_vector_bucket(vectorBucketArn=bucket.arn)["vectorBucket"]
    assert by_arn == describe_bucket(client, bucket.name)


@requirement(
    "get-vector-bucket.creation-time",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="GetVectorBucket>vectorBucket.creationTime",
)
def test_the_creation_time_of_a_new_bucket_is_now(client: Any, make_bucket: MakeBucket) -> None:
    """The creationTime of a new bucket is the current time."""
    bucket = make_bucket()
    assert abs(describe_bucket(client, bucket.name)["creationTime"] - datetime.now(UTC)) < SKEW


@requirement(
    "get-vector-bucket.creation-time-is-a-number",
    kind="detail",
    evidence="model",
    source=sources.REST_JSON,
    needs="raw",
)
def test_the_creation_time_is_sent_as_a_number(raw: RawClient, make_bucket: MakeBucket) -> None:
    """On the wire, the creationTime of a bucket is a number of seconds since 1970."""
    shown = raw("/GetVectorBucket", make_bucket().address).members["vectorBucket"]
    assert type(shown["creationTime"]) in {int, float}


@requirement(
    "get-vector-bucket.creation-time-in-whole-seconds",
    kind="detail",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_the_creation_time_has_no_fraction(client: Any, make_bucket: MakeBucket) -> None:
    """The creationTime of a bucket is in whole seconds."""
    assert describe_bucket(client, make_bucket().name)["creationTime"].microsecond == 0


@requirement(
    "get-vector-bucket.creation-time-stays",
    kind="effect",
    evidence="inferred",
    source=sources.api("GetVectorBucket"),
)
def test_the_creation_time_does_not_change(client: Any, make_bucket: MakeBucket, make_index: Any) -> None:
    """Changes inside a bucket do not change its creationTime."""
    bucket = make_bucket()
    before = describe_bucket(client, bucket.name)["creationTime"]
    make_index(bucket)
    assert describe_bucket(client, bucket.name)["creationTime"] == before


@requirement(
    "get-vector-bucket.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_description_has_only_modelled_members(raw: RawClient, make_bucket: MakeBucket) -> None:
    """The answer of GetVectorBucket has no member that the model does not have."""
    answer = raw("/GetVectorBucket", make_bucket().address)
    assert answer.status == 200
    assert unmodelled_members("GetVectorBucket", answer.json) == []


@requirement(
    "get-vector-bucket.names-are-exact",
    kind="guard",
    evidence="inferred",
    source=sources.api("GetVectorBucket"),
)
def test_a_longer_name_is_not_found(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """GetVectorBucket compares whole names: a longer name does not match."""
    expect_error("GetVectorBucket", vectorBucketName=make_bucket().name + "0", code="NotFoundException")


@pytest.mark.parametrize("member", ["vectorBucketName", "vectorBucketArn"])
@requirement("get-vector-bucket.deleted", kind="effect", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_deleted_bucket_is_not_found(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, member: str
) -> None:
    """GetVectorBucket does not find a deleted bucket, by its name or its ARN."""
    bucket = make_bucket()
    bucket.call("DeleteVectorBucket")
    address = {"vectorBucketName": bucket.name, "vectorBucketArn": bucket.arn}
    expect_error("GetVectorBucket", {member: address[member]}, code="NotFoundException")
