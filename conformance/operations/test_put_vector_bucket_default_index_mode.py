"""PutVectorBucketDefaultIndexMode: buckets created since 2026-09-30 stay ENHANCED."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket, MakeIndex

from .calls import describe_bucket, describe_index, unmodelled_members

OPERATION = "PutVectorBucketDefaultIndexMode"


@requirement(
    "put-vector-bucket-default-index-mode.enhanced",
    kind="effect",
    evidence="documented",
    source=sources.MODES,
    covers=f"{OPERATION}.defaultIndexMode.enum=ENHANCED",
)
def test_the_default_may_be_set_to_enhanced(client: Any, make_bucket: MakeBucket) -> None:
    """The default mode of a bucket can be set to ENHANCED, even if it already is."""
    bucket = make_bucket()
    bucket.call(OPERATION, defaultIndexMode="ENHANCED")
    assert describe_bucket(client, bucket.name)["defaultIndexMode"] == "ENHANCED"


@requirement(
    "put-vector-bucket-default-index-mode.classic",
    kind="refusal",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    covers=f"{OPERATION}.defaultIndexMode.enum=CLASSIC {OPERATION}!ValidationException",
)
def test_the_default_of_a_new_bucket_may_not_be_classic(
    expect_error: ErrorExpectation, make_bucket: MakeBucket
) -> None:
    """The default mode of a new bucket cannot be set to CLASSIC."""
    expect_error(OPERATION, make_bucket().address, defaultIndexMode="CLASSIC", code="ValidationException")


@requirement(
    "put-vector-bucket-default-index-mode.classic-message",
    kind="detail",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_the_error_says_that_the_bucket_does_not_support_classic(
    expect_error: ErrorExpectation, make_bucket: MakeBucket
) -> None:
    """The error for CLASSIC says that the bucket does not support it."""
    expect_error(
        OPERATION,
        make_bucket().address,
        defaultIndexMode="CLASSIC",
        code="ValidationException",
        message="defaultIndexMode cannot be set to CLASSIC because this vector bucket does not support "
        "CLASSIC mode",
    )


@requirement(
    "put-vector-bucket-default-index-mode.refused-changes-nothing",
    kind="effect",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_a_rejected_mode_changes_nothing(
    client: Any, expect_error: ErrorExpectation, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """After CLASSIC was rejected, the bucket and its next index are still ENHANCED."""
    bucket = make_bucket()
    if not expect_error.is_refused(OPERATION, bucket.address, defaultIndexMode="CLASSIC"):
        return
    assert describe_bucket(client, bucket.name)["defaultIndexMode"] == "ENHANCED"
    assert describe_index(client, make_index(bucket))["indexMode"] == "ENHANCED"


@pytest.mark.parametrize("mode", ["enhanced", "FAST", pytest.param("", id="empty")])
@requirement(
    "put-vector-bucket-default-index-mode.unknown",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{OPERATION}.defaultIndexMode.enum",
)
def test_an_unknown_mode_is_rejected(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, mode: str
) -> None:
    """The default mode of a bucket must be CLASSIC or ENHANCED."""
    expect_error(OPERATION, make_bucket().address, defaultIndexMode=mode, code="ValidationException")


@requirement(
    "put-vector-bucket-default-index-mode.required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{OPERATION}.defaultIndexMode.required",
)
def test_a_mode_is_required(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """PutVectorBucketDefaultIndexMode without a mode is rejected."""
    expect_error(OPERATION, make_bucket().address, code="ValidationException")


@requirement(
    "put-vector-bucket-default-index-mode.nothing-else-changes",
    kind="effect",
    evidence="documented",
    source=sources.api(OPERATION),
    slow=True,
)
def test_nothing_else_changes(client: Any, make_bucket: MakeBucket, make_index: MakeIndex) -> None:
    """Setting the default mode changes nothing else about the bucket, and nothing about its indexes."""
    bucket = make_bucket()
    index = make_index(bucket)
    before = describe_bucket(client, bucket.name), describe_index(client, index)
    bucket.call(OPERATION, defaultIndexMode="ENHANCED")
    assert (describe_bucket(client, bucket.name), describe_index(client, index)) == before


@requirement(
    "put-vector-bucket-default-index-mode.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_bucket: MakeBucket) -> None:
    """PutVectorBucketDefaultIndexMode answers with 200 and no members."""
    answer = raw(f"/{OPERATION}", {**make_bucket().address, "defaultIndexMode": "ENHANCED"})
    assert answer.status == 200
    assert unmodelled_members(OPERATION, answer.json) == []
