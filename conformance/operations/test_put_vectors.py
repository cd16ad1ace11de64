"""PutVectors: it writes vectors and replaces those with the same key. A request is applied whole or not at
all.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation, parse_error
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex, vector

SOURCE = sources.api("PutVectors")
RANGE = sources.probe("float32-range")
ZERO = sources.probe("zero-vector")
FLOAT32_MAX = 3.4028234663852886e38
FLOAT32_LEAST = 1.401298464324817e-45
#: The smallest double that float32 rounds to infinity: half a step above the largest float32.
OVERFLOWS = 3.4028235677973366e38
NOT_FINITE = "Invalid record for key 'k': vector contains NaNs or Infs"


def many_vectors(count: int) -> list[dict[str, Any]]:
    return [vector(f"k{number}", [1.0, float(number)]) for number in range(count)]


def stored_values(index: IndexHandle, key: str) -> list[float]:
    values: list[float] = index.get(key)[key]["data"]["float32"]
    return values


@requirement(
    "put-vectors.one-vector",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectors.vectors.min",
)
def test_one_vector_is_accepted(make_index: MakeIndex) -> None:
    """A request may contain a single vector."""
    index = make_index()
    index.call("PutVectors", vectors=[vector("k", [1.0, 0.5])])
    assert index.keys() == {"k"}


@requirement(
    "put-vectors.500-vectors",
    kind="effect",
    evidence="documented",
    source=sources.LIMITS,
    covers="PutVectors.vectors.max",
)
def test_500_vectors_are_accepted(make_index: MakeIndex) -> None:
    """A request may contain 500 vectors, and all of them are stored."""
    index = make_index()
    index.call("PutVectors", vectors=many_vectors(500))
    assert index.keys() == {f"k{number}" for number in range(500)}


@requirement(
    "put-vectors.no-vectors",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectors.vectors.min-1 PutVectors!ValidationException",
)
def test_no_vectors_are_rejected(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A request with an empty list of vectors is rejected."""
    expect_error("PutVectors", {**plain_index.address, "vectors": []}, code="ValidationException")


