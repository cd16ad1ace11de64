"""GetIndex: the description of an index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import MakeBucket, MakeIndex

from .calls import describe_index, unmodelled_members

#: The clock difference that a signature allows.
SKEW = timedelta(minutes=15)


@requirement(
    "get-index.names-and-arn",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="GetIndex>index GetIndex>index.vectorBucketName GetIndex>index.indexName GetIndex>index.indexArn",
)
def test_an_index_is_described_by_names_and_arn(client: Any, make_index: MakeIndex) -> None:
    """GetIndex returns the names of bucket and index, and the ARN that CreateIndex returned."""
    index = make_index()
    shown = describe_index(client, index)
    assert (shown["vectorBucketName"], shown["indexName"]) == (index.bucket, index.name)
    assert shown["indexArn"] == index.arn


@requirement("get-index.same-by-arn", kind="effect", evidence="recorded", source=sources.MOTO_INDEXES)
def test_names_and_arn_lead_to_the_same_description(client: Any, make_index: MakeIndex) -> None:
    """GetIndex returns the same description for an index's ARN as for its names."""
    index = make_index()
    assert client.get_index(indexArn=index.arn)["index"] == describe_index(client, index)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@requirement(
    "get-index.shape",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="GetIndex>index.dataType GetIndex>index.dimension GetIndex>index.distanceMetric",
)
def test_an_index_is_described_as_it_was_created(client: Any, make_index: MakeIndex, metric: str) -> None:
    """GetIndex returns the data type, dimension and distance metric that CreateIndex was given."""
    shown = describe_index(client, make_index(dimension=7, metric=metric))
    assert (shown["dataType"], shown["dimension"], shown["distanceMetric"]) == ("float32", 7, metric)


@requirement(
    "get-index.creation-time",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="GetIndex>index.creationTime",
)
def test_the_creation_time_of_a_new_index_is_now(client: Any, make_index: MakeIndex) -> None:
    """The creationTime of a new index is the current time."""
    index = make_index()
    assert abs(describe_index(client, index)["creationTime"] - datetime.now(UTC)) < SKEW


@requirement(
    "get-index.creation-time-is-a-number",
    kind="detail",
    evidence="model",
    source=sources.REST_JSON,
    needs="raw",
)
def test_the_creation_time_is_sent_as_a_number(raw: RawClient, make_index: MakeIndex) -> None:
    """On the wire, the creationTime of an index is a number of seconds since 1970."""
    shown = raw("/GetIndex", make_index().address).members["index"]
    assert type(shown["creationTime"]) in {int, float}


@requirement(
    "get-index.creation-time-in-whole-seconds",
    kind="detail",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_the_creation_time_has_no_fraction(client: Any, make_index: MakeIndex) -> None:
    """The creationTime of an index is in whole seconds."""
    assert describe_index(client, make_index())["creationTime"].microsecond == 0


@requirement(
    "get-index.mode",
    kind="effect",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
    covers="GetIndex>index.indexMode",
)
def test_the_mode_of_a_new_index_is_the_default_of_its_bucket(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """A new index has the default mode of its bucket, which is ENHANCED for a new bucket."""
    bucket = make_bucket()
    default = client.get_vector_bucket(**bucket.address)["vectorBucket"]["defaultIndexMode"]
    assert describe_index(client, make_index(bucket))["indexMode"] == default == "ENHANCED"


@requirement(
    "get-index.without-metadata-configuration",
    kind="detail",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
)
def test_an_index_without_metadata_configuration_has_no_such_member(
    client: Any, make_index: MakeIndex
) -> None:
    """GetIndex omits metadataConfiguration if none was set."""
    assert "metadataConfiguration" not in describe_index(client, make_index())


@requirement(
    "get-index.only-modelled-members", kind="effect", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_description_has_only_modelled_members(raw: RawClient, make_index: MakeIndex) -> None:
    """The answer of GetIndex has no member that the model does not have."""
    answer = raw("/GetIndex", make_index(non_filterable=["text"]).address)
    assert answer.status == 200
    assert unmodelled_members("GetIndex", answer.json) == []


@requirement(
    "get-index.vectors-change-nothing", kind="effect", evidence="inferred", source=sources.api("GetIndex")
)
def test_the_description_does_not_change_with_the_vectors(client: Any, make_index: MakeIndex) -> None:
    """Writing and deleting vectors does not change the description of an index."""
    index = make_index()
    before = describe_index(client, index)
    index.put(("a", [1.0, 0.0]), ("b", [0.0, 1.0]))
    index.delete("a")
    assert describe_index(client, index) == before


@requirement("get-index.in-its-own-bucket", kind="effect", evidence="recorded", source=sources.MOTO_INDEXES)
def test_an_index_of_one_bucket_is_not_found_in_another(
    expect_error: ErrorExpectation, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """GetIndex does not find an index under the name of another bucket."""
    index = make_index()
    members = {"vectorBucketName": make_bucket().name, "indexName": index.name}
    expect_error("GetIndex", members, code="NotFoundException")
