"""GetVectors: it returns vectors by key in any order, and omits keys that do not exist."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex

SOURCE = sources.api("GetVectors")
ABSENT = sources.probe("get-vectors-absent-keys")
DATA = {"float32": [1.0, 0.5]}

#: Request flags, and the members that an entry then has in addition to its key.
MEMBERS_BY_FLAGS: dict[str, tuple[dict[str, bool], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "data": ({"returnData": True}, {"data": DATA}),
    "metadata": ({"returnMetadata": True}, {"metadata": {"n": 1}}),
    "both": ({"returnData": True, "returnMetadata": True}, {"data": DATA, "metadata": {"n": 1}}),
    "neither": ({"returnData": False, "returnMetadata": False}, {}),
    "data-only": ({"returnData": True, "returnMetadata": False}, {"data": DATA}),
}


@pytest.mark.parametrize("requested", list(MEMBERS_BY_FLAGS))
@requirement(
    "get-vectors.flags",
    kind="effect",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    covers="GetVectors>vectors GetVectors>vectors.key GetVectors>vectors.data "
    "GetVectors>vectors.data.float32 GetVectors>vectors.metadata",
)
def test_an_entry_has_the_requested_members(make_index: MakeIndex, requested: str) -> None:
    """Data and metadata are returned if they are requested, and only then; the key always is."""
    flags, members = MEMBERS_BY_FLAGS[requested]
    index = make_index()
    index.put(("k", [1.0, 0.5], {"n": 1}))
    assert index.call("GetVectors", keys=["k"], **flags)["vectors"] == [{"key": "k", **members}]


@pytest.mark.parametrize("written", ["without", "empty"])
@requirement("get-vectors.no-metadata", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
def test_no_metadata_reads_as_an_empty_object(make_index: MakeIndex, written: str) -> None:
    """The metadata of a vector without metadata is returned as `{}`."""
    index = make_index()
    index.put(("k", [1.0, 0.5]) if written == "without" else ("k", [1.0, 0.5], {}))
    assert index.call("GetVectors", keys=["k"], returnMetadata=True)["vectors"] == [
        {"key": "k", "metadata": {}}
    ]


@requirement("get-vectors.absent-keys", kind="effect", evidence="recorded", source=ABSENT)
def test_absent_keys_are_omitted(make_index: MakeIndex) -> None:
    """Keys that are not stored are omitted without an error; stored ones are returned."""
    index = make_index()
    index.put(("a", [1.0, 0.5]), ("c", [0.5, 1.0]))
    assert index.get("a", "b", "c", "d").keys() == {"a", "c"}


@requirement("get-vectors.only-absent-keys", kind="effect", evidence="recorded", source=ABSENT)
def test_only_absent_keys_give_an_empty_list(make_index: MakeIndex) -> None:
    """If none of the keys is stored, `vectors` is an empty list."""
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    assert index.call("GetVectors", keys=["b", "c"])["vectors"] == []


@requirement("get-vectors.empty-index", kind="effect", evidence="recorded", source=ABSENT)
def test_an_empty_index_returns_an_empty_list(make_index: MakeIndex) -> None:
    """In an index without vectors, `vectors` is an empty list for any key."""
    assert make_index().call("GetVectors", keys=["k"])["vectors"] == []


@requirement("get-vectors.deleted", kind="effect", evidence="recorded", source=sources.DUVA_SEARCH)
def test_a_deleted_key_is_absent(make_index: MakeIndex) -> None:
    """A deleted key is omitted at once."""
    index = make_index()
    index.put(("a", [1.0, 0.5]), ("b", [0.5, 1.0]))
    index.delete("a")
    assert index.get("a", "b").keys() == {"b"}


@requirement("get-vectors.only-what-is-asked", kind="effect", evidence="documented", source=SOURCE)
def test_only_requested_keys_are_returned(make_index: MakeIndex) -> None:
    """Only vectors with a requested key are returned."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)]) for number in range(20)])
    assert index.get("k3", "k17").keys() == {"k3", "k17"}


@requirement("get-vectors.each-its-own", kind="effect", evidence="documented", source=SOURCE)
def test_every_key_comes_with_its_own_vector(make_index: MakeIndex) -> None:
    """Each entry has the values and the metadata of its key, in whatever order the entries come."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)], {"n": number}) for number in range(50)])
    found = index.get(*[f"k{number}" for number in reversed(range(50))])
    assert {key: (each["data"]["float32"][1], each["metadata"]["n"]) for key, each in found.items()} == {
        f"k{number}": (float(number), number) for number in range(50)
    }


@requirement(
    "get-vectors.repeated-key",
    kind="open",
    evidence="inferred",
    source="https://github.com/langchain-ai/langchain-aws",
)
def test_a_repeated_key_is_returned_with_its_vector(make_index: MakeIndex) -> None:
    """A key that is requested twice is returned once or twice, with its vector."""
    index = make_index()
    index.put(("a", [1.0, 0.5]), ("b", [0.5, 1.0]))
    vectors = index.call("GetVectors", keys=["a", "b", "a"], returnData=True)["vectors"]
    assert 2 <= len(vectors) <= 3
    assert {each["key"]: each["data"]["float32"] for each in vectors} == {"a": [1.0, 0.5], "b": [0.5, 1.0]}


@pytest.mark.parametrize(("count", "bound"), [(1, "min"), (100, "max")])
@requirement(
    "get-vectors.key-count-taken",
    kind="effect",
    evidence="documented",
    source=sources.LIMITS,
    covers="GetVectors.keys.{bound}",
)
def test_1_to_100_keys_are_accepted(make_index: MakeIndex, count: int, bound: str) -> None:
    """A request may contain 1 to 100 keys."""
    del bound
    index, keys = make_index(), [f"k{number}" for number in range(count)]
    index.put(*[(key, [1.0, 0.5]) for key in keys])
    assert len(index.call("GetVectors", keys=keys)["vectors"]) == count


@pytest.mark.parametrize(("count", "bound"), [(0, "min-1"), (101, "max+1")])
@requirement(
    "get-vectors.key-count",
    kind="refusal",
    evidence="documented",
    source=sources.LIMITS,
    covers="GetVectors.keys.{bound} GetVectors!ValidationException",
)
def test_0_and_101_keys_are_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, count: int, bound: str
) -> None:
    """A request without keys, or with more than 100, is rejected."""
    del bound
    keys = [f"k{number}" for number in range(count)]
    expect_error("GetVectors", {**plain_index.address, "keys": keys}, code="ValidationException")


@requirement(
    "get-vectors.required",
    kind="refusal",
    evidence="model",
    source=sources.MODEL,
    covers="GetVectors.keys.required",
)
def test_keys_are_required(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A request without `keys` is rejected."""
    expect_error("GetVectors", plain_index.address, code="ValidationException")


@requirement("get-vectors.changes-nothing", kind="effect", evidence="documented", source=SOURCE)
def test_reading_changes_nothing(make_index: MakeIndex) -> None:
    """Requesting keys that do not exist does not create them."""
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    index.get("a", "b")
    assert index.keys() == {"a"}
