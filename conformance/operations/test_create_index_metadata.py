"""CreateIndex: non-filterable metadata keys, and keys to search as text."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex, Members

from .asking import index_members, index_shown, outcome

LANGUAGES = ["en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"]
TEXTS = "CreateIndex.metadataConfiguration.textSearchConfigurations"
KEYS = "CreateIndex.metadataConfiguration.nonFilterableMetadataKeys"


@pytest.fixture
def valid(make_index: MakeIndex) -> Members:
    """A request of CreateIndex that would be taken, in a bucket that is there."""
    index = make_index()
    return {"vectorBucketName": index.bucket, **index_members(f"{index.name}-2")}


def keys(number: int) -> list[str]:
    """As many different metadata keys."""
    return [f"key-{position}" for position in range(number)]


def texts_of(client: Any, index: Index) -> Members:
    """What GetIndex shows of the keys to search as text, by key."""
    configured = index_shown(client, index)["metadataConfiguration"]["textSearchConfigurations"]
    return {each["metadataKey"]: each for each in configured}


# Non-filterable keys


@pytest.mark.parametrize("number", [1, 9, 10])
@requirement(
    "create-index.non-filterable-keys",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers=f"{KEYS}.max GetIndex>index.metadataConfiguration "
    "GetIndex>index.metadataConfiguration.nonFilterableMetadataKeys",
)
def test_an_index_may_have_10_non_filterable_keys(client: Any, make_index: MakeIndex, number: int) -> None:
    """CreateIndex takes up to 10 non-filterable metadata keys, and GetIndex shows them."""
    index = make_index(non_filterable=keys(number))
    shown = index_shown(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert sorted(shown) == sorted(keys(number))


@requirement(
    "create-index.no-non-filterable-keys",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.min",
)
def test_the_list_of_non_filterable_keys_may_be_empty(client: Any, make_index: MakeIndex) -> None:
    """CreateIndex takes an empty list of non-filterable metadata keys."""
    index = make_index(metadataConfiguration={"nonFilterableMetadataKeys": []})
    assert not index_shown(client, index).get("metadataConfiguration", {}).get("nonFilterableMetadataKeys")


@requirement(
    "create-index.too-many-non-filterable-keys",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.max+1",
)
def test_11_non_filterable_keys_are_refused(refused: Refused, valid: Members) -> None:
    """CreateIndex refuses 11 non-filterable metadata keys."""
    refused(
        "CreateIndex",
        valid,
        metadataConfiguration={"nonFilterableMetadataKeys": keys(11)},
        code="ValidationException",
    )


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "create-index.non-filterable-key-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.member.min {KEYS}.member.max",
)
def test_a_non_filterable_key_may_have_1_to_63_characters(
    client: Any, make_index: MakeIndex, length: int
) -> None:
    """A non-filterable metadata key may have 1 character or 63."""
    index = make_index(non_filterable=["k" * length])
    shown = index_shown(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert shown == ["k" * length]


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "create-index.non-filterable-key-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{KEYS}.member.min-1 {KEYS}.member.max+1",
)
def test_a_non_filterable_key_empty_or_too_long_is_refused(
    refused: Refused, valid: Members, length: int
) -> None:
    """A non-filterable metadata key has 1 to 63 characters."""
    refused(
        "CreateIndex",
        valid,
        metadataConfiguration={"nonFilterableMetadataKeys": ["k" * length]},
        code="ValidationException",
    )


@requirement(
    "create-index.non-filterable-key-exact",
    level="should",
    evidence="inferred",
    source=sources.api("CreateIndex"),
)
def test_non_filterable_keys_are_kept_as_they_are(client: Any, make_index: MakeIndex) -> None:
    """Non-filterable metadata keys read back as given: capitals, dots, spaces and other scripts."""
    given = ["Title", "title", "a.b", "with space", "Straße"]
    index = make_index(non_filterable=given)
    shown = index_shown(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert sorted(shown) == sorted(given)


# Text search configurations


@pytest.mark.parametrize("number", [1, 10])
@requirement(
    "create-index.text-keys",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.max GetIndex>index.metadataConfiguration.textSearchConfigurations "
    "GetIndex>index.metadataConfiguration.textSearchConfigurations.metadataKey",
)
def test_an_index_may_have_10_keys_to_search_as_text(client: Any, make_index: MakeIndex, number: int) -> None:
    """CreateIndex takes up to 10 text search configurations, and GetIndex shows them."""
    configurations = [{"metadataKey": key} for key in keys(number)]
    index = make_index(metadataConfiguration={"textSearchConfigurations": configurations})
    assert sorted(texts_of(client, index)) == sorted(keys(number))


@requirement(
    "create-index.no-text-keys",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.min",
)
def test_the_list_of_keys_to_search_as_text_may_be_empty(client: Any, make_index: MakeIndex) -> None:
    """CreateIndex takes an empty list of text search configurations."""
    index = make_index(metadataConfiguration={"textSearchConfigurations": []})
    assert not index_shown(client, index).get("metadataConfiguration", {}).get("textSearchConfigurations")


@requirement(
    "create-index.too-many-text-keys",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.max+1",
)
def test_11_keys_to_search_as_text_are_refused(refused: Refused, valid: Members) -> None:
    """CreateIndex refuses 11 text search configurations."""
    configurations = [{"metadataKey": key} for key in keys(11)]
    refused(
        "CreateIndex",
        valid,
        metadataConfiguration={"textSearchConfigurations": configurations},
        code="ValidationException",
    )


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "create-index.text-key-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.metadataKey.min {TEXTS}.metadataKey.max",
)
def test_a_key_to_search_as_text_may_have_1_to_63_characters(
    client: Any, make_index: MakeIndex, length: int
) -> None:
    """The key of a text search configuration may have 1 character or 63."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "k" * length}]}
    assert list(texts_of(client, make_index(metadataConfiguration=configuration))) == ["k" * length]


