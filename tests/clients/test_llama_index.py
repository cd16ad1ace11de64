"""S3VectorStore of llama-index, unmodified."""

from __future__ import annotations

import pytest
from client_programs import Access, Json, run_program
from sample_index import arn_of
from sdks import Sdk

BUCKET = "llama-index"
A = ["a", "A ship is lost", 1999, pytest.approx(1, abs=1e-6)]
B = ["b", "A dog finds a ship", 2004, pytest.approx(0.6, abs=1e-6)]
C = ["c", "The war of the dogs", 2011, pytest.approx(0, abs=1e-6)]


@pytest.fixture(scope="module")
def output(access: Access, service: Sdk) -> Json:
    """The output of the program."""
    service.call("CreateVectorBucket", {"vectorBucketName": BUCKET})
    return run_program("llama-index", "llama_index_store.py", access, BUCKET, arn_of(BUCKET, access))


def test_nodes_come_back_with_text_metadata_and_similarity(output: Json) -> None:
    """The similarity is 1 minus the cosine distance."""
    assert output["added"] == ["a", "b", "c"]
    assert output["nearest"] == [A, B]
    assert output["nodes"] == [["a", "A ship is lost", "log"], ["c", "The war of the dogs", "book"]]


def test_its_filters_work(output: Json) -> None:
    """Comparisons, lists, and, or, and absent keys."""
    assert output["late"] == [B, C]
    assert output["late_and_several"] == [C]
    assert output["late_or_early"] == [A, B, C]
    assert output["without_a_key"] == []


def test_errors_of_the_service_reach_the_caller(output: Json) -> None:
    """The content of a node is non-filterable, and an index cannot be created twice."""
    assert output["filter_on_content"]["text"].endswith("Invalid use of non-filterable metadata in filter")
    assert output["duplicate"]["type"] == "ConflictException"


def test_an_index_created_by_the_arn_of_its_bucket_cannot_be_used(output: Json) -> None:
    """The store sends the ARN as the name, which the service refuses too."""
    assert output["by_arn"]["type"] == "ValidationException"
    assert output["by_arn"]["text"].endswith("the PutVectors operation: Invalid vector bucket name")


def test_nodes_are_deleted_by_id_by_document_and_all_at_once(output: Json) -> None:
    """Deleting a document deletes all of its nodes."""
    assert output["after_delete_nodes"] == ["a", "b"]
    assert output["after_delete"] == ["c"]
    assert output["after_clear"]["type"] == "NotFoundException"
