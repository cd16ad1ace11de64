"""Metadata: the allowed values, how they read back, and the size limits.

The size follows a model that fits 24 probes of AWS: 4, and for each entry 8 plus the UTF-8 bytes of its key
plus its value. A string counts its bytes, a number 4, a boolean 0; in an array each element costs 4 more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation, parse_error
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex, vector

TYPES = sources.probe("metadata-value-types")
SIZES = sources.probe("metadata-limits")

VALUE = "Metadata values must be strings, numbers, booleans, or arrays"
ELEMENT = "Metadata array values must be strings or numbers"
EMPTY = "Empty arrays are not allowed in metadata"
KEYS_MANY = "Metadata object must have at most 50 keys"
FILTERABLE_BYTES = "Filterable metadata must have at most 2048 bytes"
ALL_BYTES = "Metadata object must have at most 40960 bytes"

VALID_VALUES: Mapping[str, Any] = {
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
INVALID_VALUES: Mapping[str, tuple[Any, str]] = {
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
#: Filterable metadata of 2,048 bytes plus a given number.
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
#: Metadata of 40,960 bytes plus a given number, most of it under the keys `bulk` and `rest`.
WHOLE: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "text": lambda more: {"bulk": "x" * (40_944 + more)},
    "3-byte-characters": lambda more: {"bulk": "語" * 13_648 + "x" * more},
    "escaped-characters": lambda more: {"bulk": '"\\' * 20_472 + "x" * more},
    "numbers": lambda more: {"bulk": [1.5] * (5_118 + more)},
    "texts": lambda more: {"bulk": ["x" * 6_820] * 5 + ["x" * (6_820 + more)]},
    "two-keys": lambda more: {"bulk": "x" * 20_000, "rest": "x" * (20_932 + more)},
    "filterable-too": lambda more: {"f": "x" * 2_035, "bulk": "x" * (38_900 + more)},
}


def make_bulk_index(make_index: MakeIndex) -> IndexHandle:
    return make_index(non_filterable=["bulk", "rest"])


def put_and_read(index: IndexHandle, metadata: Mapping[str, Any]) -> Any:
    index.put(("k", [1.0, 0.5], metadata))
    return index.get("k")["k"]["metadata"]


def put_members(index: IndexHandle, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a PutVectors request with *metadata*."""
    return {**index.address, "vectors": [vector("k", [1.0, 0.5], metadata)]}


def invalid(reason: str) -> str:
    return f"Invalid record for key 'k': {reason}"


# Values.


@pytest.mark.parametrize("value", list(VALID_VALUES.values()), ids=list(VALID_VALUES))
@requirement("metadata.values", kind="effect", evidence="recorded", source=TYPES)
def test_values_read_back_unchanged(make_index: MakeIndex, value: Any) -> None:
    """Strings, numbers, booleans, and arrays of strings or numbers read back as they were written."""
    found = put_and_read(make_index(), {"a": value})
    assert found == {"a": value}
    assert isinstance(found["a"], bool) is isinstance(value, bool)


@pytest.mark.parametrize("value", list(VALID_VALUES.values()), ids=list(VALID_VALUES))
@requirement("metadata.non-filterable-values", kind="effect", evidence="recorded", source=TYPES)
def test_non_filterable_values_read_back_unchanged(make_index: MakeIndex, value: Any) -> None:
    """A non-filterable key accepts the same kinds of values."""
    assert put_and_read(make_bulk_index(make_index), {"bulk": value, "a": 1}) == {"bulk": value, "a": 1}


@requirement("metadata.several-keys", kind="effect", evidence="recorded", source=TYPES)
def test_values_of_all_kinds_in_one_vector(make_index: MakeIndex) -> None:
    """One vector may have values of every kind."""
    assert put_and_read(make_index(), VALID_VALUES) == VALID_VALUES


