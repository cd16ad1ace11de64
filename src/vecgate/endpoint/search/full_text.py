"""Full-text search: BM25 by tantivy, with one tantivy index for each searchable metadata key.

A write only records which vectors it touched; a query first updates the index that it needs. So writes stay
cheap, and a query never finds a deleted text. Query texts are split into terms, and no character in them is
query syntax.

AWS publishes only the languages of its analysers. Inferred: Unicode words in lower case, a stemmer if the
language has one, pairs of characters for Chinese, Japanese and Korean; any term may match; k1 = 1.2 and b =
0.75, as in tantivy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias
from unicodedata import combining, normalize

from vecgate.endpoint.requests.messages import not_implemented
from vecgate.endpoint.storage.vector_table import VectorTable

if TYPE_CHECKING:
    import tantivy

#: Keys with their scores, best first; equal scores are ordered by key.
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
BIGRAM_LANGUAGES = frozenset({"zh", "ja", "ko"})
#: Runs of Han, kana, bopomofo and Hangul, the half-width and compatibility forms included.
CJK_RUN = re.compile(
    "[\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u3105-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff]+"
)
#: Marks that may follow each other before COMBINING_GRAPHEME_JOINER separates them, which Unicode calls
#: stream-safe text. Sorting a run of marks takes the square of its length: seconds for 40 KB of metadata.
#: https://unicode.org/reports/tr15/#Stream_Safe_Text_Format
MARKS_MAX, COMBINING_GRAPHEME_JOINER = 30, "\u034f"
#: The first and, a little beyond, the last character that combines with the one before it.
MARKS_START, MARKS_END = 0x300, 0x1F000
#: The minimum that tantivy accepts.
WRITER_BYTES = 15_000_000
#: Deleted documents count in BM25 until they are merged away, as in Lucene. An index is rebuilt if more than
#: one in LIVE_PER_DELETED_MIN is deleted, or any at all if its texts have up to SMALL_INDEX_CHARS characters.
LIVE_PER_DELETED_MIN, SMALL_INDEX_CHARS = 8, 500_000
#: Additional results to fetch, because more of them may have the same score as the last one.
EXTRA_HITS = 64


@dataclass(frozen=True, slots=True)
class Analyser:
    """Splits text into terms. *language* is a code of the model; empty selects the standard rules."""

    language: str = ""

    def prepare(self, text: str) -> str:
        """Return *text* in the form in which the tokenizer finds its terms."""
        composed = compose(text)
        return CJK_RUN.sub(_split_bigrams, composed) if self.language in BIGRAM_LANGUAGES else composed

    def tokenizer(self) -> tantivy.TextAnalyzer:
        """Return the tokenizer for prepared text."""
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
        self._clear()

    def mark_stale(self, keys: Iterable[str]) -> None:
        """Record that the vectors of *keys* were added, changed or deleted."""
        self._stale.update(keys)

    def refresh(self, table: VectorTable) -> None:
        """Update the index from *table*."""
        deleted, live_count = self._numbers.keys() & self._stale, len(self._numbers)
        are_many = (self._deleted_count + len(deleted)) * LIVE_PER_DELETED_MIN > live_count
        if deleted and (are_many or self._chars <= SMALL_INDEX_CHARS):
            self._clear()
            deleted, self._stale = set(), set(table.keys)
        texts = self._stale_texts(table)
        if deleted or texts:
            self._commit(deleted, texts)
        self._stale = set()

    def rank(self, text: str, *, count: int, candidates: Collection[str] | None) -> Ranking:
        """Return the *count* best matches of *text*, among the keys in *candidates* or all."""
        terms = sorted(set(self._tokenizer.analyze(self._analyser.prepare(text))))
        if not terms or not self._numbers:
            return []
        limit = len(self._keys) if candidates is not None else count + EXTRA_HITS
        hits, total = self._search(terms, limit)
        if candidates is not None:
            hits = [hit for hit in hits if hit[0] in candidates]
        elif len(hits) < total and hits[-1][1] == hits[count - 1][1]:
            hits, _ = self._search(terms, total)
        return sort_ranking(hits)[:count]

    def _clear(self) -> None:
        tv = load_tantivy()
        builder = tv.SchemaBuilder()
        builder.add_text_field("text", tokenizer_name="terms", index_option="freq")
        # Terms are typed, and tantivy converts Python's integers to signed ones.
        builder.add_integer_field("number", indexed=True, fast=True)
        self._schema = builder.build()
        self._index = tv.Index(self._schema)
        self._index.register_tokenizer("terms", self._tokenizer)
        # The key of each document by its number, and the number of the live document of each key.
        self._keys: list[str] = []
        self._numbers: dict[str, int] = {}
        self._deleted_count = self._chars = 0

    def _stale_texts(self, table: VectorTable) -> dict[str, str]:
        """Return the texts of the stale vectors by key. Values other than strings are ignored."""
        texts = {}
        for row in table.find_rows(self._stale):
            value = (table.metadata[row] or {}).get(self._metadata_key)
            if isinstance(value, str):
                texts[table.keys[row]] = self._analyser.prepare(value)
        return texts

    def _commit(self, deleted: Collection[str], texts: Mapping[str, str]) -> None:
        tv = load_tantivy()
        writer = self._index.writer(WRITER_BYTES, 1)
        for key in deleted:
            writer.delete_documents_by_term("number", self._numbers.pop(key))
        self._deleted_count += len(deleted)
        # In the order of keys, because scores depend slightly on the position of a document.
        for key in sorted(texts):
            self._numbers[key] = len(self._keys)
            writer.add_document(tv.Document(text=texts[key], number=len(self._keys)))
            self._keys.append(key)
            self._chars += len(texts[key])
        writer.commit()
        # Merges of deleted documents change scores, so the time of a merge must not be random.
        writer.wait_merging_threads()
        self._index.reload()

    def _search(self, terms: Sequence[str], limit: int) -> tuple[Ranking, int]:
        """Return at most *limit* matches, and the number of all matches."""
        tv = load_tantivy()
        query = tv.Query.boolean_query(
            [(tv.Occur.Should, tv.Query.term_query(self._schema, "text", term, "freq")) for term in terms]
        )
        searcher = self._index.searcher()
        result = searcher.search(query, min(limit, len(self._keys)))
        numbers = searcher.fast_field_values("number", [address for _, address in result.hits])
        scores = [score for score, _ in result.hits]
        hits = [(self._keys[number], score) for number, score in zip(numbers, scores, strict=True)]
        return hits, result.count


class TextIndexes:
    """The full-text indexes of one vector index, each built on first use."""

    def __init__(self) -> None:
        self._indexes: dict[str, TextIndex] = {}

    def mark_stale(self, keys: Collection[str]) -> None:
        """Record that the vectors of *keys* were added, changed or deleted."""
        for index in self._indexes.values():
            index.mark_stale(keys)

    def remove(self, metadata_key: str) -> None:
        """Remove the index of *metadata_key*, whose text search configuration was deleted."""
        self._indexes.pop(metadata_key, None)

    def get(self, metadata_key: str, language: str, table: VectorTable) -> TextIndex:
        """Return the index of *metadata_key*, updated from *table*."""
        if metadata_key not in self._indexes:
            self._indexes[metadata_key] = TextIndex(metadata_key, Analyser(language))
            self._indexes[metadata_key].mark_stale(table.keys)
        index = self._indexes[metadata_key]
        index.refresh(table)
        return index


def compose(text: str) -> str:
    """Return *text* with composed characters, in time that is linear in its length."""
    if text.isascii():
        return text
    return normalize("NFC", _long_mark_runs().sub(rf"\g<0>{COMBINING_GRAPHEME_JOINER}", text))


@cache
def _long_mark_runs() -> re.Pattern[str]:
    marks = "".join(chr(code) for code in range(MARKS_START, MARKS_END) if combining(chr(code)))
    return re.compile(f"[{marks}]{{{MARKS_MAX}}}(?=[{marks}])")


def sort_ranking(scores: Iterable[tuple[str, float]]) -> Ranking:
    """Return *scores*, best first; equal scores are ordered by key."""
    return sorted(scores, key=lambda item: (-item[1], item[0]))


def load_tantivy() -> ModuleType:
    """Return the library, imported on first use. Raises ApiError that names it if it is missing."""
    try:
        import tantivy  # noqa: PLC0415
    except ImportError:
        raise not_implemented(
            "full-text search without the package tantivy (pip install 'vecgate[serve]')"
        ) from None
    return tantivy


def _split_bigrams(run: re.Match[str]) -> str:
    """Return a run of characters as overlapping pairs; a single character stays."""
    text = run.group()
    bigrams = [text[at : at + 2] for at in range(len(text) - 1)] or [text]
    return f" {' '.join(bigrams)} "
