"""DeleteIndex: the index, all its vectors, and nothing else."""

from __future__ import annotations

from typing import Any

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex, vector

from .asking import index_members, index_shown, unmodelled


@requirement("delete-index.gone", level="must", evidence="recorded", source=sources.MOTO_INDEXES)
def test_a_deleted_index_is_not_found(refused: Refused, make_index: MakeIndex) -> None:
    """An index that was deleted is not found any more."""
    index = make_index()
    index.remove()
    refused("GetIndex", index.address, code="NotFoundException")


@requirement(
    "delete-index.only-modelled-members", level="must", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_answer_is_empty(raw: RawClient, make_index: MakeIndex) -> None:
    """DeleteIndex answers with 200 and no members."""
    answer = raw("/DeleteIndex", make_index().address)
    assert answer.status == 200
    assert unmodelled("DeleteIndex", answer.json) == []


@requirement("delete-index.twice", level="must", evidence="recorded", source=sources.probe("delete-absent"))
def test_an_index_is_deleted_once(refused: Refused, make_index: MakeIndex) -> None:
    """DeleteIndex is no success a second time: the index is not found."""
    index = make_index()
    index.remove()
    refused("DeleteIndex", index.address, code="NotFoundException")


@requirement("delete-index.by-arn", level="must", evidence="recorded", source=sources.S3MOCK_INDEXES)
def test_an_index_deleted_by_arn_is_gone(client: Any, refused: Refused, make_index: MakeIndex) -> None:
    """An index that was deleted by its ARN is not found by its names."""
    index = make_index()
    client.delete_index(indexArn=index.arn)
    refused("GetIndex", index.address, code="NotFoundException")


@requirement("delete-index.others-stay", level="must", evidence="inferred", source=sources.api("DeleteIndex"))
def test_other_indexes_stay(make_index: MakeIndex) -> None:
    """Deleting an index leaves the others of its bucket, and their vectors, where they are."""
    gone, stays = make_index(), make_index()
    gone.put(("a", [1.0, 0.0]))
    stays.put(("a", [0.0, 1.0]))
    gone.remove()
    assert stays.get("a", metadata=False)["a"]["data"] == {"float32": [0.0, 1.0]}


@requirement(
    "delete-index.no-vectors-in-it", level="must", evidence="documented", source=sources.api("DeleteIndex")
)
def test_nothing_is_written_to_a_deleted_index(refused: Refused, make_index: MakeIndex) -> None:
    """PutVectors to an index that was deleted does not bring it back: it is not found."""
    index = make_index()
    index.remove()
    refused("PutVectors", index.address, vectors=[vector("a", [1.0, 0.0])], code="NotFoundException")


@requirement(
    "delete-index.vectors-too", level="should", evidence="documented", source=sources.api("DeleteIndex")
)
def test_the_vectors_are_deleted_with_the_index(client: Any, make_index: MakeIndex) -> None:
    """An index created anew under an old name has none of the old one's vectors."""
    index = make_index()
    index.put(("a", [1.0, 0.0], {"year": 1999}))
    index.remove()
    client.create_index(vectorBucketName=index.bucket, **index_members(index.name))
    assert index.keys() == set()
    assert index.get("a") == {}


@requirement(
    "delete-index.recreated-otherwise",
    level="should",
    evidence="inferred",
    source=sources.api("DeleteIndex"),
)
def test_a_recreated_index_is_as_the_new_request_says(client: Any, make_index: MakeIndex) -> None:
    """An index created anew under an old name has the new dimension, metric and metadata configuration."""
    index = make_index(dimension=2, metric="cosine", non_filterable=["text"])
    index.remove()
    members = index_members(index.name, dimension=3, distanceMetric="euclidean")
    client.create_index(vectorBucketName=index.bucket, **members)
    shown = index_shown(client, index)
    assert (shown["dimension"], shown["distanceMetric"]) == (3, "euclidean")
    assert not shown.get("metadataConfiguration", {}).get("nonFilterableMetadataKeys")


@requirement(
    "delete-index.tags-too",
    level="should",
    evidence="inferred",
    source=sources.api("DeleteIndex"),
    needs="tags",
)
def test_the_tags_are_deleted_with_the_index(client: Any, make_index: MakeIndex) -> None:
    """An index created anew under an old name has none of the old one's tags."""
    index = make_index(tags={"team": "search"})
    index.remove()
    client.create_index(vectorBucketName=index.bucket, **index_members(index.name))
    assert client.list_tags_for_resource(resourceArn=index.arn)["tags"] == {}
