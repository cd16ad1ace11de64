"""UpdateMetadataConfiguration: adds keys to search as text, or deletes some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex, Members

from .asking import index_shown, outcome, unmodelled

OPERATION = "UpdateMetadataConfiguration"
ADD = f"{OPERATION}.add.textSearchConfigurations"
DELETE = f"{OPERATION}.delete.textSearchConfigurations"
LANGUAGES = ["en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"]


def texts(keys: Iterable[str], **more: str) -> Members:
    """A configuration of *keys*, as `add` and `delete` take it."""
    return {"textSearchConfigurations": [{"metadataKey": key, **more} for key in keys]}


def numbered(number: int) -> list[str]:
    """As many different metadata keys."""
    return [f"key-{position}" for position in range(number)]


def texts_of(client: Any, index: Index) -> Members:
    """What GetIndex shows of the keys to search as text, by key."""
    configured = index_shown(client, index).get("metadataConfiguration", {})
    return {each["metadataKey"]: each for each in configured.get("textSearchConfigurations", [])}


@requirement(
    "update-metadata-configuration.answer",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{OPERATION}>indexArn",
)
def test_the_answer_holds_the_arn_of_the_index(make_index: MakeIndex) -> None:
    """UpdateMetadataConfiguration answers with the ARN of the index."""
    index = make_index()
    assert index.call(OPERATION, add=texts(["title"]))["indexArn"] == index.arn


@requirement(
    "update-metadata-configuration.only-modelled-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_holds_nothing_else(raw: RawClient, make_index: MakeIndex) -> None:
    """The answer of UpdateMetadataConfiguration has no member that the model does not know."""
    answer = raw(f"/{OPERATION}", {**make_index().address, "add": texts(["title"])})
    assert answer.status == 200
    assert unmodelled(OPERATION, answer.json) == []


@requirement("update-metadata-configuration.by-arn", level="must", evidence="model", source=sources.MODEL)
def test_an_index_named_by_arn_is_changed(client: Any, make_index: MakeIndex) -> None:
    """A configuration added by the ARN of an index is that of the index."""
    index = make_index()
    client.update_metadata_configuration(indexArn=index.arn, add=texts(["title"]))
    assert list(texts_of(client, index)) == ["title"]


@pytest.mark.parametrize("number", [1, 10])
@requirement(
    "update-metadata-configuration.add",
    level="must",
    evidence="documented",
    source=sources.api(OPERATION),
    covers=f"{ADD}.max",
)
def test_up_to_10_keys_are_added(client: Any, make_index: MakeIndex, number: int) -> None:
    """Up to 10 text search configurations are added at once, and GetIndex shows them."""
    index = make_index()
    index.call(OPERATION, add=texts(numbered(number)))
    assert sorted(texts_of(client, index)) == sorted(numbered(number))


@requirement(
    "update-metadata-configuration.add-none",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.min",
)
def test_the_list_to_add_is_not_refused_for_being_empty(client: Any, make_index: MakeIndex) -> None:
    """An empty list to add is within the model's bounds: it is not refused for its length."""
    refusal = outcome(client, OPERATION, {**make_index().address, "add": texts([])})
    assert refusal is None or "length" not in refusal.message


@requirement(
    "update-metadata-configuration.add-too-many",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.max+1 {OPERATION}!ValidationException",
)
def test_11_keys_at_once_are_refused(client: Any, refused: Refused, make_index: MakeIndex) -> None:
    """11 text search configurations at once are refused, and none is added."""
    index = make_index()
    refused(OPERATION, index.address, add=texts(numbered(11)), code="ValidationException")
    assert texts_of(client, index) == {}


@requirement(
    "update-metadata-configuration.add-too-many-in-all",
    level="should",
    evidence="documented",
    source=sources.TEXT_CONFIGURATION,
)
def test_an_11th_key_is_refused(client: Any, make_index: MakeIndex) -> None:
    """An index has at most 10 text search configurations, however they came: an 11th is refused."""
    index = make_index(metadataConfiguration=texts(numbered(10)))
    refusal = outcome(client, OPERATION, {**index.address, "add": texts(["another"])})
    assert refusal is not None
    assert 400 <= refusal.status < 500
    assert sorted(texts_of(client, index)) == sorted(numbered(10))


