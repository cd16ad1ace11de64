"""QueryVectors: its answers and its errors. Distances and pages are tested in separate files."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requests.raw_client import RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.conformance_kit.shared_indexes import ShareIndex
from vecgate.resources.handles import IndexHandle, MakeBucket, MakeIndex

QUERY = {"float32": [1.0, 0.0]}
BAD_VECTOR = "Query vector contains invalid values or is invalid for this index"
MANY_RESULTS = 10_000
FLAGS = ("returnDistance", "returnMetadata", "returnScores")


def keys_of(answer: dict[str, Any]) -> list[str]:
    return [each["key"] for each in answer["vectors"]]


def build_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index with three vectors, at distances 0, 1 and 2 from `QUERY`."""
    index = make_index()
    index.put(("same", [1, 0], {"n": 1}), ("across", [0, 1], {"n": 2}), ("opposite", [-1, 0]))
    return index


@pytest.fixture
def index(share_index: ShareIndex) -> IndexHandle:
    """The index that most of these tests read."""
    return share_index(build_index)


@pytest.fixture
def own_index(make_index: MakeIndex) -> IndexHandle:
    """The same for a test that writes."""
    return build_index(make_index)


@requirement("query-vectors.by-name", kind="effect", evidence="model", source=sources.api("QueryVectors"))
def test_an_index_is_queried_by_names(client: Any, index: IndexHandle) -> None:
    """An index is queried by the name of its bucket and its own name."""
    answer = client.query_vectors(**index.address, topK=1, queryVector=QUERY)
    assert keys_of(answer) == ["same"]


@requirement("query-vectors.by-arn", kind="effect", evidence="model", source=sources.api("QueryVectors"))
def test_an_index_is_queried_by_arn(client: Any, index: IndexHandle) -> None:
    """An index is queried by its ARN alone."""
    assert keys_of(client.query_vectors(indexArn=index.arn, topK=1, queryVector=QUERY)) == ["same"]


@requirement(
    "query-vectors.order",
    kind="effect",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors>vectors.key",
)
def test_the_nearest_come_first(index: IndexHandle) -> None:
    """Results are ordered by distance, the smallest first."""
    assert keys_of(index.call("QueryVectors", topK=3, queryVector=QUERY)) == ["same", "across", "opposite"]


@requirement(
    "query-vectors.bare-results",
    kind="effect",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors>vectors",
)
def test_a_result_without_flags_is_a_key(index: IndexHandle) -> None:
    """Without flags, a result has its key and nothing else."""
    assert index.call("QueryVectors", topK=1, queryVector=QUERY)["vectors"] == [{"key": "same"}]


@pytest.mark.parametrize("flag", FLAGS)
@requirement("query-vectors.flag-false", kind="effect", evidence="model", source=sources.api("QueryVectors"))
def test_a_false_flag_adds_nothing(index: IndexHandle, flag: str) -> None:
    """A flag that is false adds nothing to a result."""
    answer = index.call("QueryVectors", topK=1, queryVector=QUERY, **{flag: False})
    assert answer["vectors"] == [{"key": "same"}]


@requirement(
    "query-vectors.return-distance",
    kind="effect",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors>vectors.distance",
)
def test_the_distance_is_returned_on_request(index: IndexHandle) -> None:
    """With returnDistance, a result has its key and its distance, and nothing else."""
    (one,) = index.call("QueryVectors", topK=1, queryVector=QUERY, returnDistance=True)["vectors"]
    assert one == {"key": "same", "distance": pytest.approx(0, abs=1e-5)}


@requirement(
    "query-vectors.return-metadata",
    kind="effect",
    evidence="recorded",
    source=sources.NEIGHBOR,
    covers="QueryVectors>vectors.metadata",
)
def test_metadata_is_returned_on_request(index: IndexHandle) -> None:
    """With returnMetadata, a result has its key and its metadata, and nothing else."""
    answer = index.call("QueryVectors", topK=1, queryVector=QUERY, returnMetadata=True)
    assert answer["vectors"] == [{"key": "same", "metadata": {"n": 1}}]


@requirement("query-vectors.no-metadata", kind="detail", evidence="recorded", source=sources.NEIGHBOR)
def test_a_vector_without_metadata_has_an_empty_object(index: IndexHandle) -> None:
    """With returnMetadata, a vector without metadata has an empty object."""
    answer = index.call("QueryVectors", topK=3, queryVector=QUERY, returnMetadata=True)
    assert answer["vectors"][-1] == {"key": "opposite", "metadata": {}}