@requirement("metadata.empty", kind="effect", evidence="recorded", source=sources.MOTO_VECTORS)
def test_metadata_may_be_empty(make_index: MakeIndex) -> None:
    """Metadata may be an object without keys."""
    assert put_and_read(make_index(), {}) == {}


@requirement("metadata.listed", kind="effect", evidence="documented", source=sources.api("ListVectors"))
def test_lists_return_metadata_unchanged(make_index: MakeIndex) -> None:
    """ListVectors returns metadata as it was written."""
    index = make_index()
    index.put(("k", [1.0, 0.5], VALID_VALUES))
    assert index.scan(returnMetadata=True) == [{"key": "k", "metadata": dict(VALID_VALUES)}]


@requirement(
    "metadata.queried",
    kind="effect",
    evidence="documented",
    source=sources.api("QueryVectors"),
    needs="query",
)
def test_queries_return_metadata_unchanged(make_index: MakeIndex) -> None:
    """QueryVectors returns metadata as it was written, including non-filterable metadata."""
    index = make_bulk_index(make_index)
    index.put(("k", [1.0, 0.5], {**VALID_VALUES, "bulk": "x" * 3_000}))
    (found,) = index.query([1.0, 0.5], distance=False, metadata=True)
    assert found == {"key": "k", "metadata": {**VALID_VALUES, "bulk": "x" * 3_000}}


@requirement("metadata.each-its-own", kind="effect", evidence="documented", source=sources.VECTORS)
def test_vectors_may_have_different_metadata(make_index: MakeIndex) -> None:
    """Vectors of one request may have different keys, and different kinds of values under one key."""
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
@requirement("metadata.number-fidelity", kind="open", evidence="inferred", source=sources.VECTORS)
def test_numbers_read_back_with_float32_precision(make_index: MakeIndex, value: float) -> None:
    """A number reads back with at least the precision of float32."""
    assert put_and_read(make_index(), {"n": value})["n"] == pytest.approx(value, rel=1.2e-7)


@pytest.mark.parametrize("value", [each for each, _ in INVALID_VALUES.values()], ids=list(INVALID_VALUES))
@requirement("metadata.no-values", kind="refusal", evidence="recorded", source=TYPES)
def test_invalid_values_are_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, value: Any
) -> None:
    """Null, objects, empty arrays, and arrays of mixed or other types are rejected."""
    expect_error("PutVectors", put_members(plain_index, {"a": value}), code="ValidationException")


@pytest.mark.parametrize(("value", "reason"), list(INVALID_VALUES.values()), ids=list(INVALID_VALUES))
@requirement("metadata.no-values-message", kind="detail", evidence="recorded", source=TYPES)
def test_the_error_names_the_allowed_values(
    plain_index: IndexHandle, expect_error: ErrorExpectation, value: Any, reason: str
) -> None:
    """The error message gives the key of the record and the allowed values."""
    members = put_members(plain_index, {"a": value})
    expect_error("PutVectors", members, code="ValidationException", message=invalid(reason))


@pytest.mark.parametrize("value", [each for each, _ in INVALID_VALUES.values()], ids=list(INVALID_VALUES))
@requirement("metadata.no-non-filterable-values", kind="refusal", evidence="recorded", source=TYPES)
def test_invalid_values_are_rejected_under_non_filterable_keys(
    make_index: MakeIndex, expect_error: ErrorExpectation, value: Any
) -> None:
    """A value that is invalid under a filterable key is invalid under a non-filterable key, too."""
    expect_error(
        "PutVectors", put_members(make_bulk_index(make_index), {"bulk": value}), code="ValidationException"
    )


@pytest.mark.parametrize(
    "value", [[None], ["a", None], [[1]], [["a"]]], ids=["null", "text-and-null", "numbers", "texts"]
)
@requirement("metadata.nested-arrays", kind="refusal", evidence="inferred", source=TYPES)
def test_arrays_may_not_contain_nulls_or_arrays(
    plain_index: IndexHandle, expect_error: ErrorExpectation, value: Any
) -> None:
    """The elements of an array must be strings or numbers, not null and not arrays."""
    expect_error("PutVectors", put_members(plain_index, {"a": value}), code="ValidationException")


