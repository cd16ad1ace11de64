from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.storage.state import State

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

ADDRESS = {"vectorBucketName": "bucket", "indexName": "index"}
VECTOR = {"topK": 5, "queryVector": {"float32": [1.0, 2.0]}}
IN_101 = {"n": {"$in": list(range(101))}}


@pytest.fixture
def old(new_service: type[Service]) -> Service:
    """A service in which every bucket counts as created before 2026-09-30."""
    return new_service(State(behaviour=Behaviour(classic_until_s=1_900_000_000.0)))


def modes(service: Service) -> tuple[str, str]:
    """Return the default mode of the bucket and the mode of the index."""
    bucket = service("GetVectorBucket", vectorBucketName="bucket")["vectorBucket"]
    return bucket["defaultIndexMode"], service("GetIndex", **ADDRESS)["index"]["indexMode"]


def test_a_new_bucket_is_enhanced(service: Service) -> None:
    """Its indexes too. Observed on AWS, 2026-10."""
    service.index()
    assert modes(service) == ("ENHANCED", "ENHANCED")


def test_the_default_of_a_new_bucket_cannot_be_classic(service: Service) -> None:
    """With the service's message. Observed on AWS, 2026-10."""
    service.index()
    error = service.error(
        "PutVectorBucketDefaultIndexMode", vectorBucketName="bucket", defaultIndexMode="CLASSIC"
    )
    assert (error.status, error.code) == (400, "ValidationException")
    assert error.message == (
        "defaultIndexMode cannot be set to CLASSIC because this vector bucket does not support CLASSIC mode"
    )
    assert modes(service) == ("ENHANCED", "ENHANCED")


def test_an_index_of_a_new_bucket_cannot_be_classic(service: Service) -> None:
    """With the service's message. Observed on AWS, 2026-10."""
    address = service.index()
    error = service.error("UpdateIndexMode", **address, indexMode="CLASSIC")
    assert (error.status, error.message) == (
        400,
        "indexMode cannot be set to CLASSIC because the vector bucket does not support CLASSIC mode",
    )
    assert service("UpdateIndexMode", **address, indexMode="ENHANCED") == {}


def test_an_old_bucket_is_classic_until_its_default_is_changed(old: Service) -> None:
    """The new default applies to indexes created later; existing ones keep their mode. Documented."""
    old.index()
    assert modes(old) == ("CLASSIC", "CLASSIC")
    assert (
        old("PutVectorBucketDefaultIndexMode", vectorBucketName="bucket", defaultIndexMode="ENHANCED") == {}
    )
    old.index("later")
    assert modes(old) == ("ENHANCED", "CLASSIC")
    assert old("GetIndex", **{**ADDRESS, "indexName": "later"})["index"]["indexMode"] == "ENHANCED"
    old("PutVectorBucketDefaultIndexMode", vectorBucketName="bucket", defaultIndexMode="CLASSIC")
    assert modes(old) == ("CLASSIC", "CLASSIC")


def test_an_index_of_an_old_bucket_can_change_in_both_directions(old: Service) -> None:
    """Its vectors and the default of the bucket stay. Documented."""
    address = old.index()
    old("PutVectors", **address, vectors=[{"key": "k", "data": {"float32": [1.0, 2.0]}}])
    for mode in ("ENHANCED", "CLASSIC", "CLASSIC"):
        assert old("UpdateIndexMode", **address, indexMode=mode) == {}
        assert modes(old) == ("CLASSIC", mode)
        assert old("QueryVectors", **address, **VECTOR)["vectors"] == [{"key": "k"}]


def test_the_creation_time_decides_whether_a_bucket_is_old(new_service: type[Service]) -> None:
    """A bucket created exactly at the limit is new."""
    service = new_service(State(behaviour=Behaviour(classic_until_s=1_800_000_001.0)))
    service.index()
    assert modes(service) == ("CLASSIC", "CLASSIC")
    service.now += 1
    service("CreateVectorBucket", vectorBucketName="new")
    new = service("GetVectorBucket", vectorBucketName="new")["vectorBucket"]
    assert new["defaultIndexMode"] == "ENHANCED"


@pytest.mark.parametrize(
    ("document", "mode", "query_mode", "status"),
    [
        ({"t": {"$startsWith": "a"}}, "CLASSIC", None, 400),
        ({"$or": [{"t": {"$startsWith": "a"}}]}, "CLASSIC", "CLASSIC", 400),
        ({"t": {"$startsWith": "a"}}, "CLASSIC", "ENHANCED", 200),
        ({"t": {"$startsWith": "a"}}, "ENHANCED", None, 200),
        (IN_101, "CLASSIC", None, 200),
        (IN_101, "CLASSIC", "ENHANCED", 400),
        (IN_101, "ENHANCED", None, 400),
        ({"n": {"$in": list(range(100))}}, "ENHANCED", None, 200),
    ],
)
def test_the_mode_of_a_query_decides_which_filters_are_valid(
    old: Service, document: dict[str, Any], mode: str, query_mode: str | None, status: int
) -> None:
    """`$startsWith` and the limit of 100 constraints belong to ENHANCED; on a CLASSIC index `queryMode`
    selects it.
    """
    address = old.index()
    old("UpdateIndexMode", **address, indexMode=mode)
    members = {**address, **VECTOR, "filter": document, **({"queryMode": query_mode} if query_mode else {})}
    assert old.send("QueryVectors", members).status == status


def test_modes_need_an_address(service: Service) -> None:
    """Like all requests of their level."""
    bucket = service.error(
        "PutVectorBucketDefaultIndexMode", vectorBucketName="nope", defaultIndexMode="ENHANCED"
    )
    assert bucket.message == "The specified vector bucket could not be found"
    index = service.error("UpdateIndexMode", **ADDRESS, indexMode="ENHANCED")
    assert index.message == "The specified index could not be found"
    form = service.error("UpdateIndexMode", indexName="index", indexMode="ENHANCED")
    assert form.message == "Must specify either indexArn or both vectorBucketName and indexName"