@requirement("query-vectors.metadata-values", kind="effect", evidence="recorded", source=sources.NEIGHBOR)
def test_metadata_is_returned_unchanged(make_index: MakeIndex) -> None:
    """Query results have metadata of every type as it was written, including non-filterable keys."""
    index = make_index(non_filterable=["body"])
    metadata = {"a.b": "text", "n": 1.5, "yes": True, "list": ["x", "y"], "numbers": [1, 2], "body": "long"}
    index.put(("a", [1, 0], metadata))
    assert index.query([1, 0], metadata=True, distance=False) == [{"key": "a", "metadata": metadata}]


@requirement(
    "query-vectors.no-vector-data",
    kind="effect",
    evidence="model",
    source=sources.api("QueryVectors"),
    needs="raw",
)
def test_values_are_never_returned(raw: RawClient, index: IndexHandle) -> None:
    """No flag makes a query result contain the values of a vector."""
    members = {**index.address, "topK": 3, "queryVector": QUERY, "returnData": True}
    answer = raw("/QueryVectors", {**members, **dict.fromkeys(FLAGS, True)})
    assert {name for each in answer.members["vectors"] for name in each} == {"key", "distance", "metadata"}


@requirement(
    "query-vectors.no-vector-scores", kind="detail", evidence="model", source=sources.api("QueryVectors")
)
def test_a_query_by_vector_has_no_scores(index: IndexHandle) -> None:
    """With returnScores, the results of a query by vector alone have no scores."""
    answer = index.call("QueryVectors", topK=1, queryVector=QUERY, returnScores=True)
    assert answer["vectors"] == [{"key": "same"}]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@requirement(
    "query-vectors.distance-metric",
    kind="effect",
    evidence="model",
    source=sources.api("QueryVectors"),
    covers="QueryVectors>distanceMetric",
)
def test_an_answer_names_the_metric(make_index: MakeIndex, metric: str) -> None:
    """Every answer contains the distance metric of the index, even if distances are not requested."""
    index = make_index(metric=metric)
    index.put(("a", [1, 0]))
    assert index.call("QueryVectors", topK=1, queryVector=QUERY)["distanceMetric"] == metric


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@requirement("query-vectors.empty-index", kind="effect", evidence="recorded", source=sources.PROBE_TABLES)
def test_an_empty_index_gives_no_results(make_index: MakeIndex, metric: str) -> None:
    """A query of an index without vectors is answered with an empty list and the metric."""
    answer = make_index(metric=metric).call("QueryVectors", topK=5, queryVector=QUERY)
    assert answer["vectors"] == []
    assert answer["distanceMetric"] == metric
    assert not answer.get("nextToken")


@requirement("query-vectors.no-match", kind="effect", evidence="recorded", source=sources.PROBE_TABLES)
def test_a_filter_that_matches_nothing_gives_no_results(index: IndexHandle) -> None:
    """A filter that no vector matches is answered with an empty list, not with an error."""
    answer = index.call("QueryVectors", topK=3, queryVector=QUERY, filter={"n": 99})
    assert answer["vectors"] == []
    assert answer["distanceMetric"] == "cosine"


@requirement(
    "query-vectors.other-index", kind="effect", evidence="documented", source=sources.api("QueryVectors")
)
def test_only_the_given_index_is_searched(make_index: MakeIndex) -> None:
    """The results contain no vectors of another index of the same bucket."""
    index, other = make_index(), make_index()
    index.put(("mine", [0, 1]))
    other.put(("other", [1, 0]))
    assert [each["key"] for each in index.query([1, 0])] == ["mine"]


# topK


@pytest.mark.parametrize("top_k", [1, 2])
@requirement(
    "query-vectors.top-k",
    kind="effect",
    evidence="recorded",
    source=sources.S3MOCK_QUERIES,
    covers="QueryVectors.topK.min",
)
def test_at_most_top_k_are_returned(index: IndexHandle, top_k: int) -> None:
    """At most topK results are returned: the nearest ones."""
    answer = index.call("QueryVectors", topK=top_k, queryVector=QUERY)
    assert keys_of(answer) == ["same", "across", "opposite"][:top_k]


@requirement(
    "query-vectors.fewer-than-top-k", kind="effect", evidence="recorded", source=sources.PROBE_TABLES
)
def test_an_index_with_fewer_vectors_than_top_k(index: IndexHandle) -> None:
    """An index with fewer vectors than topK returns all of them."""
    answer = index.call("QueryVectors", topK=50, queryVector=QUERY)
    assert keys_of(answer) == ["same", "across", "opposite"]
    assert not answer.get("nextToken")


