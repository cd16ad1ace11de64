"""What each operation on buckets and tags must do, through any client."""

from __future__ import annotations

import json

from client_programs import Json
from places import INDEX, Place, arn_of
from sdks import Sdk, refusal_of

#: Clients that do not know index modes leave it out.
MODE = {"defaultIndexMode": "ENHANCED"}


def create_vector_bucket(sdk: Sdk, place: Place, service: Sdk) -> None:
    name = f"{place.bucket}-new"
    arguments = {
        "vectorBucketName": name,
        "encryptionConfiguration": {"sseType": "AES256"},
        "tags": {"team": "film"},
    }
    arn = arn_of(name, place.access)
    assert sdk.call("CreateVectorBucket", arguments) == {"vectorBucketArn": arn}
    assert (
        service.call("GetVectorBucket", {"vectorBucketName": name})["vectorBucket"]["vectorBucketArn"] == arn
    )
    assert service.call("ListTagsForResource", {"resourceArn": arn}) == {"tags": {"team": "film"}}


def get_vector_bucket(sdk: Sdk, place: Place, service: Sdk) -> None:
    bucket = sdk.call("GetVectorBucket", place.bucket_address)["vectorBucket"]
    created = bucket.pop("creationTime")
    assert {**MODE, **bucket} == {
        "vectorBucketName": place.bucket,
        "vectorBucketArn": place.bucket_arn,
        "encryptionConfiguration": {"sseType": "AES256"},
        **MODE,
    }
    assert created == service.call("GetVectorBucket", place.bucket_address)["vectorBucket"]["creationTime"]
    assert created == int(created)


def list_vector_buckets(sdk: Sdk, place: Place, service: Sdk) -> None:
    (found,) = sdk.call("ListVectorBuckets", {"prefix": place.bucket})["vectorBuckets"]
    assert set(found) == {"vectorBucketName", "vectorBucketArn", "creationTime"}
    assert found["vectorBucketArn"] == place.bucket_arn
    assert sdk.call("ListVectorBuckets", {"prefix": f"{place.bucket}-other"}) == {"vectorBuckets": []}


def delete_vector_bucket(sdk: Sdk, place: Place, service: Sdk) -> None:
    refusal = refusal_of(sdk, "DeleteVectorBucket", place.bucket_address)
    assert (refusal.code, refusal.message) == (
        "ConflictException",
        "The specified vector bucket is not empty",
    )
    service.call("DeleteIndex", place.index_address)
    assert sdk.call("DeleteVectorBucket", place.bucket_address) == {}
    assert service.call("ListVectorBuckets", {"prefix": place.bucket}) == {"vectorBuckets": []}


def put_vector_bucket_policy(sdk: Sdk, place: Place, service: Sdk) -> None:
    policy = _policy(place)
    arguments = {**place.bucket_address, "policy": json.dumps(policy)}
    assert sdk.call("PutVectorBucketPolicy", arguments) == {}
    stored = service.call("GetVectorBucketPolicy", place.bucket_address)["policy"]
    assert json.loads(stored) == policy


def get_vector_bucket_policy(sdk: Sdk, place: Place, service: Sdk) -> None:
    policy = _policy(place)
    service.call("PutVectorBucketPolicy", {**place.bucket_address, "policy": json.dumps(policy)})
    answer = sdk.call("GetVectorBucketPolicy", place.bucket_address)
    assert json.loads(answer.pop("policy")) == policy
    assert answer == {}


def delete_vector_bucket_policy(sdk: Sdk, place: Place, service: Sdk) -> None:
    policy = json.dumps(_policy(place))
    service.call("PutVectorBucketPolicy", {**place.bucket_address, "policy": policy})
    assert sdk.call("DeleteVectorBucketPolicy", place.bucket_address) == {}
    refusal = refusal_of(service, "GetVectorBucketPolicy", place.bucket_address)
    assert refusal.code == "NotFoundException"
    assert refusal.message == "The specified vector bucket policy could not be found"


def put_vector_bucket_default_index_mode(sdk: Sdk, place: Place, service: Sdk) -> None:
    """A bucket of today is ENHANCED for good."""
    operation = "PutVectorBucketDefaultIndexMode"
    assert sdk.call(operation, {**place.bucket_address, "defaultIndexMode": "ENHANCED"}) == {}
    refusal = refusal_of(sdk, operation, {**place.bucket_address, "defaultIndexMode": "CLASSIC"})
    assert refusal.code == "ValidationException"
    assert refusal.message == (
        "defaultIndexMode cannot be set to CLASSIC because this vector bucket does not support CLASSIC mode"
    )


def tag_resource(sdk: Sdk, place: Place, service: Sdk) -> None:
    service.call("TagResource", {"resourceArn": place.resource_arn, "tags": {"a": "1", "b": "2"}})
    tags = {"b": "3", "cost centre": "Zürich +1/2"}
    assert sdk.call("TagResource", {"resourceArn": place.resource_arn, "tags": tags}) == {}
    assert _tags(service, place) == {"a": "1", **tags}


def untag_resource(sdk: Sdk, place: Place, service: Sdk) -> None:
    tags = {"a": "1", "b c": "2", "d/e": "3", "f": "4"}
    service.call("TagResource", {"resourceArn": place.resource_arn, "tags": tags})
    arguments = {"resourceArn": place.resource_arn, "tagKeys": ["b c", "d/e", "f", "never there"]}
    assert sdk.call("UntagResource", arguments) == {}
    assert _tags(service, place) == {"a": "1"}


def list_tags_for_resource(sdk: Sdk, place: Place, service: Sdk) -> None:
    assert sdk.call("ListTagsForResource", {"resourceArn": place.resource_arn}) == {"tags": {}}
    tags = {"stage": "test", "empty": ""}
    service.call("TagResource", {"resourceArn": place.resource_arn, "tags": tags})
    assert sdk.call("ListTagsForResource", {"resourceArn": place.resource_arn}) == {"tags": tags}


def _policy(place: Place) -> Json:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{place.access.account}:root"},
        "Action": ["s3vectors:GetVectors", "s3vectors:QueryVectors"],
        "Resource": f"{place.bucket_arn}/index/{INDEX}",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _tags(service: Sdk, place: Place) -> Json:
    tags: Json = service.call("ListTagsForResource", {"resourceArn": place.resource_arn})["tags"]
    return tags
