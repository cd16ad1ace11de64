"""A valid HTTP request to every operation: method, path and body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.resources.handles import IndexHandle, vector

from ..operations.calls import account_policy

QUERY_VECTOR: Mapping[str, Any] = {"queryVector": {"float32": [1.0, 0.5]}}


@dataclass(frozen=True, slots=True)
class WireRequest:
    """An HTTP request.

    path  percent-encoded, including the query
    body  JSON members; only sent with POST
    """

    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    method: str = "POST"

    def send(self, raw: RawClient, **options: Any) -> RawAnswer:
        """Send the request and return its answer."""
        return raw(self.path, self.body if self.method == "POST" else b"", method=self.method, **options)


def tags_path(arn: str) -> str:
    """Return the path of the tags of *arn*, in which the ARN is a single segment."""
    return f"/tags/{quote(arn, safe='')}"


def request_of(operation: str, index: IndexHandle, *, new_bucket: str = "") -> WireRequest:
    """Return a valid request to *operation* on *index*, its bucket, or the bucket *new_bucket*."""
    bucket, address = {"vectorBucketName": index.bucket}, index.address
    if operation in {"ListTagsForResource", "TagResource", "UntagResource"}:
        return _tags_request(operation, index.arn)
    bodies: Mapping[str, Mapping[str, Any]] = {
        "CreateVectorBucket": {"vectorBucketName": new_bucket},
        "GetVectorBucket": bucket,
        "DeleteVectorBucket": {"vectorBucketName": new_bucket},
        "ListVectorBuckets": {"maxResults": 5},
        "CreateIndex": {
            **bucket,
            "indexName": f"{index.name}-2"[-63:].strip("-"),
            "dataType": "float32",
            "dimension": 2,
            "distanceMetric": "cosine",
        },
        "GetIndex": address,
        "DeleteIndex": address,
        "ListIndexes": bucket,
        "PutVectors": {**address, "vectors": [vector("k", [1.0, 0.5], {"n": 1})]},
        "GetVectors": {**address, "keys": ["k"], "returnData": True, "returnMetadata": True},
        "ListVectors": {**address, "returnData": True, "returnMetadata": True},
        "DeleteVectors": {**address, "keys": ["k"]},
        "QueryVectors": {
            **address,
            **QUERY_VECTOR,
            "topK": 1,
            "returnDistance": True,
            "returnMetadata": True,
        },
        "PutVectorBucketPolicy": {
            **bucket,
            "policy": account_policy(index.arn.split("/index/", maxsplit=1)[0]),
        },
        "GetVectorBucketPolicy": bucket,
        "DeleteVectorBucketPolicy": bucket,
        "PutVectorBucketDefaultIndexMode": {**bucket, "defaultIndexMode": "ENHANCED"},
        "UpdateIndexMode": {**address, "indexMode": "ENHANCED"},
        "UpdateMetadataConfiguration": {
            **address,
            "add": {"textSearchConfigurations": [{"metadataKey": "title"}]},
        },
    }
    return WireRequest(f"/{operation}", bodies[operation])


def _tags_request(operation: str, arn: str) -> WireRequest:
    path = tags_path(arn)
    if operation == "TagResource":
        return WireRequest(path, {"tags": {"team": "search"}})
    if operation == "UntagResource":
        return WireRequest(f"{path}?tagKeys=team&tagKeys=b%20c", method="DELETE")
    return WireRequest(path, method="GET")
