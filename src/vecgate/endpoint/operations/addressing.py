"""Lookup of the bucket or index that a request names, by name or by ARN.

The order of checks is the service's (observed 2025-10): form of the address, then names, then existence. In
an index-level call an unknown bucket is reported as an unknown *index*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from vecgate.endpoint.requests.messages import invalid, not_found
from vecgate.endpoint.storage.state import Bucket, Index, State
from vecgate.s3vectors.model import shapes

Resource = TypeVar("Resource", Bucket, Index)

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]")
INDEX_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]")

BUCKET_FORM = "Must specify either vectorBucketName or vectorBucketArn but not both"
INDEX_FORM = "Must specify either indexArn or both vectorBucketName and indexName"


def check_bucket_name(name: str) -> None:
    """Raise ApiError for an invalid bucket name. Its length is validated before."""
    if not BUCKET_NAME.fullmatch(name):
        raise invalid("Invalid vector bucket name")


def check_index_name(name: str) -> None:
    """Raise ApiError for an invalid index name. The text is inferred from that for buckets."""
    if not INDEX_NAME.fullmatch(name):
        raise invalid("Invalid index name")


def find_bucket(state: State, members: Mapping[str, Any]) -> Bucket:
    """Return the bucket that a bucket-level request names."""
    match members:
        case {"vectorBucketName": _, "vectorBucketArn": _}:
            raise invalid(BUCKET_FORM)
        case {"vectorBucketName": name}:
            check_bucket_name(name)
            bucket = state.buckets.get(name)
        case {"vectorBucketArn": arn}:
            bucket = _bucket_by_arn(state, arn)
        case _:
            raise invalid(BUCKET_FORM)
    return _require(bucket, "vector bucket")


def find_index(state: State, members: Mapping[str, Any]) -> Index:
    """Return the index that an index-level request names."""
    match members:
        case {"vectorBucketName": _, "indexArn": _} | {"indexName": _, "indexArn": _}:
            raise invalid(INDEX_FORM)
        case {"vectorBucketName": bucket_name, "indexName": name}:
            check_bucket_name(bucket_name)
            check_index_name(name)
            bucket = state.buckets.get(bucket_name)
            index = bucket.indexes.get(name) if bucket else None
        case {"indexArn": arn}:
            index = _index_by_arn(state, arn)
        case _:
            raise invalid(INDEX_FORM)
    return _require(index, "index")


def find_resource(state: State, arn: str) -> Bucket | Index:
    """Return the bucket or index that a tagging request names. All texts are inferred."""
    if re.fullmatch(shapes()["IndexArn"]["pattern"], arn):
        return _require(_index_by_arn(state, arn), "index")
    if re.fullmatch(shapes()["VectorBucketArn"]["pattern"], arn):
        return _require(_bucket_by_arn(state, arn), "vector bucket")
    raise invalid("Invalid resource ARN", path="/resourceArn")


def _require(resource: Resource | None, kind: str) -> Resource:
    if resource is None:
        raise not_found(kind)
    return resource


def _bucket_by_arn(state: State, arn: str) -> Bucket | None:
    """Return the bucket with exactly this ARN, region and account included."""
    bucket = state.buckets.get(arn.rpartition("/")[2])
    return bucket if bucket and bucket.arn == arn else None


def _index_by_arn(state: State, arn: str) -> Index | None:
    bucket_arn, _, name = arn.partition("/index/")
    bucket = _bucket_by_arn(state, bucket_arn)
    return bucket.indexes.get(name) if bucket else None
