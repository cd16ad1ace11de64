"""Search by text and by vector: one list of both, and which scores come with it."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index

from .conftest import MakeTexts

NEEDS = "query text"
FILLERS = ("velvet harbour", "copper lantern", "maple violin", "silver meadow", "granite orchid")
ZEBRA = [{"metadataKey": "body", "text": "zebra"}]


@pytest.fixture
def index(make_texts: MakeTexts) -> Index:
    """An index where `both` is near and says zebra, `near` is nearer, and `said` is far and says zebra."""
    made = make_texts(metric="euclidean")
    made.put(
        ("near", [0, 0], {"body": "quartz"}),
        ("both", [1, 0], {"body": "zebra"}),
        ("said", [50, 0], {"body": "zebra pilgrim ember"}),
        *((f"filler-{number}", [9, number], {"body": text}) for number, text in enumerate(FILLERS)),
    )
    return made


def hybrid(index: Index, top_k: int = 20, **members: Any) -> list[dict[str, Any]]:
    return index.query([0, 0], top_k, queryTexts=ZEBRA, **{"distance": False, **members})


def by_text(index: Index, **members: Any) -> list[dict[str, Any]]:
    return index.query(None, queryTexts=ZEBRA, **{"distance": False, **members})


@requirement("text.hybrid-union", level="must", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_both_kinds_of_hits_are_found(index: Index) -> None:
    """A hybrid search finds what is near and what holds the word."""
    assert {"near", "both", "said"} <= {each["key"] for each in hybrid(index)}


@requirement("text.hybrid-order", level="must", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_what_ranks_high_in_both_comes_first(index: Index) -> None:
    """What is near and holds the word comes before what is only one of them."""
    assert hybrid(index)[0]["key"] == "both"


@requirement("text.hybrid-top-k", level="must", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_top_k_bounds_the_one_list(index: Index) -> None:
    """A hybrid search gives one list of topK results, not one for each ranking."""
    assert [each["key"] for each in hybrid(index, 1)] == ["both"]
    assert len(hybrid(index, 3)) == 3


@requirement("text.hybrid-once", level="must", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_a_hit_of_both_kinds_comes_once(index: Index) -> None:
    """A vector that two rankings hold is one result."""
    found = [each["key"] for each in hybrid(index)]
    assert len(set(found)) == len(found)


@requirement(
    "text.hybrid-rank", level="should", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_the_best_text_is_near_the_top(make_texts: MakeTexts) -> None:
    """What is first of one ranking is among the first of the fused list, however far it is in the other."""
    index = make_texts(metric="euclidean")
    index.put(
        *((f"near-{number}", [number, 0], {"body": "quartz"}) for number in range(120)),
        ("said", [900, 0], {"body": "zebra"}),
    )
    assert "said" in [each["key"] for each in hybrid(index, 5)]


@requirement(
    "text.hybrid-per-text", level="should", evidence="documented", source=sources.TEXT_QUERIES, needs=NEEDS
)
def test_every_text_is_a_ranking_of_its_own(make_texts: MakeTexts) -> None:
    """First of two texts comes before first by vector and second of one text: each text has a ranking."""
    index = make_texts("title", "body", metric="euclidean")
    index.put(
        ("near-and-one", [0, 0], {"title": "zebra quartz ember falcon", "body": "quartz"}),
        ("far-and-both", [9, 0], {"title": "zebra", "body": "pilgrim"}),
        *((f"filler-{number}", [1, number], {"title": t, "body": t}) for number, t in enumerate(FILLERS)),
    )
    asked = [{"metadataKey": "title", "text": "zebra"}, {"metadataKey": "body", "text": "pilgrim"}]
    assert index.query([0, 0], queryTexts=asked)[0]["key"] == "far-and-both"


@requirement(
    "text.hybrid-filter", level="should", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_hybrid_search_is_filtered(index: Index) -> None:
    """A filter lets through what matches it, of either kind, and nothing else."""
    index.put(("near", [0, 0], {"body": "quartz", "n": 1}), ("said", [50, 0], {"body": "zebra", "n": 1}))
    assert {each["key"] for each in hybrid(index, filter={"n": 1})} == {"near", "said"}


@requirement("text.hybrid-no-word", level="should", evidence="documented", source=sources.HYBRID, needs=NEEDS)
def test_a_word_that_nobody_uses_leaves_the_vectors(index: Index) -> None:
    """Where the text finds nothing, what is near is found all the same."""
    asked = [{"metadataKey": "body", "text": "nowhere"}]
    assert index.query([0, 0], 2, queryTexts=asked)[0]["key"] == "near"


@requirement(
    "text.hybrid-after-put", level="must", evidence="documented", source=sources.TEXT_INGESTION, needs=NEEDS
)
def test_a_hybrid_search_sees_what_was_just_put(index: Index) -> None:
    """A hybrid search right after writes knows them all."""
    index.delete("both")
    index.put(("new", [0.5, 0], {"body": "zebra zebra"}))
    found = [each["key"] for each in hybrid(index)]
    assert found[0] == "new"
    assert "both" not in found


# What comes with it


@requirement(
    "text.bare-results", level="must", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_text_result_is_a_key(index: Index) -> None:
    """Without flags a result holds its key and nothing else, whatever it was found by."""
    names = {name for each in [*by_text(index), *hybrid(index)] for name in each}
    assert names == {"key"}


@requirement("text.metadata", level="must", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS)
def test_a_text_result_has_metadata_when_asked_for(index: Index) -> None:
    """With returnMetadata a text result has its metadata, the text too."""
    assert by_text(index, metadata=True)[0] == {"key": "both", "metadata": {"body": "zebra"}}


@requirement("text.metric", level="must", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS)
def test_a_text_answer_names_the_metric(index: Index) -> None:
    """The answer to a search by text names the distance metric all the same."""
    assert index.call("QueryVectors", topK=1, queryTexts=ZEBRA)["distanceMetric"] == "euclidean"


@requirement(
    "text.scores",
    level="must",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs=NEEDS,
    covers="QueryVectors>vectors.scores QueryVectors>vectors.scores.bm25Scores*",
)
def test_a_text_result_has_a_score_for_its_key(index: Index) -> None:
    """With returnScores a text result tells the score under its metadata key, which is a positive number."""
    for each in by_text(index, returnScores=True):
        (score,) = each["scores"]["bm25Scores"]
        assert score["metadataKey"] == "body"
        assert score["score"] > 0


@requirement(
    "text.scores-only-bm25", level="should", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_text_result_has_no_other_score(index: Index) -> None:
    """The scores of a search by text alone are of its texts: nothing is fused, nothing has a distance."""
    assert {name for each in by_text(index, returnScores=True) for name in each["scores"]} == {"bm25Scores"}


@requirement(
    "text.scores-descend", level="must", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_text_results_are_ordered_by_score(index: Index) -> None:
    """The results of one text are in descending order of its score."""
    scores = [each["scores"]["bm25Scores"][0]["score"] for each in by_text(index, returnScores=True)]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)


@requirement(
    "text.scores-per-key", level="should", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_result_has_scores_for_the_keys_that_match(make_texts: MakeTexts) -> None:
    """Of several texts, a result has the scores of those keys that it matched."""
    index = make_texts("title", "body")
    index.put(
        ("both", [1, 0], {"title": "zebra", "body": "zebra"}),
        ("title", [1, 0], {"title": "zebra", "body": "x"}),
    )
    asked = [{"metadataKey": name, "text": "zebra"} for name in ("title", "body")]
    found = index.query(None, queryTexts=asked, returnScores=True)
    matched = {each["key"]: {one["metadataKey"] for one in each["scores"]["bm25Scores"]} for each in found}
    assert matched == {"both": {"title", "body"}, "title": {"title"}}


@requirement(
    "text.hybrid-scores",
    level="must",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs=NEEDS,
    covers="QueryVectors>vectors.scores.fused",
)
def test_a_hybrid_result_has_a_fused_score(index: Index) -> None:
    """With returnScores every hybrid result has a fused score, and they descend."""
    scores = [each["scores"]["fused"] for each in hybrid(index, returnScores=True)]
    assert min(scores) > 0
    assert scores == sorted(scores, reverse=True)


@requirement(
    "text.hybrid-vector-distance",
    level="must",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs=NEEDS,
    covers="QueryVectors>vectors.scores.vectorDistance",
)
def test_a_hybrid_result_tells_its_distance(index: Index) -> None:
    """The scores of a hybrid result that the vector found tell how far it is."""
    scores = {each["key"]: each["scores"] for each in hybrid(index, returnScores=True)}
    assert scores["near"]["vectorDistance"] == pytest.approx(0, abs=1e-5)
    assert scores["both"]["vectorDistance"] == pytest.approx(1, rel=1e-5)


@requirement(
    "text.hybrid-bm25", level="should", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_a_hybrid_result_that_holds_the_word_has_its_score(index: Index) -> None:
    """The scores of a hybrid result hold those of its texts where it matched, and none where it did not."""
    scores = {each["key"]: each["scores"] for each in hybrid(index, returnScores=True)}
    assert [each["metadataKey"] for each in scores["said"]["bm25Scores"]] == ["body"]
    assert not scores["near"].get("bm25Scores")


@requirement(
    "text.hybrid-no-scores", level="must", evidence="model", source=sources.api("QueryVectors"), needs=NEEDS
)
def test_scores_are_only_told_when_asked_for(index: Index) -> None:
    """Without returnScores no result has scores."""
    assert all("scores" not in each for each in [*hybrid(index), *by_text(index)])
    assert all("scores" not in each for each in hybrid(index, returnScores=False))
