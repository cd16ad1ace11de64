"""Tags, however they are given: with CreateVectorBucket, with CreateIndex or with TagResource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex, Members

from .asking import bucket_shown, called, index_members

PATTERN = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"

ways = pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex", "TagResource"])
#: What no tag may have in it.
SIGNS = {"percent": "%", "hash": "#", "bang": "!", "star": "*", "quote": "'", "euro": "€", "tab": "\t"}
#: What every tag may have in it.
TEXTS = {
    "space": "a b",
    "latin": "straße",
    "kanji": "検索",
    "arabic-digit": "٣",
    "signs": "_.:/=+-@",
}
signs = pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
on_index = pytest.mark.parametrize("operation", ["CreateIndex"])


@pytest.fixture
def valid(operation: str, make_index: MakeIndex, new_name: Callable[[], str]) -> Members:
    """A request of *operation* that would be taken, but for the tags."""
    if operation == "CreateVectorBucket":
        return {"vectorBucketName": new_name()}
    index = make_index()
    if operation == "TagResource":
        return {"resourceArn": index.arn}
    return {"vectorBucketName": index.bucket, **index_members(f"{index.name}-2")}


def tagged(client: Any, operation: str, request: Members, tags: dict[str, str]) -> Any:
    """The tags of what *request* has created or tagged."""
    called(client, operation, {**request, "tags": tags})
    if operation == "CreateVectorBucket":
        arn = bucket_shown(client, request["vectorBucketName"])["vectorBucketArn"]
    elif operation == "CreateIndex":
        address = {name: request[name] for name in ("vectorBucketName", "indexName")}
        arn = client.get_index(**address)["index"]["indexArn"]
    else:
        arn = request["resourceArn"]
    return client.list_tags_for_resource(resourceArn=arn)["tags"]


def numbered(number: int) -> dict[str, str]:
    """As many tags."""
    return {f"tag-{position}": str(position) for position in range(number)}


@ways
@requirement("tags.given", level="must", evidence="recorded", source=sources.S3MOCK_TAGS, needs="tags")
def test_tags_are_listed_as_given(client: Any, valid: Members, operation: str) -> None:
    """ListTagsForResource lists the tags that were given, keys and values as they were."""
    given = {"team": "search", "Team": "Suche", "cost/center": "a=b+c@d"}
    assert tagged(client, operation, valid, given) == given


@ways
@requirement(
    "tags.number-allowed",
    level="must",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_resource_may_have_50_tags(client: Any, valid: Members, operation: str) -> None:
    """A resource may have 50 tags."""
    assert tagged(client, operation, valid, numbered(50)) == numbered(50)


@ways
@requirement(
    "tags.number", level="must", evidence="recorded", source=sources.probe("tag-rules"), needs="tags"
)
def test_51_tags_are_refused(refused: Refused, valid: Members, operation: str) -> None:
    """More than 50 tags are refused."""
    refused(operation, valid, tags=numbered(51), code="ValidationException")


@on_index
@requirement(
    "tags.number-message",
    level="should",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_refusal_of_51_tags_says_that_they_are_too_many(
    refused: Refused, valid: Members, operation: str
) -> None:
    """More than 50 tags are refused as `Too many tags specified`."""
    refused(
        operation, valid, tags=numbered(51), code="ValidationException", message="Too many tags specified"
    )


@pytest.mark.parametrize("length", [1, 128])
@ways
@requirement(
    "tags.key-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.key.min {operation}.tags.key.max",
)
def test_a_key_may_have_1_to_128_characters(client: Any, valid: Members, operation: str, length: int) -> None:
    """The key of a tag may have 1 character, and may have 128."""
    assert tagged(client, operation, valid, {"k" * length: "v"}) == {"k" * length: "v"}


@pytest.mark.parametrize("length", [0, 129])
@ways
@requirement(
    "tags.key-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.key.min-1 {operation}.tags.key.max+1",
)
def test_an_empty_or_overlong_key_is_refused(
    refused: Refused, valid: Members, operation: str, length: int
) -> None:
    """The key of a tag has 1 to 128 characters."""
    refused(operation, valid, tags={"k" * length: "v"}, code="ValidationException")


@pytest.mark.parametrize("length", [0, 256])
@ways
@requirement(
    "tags.value-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.value.min {operation}.tags.value.max",
)
def test_a_value_may_have_0_to_256_characters(
    client: Any, valid: Members, operation: str, length: int
) -> None:
    """The value of a tag may be empty, and may have 256 characters."""
    assert tagged(client, operation, valid, {"k": "v" * length}) == {"k": "v" * length}


@ways
@requirement(
    "tags.value-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.value.max+1",
)
def test_an_overlong_value_is_refused(refused: Refused, valid: Members, operation: str) -> None:
    """The value of a tag has at most 256 characters."""
    refused(operation, valid, tags={"k": "v" * 257}, code="ValidationException")


@signs
@ways
@requirement(
    "tags.key-characters",
    level="must",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
    covers="{operation}.tags.key.pattern",
)
def test_a_key_with_another_sign_is_refused(
    refused: Refused, valid: Members, operation: str, sign: str
) -> None:
    """The key of a tag has letters, digits, spaces and a few signs."""
    refused(operation, valid, tags={f"team{sign}": "v"}, code="ValidationException")


@signs
@ways
@requirement(
    "tags.value-characters",
    level="must",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
    covers="{operation}.tags.value.pattern",
)
def test_a_value_with_another_sign_is_refused(
    refused: Refused, valid: Members, operation: str, sign: str
) -> None:
    """The value of a tag has letters, digits, spaces and a few signs."""
    refused(operation, valid, tags={"team": f"search{sign}"}, code="ValidationException")


@on_index
@requirement(
    "tags.key-characters-message",
    level="should",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_refusal_of_a_key_tells_the_pattern(refused: Refused, valid: Members, operation: str) -> None:
    """The answer to a key with another sign blames `/tags`, and tells the pattern."""
    refusal = refused(operation, valid, tags={"te#am": "v"}, code="ValidationException", field="/tags")
    assert refusal.fields["/tags"].endswith(PATTERN)


@on_index
@requirement(
    "tags.value-characters-message",
    level="should",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_refusal_of_a_value_names_its_key(refused: Refused, valid: Members, operation: str) -> None:
    """The answer to a value with another sign blames `/tags/` and the key, and tells the pattern."""
    refusal = refused(operation, valid, tags={"team": "v#"}, code="ValidationException", field="/tags/team")
    assert refusal.fields["/tags/team"].endswith(PATTERN)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@ways
@requirement(
    "tags.characters-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
)
def test_letters_digits_spaces_and_some_signs_are_allowed(
    client: Any, valid: Members, operation: str, text: str
) -> None:
    """Letters and digits of any script, spaces and `_.:/=+-@` make a key and a value, and read back."""
    assert tagged(client, operation, valid, {text: text}) == {text: text}


@ways
@requirement(
    "tags.system-key", level="must", evidence="recorded", source=sources.probe("tag-rules"), needs="tags"
)
def test_a_key_of_aws_is_refused(refused: Refused, valid: Members, operation: str) -> None:
    """A key that starts with `aws:` is Amazon's, and refused."""
    refused(operation, valid, tags={"aws:owner": "me"}, code="ValidationException")


