"""Vector indexes: create, get, list, delete."""

from __future__ import annotations

from vecgate.endpoint.addressing import check_index_name, find_bucket, find_index
from vecgate.endpoint.answers import Refused, conflict
from vecgate.endpoint.operations.metadata_configuration import (
    configuration_of_new_index,
    shown_configuration,
)
from vecgate.endpoint.operations.pages import page_of
from vecgate.endpoint.resources import check_tags, encryption_of
from vecgate.endpoint.state import Bucket, Index, State
from vecgate.endpoint.table import VectorTable
from vecgate.endpoint.validation import Document

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html (read 2026-11-24)
INDEXES_MAX = 10_000


def create_index(state: State, members: Document, now: float) -> Document:
    bucket = find_bucket(state, members)
    check_index_name(members["indexName"])
    index = _new_index(state, bucket, members, now)
    if index.name in bucket.indexes:
        raise conflict("An index with the specified name already exists")
    if len(bucket.indexes) >= INDEXES_MAX:
        raise Refused("ServiceQuotaExceededException", f"A vector bucket may have {INDEXES_MAX} indexes")
    state.save_index(index)
    return {"indexArn": index.arn}


def get_index(state: State, members: Document, now: float) -> Document:
    index = find_index(state, members)
    shown = {
        **_summary(index),
        "dataType": "float32",
        "dimension": index.dimension,
        "distanceMetric": index.metric,
        "encryptionConfiguration": index.encryption,
        "indexMode": index.mode,
    }
    if index.metadata_configuration:
        shown["metadataConfiguration"] = shown_configuration(index, now)
    return {"index": shown}


def list_indexes(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    page, more = page_of(bucket.indexes, members, scope=bucket.arn)
    return {"indexes": [_summary(index) for index in page], **more}


def delete_index(state: State, members: Document, now: float) -> Document:
    del now
    state.remove_index(find_index(state, members))
    return {}


def _new_index(state: State, bucket: Bucket, members: Document, now: float) -> Index:
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
        metadata_configuration=configuration_of_new_index(members, mode=bucket.default_mode),
        encryption=encryption_of(state, members.get("encryptionConfiguration"), default=bucket.encryption),
        tags=tags,
        serial=state.serial,
        mode=bucket.default_mode,
    )


def _summary(index: Index) -> Document:
    return {
        "vectorBucketName": index.bucket,
        "indexName": index.name,
        "indexArn": index.arn,
        "creationTime": index.created_s,
    }
