"""Index modes: CLASSIC filters while it searches, ENHANCED before.

Buckets made on or after 2026-09-30 are ENHANCED for good (texts observed 2026-10); older ones start out as
CLASSIC and may change either way.
"""

from __future__ import annotations

from dataclasses import replace

from vecgate.endpoint.addressing import find_bucket, find_index
from vecgate.endpoint.answers import invalid
from vecgate.endpoint.state import Bucket, State
from vecgate.endpoint.validation import Document

CLASSIC, ENHANCED = "CLASSIC", "ENHANCED"
NOT_CLASSIC = "cannot be set to CLASSIC"
WITHOUT_CLASSIC = "does not support CLASSIC mode"


def mode_of_new_bucket(state: State, now: float) -> str:
    """The default mode of a bucket that is made at *now*."""
    return CLASSIC if int(now) < state.behaviour.classic_until_s else ENHANCED


def put_vector_bucket_default_index_mode(state: State, members: Document, now: float) -> Document:
    """Later indexes have it; those that are there keep theirs."""
    del now
    bucket, mode = find_bucket(state, members), members["defaultIndexMode"]
    if mode == CLASSIC and not _may_be_classic(state, bucket):
        raise invalid(f"defaultIndexMode {NOT_CLASSIC} because this vector bucket {WITHOUT_CLASSIC}")
    state.save_bucket(replace(bucket, default_mode=mode))
    return {}


def update_index_mode(state: State, members: Document, now: float) -> Document:
    """At once; how long AWS takes is not known. Full text needs ENHANCED, so it keeps it there: inferred."""
    del now
    index, mode = find_index(state, members), members["indexMode"]
    if mode == CLASSIC and not _may_be_classic(state, state.buckets[index.bucket]):
        raise invalid(f"indexMode {NOT_CLASSIC} because the vector bucket {WITHOUT_CLASSIC}")
    if mode == CLASSIC and index.text_configurations:
        raise invalid(f"indexMode {NOT_CLASSIC} while the index has textSearchConfigurations")
    state.save_index(replace(index, mode=mode))
    return {}


def _may_be_classic(state: State, bucket: Bucket) -> bool:
    return bucket.created_s < state.behaviour.classic_until_s
