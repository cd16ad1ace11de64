"""QueryVectors: what an answer holds, and what is refused. Distances and pages have files of their own."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeBucket, MakeIndex

QUERY = {"float32": [1.0, 0.0]}
BAD_VECTOR = "Query vector contains invalid values or is invalid for this index"
MANY_RESULTS = 10_000
FLAGS = ("returnDistance", "returnMetadata", "returnScores")


def keys_of(answer: dict[str, Any]) -> list[str]:
    return [each["key"] for each in answer["vectors"]]


@pytest.fixture
def index(make_index: MakeIndex) -> Index:
    """An index with three vectors, at distances 0, 1 and 2 from `QUERY`."""
    made = make_index()
    made.put(("same", [1, 0], {"n": 1}), ("across", [0, 1], {"n": 2}), ("opposite", [-1, 0]))
    return made


@requirement("query-vectors.by-name", level="must", evidence="model", source=sources.api("QueryVectors"))
def test_an_index_is_named_with_its_bucket(client: Any, index: Index) -> None:
    """An index is queried by the name of its bucket and its own."""
    answer = client.query_vectors(**index.address, topK=1, queryVector=QUERY)
    assert keys_of(answer) == ["same"]


@requirement("query-vectors.by-arn", level="must", evidence="model", source=sources.api("QueryVectors"))
def test_an_index_is_named_by_its_arn(client: Any, index: Index) -> None:
    """An index is queried by its ARN alone."""
    assert keys_of(client.query_vectors(indexArn=index.arn, topK=1, queryVector=QUERY)) == ["same"]


@requirement(
    "query-vectors.order",
    level="must",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors>vectors.key",
)
def test_the_nearest_come_first(index: Index) -> None:
    """Results are ordered by distance, the smallest first."""
    assert keys_of(index.call("QueryVectors", topK=3, queryVector=QUERY)) == ["same", "across", "opposite"]


@requirement(
    "query-vectors.bare-results",
    level="must",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors>vectors",
)
def test_a_result_is_a_key_unless_more_is_asked_for(index: Index) -> None:
    """Without flags a result holds its key and nothing else."""
    assert index.call("QueryVectors", topK=1, queryVector=QUERY)["vectors"] == [{"key": "same"}]


@pytest.mark.parametrize("flag", FLAGS)
@requirement("query-vectors.flag-false", level="must", evidence="model", source=sources.api("QueryVectors"))
def test_a_flag_that_is_false_is_as_if_not_given(index: Index, flag: str) -> None:
    """A flag that is false adds nothing to a result."""
    answer = index.call("QueryVectors", topK=1, queryVector=QUERY, **{flag: False})
    assert answer["vectors"] == [{"key": "same"}]


@requirement(
    "query-vectors.return-distance",
    level="must",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors>vectors.distance",
)
def test_the_distance_is_told_when_it_is_asked_for(index: Index) -> None:
    """With returnDistance a result has its distance besides, and only that."""
    (one,) = index.call("QueryVectors", topK=1, queryVector=QUERY, returnDistance=True)["vectors"]
    assert one == {"key": "same", "distance": pytest.approx(0, abs=1e-5)}


@requirement(
    "query-vectors.return-metadata",
    level="must",
    evidence="recorded",
    source=sources.NEIGHBOR,
    covers="QueryVectors>vectors.metadata",
)
def test_metadata_is_told_when_it_is_asked_for(index: Index) -> None:
    """With returnMetadata a result has its metadata besides, and only that."""
    answer = index.call("QueryVectors", topK=1, queryVector=QUERY, returnMetadata=True)
    assert answer["vectors"] == [{"key": "same", "metadata": {"n": 1}}]


@requirement("query-vectors.no-metadata", level="should", evidence="recorded", source=sources.NEIGHBOR)
def test_a_vector_without_metadata_has_an_empty_object(index: Index) -> None:
    """With returnMetadata a vector that has no metadata gets an empty object."""
    answer = index.call("QueryVectors", topK=3, queryVector=QUERY, returnMetadata=True)
    assert answer["vectors"][-1] == {"key": "opposite", "metadata": {}}


@requirement("query-vectors.metadata-values", level="must", evidence="recorded", source=sources.NEIGHBOR)
def test_metadata_comes_back_as_it_was_put(make_index: MakeIndex) -> None:
    """Query results carry metadata of every type as it was put, non-filterable keys too."""
    index = make_index(non_filterable=["body"])
    metadata = {"a.b": "text", "n": 1.5, "yes": True, "list": ["x", "y"], "numbers": [1, 2], "body": "long"}
    index.put(("a", [1, 0], metadata))
    assert index.query([1, 0], metadata=True, distance=False) == [{"key": "a", "metadata": metadata}]


@requirement(
    "query-vectors.no-vector-data",
    level="must",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs="raw",
)
def test_vectors_themselves_are_never_returned(raw: RawClient, index: Index) -> None:
    """No flag makes a query result carry the values of a vector."""
    asked = {**index.address, "topK": 3, "queryVector": QUERY, "returnData": True}
    answer = raw("/QueryVectors", {**asked, **dict.fromkeys(FLAGS, True)})
    assert {name for each in answer.json["vectors"] for name in each} == {"key", "distance", "metadata"}


@requirement(
    "query-vectors.no-vector-scores", level="should", evidence="model", source=sources.api("QueryVectors")
)
def test_a_query_by_vector_has_no_scores(index: Index) -> None:
    """With returnScores the results of a query by vector alone are as without."""
    answer = index.call("QueryVectors", topK=1, queryVector=QUERY, returnScores=True)
    assert answer["vectors"] == [{"key": "same"}]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@requirement(
    "query-vectors.distance-metric",
    level="must",
    evidence="model",
    source=sources.api("QueryVectors"),
    covers="QueryVectors>distanceMetric",
)
def test_an_answer_names_the_metric(make_index: MakeIndex, metric: str) -> None:
    """Every answer names the index's distance metric, distances asked for or not."""
    index = make_index(metric=metric)
    index.put(("a", [1, 0]))
    assert index.call("QueryVectors", topK=1, queryVector=QUERY)["distanceMetric"] == metric


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@requirement("query-vectors.empty-index", level="must", evidence="recorded", source=sources.PROBE_TABLES)
def test_an_empty_index_gives_no_results(make_index: MakeIndex, metric: str) -> None:
    """A query of an index without vectors is answered with an empty list, and the metric."""
    answer = make_index(metric=metric).call("QueryVectors", topK=5, queryVector=QUERY)
    assert answer["vectors"] == []
    assert answer["distanceMetric"] == metric
    assert not answer.get("nextToken")


