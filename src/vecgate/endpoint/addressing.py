"""Finding the bucket or the index that a request names, by name or by ARN.

The order is the service's (observed 2025-10): the form of the address, then names, then existence. An unknown
bucket on an index-level call reports the *index* as not found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from vecgate.endpoint.answers import invalid, not_found
from vecgate.endpoint.state import Bucket, Index, State
from vecgate.s3vectors.model import shapes

Resource = TypeVar("Resource", Bucket, Index)

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]")
INDEX_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]")

BUCKET_FORM = "Must specify either vectorBucketName or vectorBucketArn but not both"
INDEX_FORM = "Must specify either indexArn or both vectorBucketName and indexName"


def check_bucket_name(name: str) -> None:
    """Raise Refused for a name that no bucket may have. Its length is the framework's business."""
    if not BUCKET_NAME.fullmatch(name):
        raise invalid("Invalid vector bucket name")


def check_index_name(name: str) -> None:
    """Raise Refused for a name that no index may have. The text is inferred from that for buckets."""
    if not INDEX_NAME.fullmatch(name):
        raise invalid("Invalid index name")


def find_bucket(state: State, members: Mapping[str, Any]) -> Bucket:
    """The bucket that a bucket-level request names."""
    match members:
        case {"vectorBucketName": _, "vectorBucketArn": _}:
            raise invalid(BUCKET_FORM)
        case {"vectorBucketName": name}:
            check_bucket_name(name)
            bucket = state.buckets.get(name)
        case {"vectorBucketArn": arn}:
            bucket = _bucket_with(state, arn)
        case _:
            raise invalid(BUCKET_FORM)
    return _found(bucket, "vector bucket")


def find_index(state: State, members: Mapping[str, Any]) -> Index:
    """The index that an index-level request names."""
    match members:
        case {"vectorBucketName": _, "indexArn": _} | {"indexName": _, "indexArn": _}:
            raise invalid(INDEX_FORM)
        case {"vectorBucketName": bucket_name, "indexName": name}:
            check_bucket_name(bucket_name)
            check_index_name(name)
            bucket = state.buckets.get(bucket_name)
            index = bucket.indexes.get(name) if bucket else None
        case {"indexArn": arn}:
            index = _index_with(state, arn)
        case _:
            raise invalid(INDEX_FORM)
    return _found(index, "index")


def find_resource(state: State, arn: str) -> Bucket | Index:
    """What a request about tags names. All texts are inferred."""
    if re.fullmatch(shapes()["IndexArn"]["pattern"], arn):
        return _found(_index_with(state, arn), "index")
    if re.fullmatch(shapes()["VectorBucketArn"]["pattern"], arn):
        return _found(_bucket_with(state, arn), "vector bucket")
    raise invalid("Invalid resource ARN", path="/resourceArn")


def _found(resource: Resource | None, what: str) -> Resource:
    if resource is None:
        raise not_found(what)
    return resource


def _bucket_with(state: State, arn: str) -> Bucket | None:
    """The bucket of that ARN: region and account count too."""
    bucket = state.buckets.get(arn.rpartition("/")[2])
    return bucket if bucket and bucket.arn == arn else None


def _index_with(state: State, arn: str) -> Index | None:
    bucket_arn, _, name = arn.partition("/index/")
    bucket = _bucket_with(state, bucket_arn)
    return bucket.indexes.get(name) if bucket else None
