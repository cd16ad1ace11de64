"""CreateIndex: names, dimension, data type, metric, and simultaneous creations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import BucketHandle, MakeBucket, MakeIndex, Members

from .calls import call_error, describe_index, index_members, unmodelled_members

NAME_IN_USE = "An index with the specified name already exists"


@pytest.fixture
def valid_request(some_bucket: BucketHandle, index_name: str) -> Members:
    """The members of a valid CreateIndex request in an existing bucket."""
    return {"vectorBucketName": some_bucket.name, **index_members(index_name)}


@requirement(
    "create-index.arn",
    kind="effect",
    evidence="documented",
    source=sources.api("CreateIndex"),
    covers="CreateIndex>indexArn",
)
def test_the_answer_has_the_arn(client: Any, some_bucket: BucketHandle, index_name: str) -> None:
    """CreateIndex answers with the ARN of the new index: the ARN of the bucket and the name of the index."""
    answer = client.create_index(**some_bucket.address, **index_members(index_name))
    assert answer["indexArn"] == f"{some_bucket.arn}/index/{index_name}"


@requirement(
    "create-index.only-modelled-members", kind="effect", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_answer_has_only_modelled_members(
    raw: RawClient, some_bucket: BucketHandle, index_name: str
) -> None:
    """The answer of CreateIndex has no member that the model does not have."""
    answer = raw("/CreateIndex", {**some_bucket.address, **index_members(index_name)})
    assert answer.status == 200
    assert unmodelled_members("CreateIndex", answer.json) == []


@pytest.mark.parametrize("member", ["indexName", "dataType", "dimension", "distanceMetric"])
@requirement(
    "create-index.required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="CreateIndex.{member}.required CreateIndex!ValidationException",
)
def test_an_index_needs_name_type_dimension_and_metric(
    expect_error: ErrorExpectation, valid_request: Members, member: str
) -> None:
    """CreateIndex without a name, data type, dimension or distance metric is rejected."""
    members = {name: value for name, value in valid_request.items() if name != member}
    expect_error("CreateIndex", members, code="ValidationException")


@pytest.mark.parametrize("given", ["int", "float64", "FLOAT32", pytest.param("", id="empty")])
@requirement(
    "create-index.data-type",
    kind="refusal",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.dataType.enum",
)
def test_an_unknown_data_type_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, given: str
) -> None:
    """The data type of an index must be float32."""
    expect_error("CreateIndex", valid_request, dataType=given, code="ValidationException")


@requirement(
    "create-index.data-type-message", kind="detail", evidence="recorded", source=sources.MOTO_INDEXES
)
def test_the_error_of_a_data_type_lists_the_allowed_one(
    expect_error: ErrorExpectation, valid_request: Members
) -> None:
    """The error for an unknown data type names the member and the allowed value."""
    expect_error(
        "CreateIndex",
        valid_request,
        dataType="int",
        code="ValidationException",
        message="1 validation error detected. Value at '/dataType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [float32]",
    )


@pytest.mark.parametrize("given", ["what", "dotproduct", "COSINE", pytest.param("", id="empty")])
@requirement(
    "create-index.metric",
    kind="refusal",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.distanceMetric.enum",
)
def test_an_unknown_metric_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, given: str
) -> None:
    """The distance metric of an index must be euclidean or cosine."""
    expect_error("CreateIndex", valid_request, distanceMetric=given, code="ValidationException")


@requirement("create-index.metric-message", kind="detail", evidence="recorded", source=sources.MOTO_INDEXES)
def test_the_error_of_a_metric_lists_the_allowed_ones(
    expect_error: ErrorExpectation, valid_request: Members
) -> None:
    """The error for an unknown distance metric names the member and the allowed values."""
    expect_error(
        "CreateIndex",
        valid_request,
        distanceMetric="what",
        code="ValidationException",
        message="1 validation error detected. Value at '/distanceMetric' failed to satisfy constraint: "
        "Member must satisfy enum value set: [euclidean, cosine]",
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@requirement(
    "create-index.metric-allowed",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.distanceMetric.enum={metric} CreateIndex.dataType.enum=float32",
)
def test_both_metrics_are_accepted(client: Any, make_index: MakeIndex, metric: str) -> None:
    """The distance metric of an index may be euclidean or cosine."""
    assert describe_index(client, make_index(metric=metric))["distanceMetric"] == metric


@pytest.mark.parametrize("dimension", [-1, 0, 4097, 99999])
@requirement(
    "create-index.dimension",
    kind="refusal",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.dimension.min-1 CreateIndex.dimension.max+1",
)
def test_too_few_or_too_many_dimensions_are_rejected(
    expect_error: ErrorExpectation, valid_request: Members, dimension: int
) -> None:
    """The dimension of an index must be from 1 to 4,096."""
    expect_error("CreateIndex", valid_request, dimension=dimension, code="ValidationException")


@requirement(
    "create-index.dimension-message", kind="detail", evidence="recorded", source=sources.MOTO_INDEXES
)
def test_the_error_of_a_dimension_gives_the_range(
    expect_error: ErrorExpectation, valid_request: Members
) -> None:
    """The error for an invalid dimension names the member and the allowed range."""
    expect_error(
        "CreateIndex",
        valid_request,
        dimension=99999,
        code="ValidationException",
        message="1 validation error detected. Value at '/dimension' failed to satisfy constraint: "
        "Member must be between 1 and 4096, inclusive",
    )


@pytest.mark.parametrize("dimension", [1, 4096])
@requirement(
    "create-index.dimension-allowed",
    kind="effect",
    evidence="documented",
    source=sources.LIMITS,
    covers="CreateIndex.dimension.min CreateIndex.dimension.max",
)
def test_an_index_may_have_1_to_4096_dimensions(make_index: MakeIndex, dimension: int) -> None:
    """An index may have 1 or 4,096 dimensions, and accepts a vector with that many values."""
    index = make_index(dimension=dimension)
    index.put(("a", [1.0] * dimension))
    assert len(index.get("a")["a"]["data"]["float32"]) == dimension


@pytest.mark.parametrize("length", [1, 2, 64])
@requirement(
    "create-index.name-length",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="CreateIndex.indexName.min-1 CreateIndex.indexName.max+1",
)
def test_a_name_too_short_or_too_long_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, length: int
) -> None:
    """The name of an index must have 3 to 63 characters."""
    expect_error("CreateIndex", valid_request, indexName="a" * length, code="ValidationException")


#: Invalid names, by what is wrong with them.
BAD_NAMES = {
    "underscore": "with_under_score",
    "ampersand": "special&char",
    "upper-case": "With-capitals",
    "space": "with space",
    "slash": "with/slash",
    "letter-beyond-ascii": "grün-index",
    "leading-hyphen": "-leading-hyphen",
    "trailing-hyphen": "trailing-hyphen-",
    "leading-dot": ".leading-dot",
    "trailing-dot": "trailing-dot.",
}


@pytest.mark.parametrize("fault", BAD_NAMES)
@requirement("create-index.name-characters", kind="refusal", evidence="documented", source=sources.INDEXES)
def test_a_name_with_invalid_characters_is_rejected(
    expect_error: ErrorExpectation, valid_request: Members, fault: str
) -> None:
    """A name has lower-case letters, digits, hyphens and dots, and starts and ends with a letter or digit."""
    expect_error("CreateIndex", valid_request, indexName=BAD_NAMES[fault], code="ValidationException")


@requirement(
    "create-index.name-characters-message",
    kind="detail",
    evidence="recorded",
    source=sources.SPICE_INDEX_NAME,
)
def test_the_message_about_invalid_characters(expect_error: ErrorExpectation, valid_request: Members) -> None:
    """The message about a name with invalid characters."""
    expect_error(
        "CreateIndex",
        valid_request,
        indexName=BAD_NAMES["underscore"],
        code="ValidationException",
        message="Invalid index name",
    )


@pytest.mark.parametrize("name", ["abc", "a" * 63, "007", "with.dots", "a--b", "v1.2-rc.3"])
@requirement(
    "create-index.name-allowed",
    kind="effect",
    evidence="documented",
    source=sources.INDEXES,
    covers="CreateIndex.indexName.min CreateIndex.indexName.max",
)
def test_names_of_letters_digits_hyphens_and_dots_are_accepted(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex, name: str
) -> None:
    """A name of 3 to 63 lower-case letters, digits, hyphens and dots is accepted, and works in an ARN."""
    index = make_index(make_bucket(), name=name)
    assert client.get_index(indexArn=index.arn)["index"]["indexName"] == name


@requirement(
    "create-index.twice",
    kind="effect",
    evidence="recorded",
    source=sources.NEIGHBOR,
    covers="CreateIndex!ConflictException",
)
def test_a_name_in_use_is_rejected(
    client: Any, expect_error: ErrorExpectation, valid_request: Members
) -> None:
    """CreateIndex with the name of an existing index is rejected, even if everything else is the same."""
    client.create_index(**valid_request)
    expect_error("CreateIndex", valid_request, code="ConflictException")


@requirement("create-index.twice-message", kind="detail", evidence="recorded", source=sources.NEIGHBOR)
def test_the_error_of_a_name_in_use(
    client: Any, expect_error: ErrorExpectation, valid_request: Members
) -> None:
    """The error for the name of an existing index says that the index exists."""
    client.create_index(**valid_request)
    expect_error("CreateIndex", valid_request, code="ConflictException", message=NAME_IN_USE)


@requirement(
    "create-index.twice-changes-nothing",
    kind="guard",
    evidence="recorded",
    source=sources.probe("index-create-race"),
)
def test_a_rejected_second_creation_changes_nothing(
    client: Any, expect_error: ErrorExpectation, make_index: MakeIndex
) -> None:
    """A second CreateIndex of the same name changes neither the existing index nor its vectors."""
    index = make_index()
    index.put(("a", [1.0, 0.0]))
    before = describe_index(client, index)
    members = index_members(index.name, dimension=3, distanceMetric="euclidean")
    expect_error.is_refused("CreateIndex", members, vectorBucketName=index.bucket)
    assert describe_index(client, index) == before
    assert index.keys() == {"a"}


@requirement(
    "create-index.race",
    kind="effect",
    evidence="recorded",
    source=sources.probe("index-create-race"),
    slow=True,
)
def test_one_of_several_simultaneous_creations_succeeds(client: Any, make_bucket: MakeBucket) -> None:
    """Of several simultaneous CreateIndex requests for one name, one succeeds and defines the index."""
    bucket = make_bucket()

    def create(dimension: int) -> str:
        members = {**bucket.address, **index_members("films", dimension=dimension)}
        error = call_error(client, "CreateIndex", members)
        return error.code if error else "created"

    dimensions = range(1, 6)
    with ThreadPoolExecutor(len(dimensions)) as threads:
        results = dict(zip(dimensions, threads.map(create, dimensions), strict=True))
    assert Counter(results.values())["created"] == 1
    # Amazon has been seen to answer one of the other requests with an internal error.
    assert set(results.values()) <= {"created", "ConflictException", "InternalServerException"}
    shown = client.get_index(**bucket.address, indexName="films")["index"]
    assert results[shown["dimension"]] == "created"


@requirement(
    "create-index.same-name-elsewhere",
    kind="effect",
    evidence="documented",
    source=sources.INDEXES,
    slow=True,
)
def test_two_buckets_may_have_indexes_with_the_same_name(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """Indexes with the same name in two buckets are two indexes."""
    index = make_index(make_bucket(), name="films", dimension=2)
    other = make_index(make_bucket(), name="films", dimension=3)
    index.put(("a", [1.0, 0.0]))
    assert other.keys() == set()
    assert describe_index(client, other)["dimension"] == 3


@requirement(
    "create-index.unknown-bucket",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="CreateIndex!NotFoundException",
)
def test_an_unknown_bucket_is_not_created(
    expect_error: ErrorExpectation, new_name: Callable[[], str]
) -> None:
    """CreateIndex in an unknown bucket is answered with NotFoundException, and creates no bucket."""
    name = new_name()
    expect_error("CreateIndex", index_members("films"), vectorBucketName=name, code="NotFoundException")
    expect_error("GetVectorBucket", vectorBucketName=name, code="NotFoundException")


@requirement(
    "create-index.starts-empty", kind="guard", evidence="inferred", source=sources.api("CreateIndex")
)
def test_a_new_index_has_no_vectors(make_index: MakeIndex) -> None:
    """ListVectors of a new index returns an empty list without a token."""
    answer = make_index().call("ListVectors")
    assert answer["vectors"] == []
    assert not answer.get("nextToken")


@requirement(
    "create-index.changes-no-bucket",
    kind="guard",
    evidence="inferred",
    source=sources.api("CreateIndex"),
)
def test_a_rejected_creation_creates_nothing(expect_error: ErrorExpectation, make_bucket: MakeBucket) -> None:
    """A rejected CreateIndex creates no index."""
    bucket = make_bucket()
    if expect_error.is_refused("CreateIndex", index_members("films", dimension=0), **bucket.address):
        assert bucket.call("ListIndexes")["indexes"] == []
