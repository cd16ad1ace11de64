"""Parts of a query in the endpoint, each compared with a lower bound or with what it replaces."""

from __future__ import annotations

import numpy as np
import pytest
import tantivy
from pytest_benchmark.fixture import BenchmarkFixture

from vecgate.endpoint.search.filters import parse_filter
from vecgate.endpoint.search.full_text import TextIndex, TextIndexes
from vecgate.endpoint.search.nearest import find_nearest
from vecgate.endpoint.storage.vector_table import VectorTable

ROWS, DIMENSION, TOP_K = 100_000, 128, 10
DOCUMENTS, WORDS = 20_000, 40
FILTER = {"$and": [{"year": {"$gte": 2000, "$lt": 2050}}, {"genre": {"$in": ["g7", "g8", "g9"]}}]}
QUERY = "alpha beta gamma"


@pytest.fixture(scope="module")
def table() -> VectorTable:
    """Rows with a number and a short string."""
    table = VectorTable(DIMENSION)
    rows = np.random.default_rng(0).standard_normal((ROWS, DIMENSION)).astype(np.float32)
    metadata = [{"year": 2000 + row % 100, "genre": f"g{row % 100}"} for row in range(ROWS)]
    table.put([f"k{row:07}" for row in range(ROWS)], rows, metadata)
    return table


@pytest.mark.benchmark(group="filter 100,000 rows", min_rounds=5)
def test_filter_row_by_row(benchmark: BenchmarkFixture, table: VectorTable) -> None:
    """The baseline: a Python loop over the rows."""
    benchmark.extra_info.update(baseline=True, vectors=ROWS)
    matches = parse_filter(FILTER).matches
    benchmark(lambda: [row for row in range(ROWS) if matches(table.metadata[row] or {})])


@pytest.mark.benchmark(group="filter 100,000 rows", min_rounds=5)
def test_filter_by_columns(benchmark: BenchmarkFixture, table: VectorTable) -> None:
    """All rows at once; parsing the filter is included."""
    benchmark.extra_info["vectors"] = ROWS
    benchmark(lambda: parse_filter(FILTER).select(table))


@pytest.mark.benchmark(group="nearest 10 of 100,000 x 128", min_rounds=5)
def test_a_product_and_a_partition_by_numpy(benchmark: BenchmarkFixture, table: VectorTable) -> None:
    """The lower bound: BLAS and a partial sort, inexact and without order."""
    benchmark.extra_info.update(baseline=True, vectors=ROWS)
    query = np.ones(DIMENSION, np.float32)
    benchmark(lambda: np.argpartition(-(table.vectors @ query) / table.norms, TOP_K)[:TOP_K])


@pytest.mark.benchmark(group="nearest 10 of 100,000 x 128", min_rounds=5)
def test_exact_search(benchmark: BenchmarkFixture, table: VectorTable) -> None:
    """Exact distances in order; equal ones are ordered by key."""
    benchmark.extra_info["vectors"] = ROWS
    query = np.ones(DIMENSION, np.float32)
    benchmark(lambda: find_nearest(table, query, top_k=TOP_K, metric="cosine"))


def texts() -> list[str]:
    """Texts whose words have the uneven frequencies of natural language."""
    words = ["alpha", "beta", "gamma", *(f"word{number}" for number in range(5_000))]
    drawn = np.random.default_rng(1).zipf(1.2, (DOCUMENTS, WORDS)) % len(words)
    return [" ".join(words[number] for number in row) for row in drawn]


@pytest.fixture(scope="module")
def text_index() -> TextIndex:
    table = VectorTable(1)
    bodies = texts()
    keys = [f"k{row:07}" for row in range(DOCUMENTS)]
    table.put(keys, np.zeros((DOCUMENTS, 1), np.float32), [{"body": body} for body in bodies])
    return TextIndexes().get("body", "en", table)


@pytest.fixture(scope="module")
def tantivy_index() -> tantivy.Index:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", stored=False, tokenizer_name="en_stem")
    builder.add_text_field("key", stored=True, tokenizer_name="raw")
    index = tantivy.Index(builder.build())
    writer = index.writer()
    for row, body in enumerate(texts()):
        writer.add_document(tantivy.Document(body=body, key=f"k{row:07}"))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return index


@pytest.mark.benchmark(group="text search, 10 of 20,000", min_rounds=5)
def test_tantivy_alone(benchmark: BenchmarkFixture, tantivy_index: tantivy.Index) -> None:
    """The lower bound: tantivy's own query language, and stored keys."""
    benchmark.extra_info.update(baseline=True, vectors=1)

    def search() -> list[str]:
        searcher = tantivy_index.searcher()
        hits = searcher.search(tantivy_index.parse_query(QUERY, ["body"]), TOP_K).hits
        return [searcher.doc(address)["key"][0] for _, address in hits]

    benchmark(search)


@pytest.mark.benchmark(group="text search, 10 of 20,000", min_rounds=5)
def test_ranking(benchmark: BenchmarkFixture, text_index: TextIndex) -> None:
    """The same ten results; equal scores are ordered by key."""
    benchmark.extra_info["vectors"] = 1
    benchmark(lambda: text_index.rank(QUERY, count=TOP_K, candidates=None))
