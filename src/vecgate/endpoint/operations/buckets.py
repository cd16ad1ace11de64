"""Vector buckets: create, get, list, delete."""

from __future__ import annotations

from vecgate.endpoint.addressing import check_bucket_name, find_bucket
from vecgate.endpoint.answers import Refused, conflict
from vecgate.endpoint.operations.modes import mode_of_new_bucket
from vecgate.endpoint.operations.pages import page_of
from vecgate.endpoint.resources import DEFAULT_ENCRYPTION, check_tags, encryption_of
from vecgate.endpoint.state import Bucket, State
from vecgate.endpoint.validation import Document
from vecgate.s3vectors.limits import BUCKETS_MAX


def create_vector_bucket(state: State, members: Document, now: float) -> Document:
    name = members["vectorBucketName"]
    check_bucket_name(name)
    encryption = encryption_of(state, members.get("encryptionConfiguration"), default=DEFAULT_ENCRYPTION)
    tags = members.get("tags", {})
    check_tags(tags)
    if name in state.buckets:
        raise conflict("A vector bucket with the specified name already exists")
    if len(state.buckets) >= BUCKETS_MAX:
        raise Refused("ServiceQuotaExceededException", f"An account may have {BUCKETS_MAX} vector buckets")
    bucket = Bucket(
        name, state.bucket_arn(name), int(now), encryption, tags, default_mode=mode_of_new_bucket(state, now)
    )
    state.save_bucket(bucket)
    return {"vectorBucketArn": bucket.arn}


def get_vector_bucket(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    return {
        "vectorBucket": {
            **_summary(bucket),
            "encryptionConfiguration": bucket.encryption,
            "defaultIndexMode": bucket.default_mode,
        }
    }


def list_vector_buckets(state: State, members: Document, now: float) -> Document:
    del now
    page, more = page_of(state.buckets, members, scope="buckets")
    return {"vectorBuckets": [_summary(bucket) for bucket in page], **more}


def delete_vector_bucket(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    if bucket.indexes:
        raise conflict("The specified vector bucket is not empty")
    state.remove_bucket(bucket)
    return {}


def _summary(bucket: Bucket) -> Document:
    return {
        "vectorBucketName": bucket.name,
        "vectorBucketArn": bucket.arn,
        "creationTime": bucket.created_s,
    }
