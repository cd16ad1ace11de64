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
    """And is replaced wholly by the next one. Observed on AWS, 2025-10."""
    service.bucket()
    assert service("PutVectorBucketPolicy", **address, policy=POLICY) == {}
    assert service("GetVectorBucketPolicy", **address) == {"policy": POLICY}
    service("PutVectorBucketPolicy", **address, policy="{}")
    assert service("GetVectorBucketPolicy", **address) == {"policy": "{}"}


def test_there_is_no_policy_at_first_and_none_after_a_delete(service: Service) -> None:
    """404 in the service's words. Observed on AWS, 2025-10."""
    service.bucket()
    assert service.refusal("GetVectorBucketPolicy", vectorBucketName="bucket").message == NONE
    service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=POLICY)
    assert service("DeleteVectorBucketPolicy", vectorBucketName="bucket") == {}
    refusal = service.refusal("GetVectorBucketPolicy", vectorBucketName="bucket")
    assert (refusal.status, refusal.code, refusal.message) == (404, "NotFoundException", NONE)


def test_deleting_no_policy_is_a_success(service: Service) -> None:
    """200: the model calls it idempotent. Inferred."""
    service.bucket()
    assert service("DeleteVectorBucketPolicy", vectorBucketName="bucket") == {}


@pytest.mark.parametrize(
    "operation", ["PutVectorBucketPolicy", "GetVectorBucketPolicy", "DeleteVectorBucketPolicy"]
)
def test_a_policy_needs_a_bucket(service: Service, operation: str) -> None:
    """Addressed like any bucket-level request."""
    refusal = service.refusal(operation, vectorBucketName="nope", policy=POLICY)
    assert (refusal.status, refusal.message) == (404, "The specified vector bucket could not be found")
    form = service.refusal(operation, vectorBucketName="bucket", vectorBucketArn=ARN, policy=POLICY)
    assert form.message == "Must specify either vectorBucketName or vectorBucketArn but not both"


@pytest.mark.parametrize("policy", ["", "{", "nope", "[]", "1", '"x"', "null", "{}{}"])
def test_a_policy_is_a_json_object(service: Service, policy: str) -> None:
    """400, and the old one stays. Inferred."""
    service.bucket()
    service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=POLICY)
    refusal = service.refusal("PutVectorBucketPolicy", vectorBucketName="bucket", policy=policy)
    assert (refusal.status, refusal.code, refusal.paths) == (400, "ValidationException", ("policy",))
    assert service("GetVectorBucketPolicy", vectorBucketName="bucket") == {"policy": POLICY}


def test_a_policy_has_20_kb_at_most(service: Service) -> None:
    """In UTF-8. Inferred from S3 buckets."""
    service.bucket()
    longest = json.dumps({"a": "é" * 10_236}, ensure_ascii=False)
    assert len(longest.encode()) == 20_481
    assert service.refusal("PutVectorBucketPolicy", vectorBucketName="bucket", policy=longest).status == 400
    fits = json.dumps({"a": "é" * 10_235 + "e"}, ensure_ascii=False)
    assert service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=fits) == {}


def test_a_policy_goes_with_its_bucket_and_changes_nothing_else(service: Service) -> None:
    """A bucket made anew has none; indexes stay where they are."""
    address = service.index()
    service("PutVectorBucketPolicy", vectorBucketName="bucket", policy=POLICY)
    service("GetIndex", **address)
    service("DeleteIndex", **address)
    service("DeleteVectorBucket", vectorBucketName="bucket")
    service.bucket()
    assert service.refusal("GetVectorBucketPolicy", vectorBucketName="bucket").message == NONE
