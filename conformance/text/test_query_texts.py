"""The member queryTexts: what it may hold."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

from .conftest import MakeTexts

LONGEST_KEY = "k" * 63
TEN_KEYS = [f"field{number}" for number in range(10)]


def texts(*names: str, text: str = "zebra") -> list[dict[str, str]]:
    return [{"metadataKey": name, "text": text} for name in names]


@pytest.fixture
def index(make_texts: MakeTexts) -> Index:
    """An index with one text, under `body`."""
    made = make_texts()
    made.put(("a", [1, 0], {"body": "zebra quartz"}))
    return made


@requirement(
    "query-vectors.texts-bounds",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.max",
)
def test_ten_texts_may_be_asked(make_texts: MakeTexts) -> None:
    """A query may hold ten texts, each for a key of its own."""
    index = make_texts(*TEN_KEYS)
    index.put(("a", [1, 0], dict.fromkeys(TEN_KEYS, "zebra")))
    assert [each["key"] for each in index.query(None, queryTexts=texts(*TEN_KEYS))] == ["a"]


@pytest.mark.parametrize(
    ("covered", "asked"),
    [("min-1", []), ("max+1", texts(*TEN_KEYS, "body"))],
    ids=["none", "eleven"],
)
@requirement(
    "query-vectors.texts-count",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.{covered}",
)
def test_one_to_ten_texts_are_asked(index: Index, refused: Refused, covered: str, asked: list[Any]) -> None:
    """A list of no texts, or of eleven, is refused."""
    assert covered
    refused("QueryVectors", {**index.address, "topK": 1, "queryTexts": asked}, code="ValidationException")


LENGTHS = {"shortest": ("min", 1), "longest": ("max", 1_024)}


@pytest.mark.parametrize(("covered", "length"), LENGTHS.values(), ids=LENGTHS.keys())
@requirement(
    "query-vectors.text-bounds",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.text.{covered} QueryVectors.queryTexts.min",
)
def test_a_text_at_its_bounds_is_taken(index: Index, covered: str, length: int) -> None:
    """A text of 1 or of 1,024 characters is taken."""
    assert covered
    answer = index.call("QueryVectors", topK=1, queryTexts=texts("body", text=("zebra " * 171)[:length]))
    assert len(answer["vectors"]) <= 1


@pytest.mark.parametrize(
    ("covered", "text"), [("min-1", ""), ("max+1", "z" * 1_025)], ids=["empty", "1025-characters"]
)
@requirement(
    "query-vectors.text-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.text.{covered}",
)
def test_a_text_out_of_bounds_is_refused(index: Index, refused: Refused, covered: str, text: str) -> None:
    """A text that is empty, or longer than 1,024 characters, is refused."""
    assert covered
    asked = {**index.address, "topK": 1, "queryTexts": texts("body", text=text)}
    refused("QueryVectors", asked, code="ValidationException")


@pytest.mark.parametrize(
    ("covered", "name"), [("min", "k"), ("max", LONGEST_KEY)], ids=["1-character", "63-characters"]
)
@requirement(
    "query-vectors.text-key-bounds",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.metadataKey.{covered} "
    "CreateIndex.metadataConfiguration.textSearchConfigurations.metadataKey.{covered}",
)
def test_a_key_at_its_bounds_is_taken(make_texts: MakeTexts, covered: str, name: str) -> None:
    """A searchable key has 1 to 63 characters."""
    assert covered
    index = make_texts(name)
    index.put(("a", [1, 0], {name: "zebra"}))
    assert [each["key"] for each in index.query(None, queryTexts=texts(name))] == ["a"]


@pytest.mark.parametrize(
    ("covered", "name"), [("min-1", ""), ("max+1", "k" * 64)], ids=["empty", "64-characters"]
)
@requirement(
    "query-vectors.text-key-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.metadataKey.{covered}",
)
def test_a_key_out_of_bounds_is_refused(index: Index, refused: Refused, covered: str, name: str) -> None:
    """A key that is empty, or longer than 63 characters, is refused."""
    assert covered
    refused(
        "QueryVectors", {**index.address, "topK": 1, "queryTexts": texts(name)}, code="ValidationException"
    )


@pytest.mark.parametrize("member", ["text", "metadataKey"])
@requirement(
    "query-vectors.text-members",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="text",
    covers="QueryVectors.queryTexts.{member}.required",
)
def test_a_text_has_a_key(index: Index, refused: Refused, member: str) -> None:
    """An entry without its text, or without its key, is refused."""
    entry = {"metadataKey": "body", "text": "zebra"}
    del entry[member]
    refused("QueryVectors", {**index.address, "topK": 1, "queryTexts": [entry]}, code="ValidationException")


@requirement(
    "query-vectors.text-key-twice",
    level="must",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs="text",
)
def test_a_key_is_asked_once(index: Index, refused: Refused) -> None:
    """Two texts for one and the same key are refused."""
    asked = {**index.address, "topK": 1, "queryTexts": texts("body", "body")}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.text-key-unknown",
    level="may",
    evidence="inferred",
    source=sources.TEXT_QUERIES,
    needs="text",
)
def test_a_key_must_be_searchable(index: Index, refused: Refused) -> None:
    """A text for a key that was not made searchable is refused."""
    asked = {**index.address, "topK": 1, "queryTexts": texts("title")}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.text-without-configuration",
    level="may",
    evidence="inferred",
    source=sources.TEXT_QUERIES,
    needs="text",
)
def test_an_index_without_texts_is_not_searched_by_text(make_index: MakeIndex, refused: Refused) -> None:
    """A text is refused where no key was made searchable."""
    asked = {**make_index().address, "topK": 1, "queryTexts": texts("body")}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.text-key-removed",
    level="may",
    evidence="inferred",
    source=sources.api("UpdateMetadataConfiguration"),
    needs="text",
)
def test_a_key_may_cease_to_be_searchable(index: Index, refused: Refused) -> None:
    """A text is refused for a key whose configuration was deleted."""
    index.call("UpdateMetadataConfiguration", delete={"textSearchConfigurations": [{"metadataKey": "body"}]})
    asked = {**index.address, "topK": 1, "queryTexts": texts("body")}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.text-and-broken-filter",
    level="should",
    evidence="documented",
    source=sources.FILTERS,
    needs="text",
)
def test_a_filter_beside_texts_is_checked(index: Index, refused: Refused) -> None:
    """A broken filter is refused beside queryTexts too."""
    asked = {**index.address, "topK": 1, "queryTexts": texts("body"), "filter": {}}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.text-and-bad-vector",
    level="should",
    evidence="documented",
    source=sources.QUERY,
    needs="text",
)
def test_a_vector_beside_texts_is_checked(index: Index, refused: Refused) -> None:
    """A query vector of a wrong length is refused beside queryTexts too."""
    asked = {**index.address, "topK": 1, "queryTexts": texts("body"), "queryVector": {"float32": [1.0]}}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.text-mode",
    level="should",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs="text modes",
)
def test_texts_are_not_searched_as_classic(index: Index, refused: Refused) -> None:
    """A search by text in the mode CLASSIC is refused."""
    asked = {**index.address, "topK": 1, "queryTexts": texts("body"), "queryMode": "CLASSIC"}
    refused("QueryVectors", asked, code="ValidationException")
