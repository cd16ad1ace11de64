"""The keys of vectors: any text of 1 to 1,024 characters and at most as many UTF-8 bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from vecgate.testing import sources
from vecgate.testing.refusals import Refused
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import MakeIndex, vector

SOURCE = sources.probe("key-length")

#: What each operation takes besides the address, for one key.
FOR: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "PutVectors": lambda key: {"vectors": [vector(key, [1.0, 0.5])]},
    "GetVectors": lambda key: {"keys": [key]},
    "DeleteVectors": lambda key: {"keys": [key]},
}
#: The word of the model for a key, and where a refusal points at the first.
PLACES = [
    ("PutVectors", "vectors.key", "/vectors/0/key"),
    ("GetVectors", "keys.member", "/keys/0"),
    ("DeleteVectors", "keys.member", "/keys/0"),
]
WORDS = [(operation, word) for operation, word, _ in PLACES]
NAMES = [operation for operation, _ in WORDS]

#: Keys that are as long as can be, and longer by one byte, in characters of one to four bytes.
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
@requirement("keys.any-text", level="must", evidence="documented", source=sources.VECTORS)
def test_any_text_is_a_key(make_index: MakeIndex, key: str) -> None:
    """Any UTF-8 text is a key: it is stored, got, listed and deleted as it is."""
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
@requirement("keys.told-apart", level="must", evidence="documented", source=sources.VECTORS)
def test_keys_are_compared_as_they_are(make_index: MakeIndex, pair: tuple[str, str]) -> None:
    """Keys that differ in case, in normal form or by a space are two keys."""
    index = make_index()
    index.put((pair[0], [1.0, 0.5]), (pair[1], [0.5, 1.0]))
    assert index.keys() == set(pair)
    assert index.get(pair[0])[pair[0]]["data"]["float32"] == [1.0, 0.5]


@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.one-character",
    level="must",
    evidence="model",
    source=sources.MODEL,
    covers="{operation}.{word}.min",
)
def test_one_character_is_a_key(client: Any, make_index: MakeIndex, operation: str, word: str) -> None:
    """A key may have a single character."""
    del client, word
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    index.call(operation, **FOR[operation]("a"))
    assert index.keys() == (set() if operation == "DeleteVectors" else {"a"})


@pytest.mark.parametrize("key", list(LONGEST.values()), ids=list(LONGEST))
@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.longest", level="must", evidence="recorded", source=SOURCE, covers="{operation}.{word}.max"
)
def test_1024_bytes_are_a_key(make_index: MakeIndex, operation: str, word: str, key: str) -> None:
    """A key may have 1,024 bytes, whatever its characters."""
    del word
    index = make_index()
    index.put((key, [1.0, 0.5]))
    index.call(operation, **FOR[operation](key))
    assert index.keys() == (set() if operation == "DeleteVectors" else {key})


@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.empty",
    level="must",
    evidence="recorded",
    source=sources.PROBE_CHANGES,
    covers="{operation}.{word}.min-1",
)
def test_empty_text_is_no_key(make_index: MakeIndex, refused: Refused, operation: str, word: str) -> None:
    """A key has at least one character."""
    del word
    refused(operation, {**make_index().address, **FOR[operation]("")}, code="ValidationException")


@pytest.mark.parametrize(("operation", "word"), WORDS, ids=NAMES)
@requirement(
    "keys.too-long", level="must", evidence="recorded", source=SOURCE, covers="{operation}.{word}.max+1"
)
def test_1025_characters_are_no_key(
    make_index: MakeIndex, refused: Refused, operation: str, word: str
) -> None:
    """A key has at most 1,024 characters."""
    del word
    refused(operation, {**make_index().address, **FOR[operation]("a" * 1_025)}, code="ValidationException")


@pytest.mark.parametrize("length", [0, 1_025])
@requirement("keys.length-message", level="should", evidence="recorded", source=SOURCE)
def test_a_key_of_the_wrong_length_is_told_the_range(
    make_index: MakeIndex, refused: Refused, length: int
) -> None:
    """The sentence gives the length, the place and the range."""
    refused(
        "PutVectors",
        {**make_index().address, **FOR["PutVectors"]("a" * length)},
        code="ValidationException",
        message=f"1 validation error detected. Value with length {length} at '/vectors/0/key' failed to "
        "satisfy constraint: Member must have length between 1 and 1024, inclusive",
    )


@requirement("keys.length-field", level="should", evidence="recorded", source=SOURCE)
def test_a_key_of_the_wrong_length_is_pointed_at(make_index: MakeIndex, refused: Refused) -> None:
    """`fieldList` gives the place of the key."""
    refused(
        "PutVectors",
        {**make_index().address, **FOR["PutVectors"]("a" * 1_025)},
        code="ValidationException",
        field="/vectors/0/key",
    )


@pytest.mark.parametrize("operation", ["GetVectors", "DeleteVectors"])
@requirement("keys.length-message-of-a-list", level="should", evidence="inferred", source=SOURCE)
def test_a_wrong_length_in_a_list_of_keys_is_told_the_range(
    make_index: MakeIndex, refused: Refused, operation: str
) -> None:
    """Where keys come in a list the sentence gives the range too."""
    refused(
        operation,
        {**make_index().address, **FOR[operation]("a" * 1_025)},
        code="ValidationException",
        message=re.compile("Member must have length between 1 and 1024, inclusive"),
    )


@pytest.mark.parametrize("key", list(TOO_MANY_BYTES.values()), ids=list(TOO_MANY_BYTES))
@pytest.mark.parametrize("operation", NAMES)
@requirement("keys.too-many-bytes", level="must", evidence="recorded", source=SOURCE)
def test_1025_bytes_are_no_key(make_index: MakeIndex, refused: Refused, operation: str, key: str) -> None:
    """A key has at most 1,024 bytes, also where it has fewer characters."""
    refused(operation, {**make_index().address, **FOR[operation](key)}, code="ValidationException")


@pytest.mark.parametrize("operation", NAMES)
@requirement("keys.bytes-message", level="should", evidence="recorded", source=SOURCE)
def test_a_key_of_too_many_bytes_is_called_that(
    make_index: MakeIndex, refused: Refused, operation: str
) -> None:
    """For bytes there is a sentence of its own."""
    refused(
        operation,
        {**make_index().address, **FOR[operation]("é" * 513)},
        code="ValidationException",
        message="Record key length exceeds the maximum allowed",
    )


@requirement("keys.found", level="must", evidence="documented", source=sources.VECTORS, needs="query")
def test_queries_give_keys_as_they_are(make_index: MakeIndex) -> None:
    """QueryVectors gives the longest and the strangest keys as they were written."""
    index = make_index()
    keys = [*UNUSUAL.values(), LONGEST["of-4-bytes"]]
    index.put(*[(key, [1.0, float(number)]) for number, key in enumerate(keys)])
    assert {each["key"] for each in index.query([1.0, 0.0], top_k=50)} == set(keys)
