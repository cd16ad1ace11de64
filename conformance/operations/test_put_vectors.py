"""PutVectors: writes vectors, each in place of what was under its key; all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.testing import sources
from vecgate.testing.refusals import Refused, refusal_of
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex, vector

SOURCE = sources.api("PutVectors")
RANGE = sources.probe("float32-range")
ZERO = sources.probe("zero-vector")
FLOAT32_MAX = 3.4028234663852886e38
FLOAT32_LEAST = 1.401298464324817e-45
#: Half a step above the largest float32: the first double that rounds to infinity.
OVERFLOWS = 3.4028235677973366e38
NOT_FINITE = "Invalid record for key 'k': vector contains NaNs or Infs"


def many(count: int) -> list[dict[str, Any]]:
    return [vector(f"k{number}", [1.0, float(number)]) for number in range(count)]


def stored_values(index: Index, key: str) -> list[float]:
    values: list[float] = index.get(key)[key]["data"]["float32"]
    return values


@requirement(
    "put-vectors.one-vector",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectors.vectors.min",
)
def test_one_vector_is_taken(make_index: MakeIndex) -> None:
    """A request may carry a single vector."""
    index = make_index()
    index.call("PutVectors", vectors=[vector("k", [1.0, 0.5])])
    assert index.keys() == {"k"}


@requirement(
    "put-vectors.500-vectors",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="PutVectors.vectors.max",
)
def test_500_vectors_are_taken(make_index: MakeIndex) -> None:
    """A request may carry 500 vectors, and all of them are stored."""
    index = make_index()
    index.call("PutVectors", vectors=many(500))
    assert index.keys() == {f"k{number}" for number in range(500)}


@requirement(
    "put-vectors.no-vectors",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectors.vectors.min-1 PutVectors!ValidationException",
)
def test_no_vectors_are_refused(make_index: MakeIndex, refused: Refused) -> None:
    """A request without a vector in it is refused."""
    refused("PutVectors", {**make_index().address, "vectors": []}, code="ValidationException")


@requirement(
    "put-vectors.501-vectors",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="PutVectors.vectors.max+1",
)
def test_501_vectors_are_refused(make_index: MakeIndex, refused: Refused) -> None:
    """A request with more than 500 vectors is refused."""
    refused("PutVectors", {**make_index().address, "vectors": many(501)}, code="ValidationException")


@requirement("put-vectors.501-vectors-store-nothing", level="should", evidence="inferred", source=SOURCE)
def test_of_501_vectors_none_is_stored(make_index: MakeIndex, refused: Refused) -> None:
    """Of a request with too many vectors not even the first 500 are stored."""
    index = make_index()
    refused("PutVectors", {**index.address, "vectors": many(501)}, code="ValidationException")
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
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="PutVectors.{member}.required",
)
def test_a_missing_member_is_refused(
    make_index: MakeIndex, refused: Refused, member: str, members: Mapping[str, Any]
) -> None:
    """A vector has a key and data, and a request has vectors."""
    del member
    refused("PutVectors", {**make_index().address, **members}, code="ValidationException")


# Read your writes.


@requirement("put-vectors.got-at-once", level="must", evidence="documented", source=sources.LIST)
def test_a_written_vector_is_got_at_once(make_index: MakeIndex) -> None:
    """GetVectors gives a vector as soon as PutVectors has answered."""
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


@requirement("put-vectors.listed-at-once", level="must", evidence="documented", source=sources.LIST)
def test_a_written_vector_is_listed_at_once(make_index: MakeIndex) -> None:
    """ListVectors gives a vector as soon as PutVectors has answered."""
    index = make_index()
    for number in range(5):
        index.put((f"k{number}", [1.0, float(number)]))
        assert index.keys() == {f"k{each}" for each in range(number + 1)}


@requirement(
    "put-vectors.found-at-once", level="must", evidence="documented", source=sources.VECTORS, needs="query"
)
def test_a_written_vector_is_found_at_once(make_index: MakeIndex) -> None:
    """QueryVectors finds a vector as soon as PutVectors has answered."""
    index = make_index(metric="euclidean")
    for number in range(5):
        index.put((f"k{number}", [float(number), 1.0]))
        assert index.query([float(number), 1.0], top_k=1)[0]["key"] == f"k{number}"


# A second write of a key.


@requirement("put-vectors.overwrites-data", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_a_second_write_replaces_the_data(make_index: MakeIndex) -> None:
    """A key holds one vector: that of the last write."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    index.put(("k", [0.25, 2.0]))
    assert index.scan(returnData=True) == [{"key": "k", "data": {"float32": [0.25, 2.0]}}]


