"""AmazonS3Vectors of langchain-aws, unmodified, with an embedding that counts words."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from client_programs import Access, Json, run_program
from sdks import Sdk

BUCKET = "langchain"


@pytest.fixture(scope="module")
def output(access: Access, service: Sdk) -> Json:
    """The output of the program."""
    service.call("CreateVectorBucket", {"vectorBucketName": BUCKET})
    return run_program("langchain", "langchain_store.py", access, BUCKET)


@pytest.fixture(scope="module")
def documents(output: Json) -> dict[str, Any]:
    """Its results for documents, in an index that the store created."""
    found: dict[str, Any] = output["documents"]
    return found


@pytest.fixture(scope="module")
def texts(output: Json) -> dict[str, Any]:
    """Its results for many texts."""
    found: dict[str, Any] = output["texts"]
    return found


def test_documents_come_back_with_text_and_metadata(documents: Json) -> None:
    """The nearest first; their text is not part of their metadata."""
    assert documents["ids"] == ["lost", "found", "dogs"]
    assert documents["nearest"] == [
        {"id": "lost", "text": "A ship is lost", "metadata": {"year": 1999, "genres": ["drama", "sea"]}},
        {"id": "found", "text": "A dog finds a ship", "metadata": {"year": 2004, "genres": ["family"]}},
    ]


def test_a_search_applies_its_filter(documents: Json) -> None:
    """It has two conditions, one of them on an array."""
    assert [each["id"] for each in documents["filtered"]] == ["found"]


def test_scores_are_cosine_distances(documents: Json) -> None:
    """The embedding of `dog` is (0, 0, 1, 1); those of the documents are counted in the same way."""
    expected = {
        "dogs": 1 - 3 / (sqrt(2) * sqrt(6)),
        "found": 1 - 2 / (sqrt(2) * sqrt(3)),
        "lost": 1 - 1 / (sqrt(2) * sqrt(2)),
    }
    assert [key for key, _ in documents["scored"]] == ["dogs", "found", "lost"]
    assert dict(documents["scored"]) == pytest.approx(expected, abs=1e-6)
    assert documents["relevance"] == pytest.approx(7 / (sqrt(10) * sqrt(6)), abs=1e-6)
    assert documents["retrieved"] == ["dogs"]


def test_documents_are_found_by_their_ids(documents: Json) -> None:
    """In the requested order, repeated ones included. An unknown id is an error of the store itself."""
    assert [each["id"] for each in documents["by_ids"]] == ["dogs", "lost", "dogs"]
    assert documents["by_ids"][0]["text"] == "The war of the dogs, a dog film"
    assert documents["unknown"] == {
        "type": "ValueError",
        "text": "Id 'unknown' not found in vector store.",
    }


def test_the_error_for_an_invalid_filter_reaches_the_caller(documents: Json) -> None:
    """As boto3's typed error."""
    assert documents["bad_filter"]["type"] == "ValidationException"
    assert documents["bad_filter"]["text"].endswith("calling the QueryVectors operation: Invalid filter")
    assert documents["filter_on_text"]["text"].endswith("Invalid use of non-filterable metadata in filter")


def test_documents_are_deleted_by_id_and_the_index_as_a_whole(documents: Json) -> None:
    """An unknown id has no effect."""
    assert documents["deleted"] is True
    assert documents["remaining"] == ["dogs", "found"]
    assert documents["after_all"]["type"] == "NotFoundException"


def test_texts_of_several_batches_are_all_stored(texts: Json) -> None:
    """250 texts are sent in two requests. Distances are squared."""
    assert texts["scored"][0] == [200, 0.0]
    assert sorted(texts["scored"][1:]) == [[199, 1.0], [201, 1.0]]
    assert texts["id_lengths"] == [32, 32]
    assert texts["result_count"] == 100


def test_a_text_beyond_2_kb_needs_a_non_filterable_key(texts: Json) -> None:
    """Most users meet this error first. It has the service's message."""
    assert "Filterable metadata must have at most 2048 bytes" in texts["too_long"]["text"]
