"""DeleteVectorBucketPolicy: it deletes the policy of a bucket, and nothing else."""

from __future__ import annotations

from typing import Any

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket

from .calls import account_policy, call_error, describe_bucket, unmodelled_members


@requirement(
    "delete-vector-bucket-policy.gone", kind="effect", evidence="recorded", source=sources.MOTO_POLICIES
)
def test_a_deleted_policy_is_not_found(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """A deleted policy is not found."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    bucket.call("DeleteVectorBucketPolicy")
    expect_error("GetVectorBucketPolicy", bucket.address, code="NotFoundException")


@requirement(
    "delete-vector-bucket-policy.bucket-stays",
    kind="guard",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_the_bucket_stays(client: Any, make_bucket: MakeBucket) -> None:
    """Deleting the policy of a bucket changes nothing else about the bucket."""
    bucket = make_bucket()
    before = describe_bucket(client, bucket.name)
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    bucket.call("DeleteVectorBucketPolicy")
    assert describe_bucket(client, bucket.name) == before


@requirement(
    "delete-vector-bucket-policy.of-one-bucket",
    kind="guard",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_policies_of_other_buckets_stay(make_bucket: MakeBucket) -> None:
    """Deleting the policy of one bucket does not affect the policy of another."""
    deleted, other = make_bucket(), make_bucket()
    for bucket in (deleted, other):
        bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    deleted.call("DeleteVectorBucketPolicy")
    assert other.call("GetVectorBucketPolicy")["policy"]


@requirement(
    "delete-vector-bucket-policy.none",
    kind="open",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_a_bucket_without_a_policy(client: Any, make_bucket: MakeBucket) -> None:
    """Deleting the policy of a bucket that has none succeeds, or the policy is not found."""
    error = call_error(client, "DeleteVectorBucketPolicy", make_bucket().address)
    assert error is None or error.code == "NotFoundException"


@requirement(
    "delete-vector-bucket-policy.put-again",
    kind="guard",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_a_policy_may_be_put_again(make_bucket: MakeBucket) -> None:
    """A policy can be put again after its deletion."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    bucket.call("DeleteVectorBucketPolicy")
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    assert bucket.call("GetVectorBucketPolicy")["policy"]


@requirement(
    "delete-vector-bucket-policy.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """DeleteVectorBucketPolicy answers with 200 and no members."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    answer = raw("/DeleteVectorBucketPolicy", bucket.address)
    assert answer.status == 200
    assert unmodelled_members("DeleteVectorBucketPolicy", answer.json) == []
