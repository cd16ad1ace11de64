"""What a query finds, best first: by vector, by text, or by both.

The filter comes first: every ranking is of the vectors that it lets through. Equal results are ordered by
key. What belongs in `scores` is the model's; the scores themselves are nobody's business but ours, for AWS
publishes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vecgate.endpoint.fusion import added, fused
from vecgate.endpoint.search import Rows, nearest
from vecgate.endpoint.snapshots import Hits
from vecgate.endpoint.state import Index
from vecgate.endpoint.table import Float32Vector
from vecgate.endpoint.text import Ranking
from vecgate.endpoint.validation import Document


@dataclass(frozen=True, slots=True)
class TextQuery:
    """A text to look for under one metadata key."""

    metadata_key: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What to look for.

    vector  shape (dimension,), or None for a search by text alone
    texts   none for a search by vector alone
    among   the rows to look at, ascending, or None for all
    """

    vector: Float32Vector | None
    texts: Sequence[TextQuery]
    among: Rows | None


def vector_hits(index: Index, wanted: Wanted, *, top_k: int) -> Hits:
    """The nearest vectors. They have no scores."""
    assert wanted.vector is not None
    found = nearest(index.table, wanted.vector, top_k=top_k, metric=index.metric, among=wanted.among)
    keys = [index.table.keys[row] for row in found.rows.tolist()]
    return Hits(keys, found.distances.tolist(), _metadata(index, keys), [{}] * len(keys))


def text_hits(index: Index, wanted: Wanted, *, top_k: int) -> Hits:
    """The vectors whose texts match best, by the sum of their scores. They have no distance."""
    # A sum may be high where no single score is, so several texts are ranked to the end.
    depth = top_k if len(wanted.texts) == 1 else len(index.table)
    rankings = _text_rankings(index, wanted, depth=depth)
    keys = [key for key, _ in added(rankings.values())[:top_k]]
    scores = [{"bm25Scores": each} for each in _bm25_scores(rankings, keys)]
    return Hits(keys, [None] * len(keys), _metadata(index, keys), scores)


def hybrid_hits(index: Index, wanted: Wanted, *, top_k: int, depth: int) -> Hits:
    """The best of the fused rankings, one of each text and one of the vector, each *depth* deep."""
    near = vector_hits(index, wanted, top_k=depth)
    rankings = _text_rankings(index, wanted, depth=depth)
    found = fused([near.keys, *([key for key, _ in each] for each in rankings.values())])[:top_k]
    keys, distances = [key for key, _ in found], dict(zip(near.keys, near.distances, strict=True))
    scores = [
        {
            "fused": score,
            **({"bm25Scores": bm25} if bm25 else {}),
            **({"vectorDistance": distances[key]} if key in distances else {}),
        }
        for (key, score), bm25 in zip(found, _bm25_scores(rankings, keys), strict=True)
    ]
    return Hits(keys, [distances.get(key) for key in keys], _metadata(index, keys), scores)


def _text_rankings(index: Index, wanted: Wanted, *, depth: int) -> dict[str, Ranking]:
    """The ranking of each text, by its metadata key."""
    among = wanted.among
    keys = None if among is None else {index.table.keys[row] for row in among.tolist()}
    rankings = {}
    for each in wanted.texts:
        language = index.text_configurations[each.metadata_key].get("language", "")
        current = index.texts.current(each.metadata_key, language, index.table)
        rankings[each.metadata_key] = current.ranking(each.text, count=depth, among=keys)
    return rankings


def _bm25_scores(rankings: Mapping[str, Ranking], keys: Sequence[str]) -> list[list[Document]]:
    """For each of *keys*, its scores under the metadata keys that it matched."""
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
    return [index.table.metadata[row] for row in index.table.rows_of(keys)]
