"""Invalid records are found before sending, with the messages of the service; valid records are not changed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from block_rows import rows_of
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.body_encoding import encode_put
from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.core.record_validation import (
    IndexRules,
    key_problem,
    length_problem,
    validate,
    validate_keys,
)
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.strategies import block_of, blocks_of_records, vector_keys

EUCLIDEAN = IndexRules(2, "euclidean")
COSINE = IndexRules(2, "cosine", frozenset({"text"}))
NOT_FINITE = "vector contains NaNs or Infs"
ZERO_NORM = "cosine distance does not support vectors with zero norm"
SURROGATE = "text holds a lone surrogate, which UTF-8 cannot carry"
FILTERABLE = "Filterable metadata must have at most 2048 bytes"
BAD_VALUE = "Metadata values must be strings, numbers, booleans, or arrays"
BAD_ELEMENT = "Metadata array values must be strings or numbers"
BEYOND = "Metadata numbers must fit 64 bits"
SUBNORMAL = 2.0**-149


def one(
    values: list[float] | None = None,
    *,
    key: str = "k",
    metadata: Any = None,
) -> Block:
    vector = np.array([[1.0, 2.0] if values is None else values], dtype=np.float32)
    return Block(np.array([5]), [key], vector, [metadata])


def problem_of(block: Block, rules: IndexRules = EUCLIDEAN) -> str | None:
    good, rejects = validate(block, rules)
    assert len(good) + len(rejects) == 1
    return rejects[0].problem if rejects else None


@given(block=blocks_of_records())
def test_valid_records_pass_unchanged(block: Block) -> None:
    """They are not even copied."""
    good, rejects = validate(block, EUCLIDEAN)
    assert good is block
    assert rejects == ()


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("k", None),
        ("x" * 1024, None),
        ("é" * 512, None),
        ("😀" * 256, None),
        ("", "key must have 1 to 1024 characters, but has 0"),
        ("x" * 1025, "key must have 1 to 1024 characters, but has 1025"),
        ("é" * 513, "key must have at most 1024 bytes, but has 1026"),
        ("é" * 512 + "x", "key must have at most 1024 bytes, but has 1025"),
        ("a\ud800", SURROGATE),
    ],
)
def test_keys_have_two_bounds(key: str, problem: str | None) -> None:
    """1 to 1,024 characters, and at most 1,024 bytes of UTF-8; for puts and for deletes."""
    assert key_problem(key) == problem
    assert problem_of(one(key=key)) == problem
    good, rejects = validate_keys(block_of([key]))
    assert [r.problem for r in rejects] == ([problem] if problem else [])
    assert list(good.keys) == ([] if problem else [key])


@given(key=vector_keys())
def test_every_key_that_the_service_accepts_passes(key: str) -> None:
    """Any Unicode text within the bounds."""
    assert key_problem(key) is None


@pytest.mark.parametrize(
    ("values", "rules", "problem"),
    [
        ([0.0, 0.0], EUCLIDEAN, None),
        ([0.0, 0.0], COSINE, ZERO_NORM),
        ([-0.0, 0.0], COSINE, ZERO_NORM),
        ([SUBNORMAL, 0.0], COSINE, None),
        ([1e-30, -1e-30], COSINE, None),
        ([SUBNORMAL, float("nan")], COSINE, NOT_FINITE),
        ([1e30, 1e30], COSINE, None),
        ([1e30, float("-inf")], COSINE, NOT_FINITE),
        ([float("nan"), 1.0], COSINE, NOT_FINITE),
        ([float("nan"), 0.0], COSINE, NOT_FINITE),
        ([1.0, float("inf")], EUCLIDEAN, NOT_FINITE),
        ([1.0, float("-inf")], EUCLIDEAN, NOT_FINITE),
        ([3.4028234663852886e38, -3.4028234663852886e38], EUCLIDEAN, None),
        ([1.0], EUCLIDEAN, "vector must have length 2, but has length 1"),
        ([1.0, 2.0, 3.0], COSINE, "vector must have length 2, but has length 3"),
        ([0.0, 0.0, 0.0], COSINE, "vector must have length 2, but has length 3"),
    ],
)
def test_vectors_are_checked_as_by_the_service(
    values: list[float], rules: IndexRules, problem: str | None
) -> None:
    """Length, finiteness, and under cosine the norm; subnormals and extremes are allowed."""
    assert problem_of(one(values), rules) == problem


@pytest.mark.parametrize(
    ("metadata", "rules", "problem"),
    [
        (None, EUCLIDEAN, None),
        ({}, EUCLIDEAN, None),
        ({"text": "x" * 3_000}, COSINE, None),
        ({"text": "x" * 3_000}, EUCLIDEAN, f'{FILTERABLE}: the largest key, "text", is a string'),
        (
            {"a": 1, "b": ["x" * 3_000]},
            EUCLIDEAN,
            f'{FILTERABLE}: the largest key, "b", is an array of strings',
        ),
        ({"a": None}, EUCLIDEAN, f'{BAD_VALUE}: "a" is null'),
        ({"ok": 1, "a": {"b": 1}}, EUCLIDEAN, f'{BAD_VALUE}: "a" is an object'),
        ({"a": float("inf")}, EUCLIDEAN, f'{BAD_VALUE}: "a" is an infinite number'),
        ({"a": float("nan")}, EUCLIDEAN, f'{BAD_VALUE}: "a" is NaN'),
        ({"a": object()}, EUCLIDEAN, f'{BAD_VALUE}: "a" is an object'),
        ({"a": ["x", None, None]}, EUCLIDEAN, f'{BAD_ELEMENT}: "a" is an array of strings and nulls'),
        ({"a": []}, EUCLIDEAN, 'Empty arrays are not allowed in metadata: "a" is an empty array'),
        ({"k" * 90: None}, EUCLIDEAN, f'{BAD_VALUE}: "{"k" * 80}…" is null'),
        ({f"k{i}": 1 for i in range(51)}, EUCLIDEAN, "Metadata object must have at most 50 keys"),
        ("text", EUCLIDEAN, "Metadata must be an object"),
        ({"a": "\udfff"}, EUCLIDEAN, f'{SURROGATE}: "a" is a string'),
        ({"ok": ["b"], "a": ["\udfff"]}, EUCLIDEAN, f'{SURROGATE}: "a" is an array of strings'),
        ({"\udfff": 1}, EUCLIDEAN, f'{SURROGATE}: "\\udfff" is a number'),
        ({"a": 2**64 - 1}, EUCLIDEAN, None),
        ({"a": 2**64}, EUCLIDEAN, f'{BEYOND}: "a" is a number'),
        ({"a": -(2**63)}, EUCLIDEAN, None),
        ({"a": [1, -(2**63) - 1]}, EUCLIDEAN, f'{BEYOND}: "a" is an array of numbers'),
        ({"a": 10**400}, EUCLIDEAN, f'{BEYOND}: "a" is a number'),
        ({"a": 1e300}, EUCLIDEAN, None),
    ],
)
def test_metadata_is_checked_as_by_the_service(
    metadata: object, rules: IndexRules, problem: str | None
) -> None:
    """The key and the type of the value are named. Values that JSON cannot represent are found before they are
    encoded.
    """
    assert problem_of(one(metadata=metadata), rules) == problem


def test_the_key_is_checked_first_then_the_vector_then_the_metadata() -> None:
    """A record with several problems is rejected for the one that the service would name."""
    everything = one([float("nan"), 0.0], key="", metadata={"a": None})
    assert problem_of(everything) == "key must have 1 to 1024 characters, but has 0"
    assert problem_of(one([float("nan"), 0.0], metadata={"a": None})) == NOT_FINITE
    assert problem_of(one(key="", metadata={"a": None})) == "key must have 1 to 1024 characters, but has 0"


def test_valid_and_rejected_records_keep_their_positions() -> None:
    """Rejects of the block itself come first, and each names its record."""
    before = RejectedRecord(3, "", "record is not an object")
    block = dataclasses.replace(block_of(["a", "", "c", "x" * 1025, "e"], first=10), rejects=(before,))
    good, rejects = validate(block, EUCLIDEAN)
    assert list(good.keys) == ["a", "c", "e"]
    assert good.positions.tolist() == [10, 12, 14]
    assert rejects[0] is before
    assert [(r.position, r.key) for r in rejects[1:]] == [(11, ""), (13, "x" * 1025)]
    assert rejects[1].vector == [11.0, 1.0]
    assert good.rejects == ()


def test_rejects_of_the_source_are_kept_when_the_others_are_valid() -> None:
    """Also for deletes."""
    block = dataclasses.replace(block_of(["a"]), rejects=(RejectedRecord(3, "", "unreadable"),))
    assert validate(block, EUCLIDEAN)[1] == validate_keys(block)[1] == block.rejects


ANY_TEXT = st.text(st.characters(), max_size=4)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=2),
    max_leaves=5,
)


@given(
    key=ANY_TEXT,
    values=st.lists(st.floats(width=32), min_size=2, max_size=2),
    metadata=st.none() | st.dictionaries(ANY_TEXT, ANY_VALUE, max_size=3),
)
@example("k", [1.0, 2.0], {"a": 10**400})
@example("k", [1.0, 2.0], {"a": float("nan")})
def test_valid_records_can_be_encoded(key: str, values: list[float], metadata: dict[str, Any] | None) -> None:
    """The encoder neither fails on one nor writes null for a number."""
    good, rejects = validate(one(values, key=key, metadata=metadata), COSINE)
    assert len(good) + len(rejects) == 1
    for vector in json.loads(encode_put(IndexAddress("b", "i"), good).data)["vectors"]:
        assert [np.float32(value) for value in vector["data"]["float32"]] == values
        assert vector.get("metadata") == metadata


@given(block=blocks_of_records(), data=st.data())
def test_every_record_is_either_valid_or_rejected(block: Block, data: st.DataObject) -> None:
    """No record is lost or counted twice, and valid ones are unchanged."""
    bad = data.draw(st.sets(st.integers(0, len(block) - 1)) if len(block) else st.just(set()))
    vectors = block.vectors.copy()
    vectors[sorted(bad), 1] = np.nan
    spoiled = dataclasses.replace(block, vectors=vectors)
    good, rejects = validate(spoiled, EUCLIDEAN)
    assert rows_of(good) == [row for i, row in enumerate(rows_of(block)) if i not in bad]
    assert [r.position for r in rejects] == [int(block.positions[i]) for i in sorted(bad)]


def test_a_length_problem_has_no_values() -> None:
    """Only the two lengths."""
    assert length_problem(384, 3) == "vector must have length 384, but has length 3"
