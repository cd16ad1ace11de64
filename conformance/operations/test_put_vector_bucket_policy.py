"""PutVectorBucketPolicy: text that is kept as it means, one for each bucket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket

from .asking import policy_on, unmodelled


def policy_of(bucket: Any) -> Any:
    """The policy of *bucket*, parsed."""
    return json.loads(bucket.call("GetVectorBucketPolicy")["policy"])


@requirement("put-vector-bucket-policy.kept", level="must", evidence="recorded", source=sources.MOTO_POLICIES)
def test_a_policy_is_kept(make_bucket: MakeBucket) -> None:
    """The policy that was put is the one that is got."""
    bucket = make_bucket()
    policy = policy_on(bucket.arn)
    bucket.call("PutVectorBucketPolicy", policy=policy)
    assert policy_of(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.replaces",
    level="must",
    evidence="documented",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_a_policy_takes_the_place_of_another(make_bucket: MakeBucket) -> None:
    """A bucket has one policy: that which was put last."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn, "s3vectors:GetIndex"))
    last = policy_on(bucket.arn, "s3vectors:ListIndexes")
    bucket.call("PutVectorBucketPolicy", policy=last)
    assert policy_of(bucket) == json.loads(last)


@requirement(
    "put-vector-bucket-policy.by-arn", level="must", evidence="recorded", source=sources.MOTO_POLICIES
)
def test_a_policy_put_by_arn_is_got_by_name(client: Any, make_bucket: MakeBucket) -> None:
    """A policy put by the ARN of a bucket is the policy of the bucket of that name."""
    bucket = make_bucket()
    policy = policy_on(bucket.arn)
    client.put_vector_bucket_policy(vectorBucketArn=bucket.arn, policy=policy)
    assert policy_of(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.of-its-own",
    level="must",
    evidence="inferred",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_a_policy_is_that_of_one_bucket(refused: Refused, make_bucket: MakeBucket) -> None:
    """A policy that one bucket is given is not that of another."""
    bucket, other = make_bucket(), make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    refused("GetVectorBucketPolicy", other.address, code="NotFoundException")


@requirement(
    "put-vector-bucket-policy.foreign-resource",
    level="should",
    evidence="recorded",
    source=sources.MOTO_POLICIES,
)
def test_a_policy_may_name_another_bucket(make_bucket: MakeBucket) -> None:
    """A policy is taken whose resource is another bucket, in a region that does not exist."""
    bucket = make_bucket()
    _, partition, service, _, account, _ = bucket.arn.split(":")
    elsewhere = f"arn:{partition}:{service}:some-region:{account}:bucket/another"
    policy = policy_on(bucket.arn).replace(bucket.arn, elsewhere)
    bucket.call("PutVectorBucketPolicy", policy=policy)
    assert policy_of(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectorBucketPolicy.policy.required PutVectorBucketPolicy!ValidationException",
)
def test_a_policy_must_be_given(refused: Refused, make_bucket: MakeBucket) -> None:
    """PutVectorBucketPolicy without a policy is refused."""
    refused("PutVectorBucketPolicy", make_bucket().address, code="ValidationException")


@pytest.mark.parametrize(
    "given",
    ["", "no JSON", "{", '"text"', "[]"],
    ids=["empty", "words", "half-an-object", "text", "array"],
)
@requirement(
    "put-vector-bucket-policy.no-json",
    level="may",
    evidence="inferred",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_what_is_no_json_object_is_no_policy(refused: Refused, make_bucket: MakeBucket, given: str) -> None:
    """A policy is a JSON object, or refused."""
    refused("PutVectorBucketPolicy", make_bucket().address, policy=given, code="ValidationException")


@requirement(
    "put-vector-bucket-policy.refused-changes-nothing",
    level="may",
    evidence="inferred",
    source=sources.api("PutVectorBucketPolicy"),
)
def test_a_refused_policy_leaves_the_one_there(refused: Refused, make_bucket: MakeBucket) -> None:
    """A bucket keeps its policy where another is refused."""
    bucket = make_bucket()
    policy = policy_on(bucket.arn)
    bucket.call("PutVectorBucketPolicy", policy=policy)
    refused("PutVectorBucketPolicy", bucket.address, policy="no JSON", code="ValidationException")
    assert policy_of(bucket) == json.loads(policy)


@requirement(
    "put-vector-bucket-policy.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """PutVectorBucketPolicy answers with 200 and no members."""
    bucket = make_bucket()
    answer = raw("/PutVectorBucketPolicy", {**bucket.address, "policy": policy_on(bucket.arn)})
    assert answer.status == 200
    assert unmodelled("PutVectorBucketPolicy", answer.json) == []