@requirement("metadata.one-bad-value", kind="refusal", evidence="recorded", source=TYPES)
def test_one_invalid_value_among_valid_ones_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """One invalid value among valid ones is enough to reject the vector."""
    expect_error(
        "PutVectors", put_members(plain_index, {"a": 1, "b": None, "c": "x"}), code="ValidationException"
    )


@requirement("metadata.field", kind="detail", evidence="recorded", source=TYPES)
def test_the_error_gives_the_path_of_the_metadata(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The `fieldList` of the error gives the path of the metadata."""
    members = put_members(plain_index, {"a": None})
    expect_error("PutVectors", members, code="ValidationException", field="vectors[0].metadata")


@pytest.mark.parametrize("metadata", ["a", 5, [], ["a"]], ids=["text", "number", "array", "texts"])
@requirement("metadata.no-object", kind="refusal", evidence="documented", source=sources.VECTORS)
def test_metadata_must_be_an_object(make_index: MakeIndex, metadata: Any) -> None:
    """Metadata that is not an object is rejected with 400."""
    index = make_index()
    with pytest.raises(ClientError) as error:
        index.put({"key": "k", "data": {"float32": [1.0, 0.5]}, "metadata": metadata})
    assert parse_error(error.value).status == 400
    assert index.keys() == set()


# Keys.


@pytest.mark.parametrize("key", list(ODD_KEYS.values()), ids=list(ODD_KEYS))
@requirement("metadata.keys", kind="effect", evidence="recorded", source=TYPES)
def test_any_text_can_be_a_metadata_key(make_index: MakeIndex, key: str) -> None:
    """A metadata key may be any text: empty, with dots or like an operator. It reads back unchanged."""
    assert put_and_read(make_index(), {key: "a", "other": 1}) == {key: "a", "other": 1}


@requirement("metadata.keys-are-apart", kind="effect", evidence="documented", source=sources.VECTORS)
def test_metadata_keys_are_compared_exactly(make_index: MakeIndex) -> None:
    """Metadata keys are case-sensitive, and a dot does not mean nesting."""
    metadata = {"genre": "a", "Genre": "b", "a.b": 1, "a": "c", "b": 2}
    assert put_and_read(make_index(), metadata) == metadata


@pytest.mark.parametrize("count", [49, 50])
@requirement("metadata.key-count-taken", kind="effect", evidence="recorded", source=SIZES)
def test_50_keys_are_accepted(make_index: MakeIndex, count: int) -> None:
    """A vector may have 50 metadata keys."""
    metadata = {f"k{number}": number for number in range(count)}
    assert put_and_read(make_index(), metadata) == metadata


@requirement("metadata.key-count", kind="refusal", evidence="recorded", source=SIZES)
def test_51_keys_are_rejected(plain_index: IndexHandle, expect_error: ErrorExpectation) -> None:
    """A vector may have at most 50 metadata keys."""
    metadata = {f"k{number}": number for number in range(51)}
    expect_error("PutVectors", put_members(plain_index, metadata), code="ValidationException")


@requirement("metadata.key-count-message", kind="detail", evidence="recorded", source=SIZES)
def test_the_error_gives_the_maximum_number_of_keys(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The error message gives the maximum number of keys."""
    members = put_members(plain_index, {f"k{number}": number for number in range(51)})
    expect_error("PutVectors", members, code="ValidationException", message=invalid(KEYS_MANY))


@requirement("metadata.key-count-of-all", kind="refusal", evidence="inferred", source=SIZES)
def test_non_filterable_keys_count_too(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """50 filterable keys and one non-filterable key are 51 keys."""
    metadata = {**{f"k{number}": number for number in range(50)}, "bulk": "a"}
    expect_error("PutVectors", put_members(make_bulk_index(make_index), metadata), code="ValidationException")


# Sizes.


@pytest.mark.parametrize("shape", list(FILTERABLE))
@requirement("metadata.filterable-size-taken", kind="effect", evidence="recorded", source=SIZES)
def test_2048_bytes_may_be_filterable(make_index: MakeIndex, shape: str) -> None:
    """2,048 bytes of filterable metadata are stored, whatever their shape."""
    assert put_and_read(make_index(), FILTERABLE[shape](0)) == FILTERABLE[shape](0)


@pytest.mark.parametrize("shape", list(FILTERABLE))
@requirement("metadata.filterable-size", kind="refusal", evidence="recorded", source=SIZES)
def test_2049_bytes_may_not_be_filterable(
    plain_index: IndexHandle, expect_error: ErrorExpectation, shape: str
) -> None:
    """2,049 bytes of filterable metadata are rejected, whatever their shape."""
    expect_error("PutVectors", put_members(plain_index, FILTERABLE[shape](1)), code="ValidationException")


@requirement("metadata.filterable-size-message", kind="detail", evidence="recorded", source=SIZES)
def test_the_error_gives_the_maximum_of_filterable_bytes(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The error message gives the maximum size of filterable metadata."""
    members = put_members(plain_index, FILTERABLE["text"](1))
    expect_error("PutVectors", members, code="ValidationException", message=invalid(FILTERABLE_BYTES))


@pytest.mark.parametrize("shape", list(WHOLE))
@requirement("metadata.size-taken", kind="effect", evidence="recorded", source=SIZES)
def test_40960_bytes_are_accepted(make_index: MakeIndex, shape: str) -> None:
    """40,960 bytes of metadata are stored if at most 2,048 of them are filterable."""
    assert put_and_read(make_bulk_index(make_index), WHOLE[shape](0)) == WHOLE[shape](0)


@pytest.mark.parametrize("shape", list(WHOLE))
@requirement("metadata.size", kind="refusal", evidence="recorded", source=SIZES)
def test_40961_bytes_are_rejected(make_index: MakeIndex, expect_error: ErrorExpectation, shape: str) -> None:
    """40,961 bytes of metadata are rejected, whatever their shape."""
    expect_error(
        "PutVectors", put_members(make_bulk_index(make_index), WHOLE[shape](1)), code="ValidationException"
    )


@requirement("metadata.size-message", kind="detail", evidence="recorded", source=SIZES)
def test_the_error_gives_the_maximum_of_bytes(make_index: MakeIndex, expect_error: ErrorExpectation) -> None:
    """The error message gives the maximum size of metadata."""
    members = put_members(make_bulk_index(make_index), WHOLE["text"](1))
    expect_error("PutVectors", members, code="ValidationException", message=invalid(ALL_BYTES))


@requirement("metadata.filterable-beside-bulk", kind="refusal", evidence="recorded", source=SIZES)
def test_non_filterable_metadata_does_not_count_as_filterable(
    make_index: MakeIndex, expect_error: ErrorExpectation
) -> None:
    """Next to a large non-filterable value, filterable metadata may have 2,048 bytes, and not one more."""
    index, bulk = make_bulk_index(make_index), {"bulk": "x" * 10_000}
    assert put_and_read(index, {**bulk, **FILTERABLE["text"](0)}) == {**bulk, **FILTERABLE["text"](0)}
    expect_error(
        "PutVectors", put_members(index, {**bulk, **FILTERABLE["text"](1)}), code="ValidationException"
    )


@requirement("metadata.size-of-a-request", kind="effect", evidence="recorded", source=SIZES)
def test_the_size_limit_is_per_vector(make_index: MakeIndex) -> None:
    """The limits apply to each vector, not to a request: 20 vectors of 2,048 bytes are accepted."""
    index = make_index()
    index.put(*[(f"k{number}", [1.0, 0.5], FILTERABLE["text"](0)) for number in range(20)])
    assert len(index.keys()) == 20