@requirement(
    "put-vectors.overwrites-metadata", level="must", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_a_second_write_replaces_the_metadata_wholly(make_index: MakeIndex) -> None:
    """New metadata takes the place of the old; nothing is merged."""
    index = make_index(non_filterable=["text"])
    index.put(("k", [1.0, 0.5], {"year": 1999, "genre": "drama", "text": "old"}))
    index.put(("k", [1.0, 0.5], {"year": 2001}))
    assert index.get("k")["k"]["metadata"] == {"year": 2001}


@requirement(
    "put-vectors.overwrites-without-metadata", level="must", evidence="recorded", source=sources.NEIGHBOR
)
def test_a_second_write_without_metadata_leaves_none(make_index: MakeIndex) -> None:
    """A write without metadata takes the old metadata away."""
    index = make_index(non_filterable=["text"])
    index.put(("k", [1.0, 0.5], {"year": 1999, "text": "old"}))
    index.put(("k", [1.0, 0.5]))
    assert index.get("k")["k"]["metadata"] == {}


@requirement(
    "put-vectors.overwrites-for-queries",
    level="must",
    evidence="recorded",
    source=sources.NEIGHBOR,
    needs="query",
)
def test_after_a_second_write_queries_see_only_it(make_index: MakeIndex) -> None:
    """Neither the old values nor the old metadata are found any more."""
    index = make_index(metric="euclidean")
    index.put(("k", [0.0, 0.0], {"genre": "drama"}))
    index.put(("k", [3.0, 4.0], {"genre": "comedy"}))
    assert index.found({"genre": "drama"}) == set()
    assert index.found({"genre": "comedy"}) == {"k"}
    assert [round(each["distance"], 3) for each in index.query([0.0, 0.0])] == [25.0]


@requirement("put-vectors.repeated-request", level="must", evidence="documented", source=SOURCE)
def test_the_same_request_twice_changes_nothing(make_index: MakeIndex) -> None:
    """PutVectors can be repeated: a client whose answer was lost may send it again."""
    index = make_index()
    for _ in range(2):
        index.put(("k", [1.0, 0.5], {"n": 1}), ("m", [0.5, 1.0]))
    assert index.keys() == {"k", "m"}
    assert index.get("k")["k"] == {"key": "k", "data": {"float32": [1.0, 0.5]}, "metadata": {"n": 1}}


@requirement("put-vectors.leaves-the-others", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_a_write_leaves_other_vectors_alone(make_index: MakeIndex) -> None:
    """Writing one key changes no other."""
    index = make_index()
    index.put(("k", [1.0, 0.5], {"n": 1}), ("m", [0.5, 1.0], {"n": 2}))
    index.put(("k", [2.0, 2.0]))
    assert index.get("m")["m"] == {"key": "m", "data": {"float32": [0.5, 1.0]}, "metadata": {"n": 2}}


@requirement("put-vectors.indexes-are-apart", level="must", evidence="documented", source=sources.INDEXES)
def test_indexes_of_one_bucket_are_apart(make_index: MakeIndex) -> None:
    """The same key in another index of the bucket is another vector."""
    one, other = make_index(), make_index()
    one.put(("k", [1.0, 0.5]))
    other.put(("k", [2.0, 2.0]), ("m", [1.0, 1.0]))
    assert stored_values(one, "k") == [1.0, 0.5]
    assert one.keys() == {"k"}


@requirement(
    "put-vectors.duplicate-keys",
    level="may",
    evidence="inferred",
    source=sources.SUPABASE_LIMITS,
)
def test_a_repeated_key_is_refused_or_the_last_one_wins(make_index: MakeIndex) -> None:
    """A request that names a key twice is refused as a whole, or leaves the last of the two."""
    index = make_index()
    try:
        index.put(("k", [1.0, 0.0]), ("m", [0.0, 1.0]), ("k", [2.0, 2.0]))
    except ClientError as error:
        refusal = refusal_of(error)
        assert (refusal.code, refusal.status) == ("ValidationException", 400)
        assert index.keys() == set()
    else:
        assert index.keys() == {"k", "m"}
        assert stored_values(index, "k") == [2.0, 2.0]


# Values.


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (0.1, 0.10000000149011612),
        (0.4, 0.4000000059604645),
        (1 / 3, 0.3333333432674408),
        (16777217, 16777216.0),
    ],
    ids=["0.1", "0.4", "third", "2e24-and-1"],
)
@requirement("put-vectors.float32", level="must", evidence="documented", source=sources.LIST)
def test_values_are_kept_as_float32(make_index: MakeIndex, given: float, kept: float) -> None:
    """A value reads back as the nearest float32, widened to double."""
    index = make_index()
    index.put(("k", [given, 1.0]))
    assert stored_values(index, "k") == [kept, 1.0]


