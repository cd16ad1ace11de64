"""Tags that are set with CreateVectorBucket, CreateIndex or TagResource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.gate.requirement_rules import BLOCKED_BY
from vecgate.resources.handles import BucketHandle, MakeIndex, Members

from .calls import call, describe_bucket, index_members

PATTERN = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"

tag_operations: pytest.MarkDecorator = pytest.mark.parametrize(
    "operation", ["CreateVectorBucket", "CreateIndex", "TagResource"]
)
#: Characters that a tag must not contain.
INVALID_CHARACTERS = {
    "percent": "%",
    "hash": "#",
    "bang": "!",
    "star": "*",
    "quote": "'",
    "euro": "€",
    "tab": "\t",
}
#: Texts that a tag may contain.
VALID_TEXTS = {
    "space": "a b",
    "latin": "straße",
    "kanji": "検索",
    "arabic-digit": "٣",
    "signs": "_.:/=+-@",
}
invalid_characters: pytest.MarkDecorator = pytest.mark.parametrize(
    "character", INVALID_CHARACTERS.values(), ids=INVALID_CHARACTERS
)
create_index_only: pytest.MarkDecorator = pytest.mark.parametrize("operation", ["CreateIndex"])


@pytest.fixture
def valid_request(
    operation: str,
    make_index: MakeIndex,
    some_bucket: BucketHandle,
    index_name: str,
    new_name: Callable[[], str],
) -> Members:
    """The members of a valid request to *operation*, without tags."""
    if operation == "CreateVectorBucket":
        return {"vectorBucketName": new_name()}
    if operation == "TagResource":
        return {"resourceArn": make_index().arn}
    return {"vectorBucketName": some_bucket.name, **index_members(index_name)}


def tags_after(client: Any, operation: str, request: Members, tags: dict[str, str]) -> Any:
    """Send *request* with *tags* and return the tags of its resource.

    Skips the test if the target tells no ARN, which other requirements are about.
    """
    call(client, operation, {**request, "tags": tags})
    if operation == "CreateVectorBucket":
        arn = describe_bucket(client, request["vectorBucketName"]).get("vectorBucketArn")
        blocker = "get-vector-bucket.name-and-arn"
    elif operation == "CreateIndex":
        address = {name: request[name] for name in ("vectorBucketName", "indexName")}
        arn = client.get_index(**address)["index"].get("indexArn")
        blocker = "get-index.names-and-arn"
    else:
        arn, blocker = request["resourceArn"], ""
    if not arn:
        pytest.skip(f"{BLOCKED_BY}{blocker}: the description has no ARN")
    return client.list_tags_for_resource(resourceArn=arn)["tags"]


def numbered_tags(number: int) -> dict[str, str]:
    """Return *number* different tags."""
    return {f"tag-{position}": str(position) for position in range(number)}


@tag_operations
@requirement("tags.given", kind="effect", evidence="recorded", source=sources.S3MOCK_TAGS, needs="tags")
def test_tags_are_returned_unchanged(client: Any, valid_request: Members, operation: str) -> None:
    """ListTagsForResource returns the keys and values of tags unchanged."""
    given = {"team": "search", "Team": "Suche", "cost/center": "a=b+c@d"}
    assert tags_after(client, operation, valid_request, given) == given


@tag_operations
@requirement(
    "tags.number-allowed",
    kind="effect",
    evidence={"CreateIndex": "recorded", "": "documented"},
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_resource_may_have_50_tags(client: Any, valid_request: Members, operation: str) -> None:
    """A resource may have 50 tags."""
    assert tags_after(client, operation, valid_request, numbered_tags(50)) == numbered_tags(50)


@tag_operations
@requirement(
    "tags.number",
    kind="refusal",
    evidence={"CreateIndex": "recorded", "": "documented"},
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_51_tags_are_rejected(expect_error: ErrorExpectation, valid_request: Members, operation: str) -> None:
    """More than 50 tags are rejected."""
    expect_error(operation, valid_request, tags=numbered_tags(51), code="ValidationException")


@create_index_only
@requirement(
    "tags.number-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_error_of_51_tags_says_that_they_are_too_many(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """The error for more than 50 tags is `Too many tags specified`."""
    expect_error(
        operation,
        valid_request,
        tags=numbered_tags(51),
        code="ValidationException",
        message="Too many tags specified",
    )


@pytest.mark.parametrize("length", [1, 128])
@tag_operations
@requirement(
    "tags.key-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.key.min {operation}.tags.key.max",
)
def test_a_key_may_have_1_to_128_characters(
    client: Any, valid_request: Members, operation: str, length: int
) -> None:
    """The key of a tag may have 1 or 128 characters."""
    assert tags_after(client, operation, valid_request, {"k" * length: "v"}) == {"k" * length: "v"}


@pytest.mark.parametrize("length", [0, 129])
@tag_operations
@requirement(
    "tags.key-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.key.min-1 {operation}.tags.key.max+1",
)
def test_an_empty_or_overlong_key_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str, length: int
) -> None:
    """The key of a tag must have 1 to 128 characters."""
    expect_error(operation, valid_request, tags={"k" * length: "v"}, code="ValidationException")


@pytest.mark.parametrize("length", [0, 256])
@tag_operations
@requirement(
    "tags.value-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.value.min {operation}.tags.value.max",
)
def test_a_value_may_have_0_to_256_characters(
    client: Any, valid_request: Members, operation: str, length: int
) -> None:
    """The value of a tag may be empty or have 256 characters."""
    assert tags_after(client, operation, valid_request, {"k": "v" * length}) == {"k": "v" * length}


@tag_operations
@requirement(
    "tags.value-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.value.max+1",
)
def test_an_overlong_value_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """The value of a tag may have at most 256 characters."""
    expect_error(operation, valid_request, tags={"k": "v" * 257}, code="ValidationException")


@invalid_characters
@tag_operations
@requirement(
    "tags.key-characters",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.key.pattern",
)
def test_a_key_with_an_invalid_character_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str, character: str
) -> None:
    """The key of a tag may contain only letters, digits, spaces and a few other characters."""
    expect_error(operation, valid_request, tags={f"team{character}": "v"}, code="ValidationException")


@invalid_characters
@tag_operations
@requirement(
    "tags.value-characters",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
    covers="{operation}.tags.value.pattern",
)
def test_a_value_with_an_invalid_character_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str, character: str
) -> None:
    """The value of a tag may contain only letters, digits, spaces and a few other characters."""
    expect_error(operation, valid_request, tags={"team": f"search{character}"}, code="ValidationException")


@create_index_only
@requirement(
    "tags.key-characters-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_error_of_a_key_gives_the_pattern(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """The error for an invalid character in a key names the path `/tags` and the pattern."""
    error = expect_error(
        operation, valid_request, tags={"te#am": "v"}, code="ValidationException", field="/tags"
    )
    assert error.fields["/tags"].endswith(PATTERN)


@create_index_only
@requirement(
    "tags.value-characters-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_error_of_a_value_names_its_key(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """The error for an invalid character in a value names the path `/tags/` with the key, and the pattern."""
    error = expect_error(
        operation, valid_request, tags={"team": "v#"}, code="ValidationException", field="/tags/team"
    )
    assert error.fields["/tags/team"].endswith(PATTERN)


@pytest.mark.parametrize("text", VALID_TEXTS.values(), ids=VALID_TEXTS)
@tag_operations
@requirement(
    "tags.characters-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="tags",
)
def test_letters_digits_spaces_and_some_other_characters_are_accepted(
    client: Any, valid_request: Members, operation: str, text: str
) -> None:
    """Keys and values may contain letters and digits of any script, spaces and `_.:/=+-@`."""
    assert tags_after(client, operation, valid_request, {text: text}) == {text: text}


@tag_operations
@requirement(
    "tags.system-key",
    kind="refusal",
    evidence={"CreateIndex": "recorded", "": "inferred"},
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_system_key_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """A key that starts with `aws:` is reserved for Amazon and rejected."""
    expect_error(operation, valid_request, tags={"aws:owner": "me"}, code="ValidationException")


@tag_operations
@requirement(
    "tags.system-key-in-capitals",
    kind="refusal",
    evidence={"CreateIndex": "recorded", "": "inferred"},
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_system_key_in_capitals_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """A key that starts with `AWS:` is rejected, too."""
    expect_error(operation, valid_request, tags={"AWS:owner": "me"}, code="ValidationException")


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
@create_index_only
@requirement(
    "tags.system-key-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_the_error_of_a_system_key(
    expect_error: ErrorExpectation, valid_request: Members, operation: str, key: str, message: str
) -> None:
    """A key that starts with `aws:` has its own error message, and `AWS:` has another."""
    expect_error(operation, valid_request, tags={key: "me"}, code="ValidationException", message=message)


@create_index_only
@requirement(
    "tags.value-with-leading-space",
    kind="effect",
    evidence="recorded",
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_value_may_start_with_a_space(client: Any, valid_request: Members, operation: str) -> None:
    """A value may start with a space, which is stored."""
    assert tags_after(client, operation, valid_request, {"team": " search"}) == {"team": " search"}


@tag_operations
@requirement(
    "tags.value-of-aws",
    kind="effect",
    evidence={"CreateIndex": "recorded", "": "inferred"},
    source=sources.probe("tag-rules"),
    needs="tags",
)
def test_a_value_may_start_like_a_system_key(client: Any, valid_request: Members, operation: str) -> None:
    """A value may start with `aws:`."""
    assert tags_after(client, operation, valid_request, {"owner": "aws:me"}) == {"owner": "aws:me"}


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "CreateIndex"])
@requirement(
    "tags.refused-creates-nothing",
    kind="effect",
    evidence="inferred",
    source=sources.TAGS,
    needs="tags",
)
def test_rejected_tags_create_nothing(
    client: Any, expect_error: ErrorExpectation, valid_request: Members, operation: str
) -> None:
    """A creation that is rejected because of its tags creates nothing: the name is still free."""
    if expect_error.is_refused(operation, valid_request, tags={"aws:owner": "me"}):
        assert tags_after(client, operation, valid_request, {"team": "search"}) == {"team": "search"}
