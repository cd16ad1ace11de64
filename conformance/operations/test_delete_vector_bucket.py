"""DeleteVectorBucket: an empty bucket, and nothing of it afterwards."""

from __future__ import annotations

from typing import Any

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, MakeIndex

from .asking import bucket_shown, index_shown, policy_on, unmodelled


@requirement("delete-vector-bucket.gone", level="must", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_deleted_bucket_is_listed_no_more(client: Any, make_bucket: MakeBucket) -> None:
    """A bucket that was deleted is not in the list any more."""
    bucket = make_bucket()
    bucket.call("DeleteVectorBucket")
    assert client.list_vector_buckets(prefix=bucket.name)["vectorBuckets"] == []


@requirement(
    "delete-vector-bucket.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """DeleteVectorBucket answers with 200 and no members."""
    answer = raw("/DeleteVectorBucket", make_bucket().address)
    assert answer.status == 200
    assert unmodelled("DeleteVectorBucket", answer.json) == []


@requirement("delete-vector-bucket.twice", level="must", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_bucket_is_deleted_once(refused: Refused, make_bucket: MakeBucket) -> None:
    """DeleteVectorBucket is no success a second time: the bucket is not found."""
    bucket = make_bucket()
    bucket.call("DeleteVectorBucket")
    refused("DeleteVectorBucket", bucket.address, code="NotFoundException")


@requirement("delete-vector-bucket.by-arn", level="must", evidence="recorded", source=sources.S3MOCK_BUCKETS)
def test_a_bucket_deleted_by_arn_is_gone(client: Any, refused: Refused, make_bucket: MakeBucket) -> None:
    """A bucket that was deleted by its ARN is not found by its name."""
    bucket = make_bucket()
    client.delete_vector_bucket(vectorBucketArn=bucket.arn)
    refused("GetVectorBucket", bucket.address, code="NotFoundException")


@requirement(
    "delete-vector-bucket.others-stay",
    level="must",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
)
def test_other_buckets_stay(client: Any, make_bucket: MakeBucket) -> None:
    """Deleting a bucket leaves another one where it is."""
    gone, stays = make_bucket(), make_bucket()
    gone.call("DeleteVectorBucket")
    assert bucket_shown(client, stays.name)["vectorBucketArn"] == stays.arn


@requirement(
    "delete-vector-bucket.not-empty",
    level="must",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="DeleteVectorBucket!ConflictException",
)
def test_a_bucket_with_an_index_is_not_deleted(
    refused: Refused, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """DeleteVectorBucket on a bucket with an index, an empty one even, is refused with ConflictException."""
    bucket = make_bucket()
    make_index(bucket)
    refused("DeleteVectorBucket", bucket.address, code="ConflictException")


@requirement(
    "delete-vector-bucket.not-empty-message",
    level="should",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
)
def test_the_refusal_says_that_the_bucket_is_not_empty(
    refused: Refused, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """Deleting a bucket that holds an index is refused with the sentence that says so."""
    bucket = make_bucket()
    make_index(bucket)
    message = "The specified vector bucket is not empty"
    refused("DeleteVectorBucket", bucket.address, code="ConflictException", message=message)


@requirement(
    "delete-vector-bucket.not-empty-changes-nothing",
    level="must",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
)
def test_a_refused_deletion_leaves_everything(
    client: Any, refused: Refused, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A bucket that could not be deleted still has its index, and that its vectors."""
    bucket = make_bucket()
    index = make_index(bucket)
    index.put(("a", [1.0, 0.0]))
    refused("DeleteVectorBucket", bucket.address, code="ConflictException")
    assert index_shown(client, index)["indexName"] == index.name
    assert index.get("a", metadata=False) == {"a": {"key": "a", "data": {"float32": [1.0, 0.0]}}}


@requirement("delete-vector-bucket.emptied", level="must", evidence="recorded", source=sources.MOTO_INDEXES)
def test_a_bucket_is_deleted_once_its_indexes_are(
    refused: Refused, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A bucket can be deleted as soon as its last index is, with vectors or without."""
    bucket = make_bucket()
    full, empty = make_index(bucket), make_index(bucket)
    full.put(("a", [1.0, 0.0]))
    full.remove()
    refused("DeleteVectorBucket", bucket.address, code="ConflictException")
    empty.remove()
    bucket.call("DeleteVectorBucket")


@requirement(
    "delete-vector-bucket.recreated-empty",
    level="should",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
)
def test_a_recreated_bucket_has_no_indexes(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A bucket created anew under an old name has none of the old one's indexes."""
    bucket = make_bucket()
    make_index(bucket).remove()
    bucket.call("DeleteVectorBucket")
    client.create_vector_bucket(vectorBucketName=bucket.name)
    assert bucket.call("ListIndexes")["indexes"] == []


@requirement(
    "delete-vector-bucket.recreated-without-policy",
    level="should",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
    needs="policies",
)
def test_a_recreated_bucket_has_no_policy(client: Any, refused: Refused, make_bucket: MakeBucket) -> None:
    """A bucket with a policy can be deleted, and one created anew under its name has none."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=policy_on(bucket.arn))
    bucket.call("DeleteVectorBucket")
    client.create_vector_bucket(vectorBucketName=bucket.name)
    refused("GetVectorBucketPolicy", bucket.address, code="NotFoundException")


@requirement(
    "delete-vector-bucket.recreated-without-tags",
    level="should",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
    needs="tags",
)
def test_a_recreated_bucket_has_no_tags(client: Any, make_bucket: MakeBucket) -> None:
    """A bucket created anew under an old name has none of the old one's tags."""
    bucket = make_bucket(tags={"team": "search"})
    bucket.call("DeleteVectorBucket")
    client.create_vector_bucket(vectorBucketName=bucket.name)
    assert client.list_tags_for_resource(resourceArn=bucket.arn)["tags"] == {}
