"""The basic path of a client: a bucket, an index, a vector, and a query."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement


@requirement(
    "first-steps.create-and-describe-a-bucket",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
)
def test_a_new_bucket_is_described(client: Any, make_bucket: Any) -> None:
    """GetVectorBucket returns the name and the ARN that CreateVectorBucket returned."""
    bucket = make_bucket()
    described = client.get_vector_bucket(vectorBucketName=bucket.name)["vectorBucket"]
    assert described["vectorBucketName"] == bucket.name
    assert described["vectorBucketArn"] == bucket.arn


@requirement("first-steps.put-and-get", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
def test_a_written_vector_is_returned(make_index: Any) -> None:
    """GetVectors returns the values and the metadata that PutVectors was given."""
    index = make_index(dimension=2)
    index.put(("a", [1.0, 0.5], {"year": 1999}))
    assert index.get("a") == {"a": {"key": "a", "data": {"float32": [1.0, 0.5]}, "metadata": {"year": 1999}}}


@requirement(
    "first-steps.query", kind="effect", evidence="recorded", source=sources.S3MOCK_QUERIES, needs="query"
)
def test_the_nearest_vector_comes_first(make_index: Any) -> None:
    """QueryVectors orders by distance, the smallest first."""
    index = make_index(dimension=2, metric="euclidean")
    index.put(("near", [1.0, 0.0]), ("far", [3.0, 4.0]))
    assert [each["key"] for each in index.query([0.0, 0.0])] == ["near", "far"]


@pytest.mark.parametrize("name", ["ab", "a" * 64], ids=["2-characters", "64-characters"])
@requirement(
    "first-steps.bucket-name-length",
    kind="refusal",
    evidence="recorded",
    source=sources.MOTO_BUCKETS,
    covers="CreateVectorBucket.vectorBucketName.min-1 CreateVectorBucket.vectorBucketName.max+1",
)
def test_a_name_too_short_or_too_long_is_rejected(expect_error: ErrorExpectation, name: str) -> None:
    """A bucket name must have 3 to 63 characters."""
    expect_error("CreateVectorBucket", {"vectorBucketName": name}, code="ValidationException")


@requirement("first-steps.raw-request", kind="effect", evidence="model", source=sources.MODEL)
def test_an_operation_is_a_post_of_json(raw: RawClient) -> None:
    """`POST /ListVectorBuckets` with a JSON object is answered with 200 and a JSON object."""
    answer = raw("/ListVectorBuckets", {"maxResults": 1})
    assert answer.status == 200
    assert isinstance(answer.members["vectorBuckets"], list)