@requirement(
    "update-metadata-configuration.adds-to-those-there",
    level="must",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_keys_are_added_to_those_there(client: Any, make_index: MakeIndex) -> None:
    """Adding a text search configuration leaves the others, with their languages."""
    index = make_index(metadataConfiguration=texts(["title"], language="de"))
    index.call(OPERATION, add=texts(["body"], language="en"))
    found = texts_of(client, index)
    assert {key: each["language"] for key, each in found.items()} == {"title": "de", "body": "en"}


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "update-metadata-configuration.added-key-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.metadataKey.min {ADD}.metadataKey.max",
)
def test_a_key_to_add_may_have_1_to_63_characters(client: Any, make_index: MakeIndex, length: int) -> None:
    """A key to add may have 1 character or 63."""
    index = make_index()
    index.call(OPERATION, add=texts(["k" * length]))
    assert list(texts_of(client, index)) == ["k" * length]


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "update-metadata-configuration.deleted-key-length-allowed",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{DELETE}.metadataKey.min {DELETE}.metadataKey.max",
)
def test_a_key_to_delete_may_have_1_to_63_characters(client: Any, make_index: MakeIndex, length: int) -> None:
    """A key to delete may have 1 character or 63."""
    index = make_index(metadataConfiguration=texts(["k" * length]))
    index.call(OPERATION, delete=texts(["k" * length]))
    assert texts_of(client, index) == {}


@pytest.mark.parametrize("length", [0, 64])
@pytest.mark.parametrize("change", ["add", "delete"])
@requirement(
    "update-metadata-configuration.key-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateMetadataConfiguration.{change}.textSearchConfigurations.metadataKey.min-1 "
    "UpdateMetadataConfiguration.{change}.textSearchConfigurations.metadataKey.max+1",
)
def test_a_key_empty_or_too_long_is_refused(
    refused: Refused, make_index: MakeIndex, change: str, length: int
) -> None:
    """A key to add or to delete has 1 to 63 characters."""
    members = {**make_index().address, change: texts(["k" * length])}
    refused(OPERATION, members, code="ValidationException")


@pytest.mark.parametrize("change", ["add", "delete"])
@requirement(
    "update-metadata-configuration.key-required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateMetadataConfiguration.{change}.textSearchConfigurations.metadataKey.required",
)
def test_a_key_must_be_given(refused: Refused, make_index: MakeIndex, change: str) -> None:
    """A text search configuration to add or to delete names its metadata key."""
    members = {**make_index().address, change: {"textSearchConfigurations": [{}]}}
    refused(OPERATION, members, code="ValidationException")


@pytest.mark.parametrize("language", LANGUAGES)
@requirement(
    "update-metadata-configuration.language",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.language.enum={{language}}",
)
def test_a_text_may_be_in_ten_languages(client: Any, make_index: MakeIndex, language: str) -> None:
    """A text search configuration to add may name a language, and GetIndex shows it."""
    index = make_index()
    index.call(OPERATION, add=texts(["title"], language=language))
    assert texts_of(client, index)["title"]["language"] == language


@pytest.mark.parametrize("language", ["ru", "EN", "english", pytest.param("", id="empty")])
@requirement(
    "update-metadata-configuration.unknown-language",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.language.enum",
)
def test_another_language_is_refused(refused: Refused, make_index: MakeIndex, language: str) -> None:
    """The language of a text search configuration is one of ten."""
    added = texts(["title"], language=language)
    refused(OPERATION, make_index().address, add=added, code="ValidationException")


@pytest.mark.parametrize("status", ["ACTIVE", "BUILDING"])
@requirement(
    "update-metadata-configuration.status-given",
    level="may",
    evidence="inferred",
    source=sources.MODEL,
    covers=f"{ADD}.status.enum={{status}}",
)
def test_a_status_that_is_given_is_none_that_is_unknown(
    client: Any, make_index: MakeIndex, status: str
) -> None:
    """A status that the model knows is not refused for being unknown: if anything, for being given."""
    refusal = outcome(client, OPERATION, {**make_index().address, "add": texts(["title"], status=status)})
    assert refusal is None or "enum" not in refusal.message


@requirement(
    "update-metadata-configuration.unknown-status",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.status.enum",
)
def test_an_unknown_status_is_refused(refused: Refused, make_index: MakeIndex) -> None:
    """A status that the model does not know is refused, though it is the service's to say."""
    added = texts(["title"], status="DONE")
    refused(OPERATION, make_index().address, add=added, code="ValidationException")


@requirement(
    "update-metadata-configuration.status",
    level="must",
    evidence="model",
    source=sources.MODEL,
)
def test_a_key_added_to_stored_vectors_has_a_status(client: Any, make_index: MakeIndex) -> None:
    """A configuration added to an index with vectors is BUILDING or ACTIVE, and the vectors stay."""
    index = make_index()
    index.put(("a", [1.0, 0.0], {"title": "The Third Man"}))
    index.call(OPERATION, add=texts(["title"]))
    assert texts_of(client, index)["title"]["status"] in {"BUILDING", "ACTIVE"}
    assert index.get("a", data=False) == {"a": {"key": "a", "metadata": {"title": "The Third Man"}}}


