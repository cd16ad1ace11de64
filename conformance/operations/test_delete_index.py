"""DeleteIndex: it deletes the index and all its vectors, and nothing else."""

from __future__ import annotations

from typing import Any

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeIndex, vector

from .calls import describe_index, index_members, unmodelled_members


@requirement("delete-index.gone", kind="effect", evidence="recorded", source=sources.MOTO_INDEXES)
def test_a_deleted_index_is_not_found(expect_error: ErrorExpectation, make_index: MakeIndex) -> None:
    """A deleted index is not found."""
    index = make_index()
    index.remove()
    expect_error("GetIndex", index.address, code="NotFoundException")


@requirement(
    "delete-index.only-modelled-members", kind="effect", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_answer_is_empty(raw: RawClient, make_index: MakeIndex) -> None:
    """DeleteIndex answers with 200 and no members."""
    answer = raw("/DeleteIndex", make_index().address)
    assert answer.status == 200
    assert unmodelled_members("DeleteIndex", answer.json) == []


@requirement("delete-index.twice", kind="effect", evidence="recorded", source=sources.probe("delete-absent"))
def test_a_second_deletion_is_not_found(expect_error: ErrorExpectation, make_index: MakeIndex) -> None:
    """A second DeleteIndex of the same index is answered with NotFoundException."""
    index = make_index()
    index.remove()
    expect_error("DeleteIndex", index.address, code="NotFoundException")


@requirement("delete-index.by-arn", kind="effect", evidence="recorded", source=sources.S3MOCK_INDEXES)
def test_an_index_deleted_by_arn_is_not_found(
    client: Any, expect_error: ErrorExpectation, make_index: MakeIndex
) -> None:
    """An index deleted by its ARN is not found by its names."""
    index = make_index()
    client.delete_index(indexArn=index.arn)
    expect_error("GetIndex", index.address, code="NotFoundException")


@requirement("delete-index.others-stay", kind="guard", evidence="inferred", source=sources.api("DeleteIndex"))
def test_other_indexes_stay(make_index: MakeIndex) -> None:
    """Deleting an index does not affect the other indexes of its bucket or their vectors."""
    deleted, other = make_index(), make_index()
    deleted.put(("a", [1.0, 0.0]))
    other.put(("a", [0.0, 1.0]))
    deleted.remove()
    assert other.get("a", metadata=False)["a"]["data"] == {"float32": [0.0, 1.0]}


@requirement(
    "delete-index.no-vectors-in-it", kind="effect", evidence="documented", source=sources.api("DeleteIndex")
)
def test_nothing_is_written_to_a_deleted_index(expect_error: ErrorExpectation, make_index: MakeIndex) -> None:
    """PutVectors to a deleted index does not recreate it: the index is not found."""
    index = make_index()
    index.remove()
    expect_error("PutVectors", index.address, vectors=[vector("a", [1.0, 0.0])], code="NotFoundException")


@requirement(
    "delete-index.vectors-too", kind="guard", evidence="documented", source=sources.api("DeleteIndex")
)
def test_the_vectors_are_deleted_with_the_index(client: Any, make_index: MakeIndex) -> None:
    """An index that is recreated under its old name has none of the old vectors."""
    index = make_index()
    index.put(("a", [1.0, 0.0], {"year": 1999}))
    index.remove()
    client.create_index(vectorBucketName=index.bucket, **index_members(index.name))
    assert index.keys() == set()
    assert index.get("a") == {}


@requirement(
    "delete-index.recreated-otherwise",
    kind="effect",
    evidence="inferred",
    source=sources.api("DeleteIndex"),
)
def test_a_recreated_index_has_its_new_configuration(client: Any, make_index: MakeIndex) -> None:
    """A recreated index has the new dimension, metric and metadata configuration."""
    index = make_index(dimension=2, metric="cosine", non_filterable=["text"])
    index.remove()
    members = index_members(index.name, dimension=3, distanceMetric="euclidean")
    client.create_index(vectorBucketName=index.bucket, **members)
    shown = describe_index(client, index)
    assert (shown["dimension"], shown["distanceMetric"]) == (3, "euclidean")
    assert not shown.get("metadataConfiguration", {}).get("nonFilterableMetadataKeys")


@requirement(
    "delete-index.tags-too",
    kind="effect",
    evidence="inferred",
    source=sources.api("DeleteIndex"),
    needs="tags",
)
def test_the_tags_are_deleted_with_the_index(client: Any, make_index: MakeIndex) -> None:
    """An index that is recreated under its old name has none of the old tags."""
    index = make_index(tags={"team": "search"})
    index.remove()
    client.create_index(vectorBucketName=index.bucket, **index_members(index.name))
    assert client.list_tags_for_resource(resourceArn=index.arn)["tags"] == {}