@pytest.mark.parametrize(
    "value",
    [FLOAT32_MAX, -FLOAT32_MAX, FLOAT32_LEAST, -FLOAT32_LEAST, 1.1754943508222875e-38],
    ids=["largest", "least", "smallest-subnormal", "negative-subnormal", "smallest-normal"],
)
@requirement("put-vectors.float32-range", level="must", evidence="recorded", source=RANGE)
def test_the_ends_of_float32_are_kept_exactly(make_index: MakeIndex, value: float) -> None:
    """The largest and the smallest float32 values are stored as they are."""
    index = make_index(metric="euclidean")
    index.put(("k", [value, 1.0]))
    assert stored_values(index, "k") == [value, 1.0]


@pytest.mark.parametrize(
    ("given", "kept"),
    [(3.4028235e38, FLOAT32_MAX), (7.1e-46, FLOAT32_LEAST), (7.0e-46, 0.0), (1e-60, 0.0)],
    ids=["down-to-the-largest", "up-to-the-smallest", "down-to-zero", "far-below"],
)
@requirement("put-vectors.float32-rounding", level="should", evidence="documented", source=sources.LIST)
def test_values_are_rounded_at_the_ends_too(make_index: MakeIndex, given: float, kept: float) -> None:
    """What lies between two float32 values becomes the nearer one, at the ends of the range as elsewhere."""
    index = make_index(metric="euclidean")
    index.put(("k", [given, 1.0]))
    assert stored_values(index, "k") == [kept, 1.0]


@requirement("put-vectors.integers", level="must", evidence="inferred", source=sources.MODEL)
def test_whole_numbers_are_values_too(make_index: MakeIndex) -> None:
    """A JSON number without a fraction is a value: 3 reads back as 3.0."""
    index = make_index()
    index.put(("k", [3, -7]))
    assert stored_values(index, "k") == [3.0, -7.0]


@pytest.mark.parametrize("value", [1e39, -1e39, 1e300], ids=["1e39", "negative-1e39", "1e300"])
@requirement("put-vectors.overflow", level="must", evidence="recorded", source=RANGE)
def test_what_overflows_float32_is_refused(make_index: MakeIndex, refused: Refused, value: float) -> None:
    """A finite double that float32 cannot hold is refused."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [value, 1.0])]}
    refused("PutVectors", members, code="ValidationException")


@requirement("put-vectors.overflow-by-rounding", level="should", evidence="documented", source=sources.LIST)
def test_what_rounds_to_infinity_is_refused(make_index: MakeIndex, refused: Refused) -> None:
    """Values are rounded before they are checked: the first that rounds to infinity is refused."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [OVERFLOWS, 1.0])]}
    refused("PutVectors", members, code="ValidationException")


