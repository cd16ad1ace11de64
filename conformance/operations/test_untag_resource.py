"""UntagResource: removes tags by key."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, MakeIndex

from .asking import unmodelled

TAGS = {"team": "search", "stage": "test", "cost center": "a/b"}

#: Keys that look another way in a query.
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
    """The tags of the resource *arn*."""
    return client.list_tags_for_resource(resourceArn=arn)["tags"]


@requirement("untag-resource.index", level="must", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_an_index_loses_the_tags_that_are_named(client: Any, make_index: MakeIndex) -> None:
    """UntagResource removes the tags whose keys it names from an index, and no others."""
    arn = make_index(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert tags_of(client, arn) == {"team": "search", "cost center": "a/b"}


@requirement("untag-resource.bucket", level="must", evidence="recorded", source=sources.S3MOCK_TAGS)
def test_a_bucket_loses_the_tags_that_are_named(client: Any, make_bucket: MakeBucket) -> None:
    """UntagResource removes the tags whose keys it names from a bucket, and no others."""
    arn = make_bucket(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=["stage", "cost center"])
    left = tags_of(client, arn)
    assert left["team"] == "search"
    assert not {"stage", "cost center"} & left.keys()


@requirement(
    "untag-resource.several", level="must", evidence="documented", source=sources.api("UntagResource")
)
def test_several_tags_go_at_once(client: Any, make_index: MakeIndex) -> None:
    """UntagResource takes several keys, with spaces too, each a parameter of the query."""
    arn = make_index(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=list(TAGS))
    assert tags_of(client, arn) == {}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@requirement("untag-resource.encoded-key", level="must", evidence="documented", source=sources.REST_JSON)
def test_a_key_is_decoded_once(client: Any, make_index: MakeIndex, key: str) -> None:
    """A key with signs that a query encodes removes the tag of that key, and leaves the other."""
    arn = make_index(tags={key: "v", "other": "w"}).arn
    client.untag_resource(resourceArn=arn, tagKeys=[key])
    assert tags_of(client, arn) == {"other": "w"}


@requirement("untag-resource.encoded-percent", level="must", evidence="documented", source=sources.REST_JSON)
def test_an_encoded_percent_sign_begins_no_escape(client: Any, make_index: MakeIndex) -> None:
    """A key that reads `team%41` once it is decoded, which none can have, does not remove the tag `teamA`."""
    arn = make_index(tags={"teamA": "v"}).arn
    with suppress(ClientError):
        client.untag_resource(resourceArn=arn, tagKeys=["team%41"])
    assert tags_of(client, arn) == {"teamA": "v"}


@requirement(
    "untag-resource.unknown-key", level="may", evidence="inferred", source=sources.api("UntagResource")
)
def test_a_key_that_no_tag_has_is_no_error(client: Any, make_index: MakeIndex) -> None:
    """UntagResource with a key that no tag has changes nothing, and is no error."""
    arn = make_index(tags=TAGS).arn
    client.untag_resource(resourceArn=arn, tagKeys=["nothing"])
    assert tags_of(client, arn) == TAGS


@requirement(
    "untag-resource.keys-have-case",
    level="must",
    evidence="inferred",
    source=sources.api("UntagResource"),
)
def test_a_key_in_another_case_is_another(client: Any, make_index: MakeIndex) -> None:
    """UntagResource tells keys apart by case."""
    arn = make_index(tags={"team": "search", "Team": "ads"}).arn
    client.untag_resource(resourceArn=arn, tagKeys=["Team"])
    assert tags_of(client, arn) == {"team": "search"}


@requirement(
    "untag-resource.keys-required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.required UntagResource!ValidationException",
)
def test_keys_must_be_given(refused: Refused, make_index: MakeIndex) -> None:
    """UntagResource without keys is refused."""
    refused("UntagResource", resourceArn=make_index().arn, code="ValidationException")


@pytest.mark.parametrize("length", [1, 128])
@requirement(
    "untag-resource.key-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.member.min UntagResource.tagKeys.member.max",
)
def test_a_key_may_have_1_to_128_characters(client: Any, make_index: MakeIndex, length: int) -> None:
    """A key to remove may have 1 character, and may have 128."""
    arn = make_index(tags={"k" * length: "v"}).arn
    client.untag_resource(resourceArn=arn, tagKeys=["k" * length])
    assert tags_of(client, arn) == {}


@pytest.mark.parametrize("length", [0, 129])
@requirement(
    "untag-resource.key-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.member.min-1 UntagResource.tagKeys.member.max+1",
)
def test_an_empty_or_overlong_key_is_refused(refused: Refused, make_index: MakeIndex, length: int) -> None:
    """A key to remove has 1 to 128 characters."""
    arn = make_index().arn
    refused("UntagResource", resourceArn=arn, tagKeys=["k" * length], code="ValidationException")


@requirement(
    "untag-resource.key-characters",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UntagResource.tagKeys.member.pattern",
)
def test_a_key_that_no_tag_can_have_is_refused(refused: Refused, make_index: MakeIndex) -> None:
    """A key to remove has the characters that keys of tags have."""
    arn = make_index().arn
    refused("UntagResource", resourceArn=arn, tagKeys=["team#"], code="ValidationException")


@requirement(
    "untag-resource.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_is_empty(raw: RawClient, make_index: MakeIndex) -> None:
    """UntagResource is a DELETE without a body; it answers with 200 and no members."""
    path = make_index(tags=TAGS).arn.replace(":", "%3A").replace("/", "%2F")
    answer = raw(f"/tags/{path}?tagKeys=team&tagKeys=cost%20center", method="DELETE")
    assert answer.status == 200
    assert unmodelled("UntagResource", answer.json) == []
