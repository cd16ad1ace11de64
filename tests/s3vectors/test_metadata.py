"""Metadata is measured and validated as by the service, whose sizes were probed at their limits."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given

from vecgate.s3vectors.metadata import entry_bytes, metadata_bytes, metadata_problem
from vecgate.testing.strategies import metadata_objects

TOO_LARGE = "Metadata object must have at most 40960 bytes"
TOO_FILTERABLE = "Filterable metadata must have at most 2048 bytes"
BAD_VALUE = "Metadata values must be strings, numbers, booleans, or arrays"
BAD_ELEMENT = "Metadata array values must be strings or numbers"
EMPTY_ARRAY = "Empty arrays are not allowed in metadata"

SIZES: list[tuple[dict[str, Any], int]] = [
    ({}, 4),
    ({"": ""}, 12),
    ({"f": ""}, 13),
    ({"f": "x" * 2035}, 2048),
    ({"f": 1}, 17),
    ({"f": 1.5}, 17),
    ({"f": -(2**53)}, 17),
    ({"f": True}, 13),
    ({"f": False}, 13),
    ({"f": [1]}, 21),
    ({"f": [1, 2.5, 3]}, 37),
    ({"f": [""]}, 17),
    ({"f": ["ab", "ab"]}, 25),
    ({"é": ""}, 14),
    ({"f": "é"}, 15),
    ({"f": "😀"}, 17),
    ({"f": ["é", "😀"]}, 27),
    ({"f": '"\\\n'}, 16),
    ({"a": 1, "bb": "ccc", "d": True}, 4 + 13 + 13 + 9),
]


@pytest.mark.parametrize(("metadata", "size"), SIZES)
def test_sizes_are_those_that_the_service_counts(metadata: dict[str, Any], size: int) -> None:
    """4, and for each entry 8, its key, and its value; text in UTF-8 bytes, unescaped."""
    assert metadata_bytes(metadata) == size


@given(metadata=metadata_objects())
def test_entries_add_up(metadata: dict[str, Any]) -> None:
    """An object counts 4 plus its entries; excluded keys exclude their entries."""
    entries = {key: entry_bytes(key, value) for key, value in metadata.items()}
    assert metadata_bytes(metadata) == 4 + sum(entries.values())
    for key, size in entries.items():
        assert metadata_bytes(metadata, without={key}) == metadata_bytes(metadata) - size
    assert metadata_problem(metadata) is None


@pytest.mark.parametrize(
    ("metadata", "non_filterable", "problem"),
    [
        ({"f": "x" * 2035}, (), None),
        ({"f": "x" * 2036}, (), TOO_FILTERABLE),
        ({"f": "x" * 2036}, ("f",), None),
        ({"bulk": "x" * 40_944}, ("bulk",), None),
        ({"bulk": "x" * 40_945}, ("bulk",), TOO_LARGE),
        ({"bulk": "x" * 40_944}, (), TOO_FILTERABLE),
        ({"bulk": "x" * 40_945}, (), TOO_LARGE),
        ({"bulk": "x" * 38_000, "f": "x" * 2_035}, ("bulk",), None),
        ({"bulk": "x" * 38_000, "f": "x" * 2_036}, ("bulk",), TOO_FILTERABLE),
        ({"f": "é" * 1_017}, (), None),
        ({"f": "é" * 1_018}, (), TOO_FILTERABLE),
        ({str(i): True for i in range(50)}, (), None),
        ({str(i): True for i in range(51)}, (), "Metadata object must have at most 50 keys"),
    ],
)
def test_sizes_are_checked_at_their_limits(
    metadata: dict[str, Any], non_filterable: tuple[str, ...], problem: str | None
) -> None:
    """2,048 bytes without the non-filterable keys, 40,960 with them, 50 keys; each inclusive."""
    assert metadata_problem(metadata, non_filterable=non_filterable) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", None),
        (0, None),
        (1.5, None),
        (True, None),
        (["a", "a"], None),
        ([""], None),
        ([1, 2.5], None),
        (None, BAD_VALUE),
        ({"nested": 1}, BAD_VALUE),
        ({}, BAD_VALUE),
        (float("nan"), BAD_VALUE),
        (float("inf"), BAD_VALUE),
        (("a",), BAD_VALUE),
        ([], EMPTY_ARRAY),
        ([True], BAD_ELEMENT),
        ([None], BAD_ELEMENT),
        ([["a"]], BAD_ELEMENT),
        (["a", 1], BAD_ELEMENT),
        ([1, True], BAD_ELEMENT),
        ([float("nan")], BAD_ELEMENT),
    ],
)
@pytest.mark.parametrize("non_filterable", [(), ("f",)])
def test_values_are_checked_by_type(
    value: object, problem: str | None, non_filterable: tuple[str, ...]
) -> None:
    """With the service's messages; non-filterable keys allow more bytes, not more types."""
    assert metadata_problem({"ok": 1, "f": value}, non_filterable=non_filterable) == problem


def test_an_integer_of_any_size_is_a_number() -> None:
    """`record_validation` checks whether JSON can represent it."""
    assert metadata_problem({"f": 10**400, "g": [-(10**400)]}) is None


@pytest.mark.parametrize("key", ["", "$eq", "a.b", "x" * 1_024])
def test_any_text_is_a_metadata_key(key: str) -> None:
    """The limit of 63 characters applies only to keys in the configuration of an index."""
    assert metadata_problem({key: 1}) is None


@pytest.mark.parametrize("metadata", [None, [], "text", 1, json.dumps({})])
def test_only_an_object_is_metadata(metadata: object) -> None:
    """Any other value is named."""
    assert metadata_problem(metadata) == "Metadata must be an object"


def test_any_mapping_is_an_object() -> None:
    """Not only a dict."""
    assert metadata_problem(MappingProxyType({"a": 1})) is None
