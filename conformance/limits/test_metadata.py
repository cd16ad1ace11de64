"""Metadata: which values it holds, how they read back, and how much of it there may be.

Its size follows a model that 24 probes of AWS fit: 4, and for each entry 8, the UTF-8 bytes of its key, and
its value: the bytes of a string, 4 for a number, 0 for a boolean; in an array each element costs 4 more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.testing import sources
from vecgate.testing.refusals import Refused, refusal_of
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex, vector

TYPES = sources.probe("metadata-value-types")
SIZES = sources.probe("metadata-limits")

VALUE = "Metadata values must be strings, numbers, booleans, or arrays"
ELEMENT = "Metadata array values must be strings or numbers"
EMPTY = "Empty arrays are not allowed in metadata"
KEYS_MANY = "Metadata object must have at most 50 keys"
FILTERABLE_BYTES = "Filterable metadata must have at most 2048 bytes"
ALL_BYTES = "Metadata object must have at most 40960 bytes"

KEPT: Mapping[str, Any] = {
    "text": "drama",
    "empty-text": "",
    "any-text": 'line\nbreak\ttab "quotes" \\ / é 日本 😀 \u2028',
    "looks-like-a-number": "12",
    "looks-like-json": '{"a": 1}',
    "whole-number": 1999,
    "zero": 0,
    "negative": -7,
    "fraction": 0.5,
    "negative-fraction": -2.25,
    "true": True,
    "false": False,
    "texts": ["drama", "comedy"],
    "numbers": [1, 2.5, -3],
    "one-element": ["a"],
    "equal-elements": ["a", "a", "b"],
    "empty-element": [""],
}
NO_VALUES: Mapping[str, tuple[Any, str]] = {
    "null": (None, VALUE),
    "object": ({"a": 1}, VALUE),
    "empty-object": ({}, VALUE),
    "empty-array": ([], EMPTY),
    "booleans": ([True, False], ELEMENT),
    "objects": ([{"a": 1}], ELEMENT),
    "text-and-number": (["a", 1], ELEMENT),
    "number-and-text": ([1, "a"], ELEMENT),
    "number-and-boolean": ([1, True], ELEMENT),
}
ODD_KEYS: Mapping[str, str] = {
    "empty": "",
    "operator": "$eq",
    "dollar": "$",
    "and": "$and",
    "dots": "a.b.c",
    "only-dots": "..",
    "hyphen": "release-year",
    "space": "release year",
    "unicode": "année 日本 😀",
    "quotes": '"it\'s"',
    "1024-characters": "k" * 1_024,
}
#: Metadata of 2,048 bytes and so many more. All of it is filterable.
FILTERABLE: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "text": lambda more: {"f": "x" * (2_035 + more)},
    "2-byte-characters": lambda more: {"f": "é" * 1_017 + "x" * (1 + more)},
    "4-byte-characters": lambda more: {"f": "😀" * 508 + "x" * (3 + more)},
    "escaped-characters": lambda more: {"f": '"\\\n' * 678 + "x" * (1 + more)},
    "key-of-2-bytes": lambda more: {"é": "x" * (2_034 + more)},
    "empty-key": lambda more: {"": "x" * (2_036 + more)},
    "two-texts": lambda more: {"a": "x" * 1_000, "b": "x" * (1_026 + more)},
    "number-and-text": lambda more: {"n": 1, "f": "x" * (2_022 + more)},
    "long-number-and-text": lambda more: {"n": 1999.0078125, "f": "x" * (2_022 + more)},
    "boolean-and-text": lambda more: {"b": False, "f": "x" * (2_026 + more)},
    "texts": lambda more: {"f": ["x" * 403] * 4 + ["x" * (403 + more)]},
    "numbers-and-text": lambda more: {"f": [1.25] * 200, "t": "x" * (426 + more)},
    "empty-texts": lambda more: {"f": [""] * 506, "t": "x" * (2 + more)},
    "long-keys": lambda more: {"a" * 1_014: True, "b" * (1_014 + more): True},
    "many-keys": lambda more: {**{f"k{n:03}": True for n in range(40)}, "f": "x" * (1_555 + more)},
}
#: Metadata of 40,960 bytes and so many more, most of it under the keys `bulk` and `rest`.
WHOLE: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "text": lambda more: {"bulk": "x" * (40_944 + more)},
    "3-byte-characters": lambda more: {"bulk": "語" * 13_648 + "x" * more},
    "escaped-characters": lambda more: {"bulk": '"\\' * 20_472 + "x" * more},
    "numbers": lambda more: {"bulk": [1.5] * (5_118 + more)},
    "texts": lambda more: {"bulk": ["x" * 6_820] * 5 + ["x" * (6_820 + more)]},
    "two-keys": lambda more: {"bulk": "x" * 20_000, "rest": "x" * (20_932 + more)},
    "filterable-too": lambda more: {"f": "x" * 2_035, "bulk": "x" * (38_900 + more)},
}


def with_bulk(make_index: MakeIndex) -> Index:
    return make_index(non_filterable=["bulk", "rest"])


def kept(index: Index, metadata: Mapping[str, Any]) -> Any:
    index.put(("k", [1.0, 0.5], metadata))
    return index.get("k")["k"]["metadata"]


def record(index: Index, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request that writes *metadata*."""
    return {**index.address, "vectors": [vector("k", [1.0, 0.5], metadata)]}