@requirement(
    "update-metadata-configuration.add-again",
    level="may",
    evidence="inferred",
    source=sources.MODEL,
    covers=f"{OPERATION}!ConflictException",
)
def test_a_key_that_is_there_is_not_added_in_another_language(client: Any, make_index: MakeIndex) -> None:
    """Adding a key that has a configuration already is a conflict or invalid, and changes nothing."""
    index = make_index(metadataConfiguration=texts(["title"], language="en"))
    refusal = outcome(client, OPERATION, {**index.address, "add": texts(["title"], language="de")})
    assert refusal is not None
    assert refusal.code in {"ConflictException", "ValidationException"}
    assert texts_of(client, index)["title"]["language"] == "en"


@pytest.mark.parametrize("number", [1, 10])
@requirement(
    "update-metadata-configuration.delete",
    level="must",
    evidence="documented",
    source=sources.api(OPERATION),
    covers=f"{DELETE}.min {DELETE}.max",
)
def test_up_to_10_keys_are_deleted(client: Any, make_index: MakeIndex, number: int) -> None:
    """Up to 10 text search configurations are deleted at once, and GetIndex shows the rest."""
    index = make_index(metadataConfiguration=texts(numbered(10)))
    index.call(OPERATION, delete=texts(numbered(number)))
    assert sorted(texts_of(client, index)) == sorted(set(numbered(10)) - set(numbered(number)))


@pytest.mark.parametrize("number", [0, 11])
@requirement(
    "update-metadata-configuration.delete-none-or-too-many",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers=f"{DELETE}.min-1 {DELETE}.max+1",
)
def test_a_list_to_delete_has_1_to_10_keys(
    client: Any, refused: Refused, make_index: MakeIndex, number: int
) -> None:
    """A list to delete that is empty or has 11 keys is refused, and none is deleted."""
    index = make_index(metadataConfiguration=texts(numbered(10)))
    refused(OPERATION, index.address, delete=texts(numbered(number)), code="ValidationException")
    assert sorted(texts_of(client, index)) == sorted(numbered(10))


@requirement(
    "update-metadata-configuration.delete-unknown", level="may", evidence="inferred", source=sources.MODEL
)
def test_deleting_a_key_that_has_none_leaves_the_others(client: Any, make_index: MakeIndex) -> None:
    """Deleting the configuration of a key that has none is at most not found or invalid, and no more."""
    index = make_index(metadataConfiguration=texts(["title"]))
    refusal = outcome(client, OPERATION, {**index.address, "delete": texts(["body"])})
    assert refusal is None or refusal.code in {"NotFoundException", "ValidationException"}
    assert list(texts_of(client, index)) == ["title"]


@requirement(
    "update-metadata-configuration.add-after-delete",
    level="should",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_a_deleted_key_may_be_added_anew(client: Any, make_index: MakeIndex) -> None:
    """A key whose configuration was deleted may be added in another language."""
    index = make_index(metadataConfiguration=texts(["title"], language="en"))
    index.call(OPERATION, delete=texts(["title"]))
    index.call(OPERATION, add=texts(["title"], language="de"))
    assert texts_of(client, index)["title"]["language"] == "de"


@pytest.mark.parametrize("change", ["add", "delete"])
@requirement(
    "update-metadata-configuration.non-filterable-stay",
    level="must",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_the_non_filterable_keys_stay(client: Any, make_index: MakeIndex, change: str) -> None:
    """Adding or deleting text search configurations changes nothing of the non-filterable keys."""
    index = make_index(non_filterable=["title", "body"], metadataConfiguration=texts(["title"]))
    index.call(OPERATION, **{change: texts(["body" if change == "add" else "title"])})
    shown = index_shown(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert sorted(shown) == ["body", "title"]


@pytest.mark.parametrize("given", ["nothing", "both"])
@requirement(
    "update-metadata-configuration.one-change",
    level="must",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_a_request_either_adds_or_deletes(
    client: Any, refused: Refused, make_index: MakeIndex, given: str
) -> None:
    """A request holds one of add and delete: neither and both are refused, and change nothing."""
    index = make_index(metadataConfiguration=texts(["title"]))
    changes = {"add": texts(["body"]), "delete": texts(["title"])} if given == "both" else {}
    refused(OPERATION, {**index.address, **changes}, code="ValidationException")
    assert list(texts_of(client, index)) == ["title"]
