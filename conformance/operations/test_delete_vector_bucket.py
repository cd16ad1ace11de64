"""DeleteVectorBucket: it deletes an empty bucket with its policy and tags."""

from __future__ import annotations

from typing import Any

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket, MakeIndex

from .calls import account_policy, describe_bucket, describe_index, unmodelled_members


@requirement("delete-vector-bucket.gone", kind="effect", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_deleted_bucket_is_not_listed(client: Any, make_bucket: MakeBucket) -> None:
    """A deleted bucket is not listed."""
    bucket = make_bucket()
    bucket.call("DeleteVectorBucket")
    assert client.list_vector_buckets(prefix=bucket.name)["vectorBuckets"] == []


@requirement(
    "delete-vector-bucket.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """DeleteVectorBucket answers with 200 and no members."""
    answer = raw("/DeleteVectorBucket", make_bucket().address)
    assert answer.status == 200
    assert unmodelled_members("DeleteVectorBucket", answer.json) == []


@requirement("delete-vector-bucket.twice", kind="effect", evidence="recorded", source=sources.MOTO_BUCKETS)
def test_a_second_deletion_is_not_found(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """A second DeleteVectorBucket of the same bucket is answered with NotFoundException."""
    bucket = make_bucket()
    bucket.call("DeleteVectorBucket")
    expect_error("DeleteVectorBucket", bucket.address, code="NotFoundException")


@requirement("delete-vector-bucket.by-arn", kind="effect", evidence="recorded", source=sources.S3MOCK_BUCKETS)
def test_a_bucket_deleted_by_arn_is_not_found(
    client: Any, expect_error: ErrorExpectation, make_bucket: MakeBucket
) -> None:
    """A bucket deleted by its ARN is not found by its name."""
    bucket = make_bucket()
    client.delete_vector_bucket(vectorBucketArn=bucket.arn)
    expect_error("GetVectorBucket", bucket.address, code="NotFoundException")


@requirement(
    "delete-vector-bucket.others-stay",
    kind="guard",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
)
def test_other_buckets_stay(client: Any, make_bucket: MakeBucket) -> None:
    """Deleting a bucket does not affect another one."""
    deleted, other = make_bucket(), make_bucket()
    deleted.call("DeleteVectorBucket")
    assert describe_bucket(client, other.name)["vectorBucketArn"] == other.arn


@requirement(
    "delete-vector-bucket.not-empty",
    kind="guard",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="DeleteVectorBucket!ConflictException",
)
def test_a_bucket_with_an_index_is_rejected(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """Deleting a bucket with an index, even an empty one, is rejected with ConflictException."""
    bucket = make_bucket()
    make_index(bucket)
    expect_error("DeleteVectorBucket", bucket.address, code="ConflictException")


@requirement(
    "delete-vector-bucket.not-empty-message",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
)
def test_the_error_says_that_the_bucket_is_not_empty(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """The error for a bucket with an index says that the bucket is not empty."""
    bucket = make_bucket()
    make_index(bucket)
    message = "The specified vector bucket is not empty"
    expect_error("DeleteVectorBucket", bucket.address, code="ConflictException", message=message)


@requirement(
    "delete-vector-bucket.not-empty-changes-nothing",
    kind="guard",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
)
def test_a_rejected_deletion_changes_nothing(
    client: Any, expect_error: ErrorExpectation, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A bucket that could not be deleted still has its index and its vectors."""
    bucket = make_bucket()
    index = make_index(bucket)
    index.put(("a", [1.0, 0.0]))
    if not expect_error.is_refused("DeleteVectorBucket", bucket.address):
        return
    assert describe_index(client, index)["indexName"] == index.name
    assert index.get("a", metadata=False) == {"a": {"key": "a", "data": {"float32": [1.0, 0.0]}}}


@requirement("delete-vector-bucket.emptied", kind="effect", evidence="recorded", source=sources.MOTO_INDEXES)
def test_a_bucket_can_be_deleted_after_its_indexes(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A bucket can be deleted as soon as its last index is deleted."""
    bucket = make_bucket()
    full, empty = make_index(bucket), make_index(bucket)
    full.put(("a", [1.0, 0.0]))
    full.remove()
    expect_error("DeleteVectorBucket", bucket.address, code="ConflictException")
    empty.remove()
    bucket.call("DeleteVectorBucket")


@requirement(
    "delete-vector-bucket.recreated-empty",
    kind="effect",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
)
def test_a_recreated_bucket_has_no_indexes(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A bucket that is recreated under its old name has none of the old indexes."""
    bucket = make_bucket()
    make_index(bucket).remove()
    bucket.call("DeleteVectorBucket")
    client.create_vector_bucket(vectorBucketName=bucket.name)
    assert bucket.call("ListIndexes")["indexes"] == []


@requirement(
    "delete-vector-bucket.recreated-without-policy",
    kind="effect",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
    needs="policies",
)
def test_a_recreated_bucket_has_no_policy(
    client: Any, expect_error: ErrorExpectation, make_bucket: MakeBucket
) -> None:
    """A bucket with a policy can be deleted; recreated under its name, it has no policy."""
    bucket = make_bucket()
    bucket.call("PutVectorBucketPolicy", policy=account_policy(bucket.arn))
    bucket.call("DeleteVectorBucket")
    client.create_vector_bucket(vectorBucketName=bucket.name)
    expect_error("GetVectorBucketPolicy", bucket.address, code="NotFoundException")


@requirement(
    "delete-vector-bucket.recreated-without-tags",
    kind="effect",
    evidence="inferred",
    source=sources.api("DeleteVectorBucket"),
    needs="tags",
)
def test_a_recreated_bucket_has_no_tags(client: Any, make_bucket: MakeBucket) -> None:
    """A bucket that is recreated under its old name has none of the old tags."""
    bucket = make_bucket(tags={"team": "search"})
    bucket.call("DeleteVectorBucket")
    client.create_vector_bucket(vectorBucketName=bucket.name)
    assert client.list_tags_for_resource(resourceArn=bucket.arn)["tags"] == {}