def invalid(reason: str) -> str:
    return f"Invalid record for key 'k': {reason}"


# Values.


@pytest.mark.parametrize("value", list(KEPT.values()), ids=list(KEPT))
@requirement("metadata.values", level="must", evidence="recorded", source=TYPES)
def test_values_read_back_unchanged(make_index: MakeIndex, value: Any) -> None:
    """Strings, numbers, booleans, and arrays of strings or of numbers read back as they were written."""
    found = kept(make_index(), {"a": value})
    assert found == {"a": value}
    assert isinstance(found["a"], bool) is isinstance(value, bool)


@pytest.mark.parametrize("value", list(KEPT.values()), ids=list(KEPT))
@requirement("metadata.non-filterable-values", level="must", evidence="recorded", source=TYPES)
def test_non_filterable_values_read_back_unchanged(make_index: MakeIndex, value: Any) -> None:
    """A non-filterable key holds the same kinds of values."""
    assert kept(with_bulk(make_index), {"bulk": value, "a": 1}) == {"bulk": value, "a": 1}


@requirement("metadata.several-keys", level="must", evidence="recorded", source=TYPES)
def test_values_of_all_kinds_stand_side_by_side(make_index: MakeIndex) -> None:
    """One vector may hold values of every kind."""
    assert kept(make_index(), KEPT) == KEPT


@requirement("metadata.empty", level="must", evidence="recorded", source=sources.MOTO_VECTORS)
def test_metadata_may_be_empty(make_index: MakeIndex) -> None:
    """An object without keys is metadata."""
    assert kept(make_index(), {}) == {}


@requirement("metadata.listed", level="must", evidence="documented", source=sources.api("ListVectors"))
def test_lists_give_metadata_unchanged(make_index: MakeIndex) -> None:
    """ListVectors gives metadata as it was written."""
    index = make_index()
    index.put(("k", [1.0, 0.5], KEPT))
    assert index.scan(returnMetadata=True) == [{"key": "k", "metadata": dict(KEPT)}]


@requirement(
    "metadata.queried", level="must", evidence="documented", source=sources.api("QueryVectors"), needs="query"
)
def test_queries_give_metadata_unchanged(make_index: MakeIndex) -> None:
    """QueryVectors gives metadata as it was written, the non-filterable too."""
    index = with_bulk(make_index)
    index.put(("k", [1.0, 0.5], {**KEPT, "bulk": "x" * 3_000}))
    (found,) = index.query([1.0, 0.5], distance=False, metadata=True)
    assert found == {"key": "k", "metadata": {**KEPT, "bulk": "x" * 3_000}}


@requirement("metadata.each-its-own", level="must", evidence="documented", source=sources.VECTORS)
def test_every_vector_has_metadata_of_its_own(make_index: MakeIndex) -> None:
    """Vectors of one request hold different keys, and kinds under one key."""
    index = make_index()
    values: list[dict[str, Any]] = [{"a": 1}, {"a": "1"}, {"a": True}, {"b": [1, 2]}, {}]
    index.put(*[(f"k{number}", [1.0, 0.5], value) for number, value in enumerate(values)])
    found = index.get(*[f"k{number}" for number in range(5)])
    assert [found[f"k{number}"]["metadata"] for number in range(5)] == values
    assert found["k2"]["metadata"]["a"] is True


@pytest.mark.parametrize(
    "value",
    [16_777_217, 2**53 - 1, 0.1, 1e-7, 123456789.123],
    ids=["2e24-and-1", "2e53", "0.1", "1e-7", "long"],
)
@requirement("metadata.number-fidelity", level="may", evidence="inferred", source=sources.VECTORS)
def test_numbers_read_back_as_near_as_float32(make_index: MakeIndex, value: float) -> None:
    """A number reads back at least as near as float32 is."""
    assert kept(make_index(), {"n": value})["n"] == pytest.approx(value, rel=1.2e-7)