@requirement("query-vectors.no-match", level="must", evidence="recorded", source=sources.PROBE_TABLES)
def test_a_filter_that_matches_nothing_gives_no_results(index: Index) -> None:
    """A filter that lets nothing through is answered with an empty list, not with an error."""
    answer = index.call("QueryVectors", topK=3, queryVector=QUERY, filter={"n": 99})
    assert answer["vectors"] == []
    assert answer["distanceMetric"] == "cosine"


@requirement(
    "query-vectors.other-index", level="must", evidence="documented", source=sources.api("QueryVectors")
)
def test_only_the_index_that_is_named_is_searched(make_index: MakeIndex) -> None:
    """Vectors of another index of the same bucket are no results."""
    mine, other = make_index(), make_index()
    mine.put(("mine", [0, 1]))
    other.put(("other", [1, 0]))
    assert [each["key"] for each in mine.query([1, 0])] == ["mine"]


# How many


@pytest.mark.parametrize("top_k", [1, 2])
@requirement(
    "query-vectors.top-k",
    level="must",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors.topK.min",
)
def test_no_more_than_asked_for_are_returned(index: Index, top_k: int) -> None:
    """No more than topK results are returned: the nearest."""
    answer = index.call("QueryVectors", topK=top_k, queryVector=QUERY)
    assert keys_of(answer) == ["same", "across", "opposite"][:top_k]


