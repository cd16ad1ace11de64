"""Full-text and hybrid search through boto3, the only client here that supports them yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from client_programs import Json
from sample_index import SampleIndex
from sdks import Sdk, expect_error

PLOTS = {
    "lost": ([1.0, 0.0], "A ship is lost at sea, and a ship's dog with it."),
    "found": ([0.9, 0.1], "The dog is found by fishermen."),
    "court": ([0.0, 1.0], "A judge has doubts."),
}


@pytest.fixture(params=["boto3", "accelerated boto3"])
def texts(
    request: pytest.FixtureRequest, sdks: Callable[[str], Sdk], sample: SampleIndex
) -> tuple[Sdk, Json]:
    """A client, and an index whose plots are searchable in English."""
    sdk = sdks(request.param)
    index = {
        **sample.bucket_address,
        "indexName": "plots",
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "cosine",
        "metadataConfiguration": {
            "nonFilterableMetadataKeys": ["plot"],
            "textSearchConfigurations": [{"metadataKey": "plot", "language": "en"}],
        },
    }
    address = {"indexArn": sdk.call("CreateIndex", index)["indexArn"]}
    vectors = [
        {"key": key, "data": {"float32": row}, "metadata": {"plot": plot, "words": len(plot.split())}}
        for key, (row, plot) in PLOTS.items()
    ]
    sdk.call("PutVectors", {**address, "vectors": vectors})
    return sdk, address


def query_plots(text: str) -> list[Json]:
    return [{"metadataKey": "plot", "text": text}]


def test_a_text_is_found_immediately_after_it_was_written(texts: tuple[Sdk, Json]) -> None:
    """Results are in descending order of their score, which has the name of its key."""
    sdk, address = texts
    query = {**address, "topK": 5, "queryTexts": query_plots("lost dog"), "returnScores": True}
    response = sdk.call("QueryVectors", query)
    assert [each["key"] for each in response["vectors"]] == ["lost", "found"]
    scores = [each["scores"]["bm25Scores"] for each in response["vectors"]]
    assert [[each["metadataKey"] for each in scores_of_hit] for scores_of_hit in scores] == [
        ["plot"],
        ["plot"],
    ]
    assert scores[0][0]["score"] > scores[1][0]["score"] > 0
    assert response["distanceMetric"] == "cosine"


def test_a_text_search_applies_its_filter(texts: tuple[Sdk, Json]) -> None:
    """Metadata is returned on request."""
    sdk, address = texts
    query = {
        **address,
        "topK": 5,
        "queryTexts": query_plots("dog"),
        "filter": {"words": {"$lt": 8}},
        "returnMetadata": True,
    }
    assert sdk.call("QueryVectors", query)["vectors"] == [
        {"key": "found", "metadata": {"plot": PLOTS["found"][1], "words": 6}}
    ]


def test_a_hybrid_query_fuses_both_rankings(texts: tuple[Sdk, Json]) -> None:
    """Results of both rankings come first; those of the vector ranking have a distance."""
    sdk, address = texts
    query = {
        **address,
        "topK": 3,
        "queryVector": {"float32": [1, 0]},
        "queryTexts": query_plots("dog"),
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


def test_an_invalid_query_is_refused(texts: tuple[Sdk, Json]) -> None:
    """Without a vector and a text, with a key that is not searchable, and with a repeated key."""
    sdk, address = texts
    queries: tuple[Json, ...] = (
        {},
        {"queryTexts": [{"metadataKey": "title", "text": "dog"}]},
        {"queryTexts": query_plots("dog") + query_plots("ship")},
    )
    for query in queries:
        assert (
            expect_error(sdk, "QueryVectors", {**address, "topK": 1, **query}).code == "ValidationException"
        )
