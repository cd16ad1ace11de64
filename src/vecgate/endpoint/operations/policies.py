"""Policies of vector buckets: put, get, delete. They are stored as text and not enforced."""

from __future__ import annotations

from dataclasses import replace

from vecgate.endpoint.operations.addressing import find_bucket
from vecgate.endpoint.operations.resource_settings import check_policy
from vecgate.endpoint.requests.messages import not_found
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.storage.state import State


def put_vector_bucket_policy(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    check_policy(members["policy"])
    state.save_bucket(replace(bucket, policy=members["policy"]))
    return {}


def get_vector_bucket_policy(state: State, members: Document, now: float) -> Document:
    del now
    bucket = find_bucket(state, members)
    if not bucket.policy:
        raise not_found("vector bucket policy")
    return {"policy": bucket.policy}


def delete_vector_bucket_policy(state: State, members: Document, now: float) -> Document:
    """Succeeds without a policy too, because the model calls the operation idempotent: inferred."""
    del now
    bucket = find_bucket(state, members)
    if bucket.policy:
        state.save_bucket(replace(bucket, policy=""))
    return {}