@requirement("query-vectors.fewer-than-top-k", level="must", evidence="recorded", source=sources.PROBE_TABLES)
def test_all_are_returned_where_there_are_fewer(index: Index) -> None:
    """An index with fewer vectors than topK gives all of them."""
    answer = index.call("QueryVectors", topK=50, queryVector=QUERY)
    assert keys_of(answer) == ["same", "across", "opposite"]
    assert not answer.get("nextToken")


@requirement("query-vectors.top-k-ceiling", level="must", evidence="documented", source=sources.LIMITS)
def test_ten_thousand_may_be_asked_for(index: Index) -> None:
    """A topK of 10,000 is accepted."""
    assert len(index.query([1, 0], top_k=MANY_RESULTS)) == 3


@requirement("query-vectors.top-k-too-large", level="must", evidence="documented", source=sources.LIMITS)
def test_more_than_ten_thousand_is_refused(index: Index, refused: Refused) -> None:
    """A topK of 10,001 is refused."""
    asked = {**index.address, "queryVector": QUERY, "topK": MANY_RESULTS + 1}
    refused("QueryVectors", asked, code="ValidationException")


@pytest.mark.parametrize("top_k", [0, -1])
@requirement(
    "query-vectors.top-k-too-small",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.topK.min-1 QueryVectors!ValidationException",
)
def test_less_than_one_is_refused(index: Index, refused: Refused, top_k: int) -> None:
    """A topK below 1 is refused."""
    asked = {**index.address, "queryVector": QUERY, "topK": top_k}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.top-k-missing",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.topK.required",
)
def test_top_k_must_be_given(index: Index, refused: Refused) -> None:
    """A query without topK is refused."""
    refused("QueryVectors", {**index.address, "queryVector": QUERY}, code="ValidationException")


# The query vector

BAD_VECTORS = {
    "too-short": [1.0],
    "too-long": [1.0, 0.0, 0.0],
    "empty": [],
    "nan": [1.0, float("nan")],
    "infinity": [1.0, float("inf")],
    "beyond-float32": [1.0, 1e39],
    "minus-beyond-float32": [-1e39, 1.0],
}


@pytest.mark.parametrize("values", BAD_VECTORS.values(), ids=BAD_VECTORS.keys())
@requirement(
    "query-vectors.bad-vector", level="must", evidence="recorded", source=sources.probe("zero-vector")
)
def test_a_vector_that_does_not_fit_is_refused(index: Index, refused: Refused, values: list[float]) -> None:
    """A query vector of another length, or with a value that float32 does not hold, is refused."""
    asked = {**index.address, "topK": 1, "queryVector": {"float32": values}}
    refused("QueryVectors", asked, code="ValidationException")


@pytest.mark.parametrize("name", ["too-short", "too-long", "beyond-float32"])
@requirement(
    "query-vectors.bad-vector-message",
    level="should",
    evidence="recorded",
    source=sources.probe("zero-vector"),
)
def test_a_vector_that_does_not_fit_is_blamed(index: Index, refused: Refused, name: str) -> None:
    """The refusal of a query vector says so, and blames the field `vector`."""
    asked = {**index.address, "topK": 1, "queryVector": {"float32": BAD_VECTORS[name]}}
    refused("QueryVectors", asked, code="ValidationException", message=BAD_VECTOR, field="vector")


