"""Hybrid search by text and vector: one list of results, and their scores."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle

from .conftest import MakeTextIndex

NEEDS = "query text"
FILLERS = ("velvet harbour", "copper lantern", "maple violin", "silver meadow", "granite orchid")
ZEBRA = [{"metadataKey": "body", "text": "zebra"}]


@pytest.fixture
def index(make_text_index: MakeTextIndex) -> IndexHandle:
    """An index where `both` is near and contains zebra, `near` is nearer, and `said` is far and contains
    zebra.
    """
    made = make_text_index(metric="euclidean")
    made.put(
        ("near", [0, 0], {"body": "quartz"}),
        ("both", [1, 0], {"body": "zebra"}),
        ("said", [50, 0], {"body": "zebra pilgrim ember"}),
        *((f"filler-{number}", [9, number], {"body": text}) for number, text in enumerate(FILLERS)),
    )
    return made


def hybrid(index: IndexHandle, top_k: int = 20, **members: Any) -> list[dict[str, Any]]:
    return index.query([0, 0], top_k, queryTexts=ZEBRA, **{"distance": False, **members})


def by_text(index: IndexHandle, **members: Any) -> list[dict[str, Any]]:
    return index.query(None, queryTexts=ZEBRA, **{"distance": False, **members})


@requirement("text.hybrid-union", kind="effect", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_both_kinds_of_hits_are_found(index: IndexHandle) -> None:
    """A hybrid search finds near vectors and vectors whose text contains the word."""
    assert {"near", "both", "said"} <= {each["key"] for each in hybrid(index)}


@requirement("text.hybrid-order", kind="effect", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_a_high_rank_in_both_comes_first(index: IndexHandle) -> None:
    """A near vector whose text contains the word ranks before vectors that are only one of both."""
    assert hybrid(index)[0]["key"] == "both"


@requirement("text.hybrid-top-k", kind="effect", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_top_k_limits_the_combined_list(index: IndexHandle) -> None:
    """A hybrid search returns one list of topK results, not one for each ranking."""
    assert [each["key"] for each in hybrid(index, 1)] == ["both"]
    assert len(hybrid(index, 3)) == 3


@requirement("text.hybrid-once", kind="effect", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_a_hit_of_both_kinds_is_returned_once(index: IndexHandle) -> None:
    """A vector in two rankings is one result."""
    found = [each["key"] for each in hybrid(index)]
    assert len(set(found)) == len(found)


@requirement(
    "text.hybrid-rank", kind="detail", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_the_best_text_is_near_the_top(make_text_index: MakeTextIndex) -> None:
    """The first of one ranking is among the first of the fused list, whatever its place in the other."""
    index = make_text_index(metric="euclidean")
    index.put(
        *((f"near-{number}", [number, 0], {"body": "quartz"}) for number in range(120)),
        ("said", [900, 0], {"body": "zebra"}),
    )
    assert "said" in [each["key"] for each in hybrid(index, 5)]


@requirement(
    "text.hybrid-per-text", kind="detail", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_every_text_is_a_separate_ranking(make_text_index: MakeTextIndex) -> None:
    """Each text has its own ranking: first in two texts ranks before first by vector and last in one text."""
    index = make_text_index("title", "body", metric="euclidean")
    index.put(
        ("near-and-one", [0, 0], {"title": "zebra quartz ember falcon", "body": "quartz"}),
        ("far-and-both", [9, 0], {"title": "zebra", "body": "pilgrim"}),
        *((f"filler-{number}", [1, number], {"title": t, "body": t}) for number, t in enumerate(FILLERS)),
    )
    query_texts = [{"metadataKey": "title", "text": "zebra"}, {"metadataKey": "body", "text": "pilgrim"}]
    assert index.query([0, 0], queryTexts=query_texts)[0]["key"] == "far-and-both"


@requirement(
    "text.hybrid-filter", kind="effect", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_hybrid_search_is_filtered(index: IndexHandle) -> None:
    """A filter selects from both kinds of hits, and nothing else is returned."""
    index.put(("near", [0, 0], {"body": "quartz", "n": 1}), ("said", [50, 0], {"body": "zebra", "n": 1}))
    assert {each["key"] for each in hybrid(index, filter={"n": 1})} == {"near", "said"}


@requirement("text.hybrid-no-word", kind="detail", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_a_word_without_a_match_leaves_the_vectors(index: IndexHandle) -> None:
    """If no text contains the word, near vectors are still found."""
    query_texts = [{"metadataKey": "body", "text": "nowhere"}]
    assert index.query([0, 0], 2, queryTexts=query_texts)[0]["key"] == "near"


@requirement(
    "text.hybrid-after-put", kind="effect", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_a_hybrid_search_sees_every_write(index: IndexHandle) -> None:
    """A hybrid search right after writes sees all of them."""
    index.delete("both")
    index.put(("new", [0.5, 0], {"body": "zebra zebra"}))
    found = [each["key"] for each in hybrid(index)]
    assert found[0] == "new"
    assert "both" not in found


# Members of a result


@requirement(
    "text.bare-results", kind="effect", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_text_result_is_a_key(index: IndexHandle) -> None:
    """Without flags, a result of any search has its key and nothing else."""
    names = {name for each in [*by_text(index), *hybrid(index)] for name in each}
    assert names == {"key"}


@requirement(
    "text.metadata", kind="effect", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_text_result_has_metadata_on_request(index: IndexHandle) -> None:
    """With returnMetadata, a text result has its metadata, including the text."""
    assert by_text(index, metadata=True)[0] == {"key": "both", "metadata": {"body": "zebra"}}


@requirement("text.metric", kind="effect", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS)
def test_a_text_answer_names_the_metric(index: IndexHandle) -> None:
    """The answer to a query by text contains the distance metric, too."""
    assert index.call("QueryVectors", topK=1, queryTexts=ZEBRA)["distanceMetric"] == "euclidean"


@requirement(
    "text.scores",
    kind="effect",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs=NEEDS,
    covers="QueryVectors>vectors.scores QueryVectors>vectors.scores.bm25Scores*",
)
def test_a_text_result_has_a_score_for_its_key(index: IndexHandle) -> None:
    """With returnScores, a text result has a positive score for its metadata key."""
    for each in by_text(index, returnScores=True):
        (score,) = each["scores"]["bm25Scores"]
        assert score["metadataKey"] == "body"
        assert score["score"] > 0


@requirement(
    "text.scores-only-bm25", kind="detail", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_text_result_has_no_other_score(index: IndexHandle) -> None:
    """The results of a query by text alone have BM25 scores only, no fused score and no distance."""
    assert {name for each in by_text(index, returnScores=True) for name in each["scores"]} == {"bm25Scores"}


@requirement(
    "text.scores-descend", kind="effect", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_text_results_are_ordered_by_score(index: IndexHandle) -> None:
    """The results for one text are in descending order of its score."""
    scores = [each["scores"]["bm25Scores"][0]["score"] for each in by_text(index, returnScores=True)]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)


@requirement(
    "text.scores-per-key", kind="detail", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_result_has_scores_for_the_keys_that_match(make_text_index: MakeTextIndex) -> None:
    """With several texts, a result has scores for exactly the keys that match."""
    index = make_text_index("title", "body")
    index.put(
        ("both", [1, 0], {"title": "zebra", "body": "zebra"}),
        ("title", [1, 0], {"title": "zebra", "body": "x"}),
    )
    query_texts = [{"metadataKey": name, "text": "zebra"} for name in ("title", "body")]
    found = index.query(None, queryTexts=query_texts, returnScores=True)
    matched = {each["key"]: {one["metadataKey"] for one in each["scores"]["bm25Scores"]} for each in found}
    assert matched == {"both": {"title", "body"}, "title": {"title"}}


@requirement(
    "text.hybrid-scores",
    kind="effect",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs=NEEDS,
    covers="QueryVectors>vectors.scores.fused",
)
def test_a_hybrid_result_has_a_fused_score(index: IndexHandle) -> None:
    """With returnScores, every hybrid result has a fused score, and the scores descend."""
    scores = [each["scores"]["fused"] for each in hybrid(index, returnScores=True)]
    assert min(scores) > 0
    assert scores == sorted(scores, reverse=True)


@requirement(
    "text.hybrid-vector-distance",
    kind="effect",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs=NEEDS,
    covers="QueryVectors>vectors.scores.vectorDistance",
)
def test_a_hybrid_result_has_its_distance(index: IndexHandle) -> None:
    """The scores of a hybrid result that was found by its vector contain its distance."""
    scores = {each["key"]: each["scores"] for each in hybrid(index, returnScores=True)}
    assert scores["near"]["vectorDistance"] == pytest.approx(0, abs=1e-5)
    assert scores["both"]["vectorDistance"] == pytest.approx(1, rel=1e-5)


@requirement(
    "text.hybrid-bm25", kind="detail", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_hybrid_result_with_the_word_has_a_text_score(index: IndexHandle) -> None:
    """A hybrid result has a BM25 score for a text that it matches, and none for others."""
    scores = {each["key"]: each["scores"] for each in hybrid(index, returnScores=True)}
    assert [each["metadataKey"] for each in scores["said"]["bm25Scores"]] == ["body"]
    assert not scores["near"].get("bm25Scores")


@requirement(
    "text.hybrid-no-scores", kind="effect", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_scores_are_returned_only_on_request(index: IndexHandle) -> None:
    """Without returnScores, no result has scores."""
    assert all("scores" not in each for each in [*hybrid(index), *by_text(index)])
    assert all("scores" not in each for each in hybrid(index, returnScores=False))
