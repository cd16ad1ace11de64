"""Index modes: CLASSIC filters during the search, ENHANCED before it.

Buckets created on or after 2026-09-30 are ENHANCED and cannot change (texts observed 2026-10); older ones
start as CLASSIC and can change in both directions.
"""

from __future__ import annotations

from dataclasses import replace

from vecgate.endpoint.operations.addressing import find_bucket, find_index
from vecgate.endpoint.requests.messages import invalid
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.storage.state import Bucket, State

CLASSIC, ENHANCED = "CLASSIC", "ENHANCED"
NOT_CLASSIC = "cannot be set to CLASSIC"
WITHOUT_CLASSIC = "does not support CLASSIC mode"


def default_index_mode(state: State, now: float) -> str:
    """Return the default index mode of a bucket created *now*."""
    return CLASSIC if int(now) < state.behaviour.classic_until_s else ENHANCED


def put_vector_bucket_default_index_mode(state: State, members: Document, now: float) -> Document:
    """Applies to indexes created later; existing ones keep their mode."""
    del now
    bucket, mode = find_bucket(state, members), members["defaultIndexMode"]
    if mode == CLASSIC and not _allows_classic(state, bucket):
        raise invalid(f"defaultIndexMode {NOT_CLASSIC} because this vector bucket {WITHOUT_CLASSIC}")
    state.save_bucket(replace(bucket, default_mode=mode))
    return {}


def update_index_mode(state: State, members: Document, now: float) -> Document:
    """Takes effect at once; how long AWS takes is not known. With text search configurations an index cannot
    leave ENHANCED, which they require: inferred.
    """
    del now
    index, mode = find_index(state, members), members["indexMode"]
    if mode == CLASSIC and not _allows_classic(state, state.buckets[index.bucket]):
        raise invalid(f"indexMode {NOT_CLASSIC} because the vector bucket {WITHOUT_CLASSIC}")
    if mode == CLASSIC and index.text_configurations:
        raise invalid(f"indexMode {NOT_CLASSIC} while the index has textSearchConfigurations")
    state.save_index(replace(index, mode=mode))
    return {}


def _allows_classic(state: State, bucket: Bucket) -> bool:
    return bucket.created_s < state.behaviour.classic_until_s
