"""DeleteVectors: it deletes vectors by key; a key that does not exist is not an error."""

from __future__ import annotations

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex

SOURCE = sources.api("DeleteVectors")


def make_filled_index(make_index: MakeIndex, *keys: str) -> IndexHandle:
    index = make_index()
    index.put(*[(key, [1.0, float(number)], {"n": number}) for number, key in enumerate(keys)])
    return index


@requirement("delete-vectors.deletes", kind="effect", evidence="recorded", source=sources.S3MOCK_VECTORS)
def test_deleted_vectors_are_removed_and_others_stay(make_index: MakeIndex) -> None:
    """Deleted vectors disappear from lists at once, and the others are unchanged."""
    index = make_filled_index(make_index, "a", "b", "c")
    index.delete("a", "c")
    assert index.scan(returnData=True, returnMetadata=True) == [
        {"key": "b", "data": {"float32": [1.0, 1.0]}, "metadata": {"n": 1}}
    ]


@requirement("delete-vectors.not-got", kind="effect", evidence="recorded", source=sources.DUVA_SEARCH)
def test_deleted_vectors_are_not_returned(make_index: MakeIndex) -> None:
    """GetVectors omits a deleted key at once."""
    index = make_filled_index(make_index, "a", "b")
    index.delete("a")
    assert index.get("a", "b").keys() == {"b"}


@requirement(
    "delete-vectors.not-found", kind="effect", evidence="recorded", source=sources.DUVA_SEARCH, needs="query"
)
def test_deleted_vectors_are_not_found(make_index: MakeIndex) -> None:
    """QueryVectors does not find a deleted vector, by its values or by its metadata."""
    index = make_filled_index(make_index, "a", "b")
    index.delete("a")
    assert [each["key"] for each in index.query([1.0, 0.0])] == ["b"]
    assert index.found({"n": 0}) == set()


