"""The request member queryTexts: valid values and errors."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import IndexHandle, MakeIndex

from .conftest import MakeTextIndex, build_text_index

LONGEST_KEY = "k" * 63
TEN_KEYS = [f"field{number}" for number in range(10)]


def texts(*names: str, text: str = "zebra") -> list[dict[str, str]]:
    return [{"metadataKey": name, "text": text} for name in names]


def build_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index with one text under `body`."""
    made = build_text_index(make_index)
    made.put(("a", [1, 0], {"body": "zebra quartz"}))
    return made


@pytest.fixture
def index(share_index: ShareIndex) -> IndexHandle:
    """The index that most of these tests read."""
    return share_index(build_index)


@requirement(
    "query-vectors.texts-bounds",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.max",
)
def test_ten_texts_are_accepted(make_text_index: MakeTextIndex) -> None:
    """A query may contain ten texts, each for another key."""
    index = make_text_index(*TEN_KEYS)
    index.put(("a", [1, 0], dict.fromkeys(TEN_KEYS, "zebra")))
    assert [each["key"] for each in index.query(None, queryTexts=texts(*TEN_KEYS))] == ["a"]


@pytest.mark.parametrize(
    ("covered", "query_texts"),
    [("min-1", []), ("max+1", texts(*TEN_KEYS, "body"))],
    ids=["none", "eleven"],
)
@requirement(
    "query-vectors.texts-count",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.{covered}",
)
def test_no_texts_or_eleven_are_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, covered: str, query_texts: list[Any]
) -> None:
    """An empty list of texts, or one of eleven, is rejected."""
    assert covered
    expect_error(
        "QueryVectors", {**index.address, "topK": 1, "queryTexts": query_texts}, code="ValidationException"
    )


LENGTHS = {"shortest": ("min", 1), "longest": ("max", 1_024)}


@pytest.mark.parametrize(("covered", "length"), LENGTHS.values(), ids=LENGTHS.keys())
@requirement(
    "query-vectors.text-bounds",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.text.{covered} QueryVectors.queryTexts.min",
)
def test_a_text_may_have_1_to_1024_characters(index: IndexHandle, covered: str, length: int) -> None:
    """A text may have 1 or 1,024 characters."""
    assert covered
    answer = index.call("QueryVectors", topK=1, queryTexts=texts("body", text=("zebra " * 171)[:length]))
    assert len(answer["vectors"]) <= 1


@pytest.mark.parametrize(
    ("covered", "text"), [("min-1", ""), ("max+1", "z" * 1_025)], ids=["empty", "1025-characters"]
)
@requirement(
    "query-vectors.text-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.text.{covered}",
)
def test_an_empty_or_long_text_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, covered: str, text: str
) -> None:
    """A text that is empty or longer than 1,024 characters is rejected."""
    assert covered
    members = {**index.address, "topK": 1, "queryTexts": texts("body", text=text)}
    expect_error("QueryVectors", members, code="ValidationException")


@pytest.mark.parametrize(
    ("covered", "name"), [("min", "k"), ("max", LONGEST_KEY)], ids=["1-character", "63-characters"]
)
@requirement(
    "query-vectors.text-key-bounds",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.metadataKey.{covered} "
    "CreateIndex.metadataConfiguration.textSearchConfigurations.metadataKey.{covered}",
)
def test_a_key_may_have_1_to_63_characters(make_text_index: MakeTextIndex, covered: str, name: str) -> None:
    """A searchable key may have 1 or 63 characters."""
    assert covered
    index = make_text_index(name)
    index.put(("a", [1, 0], {name: "zebra"}))
    assert [each["key"] for each in index.query(None, queryTexts=texts(name))] == ["a"]


@pytest.mark.parametrize(
    ("covered", "name"), [("min-1", ""), ("max+1", "k" * 64)], ids=["empty", "64-characters"]
)
@requirement(
    "query-vectors.text-key-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.metadataKey.{covered}",
)
def test_an_empty_or_long_key_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, covered: str, name: str
) -> None:
    """A key that is empty or longer than 63 characters is rejected."""
    assert covered
    expect_error(
        "QueryVectors", {**index.address, "topK": 1, "queryTexts": texts(name)}, code="ValidationException"
    )


@pytest.mark.parametrize("member", ["text", "metadataKey"])
@requirement(
    "query-vectors.text-members",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.{member}.required",
)
def test_text_and_key_are_required(index: IndexHandle, expect_error: ErrorExpectation, member: str) -> None:
    """An entry without its text or its key is rejected."""
    entry = {"metadataKey": "body", "text": "zebra"}
    del entry[member]
    expect_error(
        "QueryVectors", {**index.address, "topK": 1, "queryTexts": [entry]}, code="ValidationException"
    )


@requirement(
    "query-vectors.text-key-twice",
    kind="refusal",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs="text",
)
def test_a_duplicate_key_is_rejected(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """Two texts for the same key are rejected."""
    members = {**index.address, "topK": 1, "queryTexts": texts("body", "body")}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.text-key-unknown",
    kind="open",
    evidence="inferred",
    source=sources.TEXT_QUERIES,
    needs="text",
)
def test_a_key_must_be_searchable(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A text for a key that is not searchable is rejected."""
    members = {**index.address, "topK": 1, "queryTexts": texts("title")}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.text-without-configuration",
    kind="open",
    evidence="inferred",
    source=sources.TEXT_QUERIES,
    needs="text",
)
def test_an_index_without_searchable_keys(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """A text is rejected if the index has no searchable key."""
    members = {**make_index().address, "topK": 1, "queryTexts": texts("body")}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.text-key-removed",
    kind="open",
    evidence="inferred",
    source=sources.api("UpdateMetadataConfiguration"),
    needs="text",
)
def test_a_deleted_configuration(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """A text is rejected for a key whose configuration was deleted."""
    index = build_index(make_index)
    index.call("UpdateMetadataConfiguration", delete={"textSearchConfigurations": [{"metadataKey": "body"}]})
    members = {**index.address, "topK": 1, "queryTexts": texts("body")}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.text-and-broken-filter",
    kind="refusal",
    evidence="documented",
    source=sources.FILTERS,
    needs="text",
)
def test_a_filter_with_texts_is_checked(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """An invalid filter is rejected in a query with queryTexts, too."""
    members = {**index.address, "topK": 1, "queryTexts": texts("body"), "filter": {}}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.text-and-bad-vector",
    kind="refusal",
    evidence="documented",
    source=sources.QUERY,
    needs="text",
)
def test_a_vector_with_texts_is_checked(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A query vector of the wrong length is rejected in a query with queryTexts, too."""
    members = {**index.address, "topK": 1, "queryTexts": texts("body"), "queryVector": {"float32": [1.0]}}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.text-mode",
    kind="refusal",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs="text modes",
)
def test_texts_are_not_searched_as_classic(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A query by text in CLASSIC mode is rejected."""
    members = {**index.address, "topK": 1, "queryTexts": texts("body"), "queryMode": "CLASSIC"}
    expect_error("QueryVectors", members, code="ValidationException")
