"""UntagResource: it removes tags by key."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeBucket, MakeIndex

from .calls import unmodelled_members

TAGS = {"team": "search", "stage": "test", "cost center": "a/b"}

#: Keys that are encoded in a query string.
KEYS = {
    "space": "a b",
    "plus": "a+b",
    "equals": "a=b",
    "slash": "a/b",
    "colon": "a:b",
    "latin": "straße",
    "kanji": "検索",
    "digits": "100",
}


def tags_of(client: Any, arn: str) -> Any:
    """Return the tags of the resource *arn*."""
    return client.list_tags_for_resource(resourceArn=arn)["tags"]


@requirement("untag-resource.index", kind="effect", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_named_tags_of_an_index_are_removed(client: Any, make_index: MakeIndex) -> None:
    """UntagResource removes the tags with the given keys from an index, and no others."""
    arn = make_index(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert tags_of(client, arn) == {"team": "search", "cost center": "a/b"}


@requirement("untag-resource.bucket", kind="effect", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_named_tags_of_a_bucket_are_removed(client: Any, make_bucket: MakeBucket) -> None:
    """UntagResource removes the tags with the given keys from a bucket, and no others."""
    arn = make_bucket(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=["stage", "cost center"])
    remaining = tags_of(client, arn)
    assert remaining["team"] == "search"
    assert not {"stage", "cost center"} & remaining.keys()


@requirement(
    "untag-resource.several", kind="effect", evidence="documented", source=sources.api("UntagResource")
)
def test_several_tags_are_removed_at_once(client: Any, make_index: MakeIndex) -> None:
    """UntagResource accepts several keys, each as a query parameter, even if they contain spaces."""
    arn = make_index(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=list(TAGS))
    assert tags_of(client, arn) == {}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@requirement("untag-resource.encoded-key", kind="effect", evidence="documented", source=sources.REST_JSON)
def test_a_key_is_decoded_once(client: Any, make_index: MakeIndex, key: str) -> None:
    """A key that must be encoded in the query removes exactly the tag with this key."""
    arn = make_index(tags={key: "v", "other": "w"}).arn
    client.untag_resource(resourceArn=arn, tagKeys=[key])
    assert tags_of(client, arn) == {"other": "w"}


@requirement("untag-resource.encoded-percent", kind="effect", evidence="documented", source=sources.REST_JSON)
def test_an_encoded_percent_sign_is_not_decoded_again(client: Any, make_index: MakeIndex) -> None:
    """The key `team%41`, which no tag can have, does not remove the tag `teamA`."""
    arn = make_index(tags={"teamA": "v"}).arn
    with suppress(ClientError):
        client.untag_resource(resourceArn=arn, tagKeys=["team%41"])
    assert tags_of(client, arn) == {"teamA": "v"}


@requirement(
    "untag-resource.unknown-key", kind="open", evidence="inferred", source=sources.api("UntagResource")
)
def test_an_unknown_key_succeeds(client: Any, make_index: MakeIndex) -> None:
    """UntagResource with a key that no tag has succeeds and changes nothing."""
    arn = make_index(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=["nothing"])
    assert tags_of(client, arn) == TAGS


@requirement(
    "untag-resource.keys-have-case",
    kind="guard",
    evidence="inferred",
    source=sources.api("UntagResource"),
)
def test_tag_keys_are_case_sensitive(client: Any, make_index: MakeIndex) -> None:
    """UntagResource compares keys case-sensitively."""
    arn = make_index(tags={"team": "search", "Team": "ads"}).arn
    client.untag_resource(resourceArn=arn, tagKeys=["Team"])
    assert tags_of(client, arn) == {"team": "search"}


@requirement(
    "untag-resource.keys-required",
    kind="guard",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.required UntagResource!ValidationException",
)
def test_keys_are_required(expect_error: ErrorExpectation, make_index: MakeIndex) -> None:
    """UntagResource without keys is rejected."""
    expect_error("UntagResource", resourceArn=make_index().arn, code="ValidationException")


@pytest.mark.parametrize("length", [1, 128])
@requirement(
    "untag-resource.key-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.member.min UntagResource.tagKeys.member.max",
)
def test_a_key_may_have_1_to_128_characters(client: Any, make_index: MakeIndex, length: int) -> None:
    """A key to remove may have 1 or 128 characters."""
    arn = make_index(tags={"k" * length: "v"}).arn
    client.untag_resource(resourceArn=arn, tagKeys=["k" * length])
    assert tags_of(client, arn) == {}


@pytest.mark.parametrize("length", [0, 129])
@requirement(
    "untag-resource.key-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.member.min-1 UntagResource.tagKeys.member.max+1",
)
def test_an_empty_or_overlong_key_is_rejected(
    expect_error: ErrorExpectation, plain_index: IndexHandle, length: int
) -> None:
    """A key to remove must have 1 to 128 characters."""
    arn = plain_index.arn
    expect_error("UntagResource", resourceArn=arn, tagKeys=["k" * length], code="ValidationException")


@requirement(
    "untag-resource.key-characters",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.member.pattern",
)
def test_a_key_with_invalid_characters_is_rejected(
    expect_error: ErrorExpectation, plain_index: IndexHandle
) -> None:
    """A key to remove may contain only the characters that tag keys may contain."""
    arn = plain_index.arn
    expect_error("UntagResource", resourceArn=arn, tagKeys=["team#"], code="ValidationException")


@requirement(
    "untag-resource.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_index: MakeIndex) -> None:
    """UntagResource is a DELETE without a body, and answers with 200 and no members."""
    path = make_index(tags=TAGS).arn.replace(":", "%3A").replace("/", "%2F")
    answer = raw(f"/tags/{path}?tagKeys=team&tagKeys=cost%20center", method="DELETE")
    assert answer.status == 200
    assert unmodelled_members("UntagResource", answer.json) == []
