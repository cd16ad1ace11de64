"""Vector indexes: create, get, list, delete."""

from __future__ import annotations

from vecgate.endpoint.operations.addressing import check_index_name, find_bucket, find_index
from vecgate.endpoint.operations.metadata_configuration import (
    describe_configuration,
    initial_configuration,
)
from vecgate.endpoint.operations.pages import paginate
from vecgate.endpoint.operations.resource_settings import check_tags, resolve_encryption
from vecgate.endpoint.requests.messages import ApiError, conflict
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.storage.state import Bucket, Index, State
from vecgate.endpoint.storage.vector_table import VectorTable

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html (read 2026-11-24)
INDEXES_MAX = 10_000


def create_index(state: State, members: Document, now: float) -> Document:
    bucket = find_bucket(state, members)
    check_index_name(members["indexName"])
    index = _build_index(state, bucket, members, now)
    if index.name in bucket.indexes:
        raise conflict("An index with the specified name already exists")
    if len(bucket.indexes) >= INDEXES_MAX:
        raise ApiError("ServiceQuotaExceededException", f"A vector bucket may have {INDEXES_MAX} indexes")
    state.save_index(index)
    return {"indexArn": index.arn}


def get_index(state: State, members: Document, now: float) -> Document:
    index = find_index(state, members)
    description = {
        **_summarize(index),
        "dataType": "float32",
        "dimension": index.dimension,
        "distanceMetric": index.metric,
        "encryptionConfiguration": index.encryption,
        "indexMode": index.mode,
    }
    if index.metadata_configuration:
        description["metadataConfiguration"] = describe_configuration(index, now)
    return {"index": description}


def list_indexes(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    page, next_token = paginate(bucket.indexes, members, list_name=bucket.arn)
    return {"indexes": [_summarize(index) for index in page], **next_token}


def delete_index(state: State, members: Document, now: float) -> Document:
    del now
    state.remove_index(find_index(state, members))
    return {}


def _build_index(state: State, bucket: Bucket, members: Document, now: float) -> Index:
    tags = members.get("tags", {})
    check_tags(tags)
    return Index(
        bucket=bucket.name,
        name=members["indexName"],
        arn=state.index_arn(bucket.name, members["indexName"]),
        created_s=int(now),
        dimension=members["dimension"],
        metric=members["distanceMetric"],
        table=VectorTable(members["dimension"]),
        metadata_configuration=initial_configuration(members, mode=bucket.default_mode),
        encryption=resolve_encryption(
            state, members.get("encryptionConfiguration"), default=bucket.encryption
        ),
        tags=tags,
        serial=state.serial,
        mode=bucket.default_mode,
    )


def _summarize(index: Index) -> Document:
    return {
        "vectorBucketName": index.bucket,
        "indexName": index.name,
        "indexArn": index.arn,
        "creationTime": index.created_s,
    }
