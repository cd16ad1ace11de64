"""PutVectorBucketDefaultIndexMode: buckets made since 2026-09-30 are ENHANCED for good."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, MakeIndex

from .asking import bucket_shown, index_shown, unmodelled

OPERATION = "PutVectorBucketDefaultIndexMode"


@requirement(
    "put-vector-bucket-default-index-mode.enhanced",
    level="must",
    evidence="documented",
    source=sources.MODES,
    covers=f"{OPERATION}.defaultIndexMode.enum=ENHANCED",
)
def test_the_default_may_be_set_to_enhanced(client: Any, make_bucket: MakeBucket) -> None:
    """The default mode of any bucket can be set to ENHANCED, that of an ENHANCED one too."""
    bucket = make_bucket()
    bucket.call(OPERATION, defaultIndexMode="ENHANCED")
    assert bucket_shown(client, bucket.name)["defaultIndexMode"] == "ENHANCED"


@requirement(
    "put-vector-bucket-default-index-mode.classic",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    covers=f"{OPERATION}.defaultIndexMode.enum=CLASSIC {OPERATION}!ValidationException",
)
def test_the_default_of_a_new_bucket_may_not_be_classic(refused: Refused, make_bucket: MakeBucket) -> None:
    """The default mode of a new bucket cannot be set to CLASSIC."""
    refused(OPERATION, make_bucket().address, defaultIndexMode="CLASSIC", code="ValidationException")


@requirement(
    "put-vector-bucket-default-index-mode.classic-message",
    level="should",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_the_refusal_says_that_the_bucket_does_not_support_classic(
    refused: Refused, make_bucket: MakeBucket
) -> None:
    """The sentence that refuses CLASSIC for a bucket says why."""
    refused(
        OPERATION,
        make_bucket().address,
        defaultIndexMode="CLASSIC",
        code="ValidationException",
        message="defaultIndexMode cannot be set to CLASSIC because this vector bucket does not support "
        "CLASSIC mode",
    )


@requirement(
    "put-vector-bucket-default-index-mode.refused-changes-nothing",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_a_refused_mode_leaves_the_default(
    client: Any, refused: Refused, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """Once CLASSIC was refused, the bucket and its next index are still ENHANCED."""
    bucket = make_bucket()
    refused(OPERATION, bucket.address, defaultIndexMode="CLASSIC", code="ValidationException")
    assert bucket_shown(client, bucket.name)["defaultIndexMode"] == "ENHANCED"
    assert index_shown(client, make_index(bucket))["indexMode"] == "ENHANCED"


@pytest.mark.parametrize("mode", ["enhanced", "FAST", pytest.param("", id="empty")])
@requirement(
    "put-vector-bucket-default-index-mode.unknown",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{OPERATION}.defaultIndexMode.enum",
)
def test_another_mode_is_refused(refused: Refused, make_bucket: MakeBucket, mode: str) -> None:
    """The default mode of a bucket is CLASSIC or ENHANCED."""
    refused(OPERATION, make_bucket().address, defaultIndexMode=mode, code="ValidationException")


@requirement(
    "put-vector-bucket-default-index-mode.required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{OPERATION}.defaultIndexMode.required",
)
def test_a_mode_must_be_given(refused: Refused, make_bucket: MakeBucket) -> None:
    """PutVectorBucketDefaultIndexMode without a mode is refused."""
    refused(OPERATION, make_bucket().address, code="ValidationException")


@requirement(
    "put-vector-bucket-default-index-mode.nothing-else-changes",
    level="must",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_nothing_else_changes(client: Any, make_bucket: MakeBucket, make_index: MakeIndex) -> None:
    """Setting the default mode changes nothing else of the bucket, and nothing of its indexes."""
    bucket = make_bucket()
    index = make_index(bucket)
    before = bucket_shown(client, bucket.name), index_shown(client, index)
    bucket.call(OPERATION, defaultIndexMode="ENHANCED")
    assert (bucket_shown(client, bucket.name), index_shown(client, index)) == before


@requirement(
    "put-vector-bucket-default-index-mode.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """PutVectorBucketDefaultIndexMode answers with 200 and no members."""
    answer = raw(f"/{OPERATION}", {**make_bucket().address, "defaultIndexMode": "ENHANCED"})
    assert answer.status == 200
    assert unmodelled(OPERATION, answer.json) == []
