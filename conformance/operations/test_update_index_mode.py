"""UpdateIndexMode: in place, to ENHANCED only in buckets made since 2026-09-30."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex

from .asking import index_shown, unmodelled


@requirement(
    "update-index-mode.enhanced",
    level="must",
    evidence="documented",
    source=sources.MODES,
    covers="UpdateIndexMode.indexMode.enum=ENHANCED",
)
def test_any_index_may_be_set_to_enhanced(client: Any, make_index: MakeIndex) -> None:
    """The mode of any index can be set to ENHANCED, that of an ENHANCED one too."""
    index = make_index()
    index.call("UpdateIndexMode", indexMode="ENHANCED")
    assert index_shown(client, index)["indexMode"] == "ENHANCED"


@requirement(
    "update-index-mode.classic",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    covers="UpdateIndexMode.indexMode.enum=CLASSIC UpdateIndexMode!ValidationException",
)
def test_an_index_in_a_new_bucket_may_not_be_classic(refused: Refused, make_index: MakeIndex) -> None:
    """The mode of an index in a new bucket cannot be set to CLASSIC."""
    refused("UpdateIndexMode", make_index().address, indexMode="CLASSIC", code="ValidationException")


@requirement(
    "update-index-mode.classic-message",
    level="should",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_the_refusal_says_that_the_bucket_does_not_support_classic(
    refused: Refused, make_index: MakeIndex
) -> None:
    """The sentence that refuses CLASSIC for an index says why."""
    message = "indexMode cannot be set to CLASSIC because the vector bucket does not support CLASSIC mode"
    members = {**make_index().address, "indexMode": "CLASSIC"}
    refused("UpdateIndexMode", members, code="ValidationException", message=message)


@requirement(
    "update-index-mode.refused-changes-nothing",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_a_refused_mode_leaves_the_index(client: Any, refused: Refused, make_index: MakeIndex) -> None:
    """Once CLASSIC was refused, the index is still ENHANCED."""
    index = make_index()
    refused("UpdateIndexMode", index.address, indexMode="CLASSIC", code="ValidationException")
    assert index_shown(client, index)["indexMode"] == "ENHANCED"


@pytest.mark.parametrize("mode", ["enhanced", "FAST", pytest.param("", id="empty")])
@requirement(
    "update-index-mode.unknown",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateIndexMode.indexMode.enum",
)
def test_another_mode_is_refused(refused: Refused, make_index: MakeIndex, mode: str) -> None:
    """The mode of an index is CLASSIC or ENHANCED."""
    refused("UpdateIndexMode", make_index().address, indexMode=mode, code="ValidationException")


@requirement(
    "update-index-mode.required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateIndexMode.indexMode.required",
)
def test_a_mode_must_be_given(refused: Refused, make_index: MakeIndex) -> None:
    """UpdateIndexMode without a mode is refused."""
    refused("UpdateIndexMode", make_index().address, code="ValidationException")


@requirement("update-index-mode.keeps-everything", level="must", evidence="documented", source=sources.MODES)
def test_the_vectors_stay(client: Any, make_index: MakeIndex) -> None:
    """The mode changes in place: the vectors, and what GetIndex shows beside the mode, stay."""
    index = make_index(non_filterable=["text"])
    index.put(("a", [1.0, 0.0], {"year": 1999}))
    before = index_shown(client, index)
    index.call("UpdateIndexMode", indexMode="ENHANCED")
    assert index_shown(client, index) == {**before, "indexMode": "ENHANCED"}
    assert index.get("a") == {"a": {"key": "a", "data": {"float32": [1.0, 0.0]}, "metadata": {"year": 1999}}}


@requirement(
    "update-index-mode.of-one-index",
    level="must",
    evidence="documented",
    source=sources.api("UpdateIndexMode"),
)
def test_neither_bucket_nor_other_indexes_change(client: Any, make_index: MakeIndex) -> None:
    """The mode of one index changes neither that of another nor the default of the bucket."""
    index, other = make_index(), make_index()
    address = {"vectorBucketName": index.bucket}
    before = client.get_vector_bucket(**address)["vectorBucket"], index_shown(client, other)
    client.update_index_mode(indexArn=index.arn, indexMode="ENHANCED")
    assert (client.get_vector_bucket(**address)["vectorBucket"], index_shown(client, other)) == before


@requirement(
    "update-index-mode.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_index: MakeIndex) -> None:
    """UpdateIndexMode answers with 200 and no members."""
    answer = raw("/UpdateIndexMode", {**make_index().address, "indexMode": "ENHANCED"})
    assert answer.status == 200
    assert unmodelled("UpdateIndexMode", answer.json) == []