@ways
@requirement(
    "tags.system-key-in-capitals",
    level="must",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_key_of_aws_in_capitals_is_refused_too(refused: Refused, valid: Members, operation: str) -> None:
    """A key that starts with `AWS:` is refused as well."""
    refused(operation, valid, tags={"AWS:owner": "me"}, code="ValidationException")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param("aws:owner", "System tags cannot be added/updated by requester", id="lower-case"),
        pytest.param(
            "AWS:owner",
            'Invalid System Tag: AWS:owner must be prefixed with "aws:" in lowercase.',
            id="capitals",
        ),
    ],
)
@on_index
@requirement(
    "tags.system-key-message",
    level="should",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_refusal_of_a_key_of_aws_says_so(
    refused: Refused, valid: Members, operation: str, key: str, message: str
) -> None:
    """A key that starts with `aws:` is refused with a sentence of its own, in capitals with another."""
    refused(operation, valid, tags={key: "me"}, code="ValidationException", message=message)


@on_index
@requirement(
    "tags.value-with-leading-space",
    level="must",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_value_may_start_with_a_space(client: Any, valid: Members, operation: str) -> None:
    """A value may start with a space, which is kept."""
    assert tagged(client, operation, valid, {"team": " search"}) == {"team": " search"}


@ways
@requirement(
    "tags.value-of-aws",
    level="must",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_value_may_start_like_a_key_of_aws(client: Any, valid: Members, operation: str) -> None:
    """A value that starts with `aws:` is a value like any other."""
    assert tagged(client, operation, valid, {"owner": "aws:me"}) == {"owner": "aws:me"}


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
@requirement(
    "tags.refused-creates-nothing",
    level="must",
    evidence="inferred",
    source=sources.TAGS,
    needs="tags",
)
def test_refused_tags_create_nothing(client: Any, refused: Refused, valid: Members, operation: str) -> None:
    """What was refused for its tags is not there: its name is still free."""
    refused(operation, valid, tags={"aws:owner": "me"}, code="ValidationException")
    assert tagged(client, operation, valid, {"team": "search"}) == {"team": "search"}
