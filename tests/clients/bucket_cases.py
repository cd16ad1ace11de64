"""Expected behaviour of each operation on buckets and tags, through any client."""

from __future__ import annotations

import json

from client_programs import Json
from sample_index import INDEX, SampleIndex, arn_of
from sdks import Sdk, expect_error

#: Clients that do not support index modes omit this member.
MODE = {"defaultIndexMode": "ENHANCED"}


def create_vector_bucket(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    name = f"{sample.bucket}-new"
    arguments = {
        "vectorBucketName": name,
        "encryptionConfiguration": {"sseType": "AES256"},
        "tags": {"team": "film"},
    }
    arn = arn_of(name, sample.access)
    assert sdk.call("CreateVectorBucket", arguments) == {"vectorBucketArn": arn}
    assert (
        service.call("GetVectorBucket", {"vectorBucketName": name})["vectorBucket"]["vectorBucketArn"] == arn
    )
    assert service.call("ListTagsForResource", {"resourceArn": arn}) == {"tags": {"team": "film"}}


def get_vector_bucket(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    bucket = sdk.call("GetVectorBucket", sample.bucket_address)["vectorBucket"]
    created = bucket.pop("creationTime")
    assert {**MODE, **bucket} == {
        "vectorBucketName": sample.bucket,
        "vectorBucketArn": sample.bucket_arn,
        "encryptionConfiguration": {"sseType": "AES256"},
        **MODE,
    }
    assert created == service.call("GetVectorBucket", sample.bucket_address)["vectorBucket"]["creationTime"]
    assert created == int(created)


def list_vector_buckets(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    (found,) = sdk.call("ListVectorBuckets", {"prefix": sample.bucket})["vectorBuckets"]
    assert set(found) == {"vectorBucketName", "vectorBucketArn", "creationTime"}
    assert found["vectorBucketArn"] == sample.bucket_arn
    assert sdk.call("ListVectorBuckets", {"prefix": f"{sample.bucket}-other"}) == {"vectorBuckets": []}


def delete_vector_bucket(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    error = expect_error(sdk, "DeleteVectorBucket", sample.bucket_address)
    assert (error.code, error.message) == (
        "ConflictException",
        "The specified vector bucket is not empty",
    )
    service.call("DeleteIndex", sample.index_address)
    assert sdk.call("DeleteVectorBucket", sample.bucket_address) == {}
    assert service.call("ListVectorBuckets", {"prefix": sample.bucket}) == {"vectorBuckets": []}


def put_vector_bucket_policy(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    policy = _policy(sample)
    arguments = {**sample.bucket_address, "policy": json.dumps(policy)}
    assert sdk.call("PutVectorBucketPolicy", arguments) == {}
    stored = service.call("GetVectorBucketPolicy", sample.bucket_address)["policy"]
    assert json.loads(stored) == policy


def get_vector_bucket_policy(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    policy = _policy(sample)
    service.call("PutVectorBucketPolicy", {**sample.bucket_address, "policy": json.dumps(policy)})
    response = sdk.call("GetVectorBucketPolicy", sample.bucket_address)
    assert json.loads(response.pop("policy")) == policy
    assert response == {}


def delete_vector_bucket_policy(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    policy = json.dumps(_policy(sample))
    service.call("PutVectorBucketPolicy", {**sample.bucket_address, "policy": policy})
    assert sdk.call("DeleteVectorBucketPolicy", sample.bucket_address) == {}
    error = expect_error(service, "GetVectorBucketPolicy", sample.bucket_address)
    assert error.code == "NotFoundException"
    assert error.message == "The specified vector bucket policy could not be found"


def put_vector_bucket_default_index_mode(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    """A new bucket is ENHANCED and cannot change."""
    operation = "PutVectorBucketDefaultIndexMode"
    assert sdk.call(operation, {**sample.bucket_address, "defaultIndexMode": "ENHANCED"}) == {}
    error = expect_error(sdk, operation, {**sample.bucket_address, "defaultIndexMode": "CLASSIC"})
    assert error.code == "ValidationException"
    assert error.message == (
        "defaultIndexMode cannot be set to CLASSIC because this vector bucket does not support CLASSIC mode"
    )


def tag_resource(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    service.call("TagResource", {"resourceArn": sample.resource_arn, "tags": {"a": "1", "b": "2"}})
    tags = {"b": "3", "cost centre": "Zürich +1/2"}
    assert sdk.call("TagResource", {"resourceArn": sample.resource_arn, "tags": tags}) == {}
    assert _tags(service, sample) == {"a": "1", **tags}


def untag_resource(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    tags = {"a": "1", "b c": "2", "d/e": "3", "f": "4"}
    service.call("TagResource", {"resourceArn": sample.resource_arn, "tags": tags})
    arguments = {"resourceArn": sample.resource_arn, "tagKeys": ["b c", "d/e", "f", "unknown"]}
    assert sdk.call("UntagResource", arguments) == {}
    assert _tags(service, sample) == {"a": "1"}


def list_tags_for_resource(sdk: Sdk, sample: SampleIndex, service: Sdk) -> None:
    assert sdk.call("ListTagsForResource", {"resourceArn": sample.resource_arn}) == {"tags": {}}
    tags = {"stage": "test", "empty": ""}
    service.call("TagResource", {"resourceArn": sample.resource_arn, "tags": tags})
    assert sdk.call("ListTagsForResource", {"resourceArn": sample.resource_arn}) == {"tags": tags}


def _policy(sample: SampleIndex) -> Json:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{sample.access.account}:root"},
        "Action": ["s3vectors:GetVectors", "s3vectors:QueryVectors"],
        "Resource": f"{sample.bucket_arn}/index/{INDEX}",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _tags(service: Sdk, sample: SampleIndex) -> Json:
    tags: Json = service.call("ListTagsForResource", {"resourceArn": sample.resource_arn})["tags"]
    return tags
