"""CreateIndex: names, dimension, data type, metric, and who wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeBucket, MakeIndex, Members

from .asking import index_members, index_shown, outcome, unmodelled

TAKEN = "An index with the specified name already exists"


@pytest.fixture
def valid(make_index: MakeIndex) -> Members:
    """A request of CreateIndex that would be taken, in a bucket that is there."""
    index = make_index()
    return {"vectorBucketName": index.bucket, **index_members(f"{index.name}-2")}


@requirement(
    "create-index.arn",
    level="must",
    evidence="documented",
    source=sources.api("CreateIndex"),
    covers="CreateIndex>indexArn",
)
def test_the_answer_holds_the_arn(client: Any, make_bucket: MakeBucket) -> None:
    """CreateIndex answers with the ARN of the new index: that of the bucket, and the name."""
    bucket = make_bucket()
    answer = client.create_index(**bucket.address, **index_members("films"))
    assert answer["indexArn"] == f"{bucket.arn}/index/films"


@requirement(
    "create-index.only-modelled-members", level="must", evidence="model", source=sources.MODEL, needs="raw"
)
def test_the_answer_holds_nothing_else(raw: RawClient, make_bucket: MakeBucket) -> None:
    """The answer of CreateIndex has no member that the model does not know."""
    answer = raw("/CreateIndex", {**make_bucket().address, **index_members("films")})
    assert answer.status == 200
    assert unmodelled("CreateIndex", answer.json) == []


@pytest.mark.parametrize("member", ["indexName", "dataType", "dimension", "distanceMetric"])
@requirement(
    "create-index.required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="CreateIndex.{member}.required CreateIndex!ValidationException",
)
def test_an_index_needs_name_type_dimension_and_metric(refused: Refused, valid: Members, member: str) -> None:
    """CreateIndex without its name, data type, dimension or distance metric is refused."""
    members = {name: value for name, value in valid.items() if name != member}
    refused("CreateIndex", members, code="ValidationException")


@pytest.mark.parametrize("given", ["int", "float64", "FLOAT32", pytest.param("", id="empty")])
@requirement(
    "create-index.data-type",
    level="must",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.dataType.enum",
)
def test_another_data_type_is_refused(refused: Refused, valid: Members, given: str) -> None:
    """The data type of an index is float32."""
    refused("CreateIndex", valid, dataType=given, code="ValidationException")


@requirement(
    "create-index.data-type-message", level="should", evidence="recorded", source=sources.MOTO_INDEXES
)
def test_the_refusal_of_a_data_type_lists_the_allowed_one(refused: Refused, valid: Members) -> None:
    """The sentence that refuses a data type names the member and what it may be."""
    refused(
        "CreateIndex",
        valid,
        dataType="int",
        code="ValidationException",
        message="1 validation error detected. Value at '/dataType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [float32]",
    )


@pytest.mark.parametrize("given", ["what", "dotproduct", "COSINE", pytest.param("", id="empty")])
@requirement(
    "create-index.metric",
    level="must",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.distanceMetric.enum",
)
def test_another_metric_is_refused(refused: Refused, valid: Members, given: str) -> None:
    """The distance metric of an index is euclidean or cosine."""
    refused("CreateIndex", valid, distanceMetric=given, code="ValidationException")


@requirement("create-index.metric-message", level="should", evidence="recorded", source=sources.MOTO_INDEXES)
def test_the_refusal_of_a_metric_lists_the_allowed_ones(refused: Refused, valid: Members) -> None:
    """The sentence that refuses a distance metric names the member and what it may be."""
    refused(
        "CreateIndex",
        valid,
        distanceMetric="what",
        code="ValidationException",
        message="1 validation error detected. Value at '/distanceMetric' failed to satisfy constraint: "
        "Member must satisfy enum value set: [euclidean, cosine]",
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@requirement(
    "create-index.metric-allowed",
    level="must",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.distanceMetric.enum={metric} CreateIndex.dataType.enum=float32",
)
def test_both_metrics_are_taken(client: Any, make_index: MakeIndex, metric: str) -> None:
    """An index of float32 may have either metric, euclidean or cosine."""
    assert index_shown(client, make_index(metric=metric))["distanceMetric"] == metric


@pytest.mark.parametrize("dimension", [-1, 0, 4097, 99999])
@requirement(
    "create-index.dimension",
    level="must",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    covers="CreateIndex.dimension.min-1 CreateIndex.dimension.max+1",
)
def test_too_few_or_too_many_dimensions_are_refused(refused: Refused, valid: Members, dimension: int) -> None:
    """The dimension of an index is from 1 to 4,096."""
    refused("CreateIndex", valid, dimension=dimension, code="ValidationException")


@requirement(
    "create-index.dimension-message", level="should", evidence="recorded", source=sources.MOTO_INDEXES
)
def test_the_refusal_of_a_dimension_tells_what_is_allowed(refused: Refused, valid: Members) -> None:
    """The sentence that refuses a dimension names the member and its bounds."""
    refused(
        "CreateIndex",
        valid,
        dimension=99999,
        code="ValidationException",
        message="1 validation error detected. Value at '/dimension' failed to satisfy constraint: "
        "Member must be between 1 and 4096, inclusive",
    )


@pytest.mark.parametrize("dimension", [1, 4096])
@requirement(
    "create-index.dimension-allowed",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="CreateIndex.dimension.min CreateIndex.dimension.max",
)
def test_an_index_may_have_1_to_4096_dimensions(make_index: MakeIndex, dimension: int) -> None:
    """An index may have 1 dimension or 4,096, and takes a vector of that many values."""
    index = make_index(dimension=dimension)
    index.put(("a", [1.0] * dimension))
    assert len(index.get("a")["a"]["data"]["float32"]) == dimension


@pytest.mark.parametrize("length", [1, 2, 64])
@requirement(
    "create-index.name-length",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="CreateIndex.indexName.min-1 CreateIndex.indexName.max+1",
)
def test_a_name_too_short_or_too_long_is_refused(refused: Refused, valid: Members, length: int) -> None:
    """The name of an index has 3 to 63 characters."""
    refused("CreateIndex", valid, indexName="a" * length, code="ValidationException")


#: What is wrong to a name that has it.
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
@requirement("create-index.name-characters", level="must", evidence="documented", source=sources.INDEXES)
def test_a_name_of_other_characters_is_refused(refused: Refused, valid: Members, fault: str) -> None:
    """A name has lower-case letters, digits, hyphens and dots, and starts and ends with a letter or digit."""
    refused("CreateIndex", valid, indexName=BAD_NAMES[fault], code="ValidationException")


@pytest.mark.parametrize("name", ["abc", "a" * 63, "007", "with.dots", "a--b", "v1.2-rc.3"])
@requirement(
    "create-index.name-allowed",
    level="must",
    evidence="documented",
    source=sources.INDEXES,
    covers="CreateIndex.indexName.min CreateIndex.indexName.max",
)
def test_letters_digits_hyphens_and_dots_make_a_name(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex, name: str
) -> None:
    """A name of 3 to 63 lower-case letters, digits, hyphens and dots is taken, and works in an ARN."""
    index = make_index(make_bucket(), name=name)
    assert client.get_index(indexArn=index.arn)["index"]["indexName"] == name


@requirement(
    "create-index.twice",
    level="must",
    evidence="recorded",
    source=sources.NEIGHBOR,
    covers="CreateIndex!ConflictException",
)
def test_a_name_is_given_once_in_a_bucket(client: Any, refused: Refused, valid: Members) -> None:
    """CreateIndex with the name of an index that is there is refused, even if all else is the same."""
    client.create_index(**valid)
    refused("CreateIndex", valid, code="ConflictException")


@requirement("create-index.twice-message", level="should", evidence="recorded", source=sources.NEIGHBOR)
def test_the_refusal_of_a_second_index_says_that_there_is_one(
    client: Any, refused: Refused, valid: Members
) -> None:
    """The second CreateIndex of a name is refused with the sentence that says so."""
    client.create_index(**valid)
    refused("CreateIndex", valid, code="ConflictException", message=TAKEN)


@requirement(
    "create-index.twice-changes-nothing",
    level="must",
    evidence="recorded",
    source=sources.probe("index-create-race"),
)
def test_a_refused_second_creation_changes_nothing(
    client: Any, refused: Refused, make_index: MakeIndex
) -> None:
    """An index and its vectors are as before after its name was asked for with another dimension."""
    index = make_index()
    index.put(("a", [1.0, 0.0]))
    before = index_shown(client, index)
    members = index_members(index.name, dimension=3, distanceMetric="euclidean")
    refused("CreateIndex", members, vectorBucketName=index.bucket, code="ConflictException")
    assert index_shown(client, index) == before
    assert index.keys() == {"a"}


@requirement(
    "create-index.race", level="must", evidence="recorded", source=sources.probe("index-create-race")
)
def test_of_those_who_create_at_once_one_wins(client: Any, make_bucket: MakeBucket) -> None:
    """Of several CreateIndex of one name at once one succeeds; GetIndex shows at once what that asked for."""
    bucket = make_bucket()

    def create(dimension: int) -> str:
        members = {**bucket.address, **index_members("films", dimension=dimension)}
        refusal = outcome(client, "CreateIndex", members)
        return refusal.code if refusal else "created"

    dimensions = range(1, 6)
    with ThreadPoolExecutor(len(dimensions)) as threads:
        results = dict(zip(dimensions, threads.map(create, dimensions), strict=True))
    assert Counter(results.values())["created"] == 1
    # Amazon was seen to answer one of the losers with an internal error.
    assert set(results.values()) <= {"created", "ConflictException", "InternalServerException"}
    shown = client.get_index(**bucket.address, indexName="films")["index"]
    assert results[shown["dimension"]] == "created"


@requirement("create-index.same-name-elsewhere", level="must", evidence="documented", source=sources.INDEXES)
def test_two_buckets_may_have_indexes_of_one_name(
    client: Any, make_bucket: MakeBucket, make_index: MakeIndex
) -> None:
    """Indexes of one name in two buckets are two indexes."""
    here = make_index(make_bucket(), name="films", dimension=2)
    there = make_index(make_bucket(), name="films", dimension=3)
    here.put(("a", [1.0, 0.0]))
    assert there.keys() == set()
    assert index_shown(client, there)["dimension"] == 3


@requirement(
    "create-index.unknown-bucket",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="CreateIndex!NotFoundException",
)
def test_an_index_needs_a_bucket(refused: Refused, new_name: Callable[[], str]) -> None:
    """CreateIndex does not make the bucket: one that does not exist is answered with NotFoundException."""
    name = new_name()
    refused("CreateIndex", index_members("films"), vectorBucketName=name, code="NotFoundException")
    refused("GetVectorBucket", vectorBucketName=name, code="NotFoundException")


@requirement(
    "create-index.starts-empty", level="must", evidence="inferred", source=sources.api("CreateIndex")
)
def test_a_new_index_has_no_vectors(make_index: MakeIndex) -> None:
    """ListVectors on a new index is an empty list without a token."""
    answer = make_index().call("ListVectors")
    assert answer["vectors"] == []
    assert not answer.get("nextToken")


@requirement(
    "create-index.changes-no-bucket",
    level="must",
    evidence="inferred",
    source=sources.api("CreateIndex"),
)
def test_a_refused_index_is_not_there(refused: Refused, make_bucket: MakeBucket) -> None:
    """Where CreateIndex is refused, the bucket has no index."""
    bucket = make_bucket()
    refused("CreateIndex", index_members("films", dimension=0), **bucket.address, code="ValidationException")
    assert bucket.call("ListIndexes")["indexes"] == []