@requirement("delete-vectors.unknown-keys", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
def test_unknown_keys_succeed(make_index: MakeIndex) -> None:
    """Deleting keys that are not stored succeeds, also in an index without vectors."""
    index = make_index()
    index.delete("absent")
    index.put(("a", [1.0, 0.5]))
    index.delete("absent", "other")
    assert index.keys() == {"a"}


@requirement(
    "delete-vectors.known-and-unknown", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_known_keys_are_deleted_next_to_unknown_ones(make_index: MakeIndex) -> None:
    """In a request with known and unknown keys, the known ones are deleted."""
    index = make_filled_index(make_index, "a", "b", "c")
    index.delete("absent", "b", "other")
    assert index.keys() == {"a", "c"}


@requirement(
    "delete-vectors.repeated-request", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_the_same_request_twice_succeeds_twice(make_index: MakeIndex) -> None:
    """DeleteVectors can be repeated: a client that lost the answer may send the request again."""
    index = make_filled_index(make_index, "a", "b")
    index.delete("a")
    index.delete("a")
    assert index.keys() == {"b"}


@requirement("delete-vectors.write-again", kind="guard", evidence="inferred", source=SOURCE)
def test_a_deleted_key_can_be_written_again(make_index: MakeIndex) -> None:
    """A deleted key that is written again does not get its old metadata back."""
    index = make_filled_index(make_index, "a")
    index.delete("a")
    index.put(("a", [0.5, 0.25]))
    assert index.get("a")["a"] == {"key": "a", "data": {"float32": [0.5, 0.25]}, "metadata": {}}


@requirement("delete-vectors.own-index", kind="effect", evidence="documented", source=sources.INDEXES)
def test_other_indexes_keep_their_vectors(make_index: MakeIndex) -> None:
    """The same key in another index of the bucket is not deleted."""
    index, other = make_filled_index(make_index, "a"), make_filled_index(make_index, "a")
    index.delete("a")
    assert other.keys() == {"a"}


@requirement("delete-vectors.all", kind="guard", evidence="inferred", source=SOURCE)
def test_an_index_can_be_emptied(make_index: MakeIndex) -> None:
    """An index whose last vector is deleted is empty and still exists."""
    index = make_filled_index(make_index, "a", "b")
    index.delete("a", "b")
    assert index.call("ListVectors")["vectors"] == []
    index.put(("c", [1.0, 0.5]))
    assert index.keys() == {"c"}


@requirement("delete-vectors.case", kind="effect", evidence="documented", source=sources.VECTORS)
def test_keys_are_case_sensitive(make_index: MakeIndex) -> None:
    """Deleting `a` does not delete `A`."""
    index = make_filled_index(make_index, "a", "A")
    index.delete("a")
    assert index.keys() == {"A"}


@requirement(
    "delete-vectors.duplicate-keys", kind="refusal", evidence="recorded", source=sources.PROBE_CHANGES
)
def test_a_duplicate_key_is_rejected(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """A request that contains a key twice is rejected."""
    index = make_filled_index(make_index, "a", "b")
    expect_error("DeleteVectors", {**index.address, "keys": ["a", "b", "a"]}, code="ValidationException")


@requirement(
    "delete-vectors.duplicate-keys-message", kind="detail", evidence="recorded", source=sources.PROBE_CHANGES
)
def test_the_error_names_duplicate_keys(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """The error message says that there are duplicate keys."""
    expect_error(
        "DeleteVectors",
        {**plain_index.address, "keys": ["a", "a"]},
        code="ValidationException",
        message="Request must not contain duplicate keys",
    )


@pytest.mark.parametrize("flaw", ["duplicate", "empty"])
@requirement("delete-vectors.all-or-nothing", kind="effect", evidence="inferred", source=SOURCE)
def test_a_rejected_request_deletes_nothing(
    make_index: MakeIndex, expect_error: ErrorExpectation, flaw: str
) -> None:
    """A rejected request deletes no key, not even those before the invalid one."""
    index = make_filled_index(make_index, "a", "b")
    keys = ["a", "b", "a"] if flaw == "duplicate" else ["a", ""]
    if expect_error.is_refused("DeleteVectors", {**index.address, "keys": keys}):
        assert index.keys() == {"a", "b"}


@pytest.mark.parametrize(("count", "bound"), [(1, "min"), (500, "max")])
@requirement(
    "delete-vectors.key-count-taken",
    kind="effect",
    evidence="documented",
    source=sources.LIMITS,
    covers="DeleteVectors.keys.{bound}",
)
def test_1_to_500_keys_are_accepted(make_index: MakeIndex, count: int, bound: str) -> None:
    """A request may contain 1 to 500 keys, and all of them are deleted."""
    del bound
    keys = [f"k{number}" for number in range(count)]
    index = make_filled_index(make_index, *keys, "stays")
    index.call("DeleteVectors", keys=keys)
    assert index.keys() == {"stays"}


@pytest.mark.parametrize(("count", "bound"), [(0, "min-1"), (501, "max+1")])
@requirement(
    "delete-vectors.key-count",
    kind="refusal",
    evidence="documented",
    source=sources.LIMITS,
    covers="DeleteVectors.keys.{bound} DeleteVectors!ValidationException",
)
def test_0_and_501_keys_are_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, count: int, bound: str
) -> None:
    """A request without keys, or with more than 500, is rejected."""
    del bound
    keys = [f"k{number}" for number in range(count)]
    expect_error("DeleteVectors", {**plain_index.address, "keys": keys}, code="ValidationException")


@requirement(
    "delete-vectors.required",
    kind="guard",
    evidence="model",
    source=sources.MODEL,
    covers="DeleteVectors.keys.required",
)
def test_keys_are_required(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """A request without `keys` is rejected: it does not delete all vectors."""
    index = make_filled_index(make_index, "a")
    expect_error("DeleteVectors", index.address, code="ValidationException")
    assert index.keys() == {"a"}
