"""DeleteVectors: takes vectors away by key; one that is not there is no error."""

from __future__ import annotations

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

SOURCE = sources.api("DeleteVectors")


def filled(make_index: MakeIndex, *keys: str) -> Index:
    index = make_index()
    index.put(*[(key, [1.0, float(number)], {"n": number}) for number, key in enumerate(keys)])
    return index


@requirement("delete-vectors.deletes", level="must", evidence="recorded", source=sources.S3MOCK_VECTORS)
def test_deleted_vectors_are_gone_and_others_stay(make_index: MakeIndex) -> None:
    """The vectors of the keys given are gone from lists at once, the others stay as they were."""
    index = filled(make_index, "a", "b", "c")
    index.delete("a", "c")
    assert index.scan(returnData=True, returnMetadata=True) == [
        {"key": "b", "data": {"float32": [1.0, 1.0]}, "metadata": {"n": 1}}
    ]


@requirement("delete-vectors.not-got", level="must", evidence="documented", source=SOURCE)
def test_deleted_vectors_are_got_no_more(make_index: MakeIndex) -> None:
    """GetVectors leaves a deleted key out at once."""
    index = filled(make_index, "a", "b")
    index.delete("a")
    assert index.get("a", "b").keys() == {"b"}


@requirement("delete-vectors.not-found", level="must", evidence="documented", source=SOURCE, needs="query")
def test_deleted_vectors_are_found_no_more(make_index: MakeIndex) -> None:
    """QueryVectors does not find a deleted vector, however near it was, nor by its metadata."""
    index = filled(make_index, "a", "b")
    index.delete("a")
    assert [each["key"] for each in index.query([1.0, 0.0])] == ["b"]
    assert index.found({"n": 0}) == set()


@requirement("delete-vectors.unknown-keys", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_unknown_keys_are_no_error(make_index: MakeIndex) -> None:
    """Deleting keys that are not stored succeeds, also in an index without vectors."""
    index = make_index()
    index.delete("absent")
    index.put(("a", [1.0, 0.5]))
    index.delete("absent", "other")
    assert index.keys() == {"a"}


@requirement(
    "delete-vectors.known-and-unknown", level="must", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_unknown_keys_do_not_hold_up_the_known(make_index: MakeIndex) -> None:
    """Of known and unknown keys in one request the known are deleted."""
    index = filled(make_index, "a", "b", "c")
    index.delete("absent", "b", "other")
    assert index.keys() == {"a", "c"}


@requirement(
    "delete-vectors.repeated-request", level="must", evidence="recorded", source=sources.MOTO_VECTORS
)
def test_the_same_request_twice_succeeds_twice(make_index: MakeIndex) -> None:
    """DeleteVectors can be repeated: a client whose answer was lost may send it again."""
    index = filled(make_index, "a", "b")
    index.delete("a")
    index.delete("a")
    assert index.keys() == {"b"}


@requirement("delete-vectors.write-again", level="must", evidence="inferred", source=SOURCE)
def test_a_deleted_key_can_be_written_again(make_index: MakeIndex) -> None:
    """A key that was deleted starts afresh: nothing of its old metadata comes back."""
    index = filled(make_index, "a")
    index.delete("a")
    index.put(("a", [0.5, 0.25]))
    assert index.get("a")["a"] == {"key": "a", "data": {"float32": [0.5, 0.25]}, "metadata": {}}


@requirement("delete-vectors.own-index", level="must", evidence="documented", source=sources.INDEXES)
def test_other_indexes_keep_their_vectors(make_index: MakeIndex) -> None:
    """The same key in another index of the bucket stays."""
    index, other = filled(make_index, "a"), filled(make_index, "a")
    index.delete("a")
    assert other.keys() == {"a"}


@requirement("delete-vectors.all", level="must", evidence="inferred", source=SOURCE)
def test_an_index_can_be_emptied(make_index: MakeIndex) -> None:
    """An index whose last vector is deleted is empty, and still there."""
    index = filled(make_index, "a", "b")
    index.delete("a", "b")
    assert index.call("ListVectors")["vectors"] == []
    index.put(("c", [1.0, 0.5]))
    assert index.keys() == {"c"}


@requirement("delete-vectors.case", level="must", evidence="documented", source=sources.VECTORS)
def test_case_tells_keys_apart(make_index: MakeIndex) -> None:
    """Deleting `a` leaves `A`."""
    index = filled(make_index, "a", "A")
    index.delete("a")
    assert index.keys() == {"A"}


@requirement("delete-vectors.duplicate-keys", level="must", evidence="recorded", source=sources.PROBE_CHANGES)
def test_a_repeated_key_is_refused(make_index: MakeIndex, refused: Refused) -> None:
    """A request that names a key twice is refused."""
    index = filled(make_index, "a", "b")
    refused("DeleteVectors", {**index.address, "keys": ["a", "b", "a"]}, code="ValidationException")


@requirement(
    "delete-vectors.duplicate-keys-message", level="should", evidence="recorded", source=sources.PROBE_CHANGES
)
def test_a_repeated_key_is_called_that(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence speaks of duplicate keys."""
    refused(
        "DeleteVectors",
        {**make_index().address, "keys": ["a", "a"]},
        code="ValidationException",
        message="Request must not contain duplicate keys",
    )


@pytest.mark.parametrize("flaw", ["duplicate", "empty"])
@requirement("delete-vectors.all-or-nothing", level="should", evidence="inferred", source=SOURCE)
def test_a_refused_request_deletes_nothing(make_index: MakeIndex, refused: Refused, flaw: str) -> None:
    """Of a refused request no key is deleted, not even those before the bad one."""
    index = filled(make_index, "a", "b")
    keys = ["a", "b", "a"] if flaw == "duplicate" else ["a", ""]
    refused("DeleteVectors", {**index.address, "keys": keys}, code="ValidationException")
    assert index.keys() == {"a", "b"}


@pytest.mark.parametrize(("count", "bound"), [(1, "min"), (500, "max")])
@requirement(
    "delete-vectors.key-count-taken",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="DeleteVectors.keys.{bound}",
)
def test_1_to_500_keys_are_taken(make_index: MakeIndex, count: int, bound: str) -> None:
    """A request may name 1 to 500 keys, and all of them are deleted."""
    del bound
    keys = [f"k{number}" for number in range(count)]
    index = filled(make_index, *keys, "stays")
    index.call("DeleteVectors", keys=keys)
    assert index.keys() == {"stays"}


@pytest.mark.parametrize(("count", "bound"), [(0, "min-1"), (501, "max+1")])
@requirement(
    "delete-vectors.key-count",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="DeleteVectors.keys.{bound} DeleteVectors!ValidationException",
)
def test_0_and_501_keys_are_refused(make_index: MakeIndex, refused: Refused, count: int, bound: str) -> None:
    """A request without a key, or with more than 500, is refused."""
    del bound
    keys = [f"k{number}" for number in range(count)]
    refused("DeleteVectors", {**make_index().address, "keys": keys}, code="ValidationException")


@requirement(
    "delete-vectors.required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="DeleteVectors.keys.required",
)
def test_keys_are_required(make_index: MakeIndex, refused: Refused) -> None:
    """A request that does not name keys is refused: it does not mean all of them."""
    index = filled(make_index, "a")
    refused("DeleteVectors", index.address, code="ValidationException")
    assert index.keys() == {"a"}