@requirement("query-vectors.top-k-ceiling", kind="effect", evidence="documented", source=sources.LIMITS)
def test_a_top_k_of_10000_is_accepted(index: IndexHandle) -> None:
    """A topK of 10,000 is accepted."""
    assert len(index.query([1, 0], top_k=MANY_RESULTS)) == 3


@requirement("query-vectors.top-k-too-large", kind="refusal", evidence="documented", source=sources.LIMITS)
def test_a_top_k_of_10001_is_rejected(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A topK of 10,001 is rejected."""
    members = {**index.address, "queryVector": QUERY, "topK": MANY_RESULTS + 1}
    expect_error("QueryVectors", members, code="ValidationException")


@pytest.mark.parametrize("top_k", [0, -1])
@requirement(
    "query-vectors.top-k-too-small",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.topK.min-1 QueryVectors!ValidationException",
)
def test_a_top_k_below_1_is_rejected(index: IndexHandle, expect_error: ErrorExpectation, top_k: int) -> None:
    """A topK below 1 is rejected."""
    members = {**index.address, "queryVector": QUERY, "topK": top_k}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.top-k-missing",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.topK.required",
)
def test_top_k_is_required(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A query without topK is rejected."""
    expect_error("QueryVectors", {**index.address, "queryVector": QUERY}, code="ValidationException")


@requirement(
    "query-vectors.top-k-missing-message", kind="detail", evidence="recorded", source=sources.SPRING_TOP_K
)
def test_the_message_about_a_missing_top_k(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """The message about a missing topK names the member and its constraint."""
    expect_error(
        "QueryVectors",
        {**index.address, "queryVector": QUERY},
        code="ValidationException",
        message="1 validation error detected. Value at '/topK' failed to satisfy constraint: "
        "Member must not be null",
    )


# The query vector

BAD_VECTORS: dict[str, list[float]] = {
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
    "query-vectors.bad-vector", kind="refusal", evidence="recorded", source=sources.probe("zero-vector")
)
def test_an_invalid_query_vector_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, values: list[float]
) -> None:
    """A query vector of another length, or with a value outside float32, is rejected."""
    members = {**index.address, "topK": 1, "queryVector": {"float32": values}}
    expect_error("QueryVectors", members, code="ValidationException")


@pytest.mark.parametrize("name", ["too-short", "too-long", "beyond-float32"])
@requirement(
    "query-vectors.bad-vector-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("zero-vector"),
)
def test_the_error_of_an_invalid_query_vector(
    index: IndexHandle, expect_error: ErrorExpectation, name: str
) -> None:
    """The error for an invalid query vector says so, and names the field `vector`."""
    members = {**index.address, "topK": 1, "queryVector": {"float32": BAD_VECTORS[name]}}
    expect_error("QueryVectors", members, code="ValidationException", message=BAD_VECTOR, field="vector")


@requirement(
    "query-vectors.zero-vector", kind="refusal", evidence="recorded", source=sources.probe("zero-vector")
)
def test_a_zero_query_vector_is_rejected(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """With the cosine metric, a zero query vector is rejected."""
    members = {**index.address, "topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.zero-vector-message",
    kind="detail",
    evidence="recorded",
    source=sources.probe("zero-vector"),
)
def test_the_error_of_a_zero_query_vector(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """The error for a zero query vector names its norm under the field `vector`."""
    members = {**index.address, "topK": 1, "queryVector": {"float32": [0.0, 0.0]}}
    error = expect_error("QueryVectors", members, code="ValidationException", message=BAD_VECTOR)
    assert error.fields == {
        "vector": "Invalid input: cosine distance does not support vectors with zero norm"
    }


@requirement(
    "query-vectors.nothing-asked", kind="refusal", evidence="documented", source=sources.TEXT_QUERIES
)
def test_a_query_needs_a_vector_or_texts(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A query with neither queryVector nor queryTexts is rejected."""
    expect_error("QueryVectors", {**index.address, "topK": 1}, code="ValidationException")


# Modes


@requirement(
    "query-vectors.mode-enhanced",
    kind="effect",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
    covers="QueryVectors.queryMode.enum=ENHANCED",
)
def test_the_mode_of_the_index_may_be_named(index: IndexHandle) -> None:
    """A queryMode of ENHANCED on an ENHANCED index is accepted and changes nothing."""
    members = {"topK": 3, "queryVector": QUERY, "filter": {"n": {"$gte": 1}}, "returnMetadata": True}
    named = index.call("QueryVectors", **members, queryMode="ENHANCED")
    assert named["vectors"] == index.call("QueryVectors", **members)["vectors"]


@requirement(
    "query-vectors.mode-classic",
    kind="refusal",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
    covers="QueryVectors.queryMode.enum=CLASSIC",
)
def test_an_enhanced_index_is_not_queried_as_classic(
    index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """A queryMode of CLASSIC on an ENHANCED index is rejected."""
    members = {**index.address, "topK": 1, "queryVector": QUERY, "queryMode": "CLASSIC"}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.mode-classic-message",
    kind="detail",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="modes",
)
def test_the_error_of_classic_names_both_modes(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """The error for queryMode CLASSIC names both modes."""
    members = {**index.address, "topK": 1, "queryVector": QUERY, "queryMode": "CLASSIC"}
    message = "queryMode cannot be CLASSIC when indexMode is ENHANCED"
    expect_error("QueryVectors", members, code="ValidationException", message=message)


@requirement(
    "query-vectors.mode-unknown",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    needs="modes",
    covers="QueryVectors.queryMode.enum",
)
def test_an_unknown_mode_is_rejected(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """An unknown queryMode is rejected."""
    members = {**index.address, "topK": 1, "queryVector": QUERY, "queryMode": "FAST"}
    expect_error("QueryVectors", members, code="ValidationException")


# Queries after writes


@requirement("query-vectors.after-put", kind="effect", evidence="recorded", source=sources.DUVA_SEARCH)
def test_a_new_vector_is_found_at_once(own_index: IndexHandle) -> None:
    """A query right after PutVectors finds the new vectors."""
    own_index.put(("new", [1, 0.01]))
    assert [each["key"] for each in own_index.query([1, 0], top_k=2)] == ["same", "new"]


@requirement("query-vectors.after-overwrite", kind="effect", evidence="documented", source=sources.LIST)
def test_an_overwritten_vector_has_its_new_values(own_index: IndexHandle) -> None:
    """A query after an overwrite uses the new values, not the old ones."""
    own_index.put(("same", [-1, -0.01]))
    assert [each["key"] for each in own_index.query([1, 0])] == ["across", "same", "opposite"]


@requirement("query-vectors.after-delete", kind="effect", evidence="recorded", source=sources.DUVA_SEARCH)
def test_a_deleted_vector_is_not_found(own_index: IndexHandle) -> None:
    """A query after DeleteVectors does not find the deleted vectors."""
    own_index.delete("same")
    assert [each["key"] for each in own_index.query([1, 0])] == ["across", "opposite"]


@requirement("query-vectors.filter-first", kind="detail", evidence="documented", source=sources.FILTERS)
def test_the_filter_is_applied_before_top_k(make_index: MakeIndex) -> None:
    """The topK results are selected from the vectors that match the filter, even if nearer ones do not."""
    index = make_index()
    index.put(
        *((f"near-{number}", [1, number / 1_000], {"kind": "near"}) for number in range(40)),
        *((f"far-{number}", [-1, number / 1_000], {"kind": "far"}) for number in range(3)),
    )
    found = index.query([1, 0], top_k=3, filter={"kind": "far"})
    assert {each["key"] for each in found} == {"far-0", "far-1", "far-2"}


# Unknown resources


@requirement(
    "query-vectors.unknown-index",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors!NotFoundException",
)
def test_an_unknown_index_is_not_found(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A query of an index that does not exist is answered with NotFoundException."""
    members = {**index.address, "indexName": "nothing-of-this-name", "topK": 1, "queryVector": QUERY}
    expect_error("QueryVectors", members, code="NotFoundException")


@requirement(
    "query-vectors.unknown-index-message", kind="detail", evidence="inferred", source=sources.MOTO_VECTORS
)
def test_the_error_says_that_the_index_was_not_found(
    index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The error for an unknown index says that the index was not found."""
    members = {**index.address, "indexName": "nothing-of-this-name", "topK": 1, "queryVector": QUERY}
    message = "The specified index could not be found"
    expect_error("QueryVectors", members, code="NotFoundException", message=message)


@requirement("query-vectors.unknown-bucket", kind="effect", evidence="model", source=sources.MODEL)
def test_an_unknown_bucket_is_not_found(expect_error: ErrorExpectation) -> None:
    """A query in a bucket that does not exist is answered with NotFoundException."""
    members = {"vectorBucketName": "vg-nothing-of-this-name", "indexName": "nothing", "queryVector": QUERY}
    expect_error("QueryVectors", members, topK=1, code="NotFoundException")


@requirement(
    "query-vectors.deleted-index", kind="effect", evidence="model", source=sources.api("DeleteIndex")
)
def test_a_deleted_index_is_not_found(own_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A query of a deleted index is answered with NotFoundException."""
    own_index.remove()
    members = {**own_index.address, "topK": 1, "queryVector": QUERY}
    expect_error("QueryVectors", members, code="NotFoundException")


@requirement(
    "query-vectors.made-anew", kind="effect", evidence="documented", source=sources.api("DeleteIndex")
)
def test_a_recreated_index_is_empty(make_bucket: MakeBucket, make_index: MakeIndex) -> None:
    """An index that is deleted and recreated under its name contains none of the old vectors."""
    bucket = make_bucket()
    old = make_index(bucket)
    old.put(("old", [1, 0]))
    old.remove()
    assert make_index(bucket, name=old.name).query([1, 0]) == []


# Limits of the model

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
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.{covered}",
)
def test_an_invalid_name_or_arn_is_rejected(
    expect_error: ErrorExpectation, covered: str, address: dict[str, str]
) -> None:
    """An invalid name or ARN is rejected as invalid, not reported as not found."""
    assert covered
    expect_error("QueryVectors", {**address, "topK": 1, "queryVector": QUERY}, code="ValidationException")


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
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="QueryVectors.{covered}",
)
def test_names_of_minimum_and_maximum_length_are_valid(
    index: IndexHandle, expect_error: ErrorExpectation, covered: str, address: dict[str, str]
) -> None:
    """A name of the minimum or maximum length is valid: an unknown one is reported as not found."""
    assert covered
    members = {**index.address, **address, "topK": 1, "queryVector": QUERY}
    expect_error("QueryVectors", members, code="NotFoundException")


MIXED: dict[str, tuple[str, ...]] = {
    "both-forms": ("vectorBucketName", "indexName", "indexArn"),
    "bucket-and-arn": ("vectorBucketName", "indexArn"),
    "bucket-alone": ("vectorBucketName",),
    "index-alone": ("indexName",),
    "nothing": (),
}


def mixed(index: IndexHandle, members: tuple[str, ...]) -> dict[str, Any]:
    whole = {**index.address, "indexArn": index.arn}
    return {**{name: whole[name] for name in members}, "topK": 1, "queryVector": QUERY}


@pytest.mark.parametrize("members", MIXED.values(), ids=MIXED.keys())
@requirement("query-vectors.address-form", kind="refusal", evidence="documented", source=sources.MODEL)
def test_an_ambiguous_index_address_is_rejected(
    index: IndexHandle, expect_error: ErrorExpectation, members: tuple[str, ...]
) -> None:
    """An index is identified by its ARN, or by the names of bucket and index; anything else is rejected."""
    expect_error("QueryVectors", mixed(index, members), code="ValidationException")


@pytest.mark.parametrize("form", ["both-forms", "bucket-and-arn"])
@requirement(
    "query-vectors.address-form-message", kind="detail", evidence="inferred", source=sources.MOTO_VECTORS
)
def test_the_error_of_an_ambiguous_index_address(
    index: IndexHandle, expect_error: ErrorExpectation, form: str
) -> None:
    """The error for an invalid index address names the two valid ways."""
    message = "Must specify either indexArn or both vectorBucketName and indexName"
    expect_error("QueryVectors", mixed(index, MIXED[form]), code="ValidationException", message=message)


@requirement("query-vectors.filter-is-json", kind="open", evidence="inferred", source=sources.FILTERS)
def test_a_filter_must_be_an_object(index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A filter that is a string of JSON instead of an object is rejected."""
    members = {**index.address, "topK": 1, "queryVector": QUERY, "filter": '{"n": 1}'}
    expect_error("QueryVectors", members, code="ValidationException")


@requirement(
    "query-vectors.changes-nothing", kind="effect", evidence="model", source=sources.api("QueryVectors")
)
def test_a_query_changes_nothing(index: IndexHandle) -> None:
    """A query does not change what is stored."""
    before = index.get("same", "across", "opposite")
    index.query([1, 0], metadata=True, filter={"n": 1})
    assert index.get("same", "across", "opposite") == before


@requirement(
    "query-vectors.other-members", kind="open", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_an_unknown_member_is_ignored(raw: RawClient, index: IndexHandle) -> None:
    """A request member that the model does not have is ignored."""
    answer = raw("/QueryVectors", {**index.address, "topK": 1, "queryVector": QUERY, "unheardOf": [1]})
    assert (answer.status, answer.members["vectors"]) == (200, [{"key": "same"}])


@requirement("query-vectors.vector-type", kind="refusal", evidence="model", source=sources.MODEL, needs="raw")
def test_a_query_vector_must_name_its_type(raw: RawClient, index: IndexHandle) -> None:
    """A query vector that is a bare list, without the name of its type, is rejected."""
    assert raw("/QueryVectors", {**index.address, "topK": 1, "queryVector": [1.0, 0.0]}).status == 400
