"""Vector buckets: create, get, list, delete."""

from __future__ import annotations

from vecgate.endpoint.operations.addressing import check_bucket_name, find_bucket
from vecgate.endpoint.operations.modes import default_index_mode
from vecgate.endpoint.operations.pages import paginate
from vecgate.endpoint.operations.resource_settings import DEFAULT_ENCRYPTION, check_tags, resolve_encryption
from vecgate.endpoint.requests.messages import ApiError, conflict
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.storage.state import Bucket, State
from vecgate.s3vectors.limits import BUCKETS_MAX


def create_vector_bucket(state: State, members: Document, now: float) -> Document:
    name = members["vectorBucketName"]
    check_bucket_name(name)
    encryption = resolve_encryption(state, members.get("encryptionConfiguration"), default=DEFAULT_ENCRYPTION)
    tags = members.get("tags", {})
    check_tags(tags)
    if name in state.buckets:
        raise conflict("A vector bucket with the specified name already exists")
    if len(state.buckets) >= BUCKETS_MAX:
        raise ApiError("ServiceQuotaExceededException", f"An account may have {BUCKETS_MAX} vector buckets")
    bucket = Bucket(
        name, state.bucket_arn(name), int(now), encryption, tags, default_mode=default_index_mode(state, now)
    )
    state.save_bucket(bucket)
    return {"vectorBucketArn": bucket.arn}


def get_vector_bucket(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    return {
        "vectorBucket": {
            **_summarize(bucket),
            "encryptionConfiguration": bucket.encryption,
            "defaultIndexMode": bucket.default_mode,
        }
    }


def list_vector_buckets(state: State, members: Document, now: float) -> Document:
    del now
    page, next_token = paginate(state.buckets, members, list_name="buckets")
    return {"vectorBuckets": [_summarize(bucket) for bucket in page], **next_token}


def delete_vector_bucket(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    if bucket.indexes:
        raise conflict("The specified vector bucket is not empty")
    state.remove_bucket(bucket)
    return {}


def _summarize(bucket: Bucket) -> Document:
    return {
        "vectorBucketName": bucket.name,
        "vectorBucketArn": bucket.arn,
        "creationTime": bucket.created_s,
    }
