"""PutVectorBucketPolicy: a bucket has one policy, which is stored unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket

from .calls import account_policy, owner_of, unmodelled_members


def parsed_policy(bucket: Any) -> Any:
    """Return the policy of *bucket*, parsed."""
    return json.loads(bucket.call("GetVectorBucketPolicy")["policy"])


@requirement(
    "put-vector-bucket-policy.kept", kind="effect", evidence="recorded", source=sources.MOTO_POLICIES
)
def test_a_policy_is_stored(make_bucket: MakeBucket) -> None:
    """GetVectorBucketPolicy returns the policy that was put."""
    bucket = make_bucket()
    policy = account_policy(bucket.arn)
    bucket.call("PutVectorBucketPolicy", policy=policy)
    assert parsed_policy(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.replaces",
    kind="effect",
    evidence="documented",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_a_policy_replaces_the_previous_one(make_bucket: MakeBucket) -> None:
    """A bucket has one policy: the one that was put last."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn, "s3vectors:GetIndex"))
    last = account_policy(bucket.arn, "s3vectors:ListIndexes")
    bucket.call("PutVectorBucketPolicy", policy=last)
    assert parsed_policy(bucket) == json.loads(last)


@requirement(
    "put-vector-bucket-policy.by-arn", kind="effect", evidence="recorded", source=sources.MOTO_POLICIES
)
def test_a_policy_put_by_arn_is_returned_by_name(client: Any, make_bucket: MakeBucket) -> None:
    """A policy that was put with the ARN of a bucket is returned for the bucket's name."""
    bucket = make_bucket()
    policy = account_policy(bucket.arn)
    client.put_vector_bucket_policy(vectorBucketArn=bucket.arn, policy=policy)
    assert parsed_policy(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.of-its-own",
    kind="guard",
    evidence="inferred",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_a_policy_belongs_to_one_bucket(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """A policy that is put on one bucket does not appear on another."""
    bucket, other = make_bucket(), make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    expect_error("GetVectorBucketPolicy", other.address, code="NotFoundException")


@requirement(
    "put-vector-bucket-policy.foreign-resource",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_POLICIES,
)
def test_a_policy_may_name_another_bucket(make_bucket: MakeBucket) -> None:
    """A policy may name another bucket as its resource, even in a region that does not exist."""
    bucket = make_bucket()
    partition, _, account = owner_of(bucket.arn)
    elsewhere = f"arn:{partition}:s3vectors:some-region:{account}:bucket/another"
    policy = account_policy(bucket.arn).replace(bucket.arn, elsewhere)
    bucket.call("PutVectorBucketPolicy", policy=policy)
    assert parsed_policy(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectorBucketPolicy.policy.required PutVectorBucketPolicy!ValidationException",
)
def test_a_policy_is_required(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """PutVectorBucketPolicy without a policy is rejected."""
    expect_error("PutVectorBucketPolicy", make_bucket().address, code="ValidationException")


@pytest.mark.parametrize(
    "given",
    ["", "no JSON", "{", '"text"', "[]"],
    ids=["empty", "words", "half-an-object", "text", "array"],
)
@requirement(
    "put-vector-bucket-policy.no-json",
    kind="open",
    evidence="inferred",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_a_policy_must_be_a_json_object(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, given: str
) -> None:
    """A policy that is not a JSON object is rejected."""
    expect_error("PutVectorBucketPolicy", make_bucket().address, policy=given, code="ValidationException")


@requirement(
    "put-vector-bucket-policy.refused-changes-nothing",
    kind="open",
    evidence="inferred",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_a_rejected_policy_keeps_the_previous_one(
    expect_error: ErrorExpectation, make_bucket: MakeBucket
) -> None:
    """A bucket keeps its policy when a new one is rejected."""
    bucket = make_bucket()
    policy = account_policy(bucket.arn)
    bucket.call("PutVectorBucketPolicy", policy=policy)
    if expect_error.is_refused("PutVectorBucketPolicy", bucket.address, policy="no JSON"):
        assert parsed_policy(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """PutVectorBucketPolicy answers with 200 and no members."""
    bucket = make_bucket()
    answer = raw("/PutVectorBucketPolicy", {**bucket.address, "policy": account_policy(bucket.arn)})
    assert answer.status == 200
    assert unmodelled_members("PutVectorBucketPolicy", answer.json) == []