@pytest.mark.parametrize("length", [0, 64])
@requirement(
    "create-index.text-key-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.metadataKey.min-1 {TEXTS}.metadataKey.max+1",
)
def test_a_key_to_search_as_text_empty_or_too_long_is_refused(
    refused: Refused, valid: Members, length: int
) -> None:
    """The key of a text search configuration has 1 to 63 characters."""
    refused(
        "CreateIndex",
        valid,
        metadataConfiguration={"textSearchConfigurations": [{"metadataKey": "k" * length}]},
        code="ValidationException",
    )


@requirement(
    "create-index.text-key-required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.metadataKey.required",
)
def test_a_text_search_configuration_needs_its_key(refused: Refused, valid: Members) -> None:
    """A text search configuration without a metadata key is refused."""
    refused(
        "CreateIndex",
        valid,
        metadataConfiguration={"textSearchConfigurations": [{"language": "en"}]},
        code="ValidationException",
    )


@pytest.mark.parametrize("language", LANGUAGES)
@requirement(
    "create-index.text-language",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.language.enum={{language}} "
    "GetIndex>index.metadataConfiguration.textSearchConfigurations.language",
)
def test_a_text_may_be_in_ten_languages(client: Any, make_index: MakeIndex, language: str) -> None:
    """A text search configuration may name a language, and GetIndex shows it."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "language": language}]}
    index = make_index(metadataConfiguration=configuration)
    assert texts_of(client, index)["title"]["language"] == language


@pytest.mark.parametrize("language", ["ru", "EN", "english", pytest.param("", id="empty")])
@requirement(
    "create-index.unknown-text-language",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.language.enum",
)
def test_another_language_is_refused(refused: Refused, valid: Members, language: str) -> None:
    """The language of a text search configuration is one of ten."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "language": language}]}
    refused("CreateIndex", valid, metadataConfiguration=configuration, code="ValidationException")


@requirement(
    "create-index.text-without-language", level="may", evidence="inferred", source=sources.MODEL, needs="text"
)
def test_without_a_language_none_is_shown(client: Any, make_index: MakeIndex) -> None:
    """A text search configuration without a language is shown without one."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title"}]}
    assert "language" not in texts_of(client, make_index(metadataConfiguration=configuration))["title"]


@requirement(
    "create-index.text-status",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="GetIndex>index.metadataConfiguration.textSearchConfigurations.status",
)
def test_getindex_tells_the_status_of_a_text_search_configuration(client: Any, make_index: MakeIndex) -> None:
    """GetIndex tells of each text search configuration whether it is ACTIVE or BUILDING."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title"}]}
    index = make_index(metadataConfiguration=configuration)
    assert texts_of(client, index)["title"]["status"] in {"ACTIVE", "BUILDING"}


@pytest.mark.parametrize("status", ["ACTIVE", "BUILDING"])
@requirement(
    "create-index.text-status-given",
    level="may",
    evidence="inferred",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.status.enum={{status}}",
)
def test_a_status_that_is_given_is_none_that_is_unknown(client: Any, valid: Members, status: str) -> None:
    """A status that the model knows is not refused for being unknown: if anything, for being given."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "status": status}]}
    refusal = outcome(client, "CreateIndex", {**valid, "metadataConfiguration": configuration})
    assert refusal is None or "enum" not in refusal.message


@requirement(
    "create-index.unknown-text-status",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers=f"{TEXTS}.status.enum",
)
def test_an_unknown_status_is_refused(refused: Refused, valid: Members) -> None:
    """A status that the model does not know is refused, though it is the service's to say."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "status": "DONE"}]}
    refused("CreateIndex", valid, metadataConfiguration=configuration, code="ValidationException")


@requirement(
    "create-index.text-key-not-filterable",
    level="must",
    evidence="documented",
    source=sources.TEXT_CONFIGURATION,
    needs="text",
)
def test_a_key_may_be_searchable_as_text_and_not_filterable(client: Any, make_index: MakeIndex) -> None:
    """A metadata key may be non-filterable and have a text search configuration."""
    configuration = {"textSearchConfigurations": [{"metadataKey": "title", "language": "en"}]}
    index = make_index(non_filterable=["title"], metadataConfiguration=configuration)
    assert index_shown(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"] == ["title"]
    assert list(texts_of(client, index)) == ["title"]
