from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from vecgate.conformance_kit.requests.tolerant_reading import (
    DistanceForm,
    TolerantBucket,
    TolerantIndex,
    accept_any_timestamp,
    as_float32,
    normalized,
)
from vecgate.endpoint.in_process import install
from vecgate.endpoint.storage.state import State
from vecgate.resources.handles import IndexHandle


class Answers:
    """A client that answers every call with the same vectors, as a server in another form would."""

    def __init__(self, *vectors: dict[str, Any]) -> None:
        self._vectors = list(vectors)

    def __getattr__(self, name: str) -> Any:
        return lambda **_: {"vectors": [dict(each) for each in self._vectors]}


def index(*vectors: dict[str, Any], metric: str = "cosine", is_rooted: bool = False) -> TolerantIndex:
    plain = IndexHandle(Answers(*vectors), "bucket", "index", "arn", 2)
    return TolerantIndex(plain, metric, lambda: is_rooted)


SHORT = {"key": "a", "data": {"float32": [0.1, 1]}}
WIDENED = {"key": "a", "data": {"float32": [0.10000000149011612, 1.0]}, "metadata": {}}


def test_a_short_decimal_and_absent_metadata_read_as_amazon_writes_them() -> None:
    """Only if metadata were requested, and never with `call`."""
    assert index(SHORT).get("a") == {"a": WIDENED}
    assert index(SHORT).get("a", metadata=False) == {"a": {"key": "a", "data": WIDENED["data"]}}
    assert index(SHORT).scan(returnData=True, returnMetadata=True) == [WIDENED]
    assert index(SHORT).call("GetVectors")["vectors"] == [SHORT]


def test_a_value_that_is_not_the_same_float32_stays_wrong() -> None:
    """A form is tolerated, another value is not: six decimals of a third are another float32."""
    wrong = {"key": "a", "data": {"float32": [0.333333, "x", None, True, 1e300]}, "metadata": None}
    read = normalized(wrong, metadata=True)
    assert read["data"]["float32"][0] != as_float32(1 / 3)
    assert read["data"]["float32"][1:] == ["x", None, True, 1e300]
    assert read["metadata"] is None
    assert normalized({"key": "a", "data": "text"}, metadata=False) == {"key": "a", "data": "text"}


def test_roots_of_euclidean_distances_are_squared() -> None:
    """Only on a target that returns roots, for this metric, and if there is a distance."""
    found = {"key": "a", "distance": 5.0}
    assert index(found, metric="euclidean", is_rooted=True).query([0, 0])[0]["distance"] == 25.0
    assert index(found, metric="euclidean").query([0, 0])[0]["distance"] == 5.0
    assert index(found, is_rooted=True).query([0, 0])[0]["distance"] == 5.0
    assert index({"key": "a"}, metric="euclidean", is_rooted=True).query([0, 0]) == [{"key": "a"}]
    assert index(found, {"key": "b"}, metric="euclidean", is_rooted=True).query([0, 0])[1] == {"key": "b"}


@pytest.mark.parametrize(
    ("found", "is_rooted"),
    [
        ([{"key": "a", "distance": 3.0}], True),
        ([{"key": "a", "distance": 9.0}], False),
        ([{"key": "a", "distance": None}], False),
        ([{"key": "a"}], False),
        ([], False),
    ],
)
def test_the_form_of_distances_is_measured_once(found: list[dict[str, Any]], is_rooted: bool) -> None:
    """Vectors that are 3 apart have the distance 9, or 3."""
    made: list[IndexHandle] = []

    def make(**_: Any) -> IndexHandle:
        made.append(IndexHandle(Answers(*found), "bucket", "index", "arn", 1))
        return made[-1]

    removed: list[IndexHandle] = []
    form = DistanceForm(make, removed.append)
    assert (form.is_rooted(), form.is_rooted()) == (is_rooted, is_rooted)
    assert len(made) == 1
    assert removed == made


def test_a_target_on_which_the_form_cannot_be_measured_is_taken_as_amazon() -> None:
    """Its requirements find what is wrong with it."""

    def fail(**_: Any) -> IndexHandle:
        raise AssertionError("the pages never end")

    assert DistanceForm(fail, lambda _: None).is_rooted() is False


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"1790000000", datetime.fromtimestamp(1_790_000_000, UTC)),
        (b"1790000000000", datetime.fromtimestamp(1_790_000_000, UTC)),
        (b'"2026-09-21T13:33:20Z"', datetime.fromtimestamp(1_789_997_600, UTC)),
        (b'"soon"', "soon"),
        (b"1e300", 1e300),
    ],
)
def test_any_timestamp_is_read(sent: bytes, read: object) -> None:
    """Milliseconds are recognised; what cannot be read stays as it is instead of raising."""
    local_client = boto3.client(
        "s3vectors", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    install(local_client, State())
    accept_any_timestamp(local_client)
    local_client.meta.events.register(
        "before-parse.s3vectors.GetVectorBucket",
        lambda response_dict, **_: response_dict.update(
            body=b'{"vectorBucket":{"vectorBucketName":"a","creationTime":%b}}' % sent
        ),
    )
    local_client.create_vector_bucket(vectorBucketName="abc")
    assert local_client.get_vector_bucket(vectorBucketName="abc")["vectorBucket"]["creationTime"] == read


def test_only_the_given_client_reads_any_timestamp() -> None:
    """Clients of the same session share botocore's parser until one of them gets its own."""
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    tolerant, strict = session.client("s3vectors"), session.client("s3vectors")
    accept_any_timestamp(tolerant)
    for each in (tolerant, strict, session.client("s3vectors")):
        install(each, State())
        each.create_vector_bucket(vectorBucketName="abc")
        each.meta.events.register(
            "before-parse.s3vectors.GetVectorBucket",
            lambda response_dict, **_: response_dict.update(
                body=b'{"vectorBucket":{"vectorBucketName":"a","creationTime":"soon"}}'
            ),
        )
        if each is tolerant:
            assert each.get_vector_bucket(vectorBucketName="abc")["vectorBucket"]["creationTime"] == "soon"
        else:
            with pytest.raises(ValueError, match="Invalid timestamp"):
                each.get_vector_bucket(vectorBucketName="abc")


def test_a_test_that_needs_an_unknown_arn_is_skipped() -> None:
    """The requirement about the ARN of a bucket has failed. A request with an empty one would test nothing."""
    assert TolerantBucket(None, "a", "arn:a").arn == "arn:a"
    unknown = TolerantBucket(None, "a", "")
    assert (unknown.address, unknown.known_arn) == ({"vectorBucketName": "a"}, "")
    with pytest.raises(pytest.skip.Exception, match=r"blocked by get-vector-bucket\.name-and-arn: "):
        _ = unknown.arn
