from __future__ import annotations

import builtins
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.search import full_text as text
from vecgate.endpoint.search.full_text import TextIndexes
from vecgate.endpoint.storage.vector_table import VectorTable


class Texts:
    """Vectors that have only a text, and their full-text indexes."""

    def __init__(self, language: str = "") -> None:
        self.table, self.indexes, self.language = VectorTable(1), TextIndexes(), language

    def put(self, texts: Mapping[str, str | None]) -> None:
        metadata = [None if each is None else {"body": each} for each in texts.values()]
        self.table.put(list(texts), np.zeros((len(texts), 1), np.float32), metadata)
        self.indexes.mark_stale(list(texts))

    def delete(self, *keys: str) -> None:
        self.table.delete(keys)
        self.indexes.mark_stale(keys)

    def scores(self, query: str, **limits: Any) -> dict[str, float]:
        index = self.indexes.get("body", self.language, self.table)
        return dict(index.rank(query, **{"count": 1_000, "candidates": None, **limits}))

    def found(self, query: str, **limits: Any) -> list[str]:
        return list(self.scores(query, **limits))


def texts_of(language: str, **contents: str) -> Texts:
    texts = Texts(language)
    texts.put(contents)
    return texts


@pytest.mark.parametrize(
    ("stored", "query"),
    [
        ("Hello World", "hello"),
        ("ÉTÉ À PARIS", "été"),
        ("Größe", "GRÖSSE größe"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("don't", "DON"),
        ("a-b_c", "c"),
        ("x86 2026", "2026"),
        ("Привет мир", "МИР"),
        ("北京", "北京"),
    ],
)
def test_the_standard_analyser_splits_text_into_lower_case_words(stored: str, query: str) -> None:
    """Words are runs of letters and digits of any script, composed or not; everything else separates them."""
    assert texts_of("", k=stored).found(query) == ["k"]


@pytest.mark.parametrize(("stored", "query"), [("houses", "house"), ("hello", "hell"), ("café", "cafe")])
def test_the_standard_analyser_does_not_stem_and_keeps_accents(stored: str, query: str) -> None:
    """Different forms of a word do not match."""
    assert texts_of("", k=stored).found(query) == []


@pytest.mark.parametrize(
    ("language", "stored", "query"),
    [
        ("en", "running dogs", "run"),
        ("fr", "les chevaux", "cheval"),
        ("es", "las canciones", "canción"),
        ("pt", "os meninos", "menino"),
        ("it", "i ragazzi", "ragazzo"),
        ("de", "die Häuser", "haus"),
        ("nl", "de huizen en boeken", "boek"),
    ],
)
def test_a_language_uses_its_stemmer(language: str, stored: str, query: str) -> None:
    """Different forms of a word match each other; without a language they do not."""
    assert texts_of(language, k=stored).found(query) == ["k"]
    assert texts_of("", k=stored).found(query) == []


@pytest.mark.parametrize(
    ("language", "stored", "query"),
    [
        ("zh", "我住在北京大学附近", "北京"),
        ("ja", "東京都に住んでいます", "住んで"),
        ("ja", "カタカナ", "タカ"),
        ("ko", "대한민국 서울특별시", "서울"),
        ("zh", "用Python写代码", "python"),
        ("zh", "京", "京"),
        ("ja", "\uff76\uff85", "\uff76\uff85"),
        ("zh", "\U00020000\U00020001\U00020002", "\U00020001\U00020002"),
    ],
)
def test_texts_without_spaces_match_by_bigrams(language: str, stored: str, query: str) -> None:
    """Terms are overlapping pairs of characters; words of other scripts between them stay words."""
    assert texts_of(language, k=stored).found(query) == ["k"]


def test_bigrams_do_not_cross_a_separator() -> None:
    """The end of one run and the beginning of the next do not form a pair."""
    texts = texts_of("zh", k="北,京 大x学")
    assert texts.found("北京") == []
    assert texts.found("大学") == []


def naive_scores(texts: Mapping[str, str], query: str) -> dict[str, float]:
    """BM25 from its definition: k1 = 1.2, b = 0.75, idf = ln(1 + (N - n + 0.5) / (n + 0.5))."""
    documents = {key: each.split() for key, each in texts.items()}
    mean = sum(map(len, documents.values())) / len(documents)
    scores: dict[str, float] = {}
    for term in set(query.split()):
        holders = [key for key, words in documents.items() if term in words]
        rarity = math.log(1 + (len(documents) - len(holders) + 0.5) / (len(holders) + 0.5))
        for key in holders:
            frequency = documents[key].count(term)
            norm = 1.2 * (0.25 + 0.75 * len(documents[key]) / mean)
            scores[key] = scores.get(key, 0) + rarity * 2.2 * frequency / (frequency + norm)
    return scores


some_texts = st.lists(st.sampled_from("abcde"), min_size=1, max_size=8).map(" ".join)
changes = st.lists(
    st.dictionaries(st.sampled_from("klmnopq"), st.none() | some_texts, max_size=5), max_size=5
)


@given(changes=changes, query=some_texts)
def test_scores_are_bm25_of_the_current_texts(changes: list[dict[str, str | None]], query: str) -> None:
    """Old texts and deleted vectors do not count, whatever was written between searches."""
    texts, current = Texts(), dict[str, str]()
    for change in changes:
        texts.put({key: each for key, each in change.items() if each is not None})
        texts.delete(*[key for key, each in change.items() if each is None])
        current = {**current, **{key: each for key, each in change.items() if each is not None}}
        current = {key: each for key, each in current.items() if change.get(key, "") is not None}
        expected = naive_scores(current, query) if current else {}
        found = texts.scores(query)
        assert found == pytest.approx(expected, rel=1e-5)
        assert list(found) == sorted(found, key=lambda key: (-found[key], key))


@given(changes=changes, query=some_texts)
def test_a_large_index_drops_old_texts_without_a_rebuild(
    changes: list[dict[str, str | None]], query: str
) -> None:
    """Deleted texts stay in the statistics for a while, but are never found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "SMALL_INDEX_CHARS", -1)
        patch.setattr(text, "LIVE_PER_DELETED_MIN", 0)
        texts, current = Texts(), dict[str, str]()
        for change in changes:
            texts.put({key: each for key, each in change.items() if each is not None})
            texts.delete(*[key for key, each in change.items() if each is None])
            current = {**current, **{key: each for key, each in change.items() if each is not None}}
            current = {key: each for key, each in current.items() if change.get(key, "") is not None}
            holders = {key for key, each in current.items() if set(each.split()) & set(query.split())}
            assert set(texts.found(query)) == holders


def test_too_many_deleted_texts_cause_a_rebuild(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one in eight does, so that scores stay close to exact."""
    monkeypatch.setattr(text, "SMALL_INDEX_CHARS", -1)
    texts = Texts()
    all_texts = {f"k{number:02}": f"apple {'pie ' * (number % 3)}" for number in range(40)}
    texts.put(all_texts)
    assert texts.scores("apple") == pytest.approx(naive_scores(all_texts, "apple"), rel=1e-5)
    del all_texts["k00"]
    texts.delete("k00")
    drifted = texts.scores("apple")
    assert drifted.keys() == all_texts.keys()
    assert drifted != pytest.approx(naive_scores(all_texts, "apple"), rel=1e-5)
    for number in range(1, 6):
        del all_texts[f"k{number:02}"]
    texts.delete(*[f"k{number:02}" for number in range(1, 6)])
    assert texts.scores("apple") == pytest.approx(naive_scores(all_texts, "apple"), rel=1e-5)


def test_the_same_writes_give_the_same_scores_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while deleted texts still count: the time of a merge is not random."""
    monkeypatch.setattr(text, "SMALL_INDEX_CHARS", -1)
    runs = []
    for _ in range(3):
        texts, seen = Texts(), []
        for step in range(30):
            texts.put(
                {f"k{step * 7 % 90 + number:02}": f"a {'b ' * (number % 4)}c{step}" for number in range(10)}
            )
            texts.delete(f"k{step:02}")
            seen.append(texts.scores("a b c3"))
        runs.append(seen)
    assert runs[0] == runs[1] == runs[2]


def test_a_write_without_a_text_commits_nothing() -> None:
    """Vectors without a text do not slow down searches."""
    texts = texts_of("", a="apple")
    assert texts.found("apple") == ["a"]
    before = texts.indexes.get("body", "", texts.table)._index
    texts.put({"b": None})
    texts.delete("b")
    assert texts.found("apple") == ["a"]
    assert texts.indexes.get("body", "", texts.table)._index is before


def test_only_the_candidate_keys_are_ranked() -> None:
    """Other keys have no effect, whatever their scores."""
    texts = texts_of("", a="apple", b="apple pie", c="apple pie and more")
    assert texts.found("apple", candidates={"b", "c"}, count=1) == ["b"]
    assert texts.found("apple", candidates=set()) == []


def test_an_index_without_texts_finds_nothing() -> None:
    """The same after all texts were deleted."""
    texts = Texts()
    assert texts.found("apple") == []
    texts.put({"a": "apple"})
    assert texts.found("apple") == ["a"]
    texts.delete("a")
    assert texts.found("apple") == []


def test_a_removed_key_is_indexed_again_on_its_next_use() -> None:
    """With the language that it has then."""
    texts = texts_of("", a="houses")
    assert texts.found("house") == []
    texts.indexes.remove("body")
    texts.indexes.remove("never-indexed")
    texts.language = "en"
    assert texts.found("house") == ["a"]


@given(query=st.text(max_size=60), stored=st.text(max_size=60))
def test_any_text_can_be_stored_and_searched(query: str, stored: str) -> None:
    """No character is query syntax, and nothing raises."""
    for language in ("", "en", "zh"):
        texts = texts_of(language, k=stored, other="apple")
        assert set(texts.found(query)) <= {"k", "other"}
        index = texts.indexes.get("body", language, texts.table)
        if index._tokenizer.analyze(index._analyser.prepare(stored)):
            assert "k" in texts.found(stored)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a 501 that says what to install."""
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "tantivy":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ApiError, match=r"pip install 'vecgate\[serve\]'") as caught:
        texts_of("", k="x").found("x")
    assert caught.value.code == "NotImplementedException"


def test_the_library_is_loaded_by_the_first_search_only() -> None:
    """A server without text searches starts without it."""
    script = "import sys, vecgate.endpoint.core; print('tantivy' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout == "False\n"


@given(st.text(st.sampled_from("ae\u0301\u0316\u0327\u05b0\u1112\u1161\u11abé漢"), max_size=text.MARKS_MAX))
def test_text_is_composed_as_unicode_says(decomposed: str) -> None:
    """As long as no run of marks is longer than any language needs."""
    assert text.compose(decomposed) == normalize("NFC", decomposed)


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0316\u0301", "\u302a\u05b0"])
def test_long_runs_of_marks_are_separated(marks: str) -> None:
    """Composing them takes the square of their length: seconds for the 40 KB of one vector's metadata."""
    runs = text.compose("a" + marks * 10_000).split(text.COMBINING_GRAPHEME_JOINER)
    assert {len(run) for run in runs[1:-1]} == {text.MARKS_MAX}