@requirement(
    "query-vectors.zero-vector", level="must", evidence="recorded", source=sources.probe("zero-vector")
)
def test_a_zero_vector_has_no_direction(index: Index, refused: Refused) -> None:
    """A query vector of zeros is refused under cosine."""
    asked = {**index.address, "topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.zero-vector-message",
    level="should",
    evidence="recorded",
    source=sources.probe("zero-vector"),
)
def test_a_zero_vector_is_blamed(index: Index, refused: Refused) -> None:
    """The refusal of a zero vector names its norm under the field `vector`."""
    asked = {**index.address, "topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    refusal = refused("QueryVectors", asked, code="ValidationException", message=BAD_VECTOR)
    assert refusal.fields == {
        "vector": "Invalid input: cosine distance does not support vectors with zero norm"
    }


@requirement("query-vectors.nothing-asked", level="must", evidence="documented", source=sources.TEXT_QUERIES)
def test_a_query_asks_for_something(index: Index, refused: Refused) -> None:
    """A query with neither queryVector nor queryTexts is refused."""
    refused("QueryVectors", {**index.address, "topK": 1}, code="ValidationException")


# Modes


@requirement(
    "query-vectors.mode-enhanced",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
    covers="QueryVectors.queryMode.enum=ENHANCED",
)
def test_the_mode_of_the_index_may_be_named(index: Index) -> None:
    """A queryMode of ENHANCED on an ENHANCED index is accepted and changes nothing."""
    asked = {"topK": 3, "queryVector": QUERY, "filter": {"n": {"$gte": 1}}, "returnMetadata": True}
    named = index.call("QueryVectors", **asked, queryMode="ENHANCED")
    assert named["vectors"] == index.call("QueryVectors", **asked)["vectors"]


@requirement(
    "query-vectors.mode-classic",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
    covers="QueryVectors.queryMode.enum=CLASSIC",
)
def test_an_enhanced_index_is_not_queried_as_classic(index: Index, refused: Refused) -> None:
    """A queryMode of CLASSIC on an ENHANCED index is refused."""
    asked = {**index.address, "topK": 1, "queryVector": QUERY, "queryMode": "CLASSIC"}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.mode-classic-message",
    level="should",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
)
def test_the_refusal_of_classic_names_both_modes(index: Index, refused: Refused) -> None:
    """The refusal of queryMode CLASSIC says why."""
    asked = {**index.address, "topK": 1, "queryVector": QUERY, "queryMode": "CLASSIC"}
    message = "queryMode cannot be CLASSIC when indexMode is ENHANCED"
    refused("QueryVectors", asked, code="ValidationException", message=message)


@requirement(
    "query-vectors.mode-unknown",
    level="must",
    evidence="model",
    source=sources.MODEL,
    needs="modes",
    covers="QueryVectors.queryMode.enum",
)
def test_a_mode_is_one_of_two(index: Index, refused: Refused) -> None:
    """A queryMode that does not exist is refused."""
    asked = {**index.address, "topK": 1, "queryVector": QUERY, "queryMode": "FAST"}
    refused("QueryVectors", asked, code="ValidationException")


# What is written is found


@requirement("query-vectors.after-put", level="must", evidence="documented", source=sources.LIST)
def test_a_vector_is_found_as_soon_as_it_is_put(index: Index) -> None:
    """A query right after PutVectors finds what was put."""
    index.put(("new", [1, 0.01]))
    assert [each["key"] for each in index.query([1, 0], top_k=2)] == ["same", "new"]


@requirement("query-vectors.after-overwrite", level="must", evidence="documented", source=sources.LIST)
def test_an_overwritten_vector_is_found_where_it_is_now(index: Index) -> None:
    """A query after an overwrite measures the new values, and knows the old ones no more."""
    index.put(("same", [-1, -0.01]))
    assert [each["key"] for each in index.query([1, 0])] == ["across", "same", "opposite"]


@requirement("query-vectors.after-delete", level="must", evidence="documented", source=sources.LIST)
def test_a_deleted_vector_is_not_found(index: Index) -> None:
    """A query after DeleteVectors does not find what was deleted."""
    index.delete("same")
    assert [each["key"] for each in index.query([1, 0])] == ["across", "opposite"]


