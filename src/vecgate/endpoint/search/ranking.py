"""The results of a query, best first: by vector, by text, or by both.

The filter applies first: every ranking contains only vectors that pass it. Equal results are ordered by key.
The members of `scores` are the model's; their values are this endpoint's own, because AWS publishes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.search.full_text import Ranking
from vecgate.endpoint.search.fusion import fuse_rankings, sum_rankings
from vecgate.endpoint.search.nearest import Rows, find_nearest
from vecgate.endpoint.storage.query_snapshots import Hits
from vecgate.endpoint.storage.state import Index
from vecgate.endpoint.storage.vector_table import Float32Vector


@dataclass(frozen=True, slots=True)
class TextQuery:
    """A text to search for under one metadata key."""

    metadata_key: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class SearchRequest:
    """The subject of a search.

    vector      shape (dimension,); None in a search by text
    texts       empty in a search by vector
    candidates  the rows that pass the filter, ascending; None for all
    """

    vector: Float32Vector | None
    texts: Sequence[TextQuery]
    candidates: Rows | None


def search_vectors(index: Index, request: SearchRequest, *, top_k: int) -> Hits:
    """Return the nearest vectors. They have no scores."""
    assert request.vector is not None
    nearest = find_nearest(
        index.table, request.vector, top_k=top_k, metric=index.metric, candidates=request.candidates
    )
    keys = [index.table.keys[row] for row in nearest.rows.tolist()]
    return Hits(keys, nearest.distances.tolist(), _metadata(index, keys), [{}] * len(keys))


def search_texts(index: Index, request: SearchRequest, *, top_k: int) -> Hits:
    """Return the vectors whose texts match best, by the sum of their scores. They have no distance."""
    # A sum may be high although no single score is, so several texts are ranked completely.
    depth = top_k if len(request.texts) == 1 else len(index.table)
    rankings = _rank_texts(index, request, depth=depth)
    keys = [key for key, _ in sum_rankings(rankings.values())[:top_k]]
    scores = [{"bm25Scores": each} for each in _bm25_scores(rankings, keys)]
    return Hits(keys, [None] * len(keys), _metadata(index, keys), scores)


def search_hybrid(index: Index, request: SearchRequest, *, top_k: int, depth: int) -> Hits:
    """Return the best of the fused rankings, one for each text and one for the vector, each *depth* long."""
    nearest = search_vectors(index, request, top_k=depth)
    rankings = _rank_texts(index, request, depth=depth)
    by_text = [[key for key, _ in each] for each in rankings.values()]
    fused = fuse_rankings([nearest.keys, *by_text])[:top_k]
    keys, distances = [key for key, _ in fused], dict(zip(nearest.keys, nearest.distances, strict=True))
    scores = [
        {
            "fused": score,
            **({"bm25Scores": bm25} if bm25 else {}),
            **({"vectorDistance": distances[key]} if key in distances else {}),
        }
        for (key, score), bm25 in zip(fused, _bm25_scores(rankings, keys), strict=True)
    ]
    return Hits(keys, [distances.get(key) for key in keys], _metadata(index, keys), scores)


def _rank_texts(index: Index, request: SearchRequest, *, depth: int) -> dict[str, Ranking]:
    """Return the ranking of each text by its metadata key."""
    rows = request.candidates
    candidates = None if rows is None else {index.table.keys[row] for row in rows.tolist()}
    rankings = {}
    for query in request.texts:
        language = index.text_configurations[query.metadata_key].get("language", "")
        text_index = index.texts.get(query.metadata_key, language, index.table)
        rankings[query.metadata_key] = text_index.rank(query.text, count=depth, candidates=candidates)
    return rankings


def _bm25_scores(rankings: Mapping[str, Ranking], keys: Sequence[str]) -> list[list[Document]]:
    """Return, for each of *keys*, its scores under the metadata keys that it matched."""
    by_metadata_key = {name: dict(ranking) for name, ranking in rankings.items()}
    return [
        [
            {"metadataKey": name, "score": scores[key]}
            for name, scores in by_metadata_key.items()
            if key in scores
        ]
        for key in keys
    ]


def _metadata(index: Index, keys: Sequence[str]) -> list[Mapping[str, object] | None]:
    return [index.table.metadata[row] for row in index.table.find_rows(keys)]