@requirement("put-vectors.overflow-message", level="should", evidence="recorded", source=RANGE)
def test_an_overflow_is_called_what_it_is(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence names the key, and that the vector holds what is not finite."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [1e39, 1.0])]}
    refused("PutVectors", members, code="ValidationException", message=NOT_FINITE)


@pytest.mark.parametrize("value", [nan, inf, -inf], ids=["nan", "infinity", "negative-infinity"])
@requirement("put-vectors.not-finite", level="must", evidence="recorded", source=ZERO)
def test_what_is_not_finite_is_refused(make_index: MakeIndex, refused: Refused, value: float) -> None:
    """NaN and infinity, which JSON carries as strings, are no values."""
    members = {**make_index(metric="euclidean").address, "vectors": [vector("k", [value, 1.0])]}
    refused("PutVectors", members, code="ValidationException")


@requirement("put-vectors.zero-vector-cosine", level="must", evidence="recorded", source=ZERO)
def test_cosine_takes_no_zero_vector(make_index: MakeIndex, refused: Refused) -> None:
    """A vector of zeros has no direction: an index with cosine distance refuses it."""
    refused(
        "PutVectors",
        {**make_index().address, "vectors": [vector("k", [0.0, 0.0])]},
        code="ValidationException",
    )


@requirement("put-vectors.zero-vector-message", level="should", evidence="recorded", source=ZERO)
def test_a_zero_vector_is_called_what_it_is(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence names the key and the zero norm; fieldList blames the vector."""
    refused(
        "PutVectors",
        {**make_index().address, "vectors": [vector("k", [0.0, 0.0])]},
        code="ValidationException",
        message="Invalid record for key 'k': cosine distance does not support vectors with zero norm",
    )


@pytest.mark.parametrize("value", [-0.0, 1e-60], ids=["negative-zero", "rounds-to-zero"])
@requirement("put-vectors.zero-after-rounding", level="should", evidence="documented", source=sources.LIST)
def test_cosine_takes_no_vector_that_rounds_to_zero(
    make_index: MakeIndex, refused: Refused, value: float
) -> None:
    """Values are rounded before they are checked: what rounds to a zero vector is one."""
    refused(
        "PutVectors",
        {**make_index().address, "vectors": [vector("k", [value, 0.0])]},
        code="ValidationException",
    )


@requirement("put-vectors.zero-vector-euclidean", level="must", evidence="recorded", source=sources.SUPABASE)
def test_euclidean_takes_a_zero_vector(make_index: MakeIndex) -> None:
    """The origin is a point like any other."""
    index = make_index(metric="euclidean")
    index.put(("k", [0.0, 0.0]))
    assert stored_values(index, "k") == [0.0, 0.0]


# A bad record among good ones.

BAD: Mapping[str, Mapping[str, Any]] = {
    "dimension": vector("bad", [1.0]),
    "overflow": vector("bad", [1e39, 1.0]),
    "zero-norm": vector("bad", [0.0, 0.0]),
    "null-metadata-value": vector("bad", [1.0, 1.0], {"a": None}),
    "metadata-size": vector("bad", [1.0, 1.0], {"a": "x" * 2036}),
    "key-length": vector("b" * 1025, [1.0, 1.0]),
}


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("flaw", list(BAD))
@requirement(
    "put-vectors.one-bad-record",
    level="must",
    evidence="recorded",
    source=sources.probe("metadata-value-types"),
)
def test_one_bad_record_refuses_the_request(
    make_index: MakeIndex, refused: Refused, flaw: str, place: str
) -> None:
    """One record that cannot be stored refuses the whole request, wherever it stands."""
    index = make_index()
    vectors = [*many(3), BAD[flaw]] if place == "last" else [BAD[flaw], *many(3)]
    refused("PutVectors", {**index.address, "vectors": vectors}, code="ValidationException")


@pytest.mark.parametrize("flaw", list(BAD))
@requirement("put-vectors.all-or-nothing", level="should", evidence="inferred", source=SOURCE)
def test_of_a_refused_request_nothing_is_stored(make_index: MakeIndex, refused: Refused, flaw: str) -> None:
    """Of a refused request no record is stored, not even those before the bad one; nor is one replaced."""
    index = make_index()
    index.put(("k0", [5.0, 5.0], {"old": True}))
    refused("PutVectors", {**index.address, "vectors": [*many(3), BAD[flaw]]}, code="ValidationException")
    assert index.scan(returnData=True, returnMetadata=True) == [
        {"key": "k0", "data": {"float32": [5.0, 5.0]}, "metadata": {"old": True}}
    ]


@requirement("put-vectors.blames-the-record", level="should", evidence="recorded", source=SOURCE)
def test_the_bad_record_is_named(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence names the key of the bad record, not of the first."""
    refused(
        "PutVectors",
        {**make_index().address, "vectors": [*many(2), vector("bad", [1.0])]},
        code="ValidationException",
        message="Invalid record for key 'bad': vector must have length 2, but has length 1",
    )


@requirement("put-vectors.blames-the-place", level="should", evidence="inferred", source=SOURCE)
def test_the_bad_record_is_pointed_at(make_index: MakeIndex, refused: Refused) -> None:
    """`fieldList` gives the place of the bad record in the request."""
    refused(
        "PutVectors",
        {**make_index().address, "vectors": [*many(2), vector("bad", [1.0])]},
        code="ValidationException",
        field="vectors[2]",
    )
