"""CreateIndex: non-filterable metadata keys, and keys for full-text search."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import BucketHandle, IndexHandle, MakeIndex, Members

from .calls import call_error, describe_index, index_members

LANGUAGES = ["en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"]
TEXTS = "CreateIndex.metadataConfiguration.textSearchConfigurations"
KEYS = "CreateIndex.metadataConfiguration.nonFilterableMetadataKeys"


@pytest.fixture
def valid_request(some_bucket: BucketHandle, index_name: str) -> Members:
    """The members of a valid CreateIndex request in an existing bucket."""
    return {"vectorBucketName": some_bucket.name, **index_members(index_name)}


def different_keys(number: int) -> list[str]:
    """Return *number* different metadata keys."""
    return [f"key-{position}" for position in range(number)]


def text_configurations(client: Any, index: IndexHandle) -> Members:
    """Return the text search configurations that GetIndex shows, by key."""
    configured = describe_index(client, index)["metadataConfiguration"]["textSearchConfigurations"]
    return {each["metadataKey"]: each for each in configured}


# Non-filterable keys


@pytest.mark.parametrize("number", [1, 9, 10])
@requirement(
    "create-index.non-filterable-keys",
    kind="effect",
    evidence="documented",
    source=sources.LIMITS,
    covers=f"{KEYS}.max GetIndex>index.metadataConfiguration "
    "GetIndex>index.metadataConfiguration.nonFilterableMetadataKeys",
)
def test_an_index_may_have_10_non_filterable_keys(client: Any, make_index: MakeIndex, number: int) -> None:
    """CreateIndex accepts up to 10 non-filterable metadata keys, and GetIndex returns them."""
    index = make_index(non_filterable=different_keys(number))
    shown = describe_index(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert sorted(shown) == sorted(different_keys(number))


@requirement(
    "create-index.no-non-filterable-keys",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.min",
)
def test_the_list_of_non_filterable_keys_may_be_empty(client: Any, make_index: MakeIndex) -> None:
    """CreateIndex accepts an empty list of non-filterable metadata keys."""
    index = make_index(metadataConfiguration={"nonFilterableMetadataKeys": []})
    assert not describe_index(client, index).get("metadataConfiguration", {}).get("nonFilterableMetadataKeys")


@requirement(
    "create-index.too-many-non-filterable-keys",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.max+1",
)
def test_11_non_filterable_keys_are_rejected(expect_error: ErrorExpectation, valid_request: Members) -> None:
    """CreateIndex rejects 11 non-filterable metadata keys."""
    expect_error(
        "CreateIndex",
        valid_request,
        metadataConfiguration={"nonFilterableMetadataKeys": different_keys(11)},
        code="ValidationException",
    )


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "create-index.non-filterable-key-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.member.min {KEYS}.member.max",
)
def test_a_non_filterable_key_may_have_1_to_63_characters(
    client: Any, make_index: MakeIndex, length: int
) -> None:
    """A non-filterable metadata key may have 1 or 63 characters."""
    index = make_index(non_filterable=["k" * length])
    shown = describe_index(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert shown == ["k" * length]


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "create-index.non-filterable-key-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.member.min-1 {KEYS}.member.max+1",
)
def test_an_empty_or_long_non_filterable_key_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, length: int
) -> None:
    """A non-filterable metadata key must have 1 to 63 characters."""
    expect_error(
        "CreateIndex",
        valid_request,
        metadataConfiguration={"nonFilterableMetadataKeys": ["k" * length]},
        code="ValidationException",
    )


@requirement(
    "create-index.non-filterable-key-exact",
    kind="effect",
    evidence="inferred",
    source=sources.api("CreateIndex"),
)
def test_non_filterable_keys_are_stored_unchanged(client: Any, make_index: MakeIndex) -> None:
    """Non-filterable metadata keys read back unchanged: capitals, dots, spaces and other scripts."""
    given = ["Title", "title", "a.b", "with space", "Straße"]
    index = make_index(non_filterable=given)
    shown = describe_index(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert sorted(shown) == sorted(given)


# Text search configurations


@pytest.mark.parametrize("number", [1, 10])
@requirement(
    "create-index.text-keys",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.max GetIndex>index.metadataConfiguration.textSearchConfigurations "
    "GetIndex>index.metadataConfiguration.textSearchConfigurations.metadataKey",
)
def test_an_index_may_have_10_text_search_configurations(
    client: Any, make_index: MakeIndex, number: int
) -> None:
    """CreateIndex accepts up to 10 text search configurations, and GetIndex returns them."""
    configurations = [{"metadataKey": key} for key in different_keys(number)]
    index = make_index(metadataConfiguration={"textSearchConfigurations": configurations})
    assert sorted(text_configurations(client, index)) == sorted(different_keys(number))


@requirement(
    "create-index.no-text-keys",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.min",
)
def test_the_list_of_text_search_configurations_may_be_empty(client: Any, make_index: MakeIndex) -> None:
    """CreateIndex accepts an empty list of text search configurations."""
    index = make_index(metadataConfiguration={"textSearchConfigurations": []})
    assert not describe_index(client, index).get("metadataConfiguration", {}).get("textSearchConfigurations")


@requirement(
    "create-index.too-many-text-keys",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.max+1",
)
def test_11_text_search_configurations_are_rejected(
    expect_error: ErrorExpectation, valid_request: Members
) -> None:
    """CreateIndex rejects 11 text search configurations."""
    configurations = [{"metadataKey": key} for key in different_keys(11)]
    expect_error(
        "CreateIndex",
        valid_request,
        metadataConfiguration={"textSearchConfigurations": configurations},
        code="ValidationException",
    )


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "create-index.text-key-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.metadataKey.min {TEXTS}.metadataKey.max",
)
def test_a_text_key_may_have_1_to_63_characters(client: Any, make_index: MakeIndex, length: int) -> None:
    """The key of a text search configuration may have 1 or 63 characters."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "k" * length}]}
    assert list(text_configurations(client, make_index(metadataConfiguration=configuration))) == [
        "k" * length
    ]


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "create-index.text-key-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.metadataKey.min-1 {TEXTS}.metadataKey.max+1",
)
def test_an_empty_or_long_text_key_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, length: int
) -> None:
    """The key of a text search configuration must have 1 to 63 characters."""
    expect_error(
        "CreateIndex",
        valid_request,
        metadataConfiguration={"textSearchConfigurations": [{"metadataKey": "k" * length}]},
        code="ValidationException",
    )


