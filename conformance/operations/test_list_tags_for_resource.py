"""ListTagsForResource: all tags of a bucket or an index."""

from __future__ import annotations

from typing import Any

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket, MakeIndex

from .calls import unmodelled_members


@requirement(
    "list-tags-for-resource.index",
    kind="effect",
    evidence="recorded",
    source=sources.S3MOCK_TAGS,
    covers="ListTagsForResource>tags",
)
def test_the_tags_of_an_index_are_listed(client: Any, make_index: MakeIndex) -> None:
    """ListTagsForResource returns the tags that CreateIndex was given."""
    arn = make_index(tags={"team": "search"}).arn
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "search"}


@requirement("list-tags-for-resource.bucket", kind="effect", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_the_tags_of_a_bucket_are_listed(client: Any, make_bucket: MakeBucket) -> None:
    """ListTagsForResource returns the tags that CreateVectorBucket was given."""
    arn = make_bucket(tags={"team": "search"}).arn
    assert client.list_tags_for_resource(resourceArn=arn)["tags"]["team"] == "search"


@requirement("list-tags-for-resource.none", kind="effect", evidence="model", source=sources.MODEL)
def test_no_tags_are_an_empty_object(client: Any, make_index: MakeIndex) -> None:
    """For a resource without tags, `tags` is an empty object."""
    assert client.list_tags_for_resource(resourceArn=make_index().arn)["tags"] == {}


@requirement(
    "list-tags-for-resource.deleted",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="ListTagsForResource!NotFoundException",
)
def test_tags_of_a_deleted_index_are_not_found(expect_error: ErrorExpectation, make_index: MakeIndex) -> None:
    """ListTagsForResource of a deleted index is answered with NotFoundException."""
    index = make_index(tags={"team": "search"})
    index.remove()
    expect_error("ListTagsForResource", resourceArn=index.arn, code="NotFoundException")


@requirement(
    "list-tags-for-resource.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_has_only_tags(raw: RawClient, make_index: MakeIndex) -> None:
    """ListTagsForResource is a GET without a body, and answers with the tags and nothing else."""
    path = make_index(tags={"team": "search"}).arn.replace(":", "%3A").replace("/", "%2F")
    answer = raw(f"/tags/{path}", method="GET")
    assert (answer.status, answer.json) == (200, {"tags": {"team": "search"}})
    assert unmodelled_members("ListTagsForResource", answer.json) == []
