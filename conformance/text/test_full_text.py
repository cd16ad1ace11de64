"""Full-text search: which vectors are found and in which order. Scores are not compared."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex

from .conftest import MakeTextIndex

NEEDS = "query text"
BUILT_WITHIN_S = 120
#: Texts without any searched word, so that a searched word is rare and has a weight in any formula.
FILLERS = ("velvet harbour", "copper lantern", "maple violin", "silver meadow", "granite orchid")


def put_texts(index: IndexHandle, texts: dict[str, str]) -> None:
    all_texts = {**texts, **{f"filler-{number}": text for number, text in enumerate(FILLERS)}}
    index.put(*((key, [1, number], {"body": text}) for number, (key, text) in enumerate(all_texts.items())))


def found_keys(
    index: IndexHandle, text: str, *, name: str = "body", top_k: int = 10, **members: Any
) -> list[str]:
    """Return the keys that *text* finds, best first."""
    query_texts = [{"metadataKey": name, "text": text}]
    return [
        each["key"] for each in index.query(None, top_k, distance=False, queryTexts=query_texts, **members)
    ]


@requirement("text.presence", kind="effect", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_a_word_finds_texts_that_contain_it(make_text_index: MakeTextIndex) -> None:
    """A word finds the vectors whose text contains it, and no others."""
    index = make_text_index()
    put_texts(index, {"a": "zebra quartz", "b": "quartz pilgrim"})
    assert found_keys(index, "zebra") == ["a"]
    assert set(found_keys(index, "quartz")) == {"a", "b"}


@requirement("text.no-match", kind="effect", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_an_unused_word_finds_nothing(make_text_index: MakeTextIndex) -> None:
    """A word that no text contains is answered with an empty list."""
    index = make_text_index()
    put_texts(index, {"a": "zebra"})
    assert found_keys(index, "pilgrim") == []


@requirement(
    "text.empty-index", kind="effect", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_an_empty_index_gives_no_results(make_text_index: MakeTextIndex) -> None:
    """A query by text of an index without vectors is answered with an empty list and the metric."""
    query_texts = [{"metadataKey": "body", "text": "zebra"}]
    answer = make_text_index(metric="euclidean").call("QueryVectors", topK=3, queryTexts=query_texts)
    assert (answer["vectors"], answer["distanceMetric"]) == ([], "euclidean")


@requirement("text.own-key", kind="effect", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_only_the_given_key_is_searched(make_text_index: MakeTextIndex) -> None:
    """A text is searched only under the given metadata key."""
    index = make_text_index("title", "body")
    index.put(("a", [1, 0], {"title": "zebra", "body": "quartz"}), ("b", [1, 1], {"title": "quartz"}))
    assert found_keys(index, "quartz", name="body") == ["a"]
    assert found_keys(index, "quartz", name="title") == ["b"]


@requirement(
    "text.without-text", kind="effect", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_vector_without_the_key_is_not_found(make_text_index: MakeTextIndex) -> None:
    """A vector without text under the key is stored, and is not found by text."""
    index = make_text_index()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"other": "zebra"}), ("c", [1, 0]))
    assert found_keys(index, "zebra") == ["a"]
    assert index.keys() == {"a", "b", "c"}


@requirement("text.top-k", kind="effect", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_top_k_limits_texts(make_text_index: MakeTextIndex) -> None:
    """At most topK texts are found: the best ones."""
    index = make_text_index()
    put_texts(
        index, {"once": "zebra pilgrim quartz", "thrice": "zebra zebra zebra", "twice": "zebra zebra quartz"}
    )
    assert found_keys(index, "zebra", top_k=2) == ["thrice", "twice"]


# Order


@requirement(
    "text.order-frequency", kind="effect", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_text_with_more_occurrences_comes_first(make_text_index: MakeTextIndex) -> None:
    """Of texts of the same length, the one with more occurrences of the word comes first, as in BM25."""
    index = make_text_index()
    put_texts(
        index, {"once": "zebra pilgrim quartz", "thrice": "zebra zebra zebra", "twice": "zebra zebra quartz"}
    )
    assert found_keys(index, "zebra") == ["thrice", "twice", "once"]


@requirement(
    "text.order-length", kind="detail", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_shorter_text_comes_first(make_text_index: MakeTextIndex) -> None:
    """Of texts with one occurrence of a word, the shorter one comes first, as in BM25."""
    index = make_text_index()
    put_texts(
        index, {"long": "zebra pilgrim quartz ember falcon willow anchor prairie", "short": "zebra pilgrim"}
    )
    assert found_keys(index, "zebra") == ["short", "long"]


@requirement(
    "text.order-all-words", kind="detail", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_text_with_all_words_comes_first(make_text_index: MakeTextIndex) -> None:
    """A text with both words of a query comes before texts with one of them."""
    index = make_text_index()
    put_texts(index, {"one": "zebra pilgrim", "both": "zebra quartz", "other": "ember quartz"})
    assert found_keys(index, "zebra quartz")[0] == "both"


@requirement("text.order-rarity", kind="open", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_a_rare_word_weighs_more(make_text_index: MakeTextIndex) -> None:
    """One matching word is enough, and a rare one weighs more than a common one."""
    index = make_text_index()
    common = {f"common-{number}": "quartz pilgrim" for number in range(4)}
    put_texts(index, {**common, "rare": "zebra pilgrim"})
    assert found_keys(index, "quartz zebra")[0] == "rare"
    assert len(found_keys(index, "quartz zebra")) == 5


@requirement("text.ties", kind="open", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_equal_texts_are_all_found(make_text_index: MakeTextIndex) -> None:
    """Vectors with the same text are all found, each once."""
    index = make_text_index()
    put_texts(index, {f"k{number}": "zebra quartz" for number in range(12)})
    assert sorted(found_keys(index, "zebra", top_k=20)) == sorted(f"k{number}" for number in range(12))


WORDS = {
    "capitals-in-the-text": ("ZEBRA Quartz", "zebra"),
    "capitals-in-the-query": ("zebra quartz", "ZEBRA"),
    "comma": ("zebra, quartz", "zebra"),
    "full-stop": ("quartz zebra.", "zebra"),
    "brackets": ("(zebra)", "zebra"),
    "line-break": ("quartz\nzebra", "zebra"),
    "number": ("route 4711", "4711"),
    "order-of-words": ("zebra quartz", "quartz zebra"),
    "punctuation-in-the-query": ("zebra quartz", "zebra?"),
}


@pytest.mark.parametrize(("text", "query"), WORDS.values(), ids=WORDS.keys())
@requirement("text.words", kind="open", evidence="inferred", source=sources.TEXT_CONFIGURATION, needs=NEEDS)
def test_words_are_found_in_any_case_and_context(
    make_text_index: MakeTextIndex, text: str, query: str
) -> None:
    """Words are found in either case and next to punctuation."""
    index = make_text_index()
    put_texts(index, {"a": text})
    assert found_keys(index, query) == ["a"]


SYNTAX = {
    "quote": '"',
    "and": "zebra AND pilgrim",
    "minus": "zebra -quartz",
    "colon": "body:zebra",
    "star": "zebra*",
    "bracket": "(zebra",
    "tilde": "zebra~2",
    "range": "[a TO b]",
    "backslash": "\\",
}


@pytest.mark.parametrize("query", SYNTAX.values(), ids=SYNTAX.keys())
@requirement(
    "text.no-query-language", kind="open", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_query_has_no_syntax(make_text_index: MakeTextIndex, query: str) -> None:
    """A query is plain words: the query syntax of other engines is not an error."""
    index = make_text_index()
    put_texts(index, {"a": "zebra quartz"})
    assert set(found_keys(index, query)) <= {"a"}


LANGUAGES = {
    "en": ("The lighthouse stands on a cliff", "lighthouse", "A recipe for bread"),
    "fr": ("Le phare domine la falaise", "falaise", "Une recette de pain"),
    "es": ("El faro domina el acantilado", "acantilado", "Una receta de pan"),
    "pt": ("O farol domina o penhasco", "penhasco", "Uma receita simples"),
    "it": ("Il faro domina la scogliera", "scogliera", "Una ricetta semplice"),
    "de": ("Der Leuchtturm steht am Ufer", "Leuchtturm", "Ein Rezept mit Mehl"),
    "nl": ("De vuurtoren staat aan het strand", "vuurtoren", "Een recept met bloem"),
    "zh": ("灯塔矗立在悬崖上", "灯塔", "一份面包食谱"),
    "ja": ("灯台は崖の上に立っている", "灯台", "パンのレシピ"),
    "ko": ("바다 절벽 등대", "절벽", "빵을 굽는 방법"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@requirement(
    "text.languages",
    kind="detail",
    evidence="documented",
    source=sources.TEXT_CONFIGURATION,
    needs=NEEDS,
    covers="CreateIndex.metadataConfiguration.textSearchConfigurations.language.enum={language}",
)
def test_a_language_is_searched(make_text_index: MakeTextIndex, language: str) -> None:
    """In each of the ten languages, a word finds the text that contains it, and no other."""
    text, query, other = LANGUAGES[language]
    index = make_text_index(language=language)
    index.put(("a", [1, 0], {"body": text}), ("b", [1, 0], {"body": other}))
    assert found_keys(index, query) == ["a"]


# Searches after writes


@requirement(
    "text.after-put", kind="effect", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_a_new_text_is_found_at_once(make_text_index: MakeTextIndex) -> None:
    """A search right after PutVectors finds the new text, even after an earlier search."""
    index = make_text_index()
    put_texts(index, {"a": "zebra"})
    assert found_keys(index, "zebra") == ["a"]
    index.put(("b", [1, 0], {"body": "zebra"}))
    assert set(found_keys(index, "zebra")) == {"a", "b"}


@requirement(
    "text.after-overwrite", kind="effect", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_an_overwritten_text_is_not_found(make_text_index: MakeTextIndex) -> None:
    """After an overwrite, the new text is found and the old one is not."""
    index = make_text_index()
    put_texts(index, {"a": "zebra"})
    assert found_keys(index, "zebra") == ["a"]
    index.put(("a", [1, 0], {"body": "quartz"}))
    assert found_keys(index, "zebra") == []
    assert found_keys(index, "quartz") == ["a"]


@requirement(
    "text.after-overwrite-without",
    kind="effect",
    evidence="documented",
    source=sources.TEXT_INGESTION,
    needs=NEEDS,
)
def test_a_text_is_removed_with_the_metadata(make_text_index: MakeTextIndex) -> None:
    """After an overwrite without metadata, the text is not found."""
    index = make_text_index()
    put_texts(index, {"a": "zebra"})
    index.put(("a", [1, 0]))
    assert found_keys(index, "zebra") == []


@requirement(
    "text.after-delete", kind="effect", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_a_deleted_text_is_not_found(make_text_index: MakeTextIndex) -> None:
    """After DeleteVectors, the text is not found, even after an earlier search."""
    index = make_text_index()
    put_texts(index, {"a": "zebra", "b": "zebra"})
    assert set(found_keys(index, "zebra")) == {"a", "b"}
    index.delete("a")
    assert found_keys(index, "zebra") == ["b"]


# Searchable keys


@requirement(
    "text.non-filterable",
    kind="effect",
    evidence="documented",
    source=sources.TEXT_CONFIGURATION,
    needs=NEEDS,
)
def test_a_non_filterable_key_is_searchable(make_text_index: MakeTextIndex) -> None:
    """A key may be non-filterable and searchable."""
    index = make_text_index(non_filterable=["body"])
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    assert found_keys(index, "zebra") == ["a"]


@requirement(
    "text.long", kind="detail", evidence="documented", source=sources.TEXT_CONFIGURATION, needs=NEEDS
)
def test_a_long_text_is_searched_to_its_end(make_text_index: MakeTextIndex) -> None:
    """A non-filterable text of 40,000 bytes is searched to its last word."""
    index = make_text_index(non_filterable=["body"])
    index.put(("a", [1, 0], {"body": "quartz " * 5_713 + "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    assert found_keys(index, "zebra") == ["a"]


@requirement(
    "text.filterable", kind="detail", evidence="documented", source=sources.TEXT_CONFIGURATION, needs=NEEDS
)
def test_a_searchable_key_is_still_filterable(make_text_index: MakeTextIndex) -> None:
    """Filters compare the whole text of a searchable key, as of any other key."""
    index = make_text_index()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "zebra quartz"}))
    assert index.found({"body": "zebra"}) == {"a"}


@requirement("text.other-types", kind="open", evidence="inferred", source=sources.TEXT_INGESTION, needs=NEEDS)
def test_other_types_are_stored(make_text_index: MakeTextIndex) -> None:
    """A value of another type under a searchable key is stored as usual."""
    index = make_text_index()
    index.put(("number", [1, 0], {"body": 5}), ("text", [1, 0], {"body": "zebra"}))
    assert index.get("number")["number"]["metadata"] == {"body": 5}
    assert found_keys(index, "zebra") == ["text"]


@requirement("text.filter", kind="effect", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS)
def test_texts_are_filtered(make_text_index: MakeTextIndex) -> None:
    """In a query by text, only vectors that match the filter are returned."""
    index = make_text_index()
    texts = {"a": 1, "b": 2, "c": 1}
    index.put(*((key, [1, 0], {"body": "zebra", "n": n}) for key, n in texts.items()))
    assert set(found_keys(index, "zebra", filter={"n": 1})) == {"a", "c"}


@requirement("text.filter-first", kind="open", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_the_filter_is_applied_before_top_k(make_text_index: MakeTextIndex) -> None:
    """The topK texts are selected from the vectors that match the filter, even if better ones do not."""
    index = make_text_index()
    better = [(f"better-{number}", [1, 0], {"body": "zebra zebra", "n": 2}) for number in range(8)]
    index.put(*better, ("worse", [1, 0], {"body": "zebra quartz pilgrim", "n": 1}))
    assert found_keys(index, "zebra", top_k=1, filter={"n": 1}) == ["worse"]


@requirement("text.two-keys", kind="detail", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_two_keys_are_searched_at_once(make_text_index: MakeTextIndex) -> None:
    """In a query with texts for two keys, the vector that matches both comes first."""
    index = make_text_index("title", "body")
    index.put(
        ("both", [1, 0], {"title": "zebra pilgrim", "body": "quartz pilgrim"}),
        ("title", [1, 0], {"title": "zebra pilgrim", "body": "pilgrim ember"}),
        ("body", [1, 0], {"title": "falcon pilgrim", "body": "quartz pilgrim"}),
        *((f"filler-{n}", [1, 0], {"title": text, "body": text}) for n, text in enumerate(FILLERS)),
    )
    query_texts = [{"metadataKey": "title", "text": "zebra"}, {"metadataKey": "body", "text": "quartz"}]
    first = [index.query(None, queryTexts=texts)[0]["key"] for texts in (query_texts, query_texts[::-1])]
    assert first == ["both", "both"]


@requirement("text.pages", kind="open", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_texts_come_in_pages(make_text_index: MakeTextIndex) -> None:
    """130 texts come in pages of at most 100, each text once."""
    index = make_text_index()
    index.put(*((f"k{number}", [1, 0], {"body": "zebra quartz"}) for number in range(130)))
    query_texts = {"topK": 130, "queryTexts": [{"metadataKey": "body", "text": "zebra"}]}
    pages = [[each["key"] for each in page["vectors"]] for page in index.pages("QueryVectors", **query_texts)]
    assert max(map(len, pages)) <= 100
    assert sorted(key for page in pages for key in page) == sorted(f"k{number}" for number in range(130))


# Configurations added later


def add_configuration(index: IndexHandle) -> None:
    """Make `body` searchable and wait until it is ACTIVE."""
    index.call("UpdateMetadataConfiguration", add={"textSearchConfigurations": [{"metadataKey": "body"}]})
    deadline = monotonic() + BUILT_WITHIN_S
    while monotonic() < deadline:
        described = index.call("GetIndex")["index"]["metadataConfiguration"]["textSearchConfigurations"]
        if [each.get("status", "ACTIVE") for each in described] == ["ACTIVE"]:
            return
    raise AssertionError(f"the text search configuration is still BUILDING after {BUILT_WITHIN_S} s")


@requirement(
    "text.backfill",
    kind="detail",
    evidence="model",
    source=sources.api("UpdateMetadataConfiguration"),
    needs=NEEDS,
    slow=True,
)
def test_stored_texts_become_searchable(make_index: MakeIndex) -> None:
    """A configuration that is added later makes stored texts searchable."""
    index = make_index()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    add_configuration(index)
    assert found_keys(index, "zebra") == ["a"]


@requirement(
    "text.backfill-and-on",
    kind="detail",
    evidence="model",
    source=sources.api("UpdateMetadataConfiguration"),
    needs=NEEDS,
    slow=True,
)
def test_texts_written_after_the_configuration_are_searchable(make_index: MakeIndex) -> None:
    """After a configuration is added, later puts, overwrites and deletions are searched correctly."""
    index = make_index()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "zebra"}))
    add_configuration(index)
    index.put(("c", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    index.delete("a")
    assert found_keys(index, "zebra") == ["c"]


@requirement(
    "text.description",
    kind="effect",
    evidence="model",
    source=sources.api("GetIndex"),
    needs=NEEDS,
    covers="GetIndex>index.metadataConfiguration.textSearchConfigurations*",
)
def test_the_description_of_a_configuration(make_text_index: MakeTextIndex) -> None:
    """GetIndex returns the key, the language and the status of a text search configuration."""
    described = make_text_index(language="en").call("GetIndex")["index"]["metadataConfiguration"]
    (one,) = described["textSearchConfigurations"]
    assert (one["metadataKey"], one["language"]) == ("body", "en")
    assert one["status"] in {"ACTIVE", "BUILDING"}