@requirement(
    "create-index.text-key-required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.metadataKey.required",
)
def test_a_text_search_configuration_needs_its_key(
    expect_error: ErrorExpectation, valid_request: Members
) -> None:
    """A text search configuration without a metadata key is rejected."""
    expect_error(
        "CreateIndex",
        valid_request,
        metadataConfiguration={"textSearchConfigurations": [{"language": "en"}]},
        code="ValidationException",
    )


@pytest.mark.parametrize("language", LANGUAGES)
@requirement(
    "create-index.text-language",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.language.enum={{language}} "
    "GetIndex>index.metadataConfiguration.textSearchConfigurations.language",
)
def test_ten_languages_are_accepted(client: Any, make_index: MakeIndex, language: str) -> None:
    """A text search configuration may name a language, and GetIndex returns it."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "language": language}]}
    index = make_index(metadataConfiguration=configuration)
    assert text_configurations(client, index)["title"]["language"] == language


@pytest.mark.parametrize("language", ["ru", "EN", "english", pytest.param("", id="empty")])
@requirement(
    "create-index.unknown-text-language",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.language.enum",
)
def test_an_unknown_language_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, language: str
) -> None:
    """The language of a text search configuration must be one of ten."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "language": language}]}
    expect_error(
        "CreateIndex", valid_request, metadataConfiguration=configuration, code="ValidationException"
    )


@requirement(
    "create-index.text-without-language", kind="open", evidence="inferred", source=sources.MODEL, needs="text"
)
def test_without_a_language_none_is_shown(client: Any, make_index: MakeIndex) -> None:
    """GetIndex returns no language for a text search configuration that was given none."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title"}]}
    assert (
        "language"
        not in text_configurations(client, make_index(metadataConfiguration=configuration))["title"]
    )


@requirement(
    "create-index.text-status",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="GetIndex>index.metadataConfiguration.textSearchConfigurations.status",
)
def test_the_status_of_a_text_search_configuration(client: Any, make_index: MakeIndex) -> None:
    """GetIndex returns the status ACTIVE or BUILDING for each text search configuration."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title"}]}
    index = make_index(metadataConfiguration=configuration)
    assert text_configurations(client, index)["title"]["status"] in {"ACTIVE", "BUILDING"}


@pytest.mark.parametrize("status", ["ACTIVE", "BUILDING"])
@requirement(
    "create-index.text-status-given",
    kind="open",
    evidence="inferred",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.status.enum={{status}}",
)
def test_a_known_status_is_not_rejected_as_unknown(client: Any, valid_request: Members, status: str) -> None:
    """A status that the model has is not rejected as unknown, although it may be rejected for being given."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "status": status}]}
    error = call_error(client, "CreateIndex", {**valid_request, "metadataConfiguration": configuration})
    assert error is None or "enum" not in error.message


@requirement(
    "create-index.unknown-text-status",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.status.enum",
)
def test_an_unknown_status_is_rejected(expect_error: ErrorExpectation, valid_request: Members) -> None:
    """A status that the model does not have is rejected."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "status": "DONE"}]}
    expect_error(
        "CreateIndex", valid_request, metadataConfiguration=configuration, code="ValidationException"
    )


@requirement(
    "create-index.text-key-not-filterable",
    kind="effect",
    evidence="documented",
    source=sources.TEXT_CONFIGURATION,
    needs="text",
)
def test_a_key_may_be_searchable_as_text_and_not_filterable(client: Any, make_index: MakeIndex) -> None:
    """A metadata key may be non-filterable and have a text search configuration."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "language": "en"}]}
    index = make_index(non_filterable=["title"], metadataConfiguration=configuration)
    assert describe_index(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"] == ["title"]
    assert list(text_configurations(client, index)) == ["title"]
