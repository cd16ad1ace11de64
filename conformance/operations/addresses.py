"""The operations on a vector bucket or an index, and the other members of a valid request to each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import pytest

from vecgate.resources.handles import vector

from .calls import account_policy, index_members

Members: TypeAlias = Mapping[str, Any]

#: Valid ARNs of resources that do not exist.
NO_BUCKET_ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/nothing"
NO_INDEX_ARN = f"{NO_BUCKET_ARN}/index/nothing"

#: Operation to the members of a valid request without the address.
ON_BUCKETS: Mapping[str, Members] = {
    "GetVectorBucket": {},
    "DeleteVectorBucket": {},
    "ListIndexes": {},
    "CreateIndex": index_members("films"),
    "PutVectorBucketPolicy": {"policy": account_policy(NO_BUCKET_ARN)},
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


def each_operation(*operations: str) -> pytest.MarkDecorator:
    """Run a test for each of *operations*."""
    return pytest.mark.parametrize("operation", operations)


bucket_operations: pytest.MarkDecorator = each_operation(*ON_BUCKETS)
index_operations: pytest.MarkDecorator = each_operation(*ON_INDEXES)
all_operations: pytest.MarkDecorator = each_operation(*ON_BUCKETS, *ON_INDEXES)


def other_members(operation: str) -> Members:
    """Return the members of a valid request without the bucket name. Its index does not exist."""
    return (
        ON_BUCKETS[operation]
        if operation in ON_BUCKETS
        else {**ON_INDEXES[operation], "indexName": "nothing"}
    )
