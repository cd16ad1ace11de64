"""UpdateMetadataConfiguration: it adds or deletes text search configurations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex, Members

from .calls import call_error, describe_index, unmodelled_members

OPERATION = "UpdateMetadataConfiguration"
ADD = f"{OPERATION}.add.textSearchConfigurations"
DELETE = f"{OPERATION}.delete.textSearchConfigurations"
LANGUAGES = ["en", "fr", "es", "pt", "it", "de", "nl", "zh", "ja", "ko"]


def configurations(keys: Iterable[str], **more: str) -> Members:
    """Return text search configurations of *keys*, as `add` and `delete` expect them."""
    return {"textSearchConfigurations": [{"metadataKey": key, **more} for key in keys]}


def numbered_keys(number: int) -> list[str]:
    """Return *number* different metadata keys."""
    return [f"key-{position}" for position in range(number)]


def text_configurations(client: Any, index: IndexHandle) -> Members:
    """Return the text search configurations that GetIndex shows, by key."""
    configured = describe_index(client, index).get("metadataConfiguration", {})
    return {each["metadataKey"]: each for each in configured.get("textSearchConfigurations", [])}


@requirement(
    "update-metadata-configuration.answer",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers=f"{OPERATION}>indexArn",
)
def test_the_answer_has_the_arn_of_the_index(make_index: MakeIndex) -> None:
    """UpdateMetadataConfiguration answers with the ARN of the index."""
    index = make_index()
    assert index.call(OPERATION, add=configurations(["title"]))["indexArn"] == index.arn


@requirement(
    "update-metadata-configuration.only-modelled-members",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw",
)
def test_the_answer_has_only_modelled_members(raw: RawClient, make_index: MakeIndex) -> None:
    """The answer of UpdateMetadataConfiguration has no member that the model does not have."""
    answer = raw(f"/{OPERATION}", {**make_index().address, "add": configurations(["title"])})
    assert answer.status == 200
    assert unmodelled_members(OPERATION, answer.json) == []


@requirement("update-metadata-configuration.by-arn", kind="effect", evidence="model", source=sources.MODEL)
def test_an_index_named_by_arn_is_changed(client: Any, make_index: MakeIndex) -> None:
    """UpdateMetadataConfiguration accepts the ARN of an index."""
    index = make_index()
    client.update_metadata_configuration(indexArn=index.arn, add=configurations(["title"]))
    assert list(text_configurations(client, index)) == ["title"]


@pytest.mark.parametrize("number", [1, 10])
@requirement(
    "update-metadata-configuration.add",
    kind="effect",
    evidence="documented",
    source=sources.api(OPERATION),
    covers=f"{ADD}.max",
)
def test_up_to_10_keys_are_added(client: Any, make_index: MakeIndex, number: int) -> None:
    """Up to 10 text search configurations can be added at once, and GetIndex returns them."""
    index = make_index()
    index.call(OPERATION, add=configurations(numbered_keys(number)))
    assert sorted(text_configurations(client, index)) == sorted(numbered_keys(number))


@requirement(
    "update-metadata-configuration.add-none",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.min",
)
def test_an_empty_list_to_add_is_not_rejected_for_its_length(client: Any, make_index: MakeIndex) -> None:
    """An empty list to add is within the limits of the model: it is not rejected because of its length."""
    error = call_error(client, OPERATION, {**make_index().address, "add": configurations([])})
    assert error is None or "length" not in error.message


@requirement(
    "update-metadata-configuration.add-too-many",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.max+1 {OPERATION}!ValidationException",
)
def test_11_keys_at_once_are_rejected(
    client: Any, expect_error: ErrorExpectation, make_index: MakeIndex
) -> None:
    """11 text search configurations at once are rejected, and none is added."""
    index = make_index()
    expect_error(OPERATION, index.address, add=configurations(numbered_keys(11)), code="ValidationException")
    assert text_configurations(client, index) == {}


@requirement(
    "update-metadata-configuration.add-too-many-in-all",
    kind="refusal",
    evidence="documented",
    source=sources.TEXT_CONFIGURATION,
)
def test_an_11th_key_is_rejected(client: Any, make_index: MakeIndex) -> None:
    """An index has at most 10 text search configurations in total: an 11th is rejected."""
    index = make_index(metadataConfiguration=configurations(numbered_keys(10)))
    error = call_error(client, OPERATION, {**index.address, "add": configurations(["another"])})
    assert error is not None
    assert 400 <= error.status < 500
    assert sorted(text_configurations(client, index)) == sorted(numbered_keys(10))


@requirement(
    "update-metadata-configuration.adds-to-those-there",
    kind="effect",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_keys_are_added_to_existing_ones(client: Any, make_index: MakeIndex) -> None:
    """Adding a text search configuration keeps the others and their languages."""
    index = make_index(metadataConfiguration=configurations(["title"], language="de"))
    index.call(OPERATION, add=configurations(["body"], language="en"))
    found = text_configurations(client, index)
    assert {key: each["language"] for key, each in found.items()} == {"title": "de", "body": "en"}


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "update-metadata-configuration.added-key-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.metadataKey.min {ADD}.metadataKey.max",
)
def test_a_key_to_add_may_have_1_to_63_characters(client: Any, make_index: MakeIndex, length: int) -> None:
    """A key to add may have 1 or 63 characters."""
    index = make_index()
    index.call(OPERATION, add=configurations(["k" * length]))
    assert list(text_configurations(client, index)) == ["k" * length]


@pytest.mark.parametrize("length", [1, 63])
@requirement(
    "update-metadata-configuration.deleted-key-length-allowed",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers=f"{DELETE}.metadataKey.min {DELETE}.metadataKey.max",
)
def test_a_key_to_delete_may_have_1_to_63_characters(client: Any, make_index: MakeIndex, length: int) -> None:
    """A key to delete may have 1 or 63 characters."""
    index = make_index(metadataConfiguration=configurations(["k" * length]))
    index.call(OPERATION, delete=configurations(["k" * length]))
    assert text_configurations(client, index) == {}


@pytest.mark.parametrize("length", [0, 64])
@pytest.mark.parametrize("change", ["add", "delete"])
@requirement(
    "update-metadata-configuration.key-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateMetadataConfiguration.{change}.textSearchConfigurations.metadataKey.min-1 "
    "UpdateMetadataConfiguration.{change}.textSearchConfigurations.metadataKey.max+1",
)
def test_an_empty_or_long_key_is_rejected(
    expect_error: ErrorExpectation, plain_index: IndexHandle, change: str, length: int
) -> None:
    """A key to add or delete must have 1 to 63 characters."""
    members = {**plain_index.address, change: configurations(["k" * length])}
    expect_error(OPERATION, members, code="ValidationException")


@pytest.mark.parametrize("change", ["add", "delete"])
@requirement(
    "update-metadata-configuration.key-required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="UpdateMetadataConfiguration.{change}.textSearchConfigurations.metadataKey.required",
)
def test_a_key_is_required(expect_error: ErrorExpectation, plain_index: IndexHandle, change: str) -> None:
    """A text search configuration to add or delete must name its metadata key."""
    members = {**plain_index.address, change: {"textSearchConfigurations": [{}]}}
    expect_error(OPERATION, members, code="ValidationException")


@pytest.mark.parametrize("language", LANGUAGES)
@requirement(
    "update-metadata-configuration.language",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.language.enum={{language}}",
)
def test_ten_languages_are_accepted(client: Any, make_index: MakeIndex, language: str) -> None:
    """A text search configuration to add may name a language, and GetIndex returns it."""
    index = make_index()
    index.call(OPERATION, add=configurations(["title"], language=language))
    assert text_configurations(client, index)["title"]["language"] == language


@pytest.mark.parametrize("language", ["ru", "EN", "english", pytest.param("", id="empty")])
@requirement(
    "update-metadata-configuration.unknown-language",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.language.enum",
)
def test_an_unknown_language_is_rejected(
    expect_error: ErrorExpectation, plain_index: IndexHandle, language: str
) -> None:
    """The language of a text search configuration must be one of ten."""
    added = configurations(["title"], language=language)
    expect_error(OPERATION, plain_index.address, add=added, code="ValidationException")


@pytest.mark.parametrize("status", ["ACTIVE", "BUILDING"])
@requirement(
    "update-metadata-configuration.status-given",
    kind="open",
    evidence="inferred",
    source=sources.MODEL,
    covers=f"{ADD}.status.enum={{status}}",
)
def test_a_known_status_is_not_rejected_as_unknown(client: Any, make_index: MakeIndex, status: str) -> None:
    """A status that the model has is not rejected as unknown, although it may be rejected for being given."""
    error = call_error(
        client, OPERATION, {**make_index().address, "add": configurations(["title"], status=status)}
    )
    assert error is None or "enum" not in error.message


@requirement(
    "update-metadata-configuration.unknown-status",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{ADD}.status.enum",
)
def test_an_unknown_status_is_rejected(expect_error: ErrorExpectation, plain_index: IndexHandle) -> None:
    """A status that the model does not have is rejected."""
    added = configurations(["title"], status="DONE")
    expect_error(OPERATION, plain_index.address, add=added, code="ValidationException")


@requirement(
    "update-metadata-configuration.status",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
)
def test_a_key_added_to_stored_vectors_has_a_status(client: Any, make_index: MakeIndex) -> None:
    """A configuration added to an index with vectors is BUILDING or ACTIVE, and the vectors are unchanged."""
    index = make_index()
    index.put(("a", [1.0, 0.0], {"title": "The Third Man"}))
    index.call(OPERATION, add=configurations(["title"]))
    assert text_configurations(client, index)["title"]["status"] in {"BUILDING", "ACTIVE"}
    assert index.get("a", data=False) == {"a": {"key": "a", "metadata": {"title": "The Third Man"}}}


@requirement(
    "update-metadata-configuration.add-again",
    kind="open",
    evidence="inferred",
    source=sources.MODEL,
    covers=f"{OPERATION}!ConflictException",
)
def test_an_existing_key_cannot_be_added(client: Any, make_index: MakeIndex) -> None:
    """Adding a key that already has a configuration is a conflict or invalid, and changes nothing."""
    index = make_index(metadataConfiguration=configurations(["title"], language="en"))
    error = call_error(client, OPERATION, {**index.address, "add": configurations(["title"], language="de")})
    assert error is not None
    assert error.code in {"ConflictException", "ValidationException"}
    assert text_configurations(client, index)["title"]["language"] == "en"


@pytest.mark.parametrize("number", [1, 10])
@requirement(
    "update-metadata-configuration.delete",
    kind="effect",
    evidence="documented",
    source=sources.api(OPERATION),
    covers=f"{DELETE}.min {DELETE}.max",
)
def test_up_to_10_keys_are_deleted(client: Any, make_index: MakeIndex, number: int) -> None:
    """Up to 10 text search configurations can be deleted at once, and GetIndex returns the others."""
    index = make_index(metadataConfiguration=configurations(numbered_keys(10)))
    index.call(OPERATION, delete=configurations(numbered_keys(number)))
    assert sorted(text_configurations(client, index)) == sorted(
        set(numbered_keys(10)) - set(numbered_keys(number))
    )


@pytest.mark.parametrize("number", [0, 11])
@requirement(
    "update-metadata-configuration.delete-none-or-too-many",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers=f"{DELETE}.min-1 {DELETE}.max+1",
)
def test_an_empty_or_long_list_to_delete_is_rejected(
    client: Any, expect_error: ErrorExpectation, make_index: MakeIndex, number: int
) -> None:
    """A list to delete that is empty or has 11 keys is rejected, and none is deleted."""
    index = make_index(metadataConfiguration=configurations(numbered_keys(10)))
    expect_error(
        OPERATION, index.address, delete=configurations(numbered_keys(number)), code="ValidationException"
    )
    assert sorted(text_configurations(client, index)) == sorted(numbered_keys(10))


@requirement(
    "update-metadata-configuration.delete-unknown", kind="open", evidence="inferred", source=sources.MODEL
)
def test_deleting_an_unknown_key(client: Any, make_index: MakeIndex) -> None:
    """Deleting an unknown key succeeds, is not found or is invalid, and does not affect other keys."""
    index = make_index(metadataConfiguration=configurations(["title"]))
    error = call_error(client, OPERATION, {**index.address, "delete": configurations(["body"])})
    assert error is None or error.code in {"NotFoundException", "ValidationException"}
    assert list(text_configurations(client, index)) == ["title"]


@requirement(
    "update-metadata-configuration.add-after-delete",
    kind="detail",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_a_deleted_key_may_be_added_again(client: Any, make_index: MakeIndex) -> None:
    """A key whose configuration was deleted may be added in another language."""
    index = make_index(metadataConfiguration=configurations(["title"], language="en"))
    index.call(OPERATION, delete=configurations(["title"]))
    index.call(OPERATION, add=configurations(["title"], language="de"))
    assert text_configurations(client, index)["title"]["language"] == "de"


@pytest.mark.parametrize("change", ["add", "delete"])
@requirement(
    "update-metadata-configuration.non-filterable-stay",
    kind="effect",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_the_non_filterable_keys_stay(client: Any, make_index: MakeIndex, change: str) -> None:
    """Adding or deleting text search configurations does not change the non-filterable keys."""
    index = make_index(non_filterable=["title", "body"], metadataConfiguration=configurations(["title"]))
    index.call(OPERATION, **{change: configurations(["body" if change == "add" else "title"])})
    shown = describe_index(client, index)["metadataConfiguration"]["nonFilterableMetadataKeys"]
    assert sorted(shown) == ["body", "title"]


@pytest.mark.parametrize("given", ["nothing", "both"])
@requirement(
    "update-metadata-configuration.one-change",
    kind="refusal",
    evidence="documented",
    source=sources.api(OPERATION),
)
def test_a_request_either_adds_or_deletes(
    client: Any, expect_error: ErrorExpectation, make_index: MakeIndex, given: str
) -> None:
    """A request contains either add or delete: neither or both are rejected, and change nothing."""
    index = make_index(metadataConfiguration=configurations(["title"]))
    changes = (
        {"add": configurations(["body"]), "delete": configurations(["title"])} if given == "both" else {}
    )
    expect_error(OPERATION, {**index.address, **changes}, code="ValidationException")
    assert list(text_configurations(client, index)) == ["title"]
