"""Records are equal to stored ones by value, and a difference is named without values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vecgate.bulk.check.record_differences import differences, is_same_json
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.response_decoding import Vectors


def block(vectors: list[list[float]], metadata: list[Any], keys: str = "abc") -> Block:
    """Return a block of records."""
    count = len(vectors)
    return Block(np.arange(count), list(keys[:count]), np.array(vectors, np.float32), metadata)


def stored(vectors: list[list[float]] | None, metadata: list[Any], keys: str = "abc") -> Vectors:
    """Return what an index has."""
    matrix = None if vectors is None else np.array(vectors, np.float32)
    return Vectors(list(keys[: len(metadata)]), matrix, metadata)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (1, 1.0, True),
        (2**53 + 1, float(2**53), False),
        (True, 1, False),
        (False, 0.0, False),
        (True, True, True),
        ("1", 1, False),
        (None, False, False),
        ([1, 2], [2, 1], False),
        ([1, 2], [1.0, 2.0], True),
        ([1], [True], False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
    ],
)
def test_json_values_are_compared_by_value(first: object, second: object, is_same: bool) -> None:
    """Numbers are equal by value, objects in any order, and true is not 1."""
    assert is_same_json(first, second) is is_same
    assert is_same_json(second, first) is is_same


def test_every_bit_of_a_vector_counts() -> None:
    """The next float32 number is another vector. The sign of a zero does not count."""
    value = np.float32(0.1)
    other = float(np.nextafter(value, np.float32(1)))
    records = block([[float(value), 0.0]] * 3, [None] * 3)
    found = stored([[float(value), -0.0], [other, 0.0], [float(value), 0.0]], [None, {}, None])
    assert differences(records, found) == {"b": "vector"}


@pytest.mark.parametrize("vectors", [None, [[1.0, 2.0, 3.0]]])
def test_a_vector_of_another_length_differs(vectors: list[list[float]] | None) -> None:
    """As does one that was not returned."""
    assert differences(block([[1, 2]], [None]), stored(vectors, [None])) == {"a": "vector"}


def test_metadata_that_differ_are_named() -> None:
    """By key, at most three of them, and never with their values."""
    many = {f"key{number}": number for number in range(5)}
    records = block([[1]] * 3, [{"year": 1999, "text": "secret"}, many, {"a": 1}])
    found = stored([[2], [1], [1]], [{"year": 1999}, None, {"a": 1}])
    assert differences(records, found) == {
        "a": "vector, metadata 'text'",
        "b": "metadata 'key0', 'key1', 'key2' and 2 more",
    }


def test_metadata_from_python_are_compared_as_they_were_sent() -> None:
    """A float32 number is sent with its shortest digits, a tuple as a list."""
    records = block([[1]], [{"score": np.float32(0.1), "tags": ("x",)}])
    assert differences(records, stored([[1]], [{"tags": ["x"], "score": 0.1}])) == {}
    assert differences(records, stored([[1]], [{"tags": ["x"], "score": 0.2}])) == {"a": "metadata 'score'"}


def test_records_are_matched_by_key() -> None:
    """An index returns some of the keys."""
    records = block([[1], [2], [3]], [None] * 3)
    assert differences(records, stored([[3]], [None], keys="c")) == {}
    assert differences(records, stored(None, [], keys="")) == {}
