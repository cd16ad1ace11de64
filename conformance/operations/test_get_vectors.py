"""GetVectors: gives vectors by key, leaving out what is not there, in no order."""

from __future__ import annotations

from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex

SOURCE = sources.api("GetVectors")
ABSENT = sources.probe("get-vectors-absent-keys")
DATA = {"float32": [1.0, 0.5]}

#: What is asked for, and what an entry then holds besides its key.
SHOWN: dict[str, tuple[dict[str, bool], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "data": ({"returnData": True}, {"data": DATA}),
    "metadata": ({"returnMetadata": True}, {"metadata": {"n": 1}}),
    "both": ({"returnData": True, "returnMetadata": True}, {"data": DATA, "metadata": {"n": 1}}),
    "neither": ({"returnData": False, "returnMetadata": False}, {}),
    "data-only": ({"returnData": True, "returnMetadata": False}, {"data": DATA}),
}


@pytest.mark.parametrize("asked", list(SHOWN))
@requirement(
    "get-vectors.flags",
    level="must",
    evidence="recorded",
    source=sources.MOTO_VECTORS,
    covers="GetVectors>vectors GetVectors>vectors.key GetVectors>vectors.data "
    "GetVectors>vectors.data.float32 GetVectors>vectors.metadata",
)
def test_an_entry_holds_what_is_asked_for(make_index: MakeIndex, asked: str) -> None:
    """Data and metadata come where they are asked for, and only there; the key comes always."""
    flags, rest = SHOWN[asked]
    index = make_index()
    index.put(("k", [1.0, 0.5], {"n": 1}))
    assert index.call("GetVectors", keys=["k"], **flags)["vectors"] == [{"key": "k", **rest}]


@pytest.mark.parametrize("written", ["without", "empty"])
@requirement("get-vectors.no-metadata", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_no_metadata_reads_as_an_empty_object(make_index: MakeIndex, written: str) -> None:
    """Where a vector has no metadata and it is asked for, `metadata` is `{}`."""
    index = make_index()
    index.put(("k", [1.0, 0.5]) if written == "without" else ("k", [1.0, 0.5], {}))
    assert index.call("GetVectors", keys=["k"], returnMetadata=True)["vectors"] == [
        {"key": "k", "metadata": {}}
    ]


@requirement("get-vectors.absent-keys", level="must", evidence="recorded", source=ABSENT)
def test_absent_keys_are_left_out(make_index: MakeIndex) -> None:
    """Keys that are not stored are left out, without a word; those that are, come."""
    index = make_index()
    index.put(("a", [1.0, 0.5]), ("c", [0.5, 1.0]))
    assert index.get("a", "b", "c", "d").keys() == {"a", "c"}


@requirement("get-vectors.only-absent-keys", level="must", evidence="recorded", source=ABSENT)
def test_only_absent_keys_give_an_empty_list(make_index: MakeIndex) -> None:
    """Where none of the keys is stored, `vectors` is an empty list."""
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    assert index.call("GetVectors", keys=["b", "c"])["vectors"] == []


@requirement("get-vectors.empty-index", level="must", evidence="recorded", source=ABSENT)
def test_an_empty_index_has_no_key(make_index: MakeIndex) -> None:
    """In an index without vectors every key is absent."""
    assert make_index().call("GetVectors", keys=["k"])["vectors"] == []


@requirement("get-vectors.deleted", level="must", evidence="documented", source=sources.api("DeleteVectors"))
def test_a_deleted_key_is_absent(make_index: MakeIndex) -> None:
    """A key that was deleted is left out at once."""
    index = make_index()
    index.put(("a", [1.0, 0.5]), ("b", [0.5, 1.0]))
    index.delete("a")
    assert index.get("a", "b").keys() == {"b"}


@requirement("get-vectors.only-what-is-asked", level="must", evidence="documented", source=SOURCE)
def test_only_the_keys_asked_for_come(make_index: MakeIndex) -> None:
    """No vector comes whose key was not asked for."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)]) for number in range(20)])
    assert index.get("k3", "k17").keys() == {"k3", "k17"}


@requirement("get-vectors.each-its-own", level="must", evidence="documented", source=SOURCE)
def test_every_key_comes_with_its_own_vector(make_index: MakeIndex) -> None:
    """In whatever order entries come, each holds the values and the metadata of its key."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, float(number)], {"n": number}) for number in range(50)])
    found = index.get(*[f"k{number}" for number in reversed(range(50))])
    assert {key: (each["data"]["float32"][1], each["metadata"]["n"]) for key, each in found.items()} == {
        f"k{number}": (float(number), number) for number in range(50)
    }


@requirement(
    "get-vectors.repeated-key",
    level="may",
    evidence="inferred",
    source="https://github.com/langchain-ai/langchain-aws",
)
def test_a_repeated_key_does_no_harm(make_index: MakeIndex) -> None:
    """A key that is asked for twice comes, once or twice, with the vector that it has."""
    index = make_index()
    index.put(("a", [1.0, 0.5]), ("b", [0.5, 1.0]))
    vectors = index.call("GetVectors", keys=["a", "b", "a"], returnData=True)["vectors"]
    assert 2 <= len(vectors) <= 3
    assert {each["key"]: each["data"]["float32"] for each in vectors} == {"a": [1.0, 0.5], "b": [0.5, 1.0]}


@pytest.mark.parametrize(("count", "bound"), [(1, "min"), (100, "max")])
@requirement(
    "get-vectors.key-count-taken",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="GetVectors.keys.{bound}",
)
def test_1_to_100_keys_are_taken(make_index: MakeIndex, count: int, bound: str) -> None:
    """A request may name 1 to 100 keys."""
    del bound
    index, keys = make_index(), [f"k{number}" for number in range(count)]
    index.put(*[(key, [1.0, 0.5]) for key in keys])
    assert len(index.call("GetVectors", keys=keys)["vectors"]) == count


@pytest.mark.parametrize(("count", "bound"), [(0, "min-1"), (101, "max+1")])
@requirement(
    "get-vectors.key-count",
    level="must",
    evidence="documented",
    source=sources.LIMITS,
    covers="GetVectors.keys.{bound} GetVectors!ValidationException",
)
def test_0_and_101_keys_are_refused(make_index: MakeIndex, refused: Refused, count: int, bound: str) -> None:
    """A request without a key, or with more than 100, is refused."""
    del bound
    keys = [f"k{number}" for number in range(count)]
    refused("GetVectors", {**make_index().address, "keys": keys}, code="ValidationException")


@requirement(
    "get-vectors.required",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="GetVectors.keys.required",
)
def test_keys_are_required(make_index: MakeIndex, refused: Refused) -> None:
    """A request that does not name keys is refused."""
    refused("GetVectors", make_index().address, code="ValidationException")


@requirement("get-vectors.changes-nothing", level="must", evidence="documented", source=SOURCE)
def test_reading_changes_nothing(make_index: MakeIndex) -> None:
    """Asking for absent keys does not make them."""
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    index.get("a", "b")
    assert index.keys() == {"a"}
