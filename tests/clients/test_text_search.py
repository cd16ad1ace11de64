"""Full-text and hybrid search through boto3, the one client here that knows them yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from client_programs import Json
from places import Place
from sdks import Sdk, refusal_of

PLOTS = {
    "lost": ([1.0, 0.0], "A ship is lost at sea, and a ship's dog with it."),
    "found": ([0.9, 0.1], "The dog is found by fishermen."),
    "court": ([0.0, 1.0], "A judge has doubts."),
}


@pytest.fixture(params=["boto3", "accelerated boto3"])
def texts(request: pytest.FixtureRequest, sdks: Callable[[str], Sdk], place: Place) -> tuple[Sdk, Json]:
    """A client, and an index whose plots are searched as English."""
    sdk = sdks(request.param)
    made = {
        **place.bucket_address,
        "indexName": "plots",
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "cosine",
        "metadataConfiguration": {
            "nonFilterableMetadataKeys": ["plot"],
            "textSearchConfigurations": [{"metadataKey": "plot", "language": "en"}],
        },
    }
    address = {"indexArn": sdk.call("CreateIndex", made)["indexArn"]}
    vectors = [
        {"key": key, "data": {"float32": row}, "metadata": {"plot": plot, "words": len(plot.split())}}
        for key, (row, plot) in PLOTS.items()
    ]
    sdk.call("PutVectors", {**address, "vectors": vectors})
    return sdk, address


def plots_with(text: str) -> list[Json]:
    return [{"metadataKey": "plot", "text": text}]


def test_a_text_is_found_right_after_it_was_written(texts: tuple[Sdk, Json]) -> None:
    """In descending order of its score, which has the name of its key."""
    sdk, address = texts
    query = {**address, "topK": 5, "queryTexts": plots_with("lost dog"), "returnScores": True}
    answer = sdk.call("QueryVectors", query)
    assert [each["key"] for each in answer["vectors"]] == ["lost", "found"]
    scores = [each["scores"]["bm25Scores"] for each in answer["vectors"]]
    assert [[each["metadataKey"] for each in one] for one in scores] == [["plot"], ["plot"]]
    assert scores[0][0]["score"] > scores[1][0]["score"] > 0
    assert answer["distanceMetric"] == "cosine"


def test_a_text_search_keeps_to_its_filter(texts: tuple[Sdk, Json]) -> None:
    """With metadata where it is asked for."""
    sdk, address = texts
    query = {
        **address,
        "topK": 5,
        "queryTexts": plots_with("dog"),
        "filter": {"words": {"$lt": 8}},
        "returnMetadata": True,
    }
    assert sdk.call("QueryVectors", query)["vectors"] == [
        {"key": "found", "metadata": {"plot": PLOTS["found"][1], "words": 6}}
    ]


def test_a_hybrid_query_fuses_both_rankings(texts: tuple[Sdk, Json]) -> None:
    """What both find comes first; what the vector side found has its distance."""
    sdk, address = texts
    query = {
        **address,
        "topK": 3,
        "queryVector": {"float32": [1, 0]},
        "queryTexts": plots_with("dog"),
        "returnScores": True,
    }
    found = sdk.call("QueryVectors", query)["vectors"]
    assert {each["key"] for each in found} == {"lost", "found", "court"}
    assert found[2]["key"] == "court"
    fused = [each["scores"]["fused"] for each in found]
    assert fused == sorted(fused, reverse=True)
    distances = {each["key"]: each["scores"]["vectorDistance"] for each in found}
    assert distances["lost"] == pytest.approx(0, abs=1e-5)
    assert distances["court"] == pytest.approx(1, abs=1e-5)


def test_a_query_for_nothing_is_refused(texts: tuple[Sdk, Json]) -> None:
    """Neither a vector nor a text; a key that is not searched; one key twice."""
    sdk, address = texts
    queries: tuple[Json, ...] = (
        {},
        {"queryTexts": [{"metadataKey": "title", "text": "dog"}]},
        {"queryTexts": plots_with("dog") + plots_with("ship")},
    )
    for query in queries:
        assert refusal_of(sdk, "QueryVectors", {**address, "topK": 1, **query}).code == "ValidationException"