@requirement("query-vectors.filter-first", level="should", evidence="documented", source=sources.FILTERS)
def test_the_filter_comes_before_the_count(make_index: MakeIndex) -> None:
    """The topK results are of those that pass the filter, however many nearer ones do not."""
    index = make_index()
    index.put(
        *((f"near-{number}", [1, number / 1_000], {"kind": "near"}) for number in range(40)),
        *((f"far-{number}", [-1, number / 1_000], {"kind": "far"}) for number in range(3)),
    )
    found = index.query([1, 0], top_k=3, filter={"kind": "far"})
    assert {each["key"] for each in found} == {"far-0", "far-1", "far-2"}


# What is not there


@requirement(
    "query-vectors.unknown-index",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors!NotFoundException",
)
def test_an_unknown_index_is_not_found(index: Index, refused: Refused) -> None:
    """A query of an index that does not exist is answered with NotFoundException."""
    asked = {**index.address, "indexName": "nothing-of-this-name", "topK": 1, "queryVector": QUERY}
    refused("QueryVectors", asked, code="NotFoundException")


@requirement(
    "query-vectors.unknown-index-message", level="should", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_an_unknown_index_is_named_as_such(index: Index, refused: Refused) -> None:
    """The refusal says that it is the index that is missing."""
    asked = {**index.address, "indexName": "nothing-of-this-name", "topK": 1, "queryVector": QUERY}
    message = "The specified index could not be found"
    refused("QueryVectors", asked, code="NotFoundException", message=message)


@requirement("query-vectors.unknown-bucket", level="must", evidence="model", source=sources.MODEL)
def test_an_unknown_bucket_is_not_found(refused: Refused) -> None:
    """A query in a bucket that does not exist is answered with NotFoundException."""
    asked = {"vectorBucketName": "vg-nothing-of-this-name", "indexName": "nothing", "queryVector": QUERY}
    refused("QueryVectors", asked, topK=1, code="NotFoundException")


@requirement("query-vectors.deleted-index", level="must", evidence="model", source=sources.api("DeleteIndex"))
def test_a_deleted_index_is_not_found(index: Index, refused: Refused) -> None:
    """A query of an index that was deleted is answered with NotFoundException."""
    index.remove()
    asked = {**index.address, "topK": 1, "queryVector": QUERY}
    refused("QueryVectors", asked, code="NotFoundException")


@requirement(
    "query-vectors.made-anew", level="must", evidence="documented", source=sources.api("DeleteIndex")
)
def test_an_index_made_anew_is_empty(make_bucket: MakeBucket, make_index: MakeIndex) -> None:
    """An index that is deleted and made again under its name holds nothing of the old one."""
    bucket = make_bucket()
    old = make_index(bucket)
    old.put(("old", [1, 0]))
    old.remove()
    assert make_index(bucket, name=old.name).query([1, 0]) == []


# Bounds of the model

ADDRESSES = {
    "bucket-name-too-short": ("vectorBucketName.min-1", {"vectorBucketName": "ab", "indexName": "abc"}),
    "bucket-name-too-long": ("vectorBucketName.max+1", {"vectorBucketName": "a" * 64, "indexName": "abc"}),
    "index-name-too-short": ("indexName.min-1", {"vectorBucketName": "abc", "indexName": "ab"}),
    "index-name-too-long": ("indexName.max+1", {"vectorBucketName": "abc", "indexName": "a" * 64}),
    "no-arn": ("indexArn.pattern", {"indexArn": "arn:aws:s3vectors:us-east-1:1:nothing"}),
}


@pytest.mark.parametrize(("covered", "address"), ADDRESSES.values(), ids=ADDRESSES.keys())
@requirement(
    "query-vectors.bad-address",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.{covered}",
)
def test_a_name_out_of_bounds_is_refused(refused: Refused, covered: str, address: dict[str, str]) -> None:
    """A name or an ARN that cannot be one is refused before it is looked for."""
    assert covered
    refused("QueryVectors", {**address, "topK": 1, "queryVector": QUERY}, code="ValidationException")


NAMES = {
    "bucket-name-shortest": ("vectorBucketName.min", {"vectorBucketName": "zq0", "indexName": "nothing"}),
    "bucket-name-longest": (
        "vectorBucketName.max",
        {"vectorBucketName": "zq" * 31 + "z", "indexName": "nothing"},
    ),
    "index-name-shortest": ("indexName.min", {"indexName": "zq0"}),
    "index-name-longest": ("indexName.max", {"indexName": "zq" * 31 + "z"}),
}


@pytest.mark.parametrize(("covered", "address"), NAMES.values(), ids=NAMES.keys())
@requirement(
    "query-vectors.address-bounds",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.{covered}",
)
def test_a_name_at_its_bounds_is_looked_for(
    index: Index, refused: Refused, covered: str, address: dict[str, str]
) -> None:
    """A name of the least and of the greatest length is valid, and not found where nothing has it."""
    assert covered
    asked = {**index.address, **address, "topK": 1, "queryVector": QUERY}
    refused("QueryVectors", asked, code="NotFoundException")


MIXED = {
    "both-forms": ("vectorBucketName", "indexName", "indexArn"),
    "bucket-and-arn": ("vectorBucketName", "indexArn"),
    "bucket-alone": ("vectorBucketName",),
    "index-alone": ("indexName",),
    "nothing": (),
}


def mixed(index: Index, members: tuple[str, ...]) -> dict[str, Any]:
    whole = {**index.address, "indexArn": index.arn}
    return {**{name: whole[name] for name in members}, "topK": 1, "queryVector": QUERY}


@pytest.mark.parametrize("members", MIXED.values(), ids=MIXED.keys())
@requirement("query-vectors.address-form", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_an_index_is_named_in_one_of_two_ways(
    index: Index, refused: Refused, members: tuple[str, ...]
) -> None:
    """An index is named by its ARN, or by its bucket's name and its own; anything else is refused."""
    refused("QueryVectors", mixed(index, members), code="ValidationException")


@pytest.mark.parametrize("form", ["both-forms", "bucket-and-arn"])
@requirement(
    "query-vectors.address-form-message", level="should", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_the_two_ways_are_told(index: Index, refused: Refused, form: str) -> None:
    """The refusal of an address says which two ways there are."""
    message = "Must specify either indexArn or both vectorBucketName and indexName"
    refused("QueryVectors", mixed(index, MIXED[form]), code="ValidationException", message=message)


@requirement("query-vectors.filter-is-json", level="may", evidence="inferred", source=sources.FILTERS)
def test_a_filter_is_an_object(index: Index, refused: Refused) -> None:
    """A filter that is a text of JSON is refused: it is a document, not its spelling."""
    asked = {**index.address, "topK": 1, "queryVector": QUERY, "filter": '{"n": 1}'}
    refused("QueryVectors", asked, code="ValidationException")


@requirement(
    "query-vectors.changes-nothing", level="must", evidence="model", source=sources.api("QueryVectors")
)
def test_a_query_changes_nothing(index: Index) -> None:
    """What is stored is the same after a query."""
    before = index.get("same", "across", "opposite")
    index.query([1, 0], metadata=True, filter={"n": 1})
    assert index.get("same", "across", "opposite") == before


@requirement(
    "query-vectors.other-members", level="may", evidence="model", source=sources.REST_JSON, needs="raw"
)
def test_an_unknown_member_is_passed_over(raw: RawClient, index: Index) -> None:
    """A member that the model does not know is passed over."""
    answer = raw("/QueryVectors", {**index.address, "topK": 1, "queryVector": QUERY, "unheardOf": [1]})
    assert (answer.status, answer.json["vectors"]) == (200, [{"key": "same"}])


@requirement("query-vectors.vector-type", level="must", evidence="model", source=sources.MODEL, needs="raw")
def test_a_query_vector_names_its_type(raw: RawClient, index: Index) -> None:
    """A query vector that is a bare list, without the name of its type, is refused."""
    assert raw("/QueryVectors", {**index.address, "topK": 1, "queryVector": [1.0, 0.0]}).status == 400