@requirement(
    "put-vectors.501-vectors",
    kind="refusal",
    evidence="documented",
    source=sources.LIMITS,
    covers="PutVectors.vectors.max+1",
)
def test_501_vectors_are_rejected(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A request with more than 500 vectors is rejected."""
    expect_error(
        "PutVectors", {**plain_index.address, "vectors": many_vectors(501)}, code="ValidationException"
    )


@requirement("put-vectors.501-vectors-store-nothing", kind="effect", evidence="inferred", source=SOURCE)
def test_of_501_vectors_none_is_stored(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """A request with too many vectors stores none of them, not even the first 500."""
    index = make_index()
    if expect_error.is_refused("PutVectors", {**index.address, "vectors": many_vectors(501)}):
        assert index.keys() == set()


@pytest.mark.parametrize(
    ("member", "members"),
    [
        ("vectors", {}),
        ("vectors.key", {"vectors": [{"data": {"float32": [1.0, 0.5]}}]}),
        ("vectors.data", {"vectors": [{"key": "k"}]}),
    ],
    ids=["vectors", "key", "data"],
)
@requirement(
    "put-vectors.required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectors.{member}.required",
)
def test_a_missing_member_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, member: str, members: Mapping[str, Any]
) -> None:
    """A request must contain vectors, and each vector a key and data."""
    del member
    expect_error("PutVectors", {**plain_index.address, **members}, code="ValidationException")


# Read your writes.


@requirement("put-vectors.got-at-once", kind="effect", evidence="documented", source=sources.LIST, slow=True)
def test_a_written_vector_is_returned_at_once(make_index: MakeIndex) -> None:
    """GetVectors returns a vector as soon as PutVectors has answered."""
    index = make_index()
    for number in range(5):
        index.put((f"k{number}", [1.0, float(number)], {"n": number}))
        assert index.get(f"k{number}") == {
            f"k{number}": {
                "key": f"k{number}",
                "data": {"float32": [1.0, float(number)]},
                "metadata": {"n": number},
            }
        }


@requirement(
    "put-vectors.listed-at-once", kind="effect", evidence="documented", source=sources.LIST, slow=True
)
def test_a_written_vector_is_listed_at_once(make_index: MakeIndex) -> None:
    """ListVectors returns a vector as soon as PutVectors has answered."""
    index = make_index()
    for number in range(5):
        index.put((f"k{number}", [1.0, float(number)]))
        assert index.keys() == {f"k{each}" for each in range(number + 1)}


@requirement(
    "put-vectors.found-at-once", kind="effect", evidence="recorded", source=sources.DUVA_SEARCH, needs="query"
)
def test_a_written_vector_is_found_at_once(make_index: MakeIndex) -> None:
    """QueryVectors finds a vector as soon as PutVectors has answered."""
    index = make_index(metric="euclidean")
    for number in range(5):
        index.put((f"k{number}", [float(number), 1.0]))
        assert index.query([float(number), 1.0], top_k=1)[0]["key"] == f"k{number}"


# A second write of a key.


@requirement("put-vectors.overwrites-data", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
def test_a_second_write_replaces_the_data(make_index: MakeIndex) -> None:
    """A key has one vector: the one that was written last."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    index.put(("k", [0.25, 2.0]))
    assert index.scan(returnData=True) == [{"key": "k", "data": {"float32": [0.25, 2.0]}}]


@requirement(
    "put-vectors.overwrites-metadata", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_a_second_write_replaces_all_metadata(make_index: MakeIndex) -> None:
    """New metadata replaces all old metadata; nothing is merged."""
    index = make_index(non_filterable=["text"])
    index.put(("k", [1.0, 0.5], {"year": 1999, "genre": "drama", "text": "old"}))
    index.put(("k", [1.0, 0.5], {"year": 2001}))
    assert index.get("k")["k"]["metadata"] == {"year": 2001}


@requirement(
    "put-vectors.overwrites-without-metadata", kind="effect", evidence="recorded", source=sources.NEIGHBOR
)
def test_a_second_write_without_metadata_removes_it(make_index: MakeIndex) -> None:
    """A write without metadata removes the old metadata."""
    index = make_index(non_filterable=["text"])
    index.put(("k", [1.0, 0.5], {"year": 1999, "text": "old"}))
    index.put(("k", [1.0, 0.5]))
    assert index.get("k")["k"]["metadata"] == {}


@requirement(
    "put-vectors.overwrites-for-queries",
    kind="effect",
    evidence="recorded",
    source=sources.NEIGHBOR,
    needs="query",
)
def test_queries_see_only_the_second_write(make_index: MakeIndex) -> None:
    """Queries find neither the old values nor the old metadata of an overwritten vector."""
    index = make_index(metric="euclidean")
    index.put(("k", [0.0, 0.0], {"genre": "drama"}))
    index.put(("k", [3.0, 4.0], {"genre": "comedy"}))
    assert index.found({"genre": "drama"}) == set()
    assert index.found({"genre": "comedy"}) == {"k"}
    assert [round(each["distance"], 3) for each in index.query([0.0, 0.0])] == [25.0]


@requirement("put-vectors.repeated-request", kind="effect", evidence="documented", source=SOURCE)
def test_the_same_request_twice_changes_nothing(make_index: MakeIndex) -> None:
    """PutVectors can be repeated: a client that lost the answer may send the request again."""
    index = make_index()
    for _ in range(2):
        index.put(("k", [1.0, 0.5], {"n": 1}), ("m", [0.5, 1.0]))
    assert index.keys() == {"k", "m"}
    assert index.get("k")["k"] == {"key": "k", "data": {"float32": [1.0, 0.5]}, "metadata": {"n": 1}}


@requirement("put-vectors.leaves-the-others", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
def test_a_write_leaves_other_vectors_alone(make_index: MakeIndex) -> None:
    """Writing one key does not change other vectors."""
    index = make_index()
    index.put(("k", [1.0, 0.5], {"n": 1}), ("m", [0.5, 1.0], {"n": 2}))
    index.put(("k", [2.0, 2.0]))
    assert index.get("m")["m"] == {"key": "m", "data": {"float32": [0.5, 1.0]}, "metadata": {"n": 2}}


@requirement("put-vectors.indexes-are-apart", kind="effect", evidence="documented", source=sources.INDEXES)
def test_indexes_of_one_bucket_are_separate(make_index: MakeIndex) -> None:
    """The same key in another index of the bucket is another vector."""
    one, other = make_index(), make_index()
    one.put(("k", [1.0, 0.5]))
    other.put(("k", [2.0, 2.0]), ("m", [1.0, 1.0]))
    assert stored_values(one, "k") == [1.0, 0.5]
    assert one.keys() == {"k"}


@requirement(
    "put-vectors.duplicate-keys",
    kind="open",
    evidence="inferred",
    source=sources.SUPABASE_LIMITS,
)
def test_a_repeated_key_is_rejected_or_the_last_one_wins(make_index: MakeIndex) -> None:
    """A request that contains a key twice is rejected as a whole, or stores the last of the two vectors."""
    index = make_index()
    try:
        index.put(("k", [1.0, 0.0]), ("m", [0.0, 1.0]), ("k", [2.0, 2.0]))
    except ClientError as raised:
        error = parse_error(raised)
        assert (error.code, error.status) == ("ValidationException", 400)
        assert index.keys() == set()
    else:
        assert index.keys() == {"k", "m"}
        assert stored_values(index, "k") == [2.0, 2.0]


# Values.


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (0.1, 0.10000000149011612),
        (0.4, 0.4000000059604645),
        (1 / 3, 0.3333333432674408),
        (16777217, 16777216.0),
    ],
    ids=["0.1", "0.4", "third", "2e24-and-1"],
)
@requirement("put-vectors.float32", kind="effect", evidence="documented", source=sources.LIST)
def test_values_are_stored_as_float32(make_index: MakeIndex, given: float, stored: float) -> None:
    """A value reads back as the nearest float32, widened to double."""
    index = make_index()
    index.put(("k", [given, 1.0]))
    assert stored_values(index, "k") == [stored, 1.0]


@pytest.mark.parametrize(
    "value",
    [FLOAT32_MAX, -FLOAT32_MAX, FLOAT32_LEAST, -FLOAT32_LEAST, 1.1754943508222875e-38],
    ids=["largest", "least", "smallest-subnormal", "negative-subnormal", "smallest-normal"],
)
@requirement("put-vectors.float32-range", kind="effect", evidence="recorded", source=RANGE)
def test_the_limits_of_float32_are_stored_exactly(make_index: MakeIndex, value: float) -> None:
    """The largest and the smallest float32 values are stored exactly."""
    index = make_index(metric="euclidean")
    index.put(("k", [value, 1.0]))
    assert stored_values(index, "k") == [value, 1.0]


@pytest.mark.parametrize(
    ("given", "stored"),
    [(3.4028235e38, FLOAT32_MAX), (7.1e-46, FLOAT32_LEAST), (7.0e-46, 0.0), (1e-60, 0.0)],
    ids=["down-to-the-largest", "up-to-the-smallest", "down-to-zero", "far-below"],
)
@requirement("put-vectors.float32-rounding", kind="detail", evidence="documented", source=sources.LIST)
def test_values_are_rounded_at_the_limits_too(make_index: MakeIndex, given: float, stored: float) -> None:
    """A value between two float32 values is rounded to the nearer one, at the limits of the range, too."""
    index = make_index(metric="euclidean")
    index.put(("k", [given, 1.0]))
    assert stored_values(index, "k") == [stored, 1.0]


@requirement("put-vectors.integers", kind="effect", evidence="model", source=sources.REST_JSON)
def test_whole_numbers_are_accepted(make_index: MakeIndex) -> None:
    """A JSON number without a fraction is a valid value: 3 reads back as 3.0."""
    index = make_index()
    index.put(("k", [3, -7]))
    assert stored_values(index, "k") == [3.0, -7.0]


@pytest.mark.parametrize("value", [1e39, -1e39, 1e300], ids=["1e39", "negative-1e39", "1e300"])
@requirement("put-vectors.overflow", kind="guard", evidence="recorded", source=RANGE)
def test_a_value_that_overflows_float32_is_rejected(
    make_index: MakeIndex, expect_error: ErrorExpectation, value: float
) -> None:
    """A finite double that is too large for float32 is rejected."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [value, 1.0])]}
    expect_error("PutVectors", members, code="ValidationException")


@requirement("put-vectors.overflow-by-rounding", kind="refusal", evidence="documented", source=sources.LIST)
def test_a_value_that_rounds_to_infinity_is_rejected(
    make_index: MakeIndex, expect_error: ErrorExpectation
) -> None:
    """Values are rounded before they are checked: the first double that rounds to infinity is rejected."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [OVERFLOWS, 1.0])]}
    expect_error("PutVectors", members, code="ValidationException")


@requirement("put-vectors.overflow-message", kind="detail", evidence="recorded", source=RANGE)
def test_the_error_of_an_overflow(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """The error message names the key, and says that the vector contains values that are not finite."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [1e39, 1.0])]}
    expect_error("PutVectors", members, code="ValidationException", message=NOT_FINITE)


@pytest.mark.parametrize("value", [nan, inf, -inf], ids=["nan", "infinity", "negative-infinity"])
@requirement("put-vectors.not-finite", kind="refusal", evidence="recorded", source=ZERO)
def test_nan_and_infinity_are_rejected(
    make_index: MakeIndex, expect_error: ErrorExpectation, value: float
) -> None:
    """NaN and infinity, which JSON carries as strings, are rejected."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [value, 1.0])]}
    expect_error("PutVectors", members, code="ValidationException")


@requirement("put-vectors.zero-vector-cosine", kind="refusal", evidence="recorded", source=ZERO)
def test_cosine_rejects_a_zero_vector(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """An index with the cosine metric rejects a zero vector, which has no direction."""
    expect_error(
        "PutVectors",
        {**plain_index.address, "vectors": [vector("k", [0.0, 0.0])]},
        code="ValidationException",
    )


@requirement("put-vectors.zero-vector-message", kind="detail", evidence="recorded", source=ZERO)
def test_the_error_of_a_zero_vector(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """The error message names the key and the zero norm."""
    expect_error(
        "PutVectors",
        {**plain_index.address, "vectors": [vector("k", [0.0, 0.0])]},
        code="ValidationException",
        message="Invalid record for key 'k': cosine distance does not support vectors with zero norm",
    )


@pytest.mark.parametrize("value", [-0.0, 1e-60], ids=["negative-zero", "rounds-to-zero"])
@requirement("put-vectors.zero-after-rounding", kind="refusal", evidence="documented", source=sources.LIST)
def test_cosine_rejects_a_vector_that_rounds_to_zero(
    plain_index: IndexHandle, expect_error: ErrorExpectation, value: float
) -> None:
    """Values are rounded before they are checked: a vector that rounds to a zero vector is rejected."""
    expect_error(
        "PutVectors",
        {**plain_index.address, "vectors": [vector("k", [value, 0.0])]},
        code="ValidationException",
    )


@requirement("put-vectors.zero-vector-euclidean", kind="effect", evidence="recorded", source=sources.SUPABASE)
def test_euclidean_accepts_a_zero_vector(make_index: MakeIndex) -> None:
    """An index with the euclidean metric accepts a zero vector."""
    index = make_index(metric="euclidean")
    index.put(("k", [0.0, 0.0]))
    assert stored_values(index, "k") == [0.0, 0.0]


# One invalid record among valid ones.

BAD: Mapping[str, Mapping[str, Any]] = {
    "dimension": vector("bad", [1.0]),
    "overflow": vector("bad", [1e39, 1.0]),
    "zero-norm": vector("bad", [0.0, 0.0]),
    "null-metadata-value": vector("bad", [1.0, 1.0], {"a": None}),
    "metadata-size": vector("bad", [1.0, 1.0], {"a": "x" * 2036}),
    "key-length": vector("b" * 1025, [1.0, 1.0]),
}


@pytest.mark.parametrize("position", ["first", "last"])
@pytest.mark.parametrize("flaw", list(BAD))
@requirement(
    "put-vectors.one-bad-record",
    kind="refusal",
    evidence="recorded",
    source=sources.probe("metadata-value-types"),
)
def test_one_invalid_record_rejects_the_request(
    plain_index: IndexHandle, expect_error: ErrorExpectation, flaw: str, position: str
) -> None:
    """One invalid record rejects the whole request, wherever it is in the list."""
    vectors = [*many_vectors(3), BAD[flaw]] if position == "last" else [BAD[flaw], *many_vectors(3)]
    expect_error("PutVectors", {**plain_index.address, "vectors": vectors}, code="ValidationException")


@pytest.mark.parametrize("flaw", list(BAD))
@requirement("put-vectors.all-or-nothing", kind="effect", evidence="inferred", source=SOURCE)
def test_a_rejected_request_stores_nothing(
    make_index: MakeIndex, expect_error: ErrorExpectation, flaw: str
) -> None:
    """A rejected request stores or replaces no record, not even those before the invalid one."""
    index = make_index()
    index.put(("k0", [5.0, 5.0], {"old": True}))
    if expect_error.is_refused("PutVectors", {**index.address, "vectors": [*many_vectors(3), BAD[flaw]]}):
        assert index.scan(returnData=True, returnMetadata=True) == [
            {"key": "k0", "data": {"float32": [5.0, 5.0]}, "metadata": {"old": True}}
        ]


@requirement("put-vectors.blames-the-record", kind="detail", evidence="recorded", source=SOURCE)
def test_the_error_names_the_invalid_record(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """The error message names the key of the invalid record, not of the first."""
    expect_error(
        "PutVectors",
        {**plain_index.address, "vectors": [*many_vectors(2), vector("bad", [1.0])]},
        code="ValidationException",
        message="Invalid record for key 'bad': vector must have length 2, but has length 1",
    )


@requirement("put-vectors.blames-the-place", kind="detail", evidence="inferred", source=SOURCE)
def test_the_error_gives_the_path_of_the_invalid_record(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The `fieldList` of the error gives the path of the invalid record."""
    expect_error(
        "PutVectors",
        {**plain_index.address, "vectors": [*many_vectors(2), vector("bad", [1.0])]},
        code="ValidationException",
        field="vectors[2]",
    )
