"""GetVectorBucketPolicy: the policy of a bucket, or an error if it has none."""

from __future__ import annotations

import json

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket

from .calls import account_policy, unmodelled_members


@requirement(
    "get-vector-bucket-policy.text",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="GetVectorBucketPolicy>policy",
)
def test_a_policy_is_text(make_bucket: MakeBucket) -> None:
    """A policy is returned as text that contains a JSON object, not as an object."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    policy = bucket.call("GetVectorBucketPolicy")["policy"]
    assert isinstance(policy, str)
    assert json.loads(policy)["Version"] == "2012-10-17"


@requirement(
    "get-vector-bucket-policy.none",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_POLICIES,
    covers="GetVectorBucketPolicy!NotFoundException",
)
def test_a_bucket_without_a_policy_is_answered_with_not_found(
    expect_error: ErrorExpectation, make_bucket: MakeBucket
) -> None:
    """GetVectorBucketPolicy of a bucket without a policy is answered with NotFoundException."""
    expect_error("GetVectorBucketPolicy", make_bucket().address, code="NotFoundException")


@requirement(
    "get-vector-bucket-policy.none-message",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_POLICIES,
)
def test_the_answer_says_that_the_policy_was_not_found(
    expect_error: ErrorExpectation, make_bucket: MakeBucket
) -> None:
    """For a bucket without a policy, the error says that the policy was not found, not the bucket."""
    message = "The specified vector bucket policy could not be found"
    expect_error("GetVectorBucketPolicy", make_bucket().address, code="NotFoundException", message=message)


@requirement(
    "get-vector-bucket-policy.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_has_only_modelled_members(raw: RawClient, make_bucket: MakeBucket) -> None:
    """The answer of GetVectorBucketPolicy has no member that the model does not have."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    answer = raw("/GetVectorBucketPolicy", bucket.address)
    assert answer.status == 200
    assert unmodelled_members("GetVectorBucketPolicy", answer.json) == []
