"""Policies of vector buckets: put, get, delete. They are kept as text and decide nothing."""

from __future__ import annotations

from dataclasses import replace

from vecgate.endpoint.addressing import find_bucket
from vecgate.endpoint.answers import not_found
from vecgate.endpoint.resources import check_policy
from vecgate.endpoint.state import State
from vecgate.endpoint.validation import Document


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
    """A success where there is none: the model calls it idempotent. Inferred."""
    del now
    bucket = find_bucket(state, members)
    if bucket.policy:
        state.save_bucket(replace(bucket, policy=""))
    return {}
