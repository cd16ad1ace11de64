"""Finding the bucket or the index that a request names, by name or by ARN.

The order is the service's (observed 2025-10): the form of the address, then names, then existence. An unknown
bucket on an index-level call reports the *index* as not found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vecgate.endpoint.answers import invalid, not_found
from vecgate.endpoint.state import Bucket, Index, State

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]")
INDEX_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]")


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
    name, arn = members.get("vectorBucketName"), members.get("vectorBucketArn")
    if (name is None) == (arn is None):
        raise invalid("Must specify either vectorBucketName or vectorBucketArn but not both")
    if name is not None:
        check_bucket_name(name)
    bucket = state.buckets.get(name or arn.rpartition("/")[2])
    if bucket is None or arn not in {None, bucket.arn}:
        raise not_found("vector bucket")
    return bucket


def find_index(state: State, members: Mapping[str, Any]) -> Index:
    """The index that an index-level request names."""
    bucket_name, name, arn = (members.get(each) for each in ("vectorBucketName", "indexName", "indexArn"))
    given = (bucket_name is not None, name is not None, arn is not None)
    if given not in {(True, True, False), (False, False, True)}:
        raise invalid("Must specify either indexArn or both vectorBucketName and indexName")
    if arn is None:
        check_bucket_name(bucket_name)
        check_index_name(name)
    else:
        bucket_name, _, name = arn.split(":bucket/")[1].split("/")
    bucket = state.buckets.get(bucket_name)
    index = bucket and bucket.indexes.get(name)
    if index is None or arn not in {None, index.arn}:
        raise not_found("index")
    return index
