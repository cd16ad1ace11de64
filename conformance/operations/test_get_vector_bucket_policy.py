"""GetVectorBucketPolicy: the policy, or that there is none."""

from __future__ import annotations

import json

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket

from .asking import policy_on, unmodelled


@requirement(
    "get-vector-bucket-policy.text",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="GetVectorBucketPolicy>policy",
)
def test_a_policy_is_text(make_bucket: MakeBucket) -> None:
    """A policy comes as text that is a JSON object, not as the object."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    policy = bucket.call("GetVectorBucketPolicy")["policy"]
    assert isinstance(policy, str)
    assert json.loads(policy)["Version"] == "2012-10-17"


@requirement(
    "get-vector-bucket-policy.none",
    level="must",
    evidence="recorded",
    source=sources.MOTO_POLICIES,
    covers="GetVectorBucketPolicy!NotFoundException",
)
def test_a_bucket_without_a_policy_has_none_to_get(refused: Refused, make_bucket: MakeBucket) -> None:
    """GetVectorBucketPolicy of a bucket without a policy is answered with NotFoundException."""
    refused("GetVectorBucketPolicy", make_bucket().address, code="NotFoundException")


@requirement(
    "get-vector-bucket-policy.none-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_POLICIES,
)
def test_the_answer_says_that_the_policy_was_not_found(refused: Refused, make_bucket: MakeBucket) -> None:
    """Where a bucket has no policy, the policy is blamed, not the bucket."""
    message = "The specified vector bucket policy could not be found"
    refused("GetVectorBucketPolicy", make_bucket().address, code="NotFoundException", message=message)


@requirement(
    "get-vector-bucket-policy.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_holds_the_policy_alone(raw: RawClient, make_bucket: MakeBucket) -> None:
    """The answer of GetVectorBucketPolicy has no member that the model does not know."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    answer = raw("/GetVectorBucketPolicy", bucket.address)
    assert answer.status == 200
    assert unmodelled("GetVectorBucketPolicy", answer.json) == []
