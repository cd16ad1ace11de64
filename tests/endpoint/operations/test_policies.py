from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "x"}]}, indent=1)
NONE = "The specified vector bucket policy could not be found"


@pytest.mark.parametrize("address", [{"vectorBucketName": "bucket"}, {"vectorBucketArn": ARN}])
def test_a_policy_reads_back_as_it_was_put(service: Service, address: dict[str, str]) -> None:
    """The next one replaces it. Observed on AWS, 2025-10."""
    service.bucket()
    assert service("PutVectorBucketPolicy", **address, policy=POLICY) == {}
    assert service("GetVectorBucketPolicy", **address) == {"policy": POLICY}
    service("PutVectorBucketPolicy", **address, policy="{}")
    assert service("GetVectorBucketPolicy", **address) == {"policy": "{}"}


def test_a_bucket_without_a_policy_is_a_404(service: Service) -> None:
    """At first and after a delete, with the service's message. Observed on AWS, 2025-10."""
    service.bucket()
    assert service.error("GetVectorBucketPolicy", vectorBucketName="bucket").message == NONE
    service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=POLICY)
    assert service("DeleteVectorBucketPolicy", vectorBucketName="bucket") == {}
    error = service.error("GetVectorBucketPolicy", vectorBucketName="bucket")
    assert (error.status, error.code, error.message) == (404, "NotFoundException", NONE)


def test_deleting_a_missing_policy_is_a_success(service: Service) -> None:
    """The model calls the operation idempotent. Inferred."""
    service.bucket()
    assert service("DeleteVectorBucketPolicy", vectorBucketName="bucket") == {}


@pytest.mark.parametrize(
    "operation", ["PutVectorBucketPolicy", "GetVectorBucketPolicy", "DeleteVectorBucketPolicy"]
)
def test_a_policy_needs_a_bucket(service: Service, operation: str) -> None:
    """With the address of a bucket-level request."""
    error = service.error(operation, vectorBucketName="nope", policy=POLICY)
    assert (error.status, error.message) == (404, "The specified vector bucket could not be found")
    form = service.error(operation, vectorBucketName="bucket", vectorBucketArn=ARN, policy=POLICY)
    assert form.message == "Must specify either vectorBucketName or vectorBucketArn but not both"


@pytest.mark.parametrize("policy", ["", "{", "nope", "[]", "1", '"x"', "null", "{}{}"])
def test_a_policy_is_a_json_object(service: Service, policy: str) -> None:
    """Otherwise a 400, and the old policy stays. Inferred."""
    service.bucket()
    service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=POLICY)
    error = service.error("PutVectorBucketPolicy", vectorBucketName="bucket", policy=policy)
    assert (error.status, error.code, error.paths) == (400, "ValidationException", ("policy",))
    assert service("GetVectorBucketPolicy", vectorBucketName="bucket") == {"policy": POLICY}


def test_a_policy_has_at_most_20_kb(service: Service) -> None:
    """In UTF-8. Inferred from S3 buckets."""
    service.bucket()
    longest = json.dumps({"a": "é" * 10_236}, ensure_ascii=False)
    assert len(longest.encode()) == 20_481
    assert service.error("PutVectorBucketPolicy", vectorBucketName="bucket", policy=longest).status == 400
    fits = json.dumps({"a": "é" * 10_235 + "e"}, ensure_ascii=False)
    assert service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=fits) == {}


def test_a_policy_is_deleted_with_its_bucket_and_changes_nothing_else(service: Service) -> None:
    """A new bucket of the same name has none; indexes are not affected."""
    address = service.index()
    service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=POLICY)
    service("GetIndex", **address)
    service("DeleteIndex", **address)
    service("DeleteVectorBucket", vectorBucketName="bucket")
    service.bucket()
    assert service.error("GetVectorBucketPolicy", vectorBucketName="bucket").message == NONE
