"""DeleteVectorBucketPolicy: the policy goes, the bucket stays."""

from __future__ import annotations

from typing import Any

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket

from .asking import bucket_shown, outcome, policy_on, unmodelled


@requirement(
    "delete-vector-bucket-policy.gone", level="must", evidence="recorded", source=sources.MOTO_POLICIES
)
def test_a_deleted_policy_is_not_found(refused: Refused, make_bucket: MakeBucket) -> None:
    """A policy that was deleted is not found any more."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    bucket.call("DeleteVectorBucketPolicy")
    refused("GetVectorBucketPolicy", bucket.address, code="NotFoundException")


@requirement(
    "delete-vector-bucket-policy.bucket-stays",
    level="must",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_the_bucket_stays(client: Any, make_bucket: MakeBucket) -> None:
    """A bucket is as before once its policy is deleted."""
    bucket = make_bucket()
    before = bucket_shown(client, bucket.name)
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    bucket.call("DeleteVectorBucketPolicy")
    assert bucket_shown(client, bucket.name) == before


@requirement(
    "delete-vector-bucket-policy.of-one-bucket",
    level="must",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_the_policies_of_others_stay(make_bucket: MakeBucket) -> None:
    """Deleting the policy of one bucket leaves that of another."""
    gone, stays = make_bucket(), make_bucket()
    for bucket in (gone, stays):
        bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    gone.call("DeleteVectorBucketPolicy")
    assert stays.call("GetVectorBucketPolicy")["policy"]


@requirement(
    "delete-vector-bucket-policy.none",
    level="may",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_a_bucket_without_a_policy_is_no_fault_of_the_request(client: Any, make_bucket: MakeBucket) -> None:
    """Deleting the policy of a bucket that has none is a success, or the policy is not found."""
    refusal = outcome(client, "DeleteVectorBucketPolicy", make_bucket().address)
    assert refusal is None or refusal.code == "NotFoundException"


@requirement(
    "delete-vector-bucket-policy.put-again",
    level="must",
    evidence="inferred",
    source=sources.api("DeleteVectorBucketPolicy"),
)
def test_a_policy_may_be_put_again(make_bucket: MakeBucket) -> None:
    """A policy can be put where one was deleted."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    bucket.call("DeleteVectorBucketPolicy")
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    assert bucket.call("GetVectorBucketPolicy")["policy"]


@requirement(
    "delete-vector-bucket-policy.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """DeleteVectorBucketPolicy answers with 200 and no members."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    answer = raw("/DeleteVectorBucketPolicy", bucket.address)
    assert answer.status == 200
    assert unmodelled("DeleteVectorBucketPolicy", answer.json) == []
