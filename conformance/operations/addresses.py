"""The operations that name a vector bucket or an index, each with what else a valid request holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import pytest

from vecgate.testing.resources import vector

from .asking import index_members, policy_on

Members: TypeAlias = Mapping[str, Any]

#: ARNs that fit their patterns, of what is not there.
NO_BUCKET_ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/nothing"
NO_INDEX_ARN = f"{NO_BUCKET_ARN}/index/nothing"

#: Operation to what a valid request holds beside the address.
ON_BUCKETS: Mapping[str, Members] = {
    "GetVectorBucket": {},
    "DeleteVectorBucket": {},
    "ListIndexes": {},
    "CreateIndex": index_members("films"),
    "PutVectorBucketPolicy": {"policy": policy_on(NO_BUCKET_ARN)},
    "GetVectorBucketPolicy": {},
    "DeleteVectorBucketPolicy": {},
    "PutVectorBucketDefaultIndexMode": {"defaultIndexMode": "ENHANCED"},
}
ON_INDEXES: Mapping[str, Members] = {
    "GetIndex": {},
    "DeleteIndex": {},
    "PutVectors": {"vectors": [vector("a", [1.0, 0.0])]},
    "GetVectors": {"keys": ["a"]},
    "ListVectors": {},
    "DeleteVectors": {"keys": ["a"]},
    "QueryVectors": {"topK": 1, "queryVector": {"float32": [1.0, 0.0]}},
    "UpdateIndexMode": {"indexMode": "ENHANCED"},
    "UpdateMetadataConfiguration": {"add": {"textSearchConfigurations": [{"metadataKey": "title"}]}},
}


def cases(*operations: str) -> pytest.MarkDecorator:
    """A test for each of *operations*."""
    return pytest.mark.parametrize("operation", operations)


bucket_operations = cases(*ON_BUCKETS)
index_operations = cases(*ON_INDEXES)
all_operations = cases(*ON_BUCKETS, *ON_INDEXES)


def beside_bucket(operation: str) -> Members:
    """What a request holds beside the bucket's name: a valid one, though of an index that is not there."""
    return (
        ON_BUCKETS[operation]
        if operation in ON_BUCKETS
        else {**ON_INDEXES[operation], "indexName": "nothing"}
    )
