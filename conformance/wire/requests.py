"""A valid request of every operation as it goes over the wire: method, path and body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from vecgate.testing.raw import RawAnswer, RawClient
from vecgate.testing.resources import Index, vector

QUERY_VECTOR: Mapping[str, Any] = {"queryVector": {"float32": [1.0, 0.5]}}


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request: its path percent-encoded, with its query; an empty body is none."""

    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    method: str = "POST"

    def sent(self, raw: RawClient, **options: Any) -> RawAnswer:
        """The answer to it."""
        # GET and DELETE carry no body.
        return raw(self.path, self.body if self.method == "POST" else b"", method=self.method, **options)


def tags_path(arn: str) -> str:
    """The path of the tags of *arn*, which is one label of it."""
    return f"/tags/{quote(arn, safe='')}"


def request_of(operation: str, index: Index, *, spare_name: str = "") -> WireRequest:
    """A valid request of *operation* on *index*, its bucket, or a bucket *spare_name* still to be made."""
    bucket, address = {"vectorBucketName": index.bucket}, index.address
    if operation in {"ListTagsForResource", "TagResource", "UntagResource"}:
        return _on_tags(operation, index.arn)
    rest: Mapping[str, Mapping[str, Any]] = {
        "CreateVectorBucket": {"vectorBucketName": spare_name},
        "GetVectorBucket": bucket,
        "DeleteVectorBucket": {"vectorBucketName": spare_name},
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
        "PutVectorBucketPolicy": {**bucket, "policy": policy_of(index.arn)},
        "GetVectorBucketPolicy": bucket,
        "DeleteVectorBucketPolicy": bucket,
        "PutVectorBucketDefaultIndexMode": {**bucket, "defaultIndexMode": "ENHANCED"},
        "UpdateIndexMode": {**address, "indexMode": "ENHANCED"},
        "UpdateMetadataConfiguration": {
            **address,
            "add": {"textSearchConfigurations": [{"metadataKey": "title"}]},
        },
    }
    return WireRequest(f"/{operation}", rest[operation])


def policy_of(index_arn: str) -> str:
    """A policy that lets the account of *index_arn* do what it may do anyway, on the index's bucket."""
    bucket_arn = index_arn.split("/index/", maxsplit=1)[0]
    partition, account = [*bucket_arn.split(":"), "", "", "", ""][1:5:3]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": "s3vectors:GetIndex",
        "Resource": bucket_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _on_tags(operation: str, arn: str) -> WireRequest:
    path = tags_path(arn)
    if operation == "TagResource":
        return WireRequest(path, {"tags": {"team": "search"}})
    if operation == "UntagResource":
        return WireRequest(f"{path}?tagKeys=team&tagKeys=b%20c", method="DELETE")
    return WireRequest(path, method="GET")
