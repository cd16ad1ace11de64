"""ListTagsForResource: all tags of a bucket or an index."""

from __future__ import annotations

from typing import Any

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, MakeIndex

from .asking import unmodelled


@requirement(
    "list-tags-for-resource.index",
    level="must",
    evidence="recorded",
    source=sources.S3MOCK_TAGS,
    covers="ListTagsForResource>tags",
)
def test_the_tags_of_an_index_are_listed(client: Any, make_index: MakeIndex) -> None:
    """ListTagsForResource lists the tags that CreateIndex was given."""
    arn = make_index(tags={"team": "search"}).arn
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "search"}


@requirement("list-tags-for-resource.bucket", level="must", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_the_tags_of_a_bucket_are_listed(client: Any, make_bucket: MakeBucket) -> None:
    """ListTagsForResource lists the tags that CreateVectorBucket was given."""
    arn = make_bucket(tags={"team": "search"}).arn
    assert client.list_tags_for_resource(resourceArn=arn)["tags"]["team"] == "search"


@requirement("list-tags-for-resource.none", level="must", evidence="model", source=sources.MODEL)
def test_no_tags_are_an_empty_object(client: Any, make_index: MakeIndex) -> None:
    """The tags of a resource that has none are an empty object: the member is there."""
    assert client.list_tags_for_resource(resourceArn=make_index().arn)["tags"] == {}


@requirement(
    "list-tags-for-resource.deleted",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="ListTagsForResource!NotFoundException",
)
def test_what_was_deleted_has_no_tags(refused: Refused, make_index: MakeIndex) -> None:
    """The tags of an index that was deleted are not found."""
    index = make_index(tags={"team": "search"})
    index.remove()
    refused("ListTagsForResource", resourceArn=index.arn, code="NotFoundException")


@requirement(
    "list-tags-for-resource.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_holds_tags_alone(raw: RawClient, make_index: MakeIndex) -> None:
    """ListTagsForResource is a GET without a body, and answers with the tags and nothing else."""
    path = make_index(tags={"team": "search"}).arn.replace(":", "%3A").replace("/", "%2F")
    answer = raw(f"/tags/{path}", method="GET")
    assert (answer.status, answer.json) == (200, {"tags": {"team": "search"}})
    assert unmodelled("ListTagsForResource", answer.json) == []
