"""Search by text alone: what is found and in which order, never how it is scored."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

from .conftest import MakeTexts

NEEDS = "query text"
BUILT_WITHIN_S = 120
#: Texts without any word that is looked for: a word that is rare weighs something, whatever the formula.
FILLERS = ("velvet harbour", "copper lantern", "maple violin", "silver meadow", "granite orchid")


def put_texts(index: Index, texts: dict[str, str]) -> None:
    every = {**texts, **{f"filler-{number}": text for number, text in enumerate(FILLERS)}}
    index.put(*((key, [1, number], {"body": text}) for number, (key, text) in enumerate(every.items())))


def found(index: Index, text: str, *, name: str = "body", top_k: int = 10, **members: Any) -> list[str]:
    """The keys of what *text* finds, best first."""
    asked = [{"metadataKey": name, "text": text}]
    return [each["key"] for each in index.query(None, top_k, distance=False, queryTexts=asked, **members)]


@requirement("text.presence", level="must", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_a_word_finds_the_texts_that_hold_it(make_texts: MakeTexts) -> None:
    """A word finds the vectors whose text holds it, and no others."""
    index = make_texts()
    put_texts(index, {"a": "zebra quartz", "b": "quartz pilgrim"})
    assert found(index, "zebra") == ["a"]
    assert set(found(index, "quartz")) == {"a", "b"}


@requirement("text.no-match", level="must", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_a_word_that_nobody_uses_finds_nothing(make_texts: MakeTexts) -> None:
    """A word that is in no text is answered with an empty list."""
    index = make_texts()
    put_texts(index, {"a": "zebra"})
    assert found(index, "pilgrim") == []


@requirement(
    "text.empty-index", level="must", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_nothing_is_found_where_nothing_is_stored(make_texts: MakeTexts) -> None:
    """A search by text of an index without vectors is answered with an empty list, and the metric."""
    asked = [{"metadataKey": "body", "text": "zebra"}]
    answer = make_texts(metric="euclidean").call("QueryVectors", topK=3, queryTexts=asked)
    assert (answer["vectors"], answer["distanceMetric"]) == ([], "euclidean")


@requirement("text.own-key", level="must", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_a_text_is_found_under_its_own_key(make_texts: MakeTexts) -> None:
    """A text is looked for under the metadata key that is named, and nowhere else."""
    index = make_texts("title", "body")
    index.put(("a", [1, 0], {"title": "zebra", "body": "quartz"}), ("b", [1, 1], {"title": "quartz"}))
    assert found(index, "quartz", name="body") == ["a"]
    assert found(index, "quartz", name="title") == ["b"]


@requirement(
    "text.without-text", level="must", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_vector_without_the_key_is_not_found(make_texts: MakeTexts) -> None:
    """A vector without text under the key is stored, and not found by text."""
    index = make_texts()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"other": "zebra"}), ("c", [1, 0]))
    assert found(index, "zebra") == ["a"]
    assert index.keys() == {"a", "b", "c"}


@requirement("text.top-k", level="must", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_top_k_bounds_texts_too(make_texts: MakeTexts) -> None:
    """No more than topK texts are found, the best."""
    index = make_texts()
    put_texts(
        index, {"once": "zebra pilgrim quartz", "thrice": "zebra zebra zebra", "twice": "zebra zebra quartz"}
    )
    assert found(index, "zebra", top_k=2) == ["thrice", "twice"]


# Order


@requirement(
    "text.order-frequency", level="must", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_text_that_says_it_more_often_comes_first(make_texts: MakeTexts) -> None:
    """Of texts of one length, the one with more of the word comes first: so BM25 has it."""
    index = make_texts()
    put_texts(
        index, {"once": "zebra pilgrim quartz", "thrice": "zebra zebra zebra", "twice": "zebra zebra quartz"}
    )
    assert found(index, "zebra") == ["thrice", "twice", "once"]


@requirement(
    "text.order-length", level="should", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_shorter_text_comes_first(make_texts: MakeTexts) -> None:
    """Of texts with a word once each, the shorter comes first: so BM25 has it."""
    index = make_texts()
    put_texts(
        index, {"long": "zebra pilgrim quartz ember falcon willow anchor prairie", "short": "zebra pilgrim"}
    )
    assert found(index, "zebra") == ["short", "long"]


@requirement(
    "text.order-all-words", level="should", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_text_with_all_words_comes_first(make_texts: MakeTexts) -> None:
    """The text that holds both words of a query comes before those that hold one."""
    index = make_texts()
    put_texts(index, {"one": "zebra pilgrim", "both": "zebra quartz", "other": "ember quartz"})
    assert found(index, "zebra quartz")[0] == "both"


@requirement("text.order-rarity", level="may", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_a_rare_word_weighs_more(make_texts: MakeTexts) -> None:
    """Any of the words is enough, and a rare one weighs more than a common one."""
    index = make_texts()
    common = {f"common-{number}": "quartz pilgrim" for number in range(4)}
    put_texts(index, {**common, "rare": "zebra pilgrim"})
    assert found(index, "quartz zebra")[0] == "rare"
    assert len(found(index, "quartz zebra")) == 5


@requirement("text.ties", level="may", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_equal_texts_are_all_found(make_texts: MakeTexts) -> None:
    """Vectors with one and the same text are all found, each once."""
    index = make_texts()
    put_texts(index, {f"k{number}": "zebra quartz" for number in range(12)})
    assert sorted(found(index, "zebra", top_k=20)) == sorted(f"k{number}" for number in range(12))


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
@requirement("text.words", level="may", evidence="inferred", source=sources.TEXT_CONFIGURATION, needs=NEEDS)
def test_a_word_is_a_word(make_texts: MakeTexts, text: str, query: str) -> None:
    """Words are found in either case, and whatever stands around them."""
    index = make_texts()
    put_texts(index, {"a": text})
    assert found(index, query) == ["a"]


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
    "text.no-query-language", level="may", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_a_query_is_text(make_texts: MakeTexts, query: str) -> None:
    """A query is words: what other engines take for syntax is no error."""
    index = make_texts()
    put_texts(index, {"a": "zebra quartz"})
    assert set(found(index, query)) <= {"a"}


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
    level="should",
    evidence="documented",
    source=sources.TEXT_CONFIGURATION,
    needs=NEEDS,
    covers="CreateIndex.metadataConfiguration.textSearchConfigurations.language.enum={language}",
)
def test_a_language_is_searched(make_texts: MakeTexts, language: str) -> None:
    """In each of the ten languages a word finds the text that holds it, and not one that does not."""
    text, query, other = LANGUAGES[language]
    index = make_texts(language=language)
    index.put(("a", [1, 0], {"body": text}), ("b", [1, 0], {"body": other}))
    assert found(index, query) == ["a"]


# What is written is found


@requirement(
    "text.after-put", level="must", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_a_text_is_found_as_soon_as_it_is_put(make_texts: MakeTexts) -> None:
    """A search right after PutVectors finds the new text, after an earlier search too."""
    index = make_texts()
    put_texts(index, {"a": "zebra"})
    assert found(index, "zebra") == ["a"]
    index.put(("b", [1, 0], {"body": "zebra"}))
    assert set(found(index, "zebra")) == {"a", "b"}


@requirement(
    "text.after-overwrite", level="must", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_an_overwritten_text_is_gone(make_texts: MakeTexts) -> None:
    """After an overwrite the new text is found and the old is not."""
    index = make_texts()
    put_texts(index, {"a": "zebra"})
    assert found(index, "zebra") == ["a"]
    index.put(("a", [1, 0], {"body": "quartz"}))
    assert found(index, "zebra") == []
    assert found(index, "quartz") == ["a"]


@requirement(
    "text.after-overwrite-without",
    level="must",
    evidence="documented",
    source=sources.TEXT_INGESTION,
    needs=NEEDS,
)
def test_a_text_goes_with_the_metadata(make_texts: MakeTexts) -> None:
    """After an overwrite without metadata the text is found no more."""
    index = make_texts()
    put_texts(index, {"a": "zebra"})
    index.put(("a", [1, 0]))
    assert found(index, "zebra") == []


@requirement(
    "text.after-delete", level="must", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_a_deleted_text_is_gone(make_texts: MakeTexts) -> None:
    """After DeleteVectors the text is found no more, after an earlier search too."""
    index = make_texts()
    put_texts(index, {"a": "zebra", "b": "zebra"})
    assert set(found(index, "zebra")) == {"a", "b"}
    index.delete("a")
    assert found(index, "zebra") == ["b"]


# Which texts


@requirement(
    "text.non-filterable", level="must", evidence="documented", source=sources.TEXT_CONFIGURATION, needs=NEEDS
)
def test_a_non_filterable_key_is_searchable(make_texts: MakeTexts) -> None:
    """A key may be non-filterable and searchable at once."""
    index = make_texts(non_filterable=["body"])
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    assert found(index, "zebra") == ["a"]


@requirement(
    "text.long", level="should", evidence="documented", source=sources.TEXT_CONFIGURATION, needs=NEEDS
)
def test_a_long_text_is_searched_to_its_end(make_texts: MakeTexts) -> None:
    """A non-filterable text of 40,000 bytes is searched to its last word."""
    index = make_texts(non_filterable=["body"])
    index.put(("a", [1, 0], {"body": "quartz " * 5_713 + "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    assert found(index, "zebra") == ["a"]


@requirement(
    "text.filterable", level="should", evidence="documented", source=sources.TEXT_CONFIGURATION, needs=NEEDS
)
def test_a_searchable_key_is_still_filterable(make_texts: MakeTexts) -> None:
    """A searchable key that is filterable is filtered as a whole, as any other."""
    index = make_texts()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "zebra quartz"}))
    assert index.found({"body": "zebra"}) == {"a"}


@requirement("text.other-types", level="may", evidence="inferred", source=sources.TEXT_INGESTION, needs=NEEDS)
def test_what_is_no_text_is_stored(make_texts: MakeTexts) -> None:
    """A value under a searchable key that is no text is stored like any other."""
    index = make_texts()
    index.put(("number", [1, 0], {"body": 5}), ("text", [1, 0], {"body": "zebra"}))
    assert index.get("number")["number"]["metadata"] == {"body": 5}
    assert found(index, "zebra") == ["text"]


@requirement("text.filter", level="should", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS)
def test_texts_are_filtered(make_texts: MakeTexts) -> None:
    """A filter beside queryTexts lets through what matches it, and nothing else."""
    index = make_texts()
    texts = {"a": 1, "b": 2, "c": 1}
    index.put(*((key, [1, 0], {"body": "zebra", "n": n}) for key, n in texts.items()))
    assert set(found(index, "zebra", filter={"n": 1})) == {"a", "c"}


@requirement("text.filter-first", level="may", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_texts_are_filtered_before_they_are_counted(make_texts: MakeTexts) -> None:
    """The topK texts are of those that pass the filter, however many better ones do not."""
    index = make_texts()
    better = [(f"better-{number}", [1, 0], {"body": "zebra zebra", "n": 2}) for number in range(8)]
    index.put(*better, ("worse", [1, 0], {"body": "zebra quartz pilgrim", "n": 1}))
    assert found(index, "zebra", top_k=1, filter={"n": 1}) == ["worse"]


@requirement("text.two-keys", level="should", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_two_keys_are_searched_at_once(make_texts: MakeTexts) -> None:
    """Texts under two keys in one query: the vector that matches both comes first."""
    index = make_texts("title", "body")
    index.put(
        ("both", [1, 0], {"title": "zebra pilgrim", "body": "quartz pilgrim"}),
        ("title", [1, 0], {"title": "zebra pilgrim", "body": "pilgrim ember"}),
        ("body", [1, 0], {"title": "falcon pilgrim", "body": "quartz pilgrim"}),
        *((f"filler-{n}", [1, 0], {"title": text, "body": text}) for n, text in enumerate(FILLERS)),
    )
    asked = [{"metadataKey": "title", "text": "zebra"}, {"metadataKey": "body", "text": "quartz"}]
    first = [index.query(None, queryTexts=texts)[0]["key"] for texts in (asked, asked[::-1])]
    assert first == ["both", "both"]


@requirement("text.pages", level="may", evidence="inferred", source=sources.TEXT_QUERIES, needs=NEEDS)
def test_texts_come_in_pages(make_texts: MakeTexts) -> None:
    """130 texts come in pages of at most 100, each text once."""
    index = make_texts()
    index.put(*((f"k{number}", [1, 0], {"body": "zebra quartz"}) for number in range(130)))
    asked = {"topK": 130, "queryTexts": [{"metadataKey": "body", "text": "zebra"}]}
    pages = [[each["key"] for each in page["vectors"]] for page in index.pages("QueryVectors", **asked)]
    assert max(map(len, pages)) <= 100
    assert sorted(key for page in pages for key in page) == sorted(f"k{number}" for number in range(130))


# Searchable from later on


def add_text(index: Index) -> None:
    """Make `body` searchable, and ask until it is."""
    index.call("UpdateMetadataConfiguration", add={"textSearchConfigurations": [{"metadataKey": "body"}]})
    until = monotonic() + BUILT_WITHIN_S
    while monotonic() < until:
        described = index.call("GetIndex")["index"]["metadataConfiguration"]["textSearchConfigurations"]
        if [each.get("status", "ACTIVE") for each in described] == ["ACTIVE"]:
            return
    raise AssertionError(f"the text search configuration is still BUILDING after {BUILT_WITHIN_S} s")


@requirement(
    "text.backfill",
    level="should",
    evidence="model",
    source=sources.api("UpdateMetadataConfiguration"),
    needs=NEEDS,
    slow=True,
)
def test_texts_that_are_there_become_searchable(make_index: MakeIndex) -> None:
    """A configuration that is added later makes the texts searchable that are stored already."""
    index = make_index()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    add_text(index)
    assert found(index, "zebra") == ["a"]


@requirement(
    "text.backfill-and-on",
    level="should",
    evidence="model",
    source=sources.api("UpdateMetadataConfiguration"),
    needs=NEEDS,
    slow=True,
)
def test_texts_that_come_later_are_searchable(make_index: MakeIndex) -> None:
    """After a configuration is added, texts that are put, overwritten or deleted are searched as they are."""
    index = make_index()
    index.put(("a", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "zebra"}))
    add_text(index)
    index.put(("c", [1, 0], {"body": "zebra"}), ("b", [1, 0], {"body": "quartz"}))
    index.delete("a")
    assert found(index, "zebra") == ["c"]


@requirement(
    "text.description",
    level="must",
    evidence="model",
    source=sources.api("GetIndex"),
    needs=NEEDS,
    covers="GetIndex>index.metadataConfiguration.textSearchConfigurations*",
)
def test_what_is_searchable_is_told(make_texts: MakeTexts) -> None:
    """GetIndex tells which keys are searchable, in which language, and whether they are yet."""
    described = make_texts(language="en").call("GetIndex")["index"]["metadataConfiguration"]
    (one,) = described["textSearchConfigurations"]
    assert (one["metadataKey"], one["language"]) == ("body", "en")
    assert one["status"] in {"ACTIVE", "BUILDING"}