@pytest.mark.parametrize("value", [each for each, _ in NO_VALUES.values()], ids=list(NO_VALUES))
@requirement("metadata.no-values", level="must", evidence="recorded", source=TYPES)
def test_what_is_no_value_is_refused(make_index: MakeIndex, refused: Refused, value: Any) -> None:
    """Nulls, objects, empty arrays, and arrays of anything but all strings or all numbers are refused."""
    refused("PutVectors", record(make_index(), {"a": value}), code="ValidationException")


@pytest.mark.parametrize(("value", "reason"), list(NO_VALUES.values()), ids=list(NO_VALUES))
@requirement("metadata.no-values-message", level="should", evidence="recorded", source=TYPES)
def test_what_is_no_value_is_told_what_is(
    make_index: MakeIndex, refused: Refused, value: Any, reason: str
) -> None:
    """The sentence names the key of the record and which values there are."""
    members = record(make_index(), {"a": value})
    refused("PutVectors", members, code="ValidationException", message=invalid(reason))


@pytest.mark.parametrize("value", [each for each, _ in NO_VALUES.values()], ids=list(NO_VALUES))
@requirement("metadata.no-non-filterable-values", level="must", evidence="recorded", source=TYPES)
def test_non_filterable_keys_buy_size_not_types(make_index: MakeIndex, refused: Refused, value: Any) -> None:
    """What is no value is none under a non-filterable key either."""
    refused("PutVectors", record(with_bulk(make_index), {"bulk": value}), code="ValidationException")


@pytest.mark.parametrize(
    "value", [[None], ["a", None], [[1]], [["a"]]], ids=["null", "text-and-null", "numbers", "texts"]
)
@requirement("metadata.nested-arrays", level="should", evidence="inferred", source=TYPES)
def test_arrays_hold_neither_nulls_nor_arrays(make_index: MakeIndex, refused: Refused, value: Any) -> None:
    """An element of an array is a string or a number, not null and not an array."""
    refused("PutVectors", record(make_index(), {"a": value}), code="ValidationException")


@requirement("metadata.one-bad-value", level="must", evidence="recorded", source=TYPES)
def test_one_bad_value_among_good_ones_is_refused(make_index: MakeIndex, refused: Refused) -> None:
    """It does not matter which of several values is bad."""
    refused("PutVectors", record(make_index(), {"a": 1, "b": None, "c": "x"}), code="ValidationException")


@requirement("metadata.field", level="should", evidence="recorded", source=TYPES)
def test_the_metadata_is_pointed_at(make_index: MakeIndex, refused: Refused) -> None:
    """`fieldList` gives the place of the metadata in the request."""
    members = record(make_index(), {"a": None})
    refused("PutVectors", members, code="ValidationException", field="vectors[0].metadata")


@pytest.mark.parametrize("metadata", ["a", 5, [], ["a"]], ids=["text", "number", "array", "texts"])
@requirement("metadata.no-object", level="may", evidence="inferred", source=sources.MODEL)
def test_metadata_is_an_object(make_index: MakeIndex, metadata: Any) -> None:
    """Metadata that is no object is refused with 400."""
    index = make_index()
    with pytest.raises(ClientError) as error:
        index.put({"key": "k", "data": {"float32": [1.0, 0.5]}, "metadata": metadata})
    assert refusal_of(error.value).status == 400
    assert index.keys() == set()


# Keys.


@pytest.mark.parametrize("key", list(ODD_KEYS.values()), ids=list(ODD_KEYS))
@requirement("metadata.keys", level="must", evidence="recorded", source=TYPES)
def test_any_text_is_a_key_of_metadata(make_index: MakeIndex, key: str) -> None:
    """A key of metadata may be any text, empty, with dots or like an operator, and reads back as it is."""
    assert kept(make_index(), {key: "a", "other": 1}) == {key: "a", "other": 1}


@requirement("metadata.keys-are-apart", level="must", evidence="documented", source=sources.VECTORS)
def test_keys_of_metadata_are_compared_as_they_are(make_index: MakeIndex) -> None:
    """Case and dots tell keys apart; a dot means no nesting."""
    metadata = {"genre": "a", "Genre": "b", "a.b": 1, "a": "c", "b": 2}
    assert kept(make_index(), metadata) == metadata


@pytest.mark.parametrize("count", [49, 50])
@requirement("metadata.key-count-taken", level="must", evidence="recorded", source=SIZES)
def test_50_keys_are_taken(make_index: MakeIndex, count: int) -> None:
    """A vector may have 50 keys of metadata."""
    metadata = {f"k{number}": number for number in range(count)}
    assert kept(make_index(), metadata) == metadata


