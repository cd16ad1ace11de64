"""Full text: BM25 by tantivy, one of its indexes for each metadata key that is searchable.

A write only notes which vectors it touched; a query first brings the index it needs up to date and commits.
So writes stay cheap, and a text that is gone is never found. What is asked for becomes terms and is looked
up as such: no character of it means anything else.

What AWS publishes about its analysers is their languages alone. Inferred: words as Unicode has them, lower
case, a stemmer where the language has one; for Chinese, Japanese and Korean pairs of characters; any term may
match; k1 = 1.2, b = 0.75, as tantivy has them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias
from unicodedata import normalize

from vecgate.endpoint.answers import not_built
from vecgate.endpoint.table import VectorTable

if TYPE_CHECKING:
    import tantivy

#: Keys and what they score, best first, equal ones by key.
Ranking: TypeAlias = list[tuple[str, float]]

STEMMERS: Mapping[str, str] = {
    "en": "english",
    "fr": "french",
    "es": "spanish",
    "pt": "portuguese",
    "it": "italian",
    "de": "german",
    "nl": "dutch",
}
PAIRED = frozenset({"zh", "ja", "ko"})
#: Runs of Han, kana, bopomofo and Hangul, the half-width and compatibility forms included.
RUN = re.compile(
    "[\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u3105-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff]+"
)
#: tantivy asks for this much at least.
WRITER_BYTES = 15_000_000
#: Dead documents count in BM25 until they are merged away, as in Lucene. An index with more than one in
#: this many is made anew, one of no more than so many characters as soon as it has any.
DEAD_SHARE, SMALL_LENGTH = 8, 500_000
#: Results that are fetched beyond those asked for, to see whether equal scores go on.
BEYOND = 64


@dataclass(frozen=True, slots=True)
class Analyser:
    """Makes terms of text in *language*, a code of the model, or by the standard rules where it is empty."""

    language: str = ""

    def prepared(self, text: str) -> str:
        """*text* so that the tokenizer finds the terms in it."""
        plain = normalize("NFC", text)
        return RUN.sub(_pairs, plain) if self.language in PAIRED else plain

    def tokenizer(self) -> tantivy.TextAnalyzer:
        """What makes terms of a prepared text."""
        tv = load_tantivy()
        builder = tv.TextAnalyzerBuilder(tv.Tokenizer.simple()).filter(tv.Filter.lowercase())
        if stemmer := STEMMERS.get(self.language):
            builder = builder.filter(tv.Filter.stemmer(stemmer))
        analyser: tantivy.TextAnalyzer = builder.build()
        return analyser


class TextIndex:
    """The texts that vectors have under one metadata key."""

    def __init__(self, metadata_key: str, analyser: Analyser) -> None:
        self._metadata_key, self._analyser = metadata_key, analyser
        self._tokenizer = analyser.tokenizer()
        self._stale: set[str] = set()
        self._begin()

    def touch(self, keys: Iterable[str]) -> None:
        """The vectors of *keys* have changed, have come or have gone."""
        self._stale.update(keys)

    def refresh(self, table: VectorTable) -> None:
        """Bring it up to date with *table*."""
        dead, alive = self._numbers.keys() & self._stale, len(self._numbers)
        many = (self._dead + len(dead)) * DEAD_SHARE > alive
        if dead and (many or self._length <= SMALL_LENGTH):
            self._begin()
            dead, self._stale = set(), set(table.keys)
        texts = self._texts(table)
        if dead or texts:
            self._commit(dead, texts)
        self._stale = set()

    def ranking(self, text: str, *, count: int, among: Collection[str] | None) -> Ranking:
        """The *count* best for *text*, of the keys *among* or of all."""
        terms = sorted(set(self._tokenizer.analyze(self._analyser.prepared(text))))
        if not terms or not self._numbers:
            return []
        found, total = self._search(terms, len(self._keys) if among is not None else count + BEYOND)
        if among is not None:
            found = [hit for hit in found if hit[0] in among]
        elif len(found) < total and found[-1][1] == found[count - 1][1]:
            found, _ = self._search(terms, total)
        return ranked(found)[:count]

    def _begin(self) -> None:
        tv = load_tantivy()
        builder = tv.SchemaBuilder()
        builder.add_text_field("text", tokenizer_name="terms", index_option="freq")
        # Terms are looked up by type, and tantivy takes Python's integers for signed ones.
        builder.add_integer_field("number", indexed=True, fast=True)
        self._schema = builder.build()
        self._index = tv.Index(self._schema)
        self._index.register_tokenizer("terms", self._tokenizer)
        #: The key of each document by its number, and the number of the live one of each key.
        self._keys: list[str] = []
        self._numbers: dict[str, int] = {}
        self._dead = self._length = 0

    def _texts(self, table: VectorTable) -> dict[str, str]:
        """The texts of the vectors that are stale, by key. What is not a string is no text."""
        texts = {}
        for row in table.rows_of(self._stale):
            value = (table.metadata[row] or {}).get(self._metadata_key)
            if isinstance(value, str):
                texts[table.keys[row]] = self._analyser.prepared(value)
        return texts

    def _commit(self, dead: Collection[str], texts: Mapping[str, str]) -> None:
        tv = load_tantivy()
        writer = self._index.writer(WRITER_BYTES, 1)
        for key in dead:
            writer.delete_documents_by_term("number", self._numbers.pop(key))
        self._dead += len(dead)
        # In order of keys, for scores depend a little on where a text is stored.
        for key in sorted(texts):
            self._numbers[key] = len(self._keys)
            writer.add_document(tv.Document(text=texts[key], number=len(self._keys)))
            self._keys.append(key)
            self._length += len(texts[key])
        writer.commit()
        # Merges change scores where documents are dead; when they happen must not be a matter of chance.
        writer.wait_merging_threads()
        self._index.reload()

    def _search(self, terms: Sequence[str], limit: int) -> tuple[Ranking, int]:
        """At most *limit* matches, and how many there are."""
        tv = load_tantivy()
        query = tv.Query.boolean_query(
            [(tv.Occur.Should, tv.Query.term_query(self._schema, "text", term, "freq")) for term in terms]
        )
        searcher = self._index.searcher()
        result = searcher.search(query, min(limit, len(self._keys)))
        numbers = searcher.fast_field_values("number", [address for _, address in result.hits])
        scores = [score for score, _ in result.hits]
        return [
            (self._keys[number], score) for number, score in zip(numbers, scores, strict=True)
        ], result.count


class TextIndexes:
    """The full-text indexes of one vector index: each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, TextIndex] = {}

    def touch(self, keys: Collection[str]) -> None:
        """The vectors of *keys* have changed, have come or have gone."""
        for made in self._made.values():
            made.touch(keys)

    def forget(self, metadata_key: str) -> None:
        """*metadata_key* is no longer searchable."""
        self._made.pop(metadata_key, None)

    def current(self, metadata_key: str, language: str, table: VectorTable) -> TextIndex:
        """The index of *metadata_key*, in line with *table*."""
        if metadata_key not in self._made:
            self._made[metadata_key] = TextIndex(metadata_key, Analyser(language))
            self._made[metadata_key].touch(table.keys)
        made = self._made[metadata_key]
        made.refresh(table)
        return made


def ranked(scores: Iterable[tuple[str, float]]) -> Ranking:
    """*scores* of keys, best first, equal ones by key."""
    return sorted(scores, key=lambda item: (-item[1], item[0]))


def load_tantivy() -> ModuleType:
    """The library, loaded when first needed. Raises Refused, which names it, where it is missing."""
    try:
        import tantivy  # noqa: PLC0415
    except ImportError:
        raise not_built("full-text search without the package tantivy (pip install tantivy)") from None
    return tantivy


def _pairs(run: re.Match[str]) -> str:
    """A run of characters as overlapping pairs, as words; a lone character stays."""
    text = run.group()
    pairs = [text[at : at + 2] for at in range(len(text) - 1)] or [text]
    return f" {' '.join(pairs)} "
