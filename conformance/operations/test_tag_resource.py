"""TagResource: it adds tags, and overwrites tags with the same key."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeBucket, MakeIndex, Members

from .calls import check_lengths_are_valid, unmodelled_members

OPERATIONS: dict[str, Members] = {
    "ListTagsForResource": {},
    "TagResource": {"tags": {"team": "search"}},
    "UntagResource": {"tagKeys": ["team"]},
}
on_tags: pytest.MarkDecorator = pytest.mark.parametrize("operation", OPERATIONS)


def tags_of(client: Any, arn: str) -> Any:
    """Return the tags of the resource *arn*."""
    return client.list_tags_for_resource(resourceArn=arn)["tags"]


@requirement("tag-resource.bucket", kind="effect", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_a_bucket_is_tagged_by_its_arn(client: Any, make_bucket: MakeBucket) -> None:
    """TagResource tags a vector bucket."""
    arn = make_bucket().arn
    client.tag_resource(resourceArn=arn, tags={"team": "search"})
    assert tags_of(client, arn).items() >= {"team": "search"}.items()


@requirement("tag-resource.index", kind="effect", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_an_index_is_tagged_by_its_arn(client: Any, make_index: MakeIndex) -> None:
    """TagResource tags an index."""
    arn = make_index().arn
    client.tag_resource(resourceArn=arn, tags={"team": "search"})
    assert tags_of(client, arn) == {"team": "search"}


@requirement("tag-resource.of-its-own", kind="guard", evidence="inferred", source=sources.api("TagResource"))
def test_bucket_tags_and_index_tags_are_separate(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """The tags of a bucket do not appear on its indexes, and the other way round."""
    bucket = make_bucket()
    index = make_index(bucket)
    client.tag_resource(resourceArn=bucket.arn, tags={"on": "bucket"})
    client.tag_resource(resourceArn=index.arn, tags={"team": "search"})
    assert tags_of(client, index.arn) == {"team": "search"}
    assert tags_of(client, bucket.arn)["on"] == "bucket"
    assert "team" not in tags_of(client, bucket.arn)


@requirement("tag-resource.adds", kind="effect", evidence="documented", source=sources.api("TagResource"))
def test_tags_are_added_to_existing_ones(client: Any, make_index: MakeIndex) -> None:
    """TagResource keeps the tags that it does not name."""
    arn = make_index(tags={"team": "search"}).arn
    client.tag_resource(resourceArn=arn, tags={"stage": "test"})
    assert tags_of(client, arn) == {"team": "search", "stage": "test"}


@requirement(
    "tag-resource.overwrites", kind="effect", evidence="documented", source=sources.api("TagResource")
)
def test_a_tag_of_the_same_key_is_overwritten(client: Any, make_index: MakeIndex) -> None:
    """TagResource gives an existing key its new value."""
    arn = make_index(tags={"team": "search", "stage": "test"}).arn
    client.tag_resource(resourceArn=arn, tags={"team": "ads"})
    assert tags_of(client, arn) == {"team": "ads", "stage": "test"}


@requirement(
    "tag-resource.keys-have-case", kind="guard", evidence="inferred", source=sources.api("TagResource")
)
def test_tag_keys_are_case_sensitive(client: Any, make_index: MakeIndex) -> None:
    """Tag keys are case-sensitive."""
    arn = make_index(tags={"team": "search"}).arn
    client.tag_resource(resourceArn=arn, tags={"Team": "ads"})
    assert tags_of(client, arn) == {"team": "search", "Team": "ads"}


@requirement(
    "tag-resource.number-in-all", kind="refusal", evidence="documented", source=sources.api("TagResource")
)
def test_a_51st_tag_is_rejected(client: Any, expect_error: ErrorExpectation, make_index: MakeIndex) -> None:
    """The 51st tag of a resource is rejected; a new value for an existing key is accepted."""
    given = {f"tag-{position}": "v" for position in range(50)}
    arn = make_index(tags=given).arn
    expect_error("TagResource", resourceArn=arn, tags={"another": "v"}, code="ValidationException")
    client.tag_resource(resourceArn=arn, tags={"tag-7": "new"})
    assert tags_of(client, arn) == {**given, "tag-7": "new"}


@requirement(
    "tag-resource.all-or-nothing", kind="effect", evidence="inferred", source=sources.api("TagResource")
)
def test_a_rejected_request_adds_no_tag(
    client: Any, expect_error: ErrorExpectation, make_index: MakeIndex
) -> None:
    """If one tag is rejected, no tag of the request is added."""
    arn = make_index().arn
    if expect_error.is_refused("TagResource", resourceArn=arn, tags={"team": "a", "aws:x": "b"}):
        assert tags_of(client, arn) == {}


@requirement(
    "tag-resource.tags-required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="TagResource.tags.required TagResource!ValidationException",
)
def test_tags_are_required(expect_error: ErrorExpectation, plain_index: IndexHandle) -> None:
    """TagResource without tags is rejected."""
    expect_error("TagResource", resourceArn=plain_index.arn, code="ValidationException")


@requirement(
    "tag-resource.only-modelled-members", kind="effect", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_answer_is_empty(raw: RawClient, make_index: MakeIndex) -> None:
    """TagResource answers with 200 and no members; the ARN is one percent-encoded segment of the path."""
    path = f"/tags/{make_index().arn.replace(':', '%3A').replace('/', '%2F')}"
    answer = raw(path, {"tags": {"team": "search"}})
    assert answer.status == 200
    assert unmodelled_members("TagResource", answer.json) == []


# All three tag operations


@pytest.mark.parametrize("what", ["bucket", "index", "index-of-no-bucket"])
@on_tags
@requirement(
    "tags.unknown-resource",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}!NotFoundException",
)
def test_tags_of_an_unknown_resource_are_not_found(
    expect_error: ErrorExpectation, make_index: MakeIndex, operation: str, what: str
) -> None:
    """A tag operation on a bucket or index that does not exist is answered with NotFoundException."""
    arn = make_index().arn
    bucket, _, _ = arn.partition("/index/")
    unknown = {
        "bucket": f"{bucket}-0",
        "index": f"{bucket}/index/nothing",
        "index-of-no-bucket": arn.replace("/index/", "-0/index/"),
    }[what]
    expect_error(operation, OPERATIONS[operation], resourceArn=unknown, code="NotFoundException")


@pytest.mark.parametrize(
    "given",
    ["films", "arn:aws:s3:::films", "arn:aws:s3vectors:us-east-1:films"],
    ids=["name", "other-service", "arn-too-short"],
)
@on_tags
@requirement(
    "tags.malformed-arn",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}!ValidationException",
)
def test_an_invalid_arn_is_rejected(expect_error: ErrorExpectation, operation: str, given: str) -> None:
    """A text that is not the ARN of a bucket or index is rejected as invalid, not reported as not found."""
    expect_error(operation, OPERATIONS[operation], resourceArn=given, code="ValidationException")


@on_tags
@requirement(
    "tags.arn-too-long",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.resourceArn.max+1",
)
def test_an_arn_of_1012_characters_is_rejected(expect_error: ErrorExpectation, operation: str) -> None:
    """The ARN of a resource may have at most 1,011 characters."""
    expect_error(operation, OPERATIONS[operation], resourceArn="a" * 1012, code="ValidationException")


@on_tags
@requirement(
    "tags.arn-longest",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.resourceArn.max",
)
def test_an_arn_of_1011_characters_is_not_rejected_for_its_length(client: Any, operation: str) -> None:
    """The ARN of a resource may have 1,011 characters: any error is not about its length."""
    members = {**OPERATIONS[operation], "resourceArn": "a" * 1011}
    check_lengths_are_valid(client, operation, members)


@pytest.mark.parametrize(
    ("operation", "method"),
    [("ListTagsForResource", "GET"), ("TagResource", "POST"), ("UntagResource", "DELETE")],
)
@requirement(
    "tags.no-arn",
    kind="open",
    evidence="inferred",
    source=sources.MODEL,
    needs="tags raw",
    covers="{operation}.resourceArn.required {operation}.resourceArn.min",
)
def test_a_resource_is_required(raw: RawClient, operation: str, method: str) -> None:
    """A tag request without a resource is rejected with a 4xx status."""
    query = "?tagKeys=team" if operation == "UntagResource" else ""
    body = {"tags": {"team": "search"}} if operation == "TagResource" else b""
    assert 400 <= raw(f"/tags/{query}", body, method=method).status < 500
