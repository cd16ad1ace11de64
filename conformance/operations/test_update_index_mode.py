"""UpdateIndexMode: indexes in buckets created since 2026-09-30 can only be ENHANCED."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex

from .calls import describe_index, unmodelled_members


@requirement(
    "update-index-mode.enhanced",
    kind="effect",
    evidence="documented",
    source=sources.MODES,
    covers="UpdateIndexMode.indexMode.enum=ENHANCED",
)
def test_any_index_may_be_set_to_enhanced(client: Any, make_index: MakeIndex) -> None:
    """The mode of an index can be set to ENHANCED, even if it already is."""
    index = make_index()
    index.call("UpdateIndexMode", indexMode="ENHANCED")
    assert describe_index(client, index)["indexMode"] == "ENHANCED"


@requirement(
    "update-index-mode.classic",
    kind="refusal",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    covers="UpdateIndexMode.indexMode.enum=CLASSIC UpdateIndexMode!ValidationException",
)
def test_an_index_in_a_new_bucket_may_not_be_classic(
    expect_error: ErrorExpectation, plain_index: IndexHandle
) -> None:
    """The mode of an index in a new bucket cannot be set to CLASSIC."""
    expect_error("UpdateIndexMode", plain_index.address, indexMode="CLASSIC", code="ValidationException")


@requirement(
    "update-index-mode.classic-message",
    kind="detail",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_the_error_says_that_the_bucket_does_not_support_classic(
    expect_error: ErrorExpectation, plain_index: IndexHandle
) -> None:
    """The error for CLASSIC says that the bucket does not support it."""
    message = "indexMode cannot be set to CLASSIC because the vector bucket does not support CLASSIC mode"
    members = {**plain_index.address, "indexMode": "CLASSIC"}
    expect_error("UpdateIndexMode", members, code="ValidationException", message=message)


@requirement(
    "update-index-mode.refused-changes-nothing",
    kind="effect",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_a_rejected_mode_changes_nothing(
    client: Any, expect_error: ErrorExpectation, make_index: MakeIndex
) -> None:
    """After CLASSIC was rejected, the index is still ENHANCED."""
    index = make_index()
    if expect_error.is_refused("UpdateIndexMode", index.address, indexMode="CLASSIC"):
        assert describe_index(client, index)["indexMode"] == "ENHANCED"


@pytest.mark.parametrize("mode", ["enhanced", "FAST", pytest.param("", id="empty")])
@requirement(
    "update-index-mode.unknown",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateIndexMode.indexMode.enum",
)
def test_an_unknown_mode_is_rejected(
    expect_error: ErrorExpectation, plain_index: IndexHandle, mode: str
) -> None:
    """The mode of an index must be CLASSIC or ENHANCED."""
    expect_error("UpdateIndexMode", plain_index.address, indexMode=mode, code="ValidationException")


@requirement(
    "update-index-mode.required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateIndexMode.indexMode.required",
)
def test_a_mode_is_required(expect_error: ErrorExpectation, plain_index: IndexHandle) -> None:
    """UpdateIndexMode without a mode is rejected."""
    expect_error("UpdateIndexMode", plain_index.address, code="ValidationException")


@requirement("update-index-mode.keeps-everything", kind="effect", evidence="documented", source=sources.MODES)
def test_vectors_and_description_stay(client: Any, make_index: MakeIndex) -> None:
    """Setting the mode changes neither the vectors nor the rest of the description."""
    index = make_index(non_filterable=["text"])
    index.put(("a", [1.0, 0.0], {"year": 1999}))
    before = describe_index(client, index)
    index.call("UpdateIndexMode", indexMode="ENHANCED")
    assert describe_index(client, index) == {**before, "indexMode": "ENHANCED"}
    assert index.get("a") == {"a": {"key": "a", "data": {"float32": [1.0, 0.0]}, "metadata": {"year": 1999}}}


@requirement(
    "update-index-mode.of-one-index",
    kind="effect",
    evidence="documented",
    source=sources.api("UpdateIndexMode"),
    slow=True,
)
def test_neither_bucket_nor_other_indexes_change(client: Any, make_index: MakeIndex) -> None:
    """Setting the mode of one index changes neither other indexes nor the default mode of the bucket."""
    index, other = make_index(), make_index()
    address = {"vectorBucketName": index.bucket}
    before = client.get_vector_bucket(**address)["vectorBucket"], describe_index(client, other)
    client.update_index_mode(indexArn=index.arn, indexMode="ENHANCED")
    assert (client.get_vector_bucket(**address)["vectorBucket"], describe_index(client, other)) == before


@requirement(
    "update-index-mode.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_index: MakeIndex) -> None:
    """UpdateIndexMode answers with 200 and no members."""
    answer = raw("/UpdateIndexMode", {**make_index().address, "indexMode": "ENHANCED"})
    assert answer.status == 200
    assert unmodelled_members("UpdateIndexMode", answer.json) == []