@requirement("metadata.key-count", level="must", evidence="recorded", source=SIZES)
def test_51_keys_are_refused(make_index: MakeIndex, refused: Refused) -> None:
    """A vector has at most 50 keys of metadata."""
    metadata = {f"k{number}": number for number in range(51)}
    refused("PutVectors", record(make_index(), metadata), code="ValidationException")


@requirement("metadata.key-count-message", level="should", evidence="recorded", source=SIZES)
def test_51_keys_are_called_too_many(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence gives how many there may be."""
    members = record(make_index(), {f"k{number}": number for number in range(51)})
    refused("PutVectors", members, code="ValidationException", message=invalid(KEYS_MANY))


@requirement("metadata.key-count-of-all", level="should", evidence="inferred", source=SIZES)
def test_non_filterable_keys_count_too(make_index: MakeIndex, refused: Refused) -> None:
    """50 filterable keys and a non-filterable one are 51."""
    metadata = {**{f"k{number}": number for number in range(50)}, "bulk": "a"}
    refused("PutVectors", record(with_bulk(make_index), metadata), code="ValidationException")


# Sizes.


@pytest.mark.parametrize("shape", list(FILTERABLE))
@requirement("metadata.filterable-size-taken", level="must", evidence="recorded", source=SIZES)
def test_2048_bytes_may_be_filterable(make_index: MakeIndex, shape: str) -> None:
    """2,048 bytes of filterable metadata are stored, in whatever shape they come."""
    assert kept(make_index(), FILTERABLE[shape](0)) == FILTERABLE[shape](0)


@pytest.mark.parametrize("shape", list(FILTERABLE))
@requirement("metadata.filterable-size", level="must", evidence="recorded", source=SIZES)
def test_2049_bytes_may_not_be_filterable(make_index: MakeIndex, refused: Refused, shape: str) -> None:
    """One byte more is refused, in whatever shape it comes."""
    refused("PutVectors", record(make_index(), FILTERABLE[shape](1)), code="ValidationException")


@requirement("metadata.filterable-size-message", level="should", evidence="recorded", source=SIZES)
def test_too_much_filterable_metadata_is_called_that(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence gives how much there may be."""
    members = record(make_index(), FILTERABLE["text"](1))
    refused("PutVectors", members, code="ValidationException", message=invalid(FILTERABLE_BYTES))


@pytest.mark.parametrize("shape", list(WHOLE))
@requirement("metadata.size-taken", level="must", evidence="recorded", source=SIZES)
def test_40960_bytes_are_taken(make_index: MakeIndex, shape: str) -> None:
    """40,960 bytes of metadata are stored where no more than 2,048 of them are filterable."""
    assert kept(with_bulk(make_index), WHOLE[shape](0)) == WHOLE[shape](0)


@pytest.mark.parametrize("shape", list(WHOLE))
@requirement("metadata.size", level="must", evidence="recorded", source=SIZES)
def test_40961_bytes_are_refused(make_index: MakeIndex, refused: Refused, shape: str) -> None:
    """One byte more is refused, in whatever shape it comes."""
    refused("PutVectors", record(with_bulk(make_index), WHOLE[shape](1)), code="ValidationException")


@requirement("metadata.size-message", level="should", evidence="recorded", source=SIZES)
def test_too_much_metadata_is_called_that(make_index: MakeIndex, refused: Refused) -> None:
    """The sentence gives how much there may be."""
    members = record(with_bulk(make_index), WHOLE["text"](1))
    refused("PutVectors", members, code="ValidationException", message=invalid(ALL_BYTES))


@requirement("metadata.filterable-beside-bulk", level="must", evidence="recorded", source=SIZES)
def test_non_filterable_metadata_takes_no_room_of_the_filterable(
    make_index: MakeIndex, refused: Refused
) -> None:
    """Beside a large non-filterable value the filterable rest may have 2,048 bytes, and not one more."""
    index, bulk = with_bulk(make_index), {"bulk": "x" * 10_000}
    assert kept(index, {**bulk, **FILTERABLE["text"](0)}) == {**bulk, **FILTERABLE["text"](0)}
    refused("PutVectors", record(index, {**bulk, **FILTERABLE["text"](1)}), code="ValidationException")


@requirement("metadata.size-of-a-request", level="must", evidence="recorded", source=SIZES)
def test_the_size_is_that_of_one_vector(make_index: MakeIndex) -> None:
    """The limits hold for each vector, not for a request: 20 vectors of 2,048 bytes are taken."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, 0.5], FILTERABLE["text"](0)) for number in range(20)])
    assert len(index.keys()) == 20
