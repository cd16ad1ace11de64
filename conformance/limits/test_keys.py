"""Keys of vectors: any text of 1 to 1,024 characters and at most 1,024 UTF-8 bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex, vector

SOURCE = sources.probe("key-length")

#: The members of a request for one key, without the address of the index.
MEMBERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "PutVectors": lambda key: {"vectors": [vector(key, [1.0, 0.5])]},
    "GetVectors": lambda key: {"keys": [key]},
    "DeleteVectors": lambda key: {"keys": [key]},
}
#: Operation, the path of a key in the model, and the path of the first key in an error.
KEY_PATHS = [
    ("PutVectors", "vectors.key", "/vectors/0/key"),
    ("GetVectors", "keys.member", "/keys/0"),
    ("DeleteVectors", "keys.member", "/keys/0"),
]
WORDS = [(operation, word) for operation, word, _ in KEY_PATHS]
NAMES = [operation for operation, _ in WORDS]

#: Keys of the maximum length and keys one byte longer, with characters of one to four bytes.
LONGEST = {
    "of-1-byte": "a" * 1_024,
    "of-2-bytes": "é" * 512,
    "of-3-bytes": "語" * 341 + "a",
    "of-4-bytes": "😀" * 256,
}
TOO_MANY_BYTES = {
    "of-2-bytes": "é" * 512 + "a",
    "of-3-bytes": "語" * 341 + "aa",
    "of-4-bytes": "😀" * 256 + "a",
    "1024-characters": "é" * 1_024,
}

UNUSUAL = {
    "space": " ",
    "spaces-around": "  a b  ",
    "slash": "films/1999/a",
    "dots": "../..",
    "dollar": "$eq",
    "quotes": '"it\'s"',
    "backslash": "a\\b",
    "percent": "100%25",
    "braces": "{a}[b]",
    "line-break": "a\nb\tc",
    "control": "a\x01b\x7f",
    "latin": "naïve",
    "kana": "ベクトル",
    "arabic": "متجه",
    "emoji": "👩‍🚀",
    "combining": "e\u0301",
    "line-separator": "a\u2028b",
    "number": "12",
    "null": "null",
    "comma": "a,b;c",
}


@pytest.mark.parametrize("key", list(UNUSUAL.values()), ids=list(UNUSUAL))
@requirement("keys.any-text", kind="effect", evidence="documented", source=sources.VECTORS)
def test_any_text_can_be_a_key(make_index: MakeIndex, key: str) -> None:
    """Any UTF-8 text can be a key; it is stored, returned, listed and deleted unchanged."""
    index = make_index()
    index.put((key, [1.0, 0.5]), ("other", [0.5, 1.0]))
    assert index.get(key).keys() == {key}
    assert index.keys() == {key, "other"}
    index.delete(key)
    assert index.keys() == {"other"}


@pytest.mark.parametrize(
    "pair",
    [("a", "A"), ("é", "e\u0301"), ("a", "a "), ("\u017f", "s"), ("1", "01"), ("K", "\u212a")],
    ids=["case", "normal-forms", "trailing-space", "long-s", "leading-zero", "kelvin"],
)
@requirement("keys.told-apart", kind="effect", evidence="documented", source=sources.VECTORS)
def test_keys_are_compared_exactly(make_index: MakeIndex, pair: tuple[str, str]) -> None:
    """Keys that differ in case, in Unicode normal form or by a space are different keys."""
    index = make_index()
    index.put((pair[0], [1.0, 0.5]), (pair[1], [0.5, 1.0]))
    assert index.keys() == set(pair)
    assert index.get(pair[0])[pair[0]]["data"]["float32"] == [1.0, 0.5]


@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.one-character",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.{word}.min",
)
def test_a_key_may_have_1_character(client: Any, make_index: MakeIndex, operation: str, word: str) -> None:
    """A key may have a single character."""
    del client, word
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    index.call(operation, **MEMBERS[operation]("a"))
    assert index.keys() == (set() if operation == "DeleteVectors" else {"a"})


@pytest.mark.parametrize("key", list(LONGEST.values()), ids=list(LONGEST))
@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.longest", kind="effect", evidence="recorded", source=SOURCE, covers="{operation}.{word}.max"
)
def test_a_key_may_have_1024_bytes(make_index: MakeIndex, operation: str, word: str, key: str) -> None:
    """A key may have 1,024 bytes, whatever its characters."""
    del word
    index = make_index()
    index.put((key, [1.0, 0.5]))
    index.call(operation, **MEMBERS[operation](key))
    assert index.keys() == (set() if operation == "DeleteVectors" else {key})


@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.empty",
    kind="refusal",
    evidence="recorded",
    source=sources.PROBE_CHANGES,
    covers="{operation}.{word}.min-1",
)
def test_an_empty_key_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, operation: str, word: str
) -> None:
    """A key must have at least one character."""
    del word
    expect_error(operation, {**plain_index.address, **MEMBERS[operation]("")}, code="ValidationException")


@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.too-long", kind="refusal", evidence="recorded", source=SOURCE, covers="{operation}.{word}.max+1"
)
def test_a_key_of_1025_characters_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, operation: str, word: str
) -> None:
    """A key may have at most 1,024 characters."""
    del word
    expect_error(
        operation, {**plain_index.address, **MEMBERS[operation]("a" * 1_025)}, code="ValidationException"
    )


@pytest.mark.parametrize("length", [0, 1_025])
@requirement("keys.length-message", kind="detail", evidence="recorded", source=SOURCE)
def test_the_error_gives_the_allowed_length_of_a_key(
    plain_index: IndexHandle, expect_error: ErrorExpectation, length: int
) -> None:
    """The error message gives the length, the path of the key and the allowed range."""
    expect_error(
        "PutVectors",
        {**plain_index.address, **MEMBERS["PutVectors"]("a" * length)},
        code="ValidationException",
        message=f"1 validation error detected. Value with length {length} at '/vectors/0/key' failed to "
        "satisfy constraint: Member must have length between 1 and 1024, inclusive",
    )


@requirement("keys.length-field", kind="detail", evidence="recorded", source=SOURCE)
def test_the_error_gives_the_path_of_a_long_key(
    plain_index: IndexHandle, expect_error: ErrorExpectation
) -> None:
    """The `fieldList` of the error gives the path of the key."""
    expect_error(
        "PutVectors",
        {**plain_index.address, **MEMBERS["PutVectors"]("a" * 1_025)},
        code="ValidationException",
        field="/vectors/0/key",
    )


@pytest.mark.parametrize("operation", ["GetVectors", "DeleteVectors"])
@requirement("keys.length-message-of-a-list", kind="detail", evidence="inferred", source=SOURCE)
def test_the_error_gives_the_allowed_length_in_a_list_of_keys(
    plain_index: IndexHandle, expect_error: ErrorExpectation, operation: str
) -> None:
    """For a list of keys, too, the error message gives the allowed range."""
    expect_error(
        operation,
        {**plain_index.address, **MEMBERS[operation]("a" * 1_025)},
        code="ValidationException",
        message=re.compile("Member must have length between 1 and 1024, inclusive"),
    )


@pytest.mark.parametrize("key", list(TOO_MANY_BYTES.values()), ids=list(TOO_MANY_BYTES))
@pytest.mark.parametrize("operation", NAMES)
@requirement("keys.too-many-bytes", kind="refusal", evidence="recorded", source=SOURCE)
def test_a_key_of_1025_bytes_is_rejected(
    plain_index: IndexHandle, expect_error: ErrorExpectation, operation: str, key: str
) -> None:
    """A key may have at most 1,024 bytes, even if it has fewer characters."""
    expect_error(operation, {**plain_index.address, **MEMBERS[operation](key)}, code="ValidationException")


@pytest.mark.parametrize("operation", NAMES)
@requirement("keys.bytes-message", kind="detail", evidence="recorded", source=SOURCE)
def test_the_error_names_too_many_bytes(
    plain_index: IndexHandle, expect_error: ErrorExpectation, operation: str
) -> None:
    """A key with too many bytes gets its own error message."""
    expect_error(
        operation,
        {**plain_index.address, **MEMBERS[operation]("é" * 513)},
        code="ValidationException",
        message="Record key length exceeds the maximum allowed",
    )


@requirement("keys.found", kind="effect", evidence="documented", source=sources.VECTORS, needs="query")
def test_queries_return_keys_unchanged(make_index: MakeIndex) -> None:
    """QueryVectors returns the longest and most unusual keys as they were written."""
    index = make_index()
    keys = [*UNUSUAL.values(), LONGEST["of-4-bytes"]]
    index.put(*[(key, [1.0, float(number)]) for number, key in enumerate(keys)])
    assert {each["key"] for each in index.query([1.0, 0.0], top_k=50)} == set(keys)
