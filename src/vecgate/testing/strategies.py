"""Hypothesis strategies for keys, values, metadata and blocks. All values are valid by construction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.bulk.core.record_blocks import Block

FLOAT32_MAX = float(np.finfo(np.float32).max)


def vector_keys() -> SearchStrategy[str]:
    """Valid keys: 1 to 64 characters, and at most 1,024 bytes."""
    text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
    return text.filter(lambda key: len(key.encode()) <= 1024)  # noqa: PLR2004 - written out: the constant for this limit is itself under test


def float32_values() -> SearchStrategy[float]:
    """Finite float32 numbers, subnormals and both zeros included."""
    return st.floats(-FLOAT32_MAX, FLOAT32_MAX, width=32)


def metadata_objects() -> SearchStrategy[dict[str, Any]]:
    """Valid metadata, well below the size limits."""
    numbers = st.integers(-(2**53), 2**53) | st.floats(-1e12, 1e12)
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    arrays = st.lists(numbers, min_size=1, max_size=4) | st.lists(texts, min_size=1, max_size=4)
    return st.dictionaries(texts, texts | numbers | st.booleans() | arrays, max_size=5)


def block_of(keys: Sequence[str], *, first: int = 0, dimension: int = 2) -> Block:
    """Return a block with *keys*. The first value of each vector is its position."""
    positions = np.arange(first, first + len(keys), dtype=np.int64)
    vectors = np.zeros((len(keys), dimension), dtype=np.float32)
    vectors[:, 0] = positions
    vectors[:, 1:] = 1
    return Block(positions, list(keys), vectors, [None] * len(keys))


@st.composite
def lists_of_blocks(draw: st.DrawFn, *, keys: SearchStrategy[str], blocks_max: int = 4) -> list[Block]:
    """Consecutive blocks of one source, with keys from *keys*, which may repeat."""
    blocks: list[Block] = []
    first = 0
    for size in draw(st.lists(st.integers(1, 12), max_size=blocks_max)):
        blocks.append(block_of(draw(st.lists(keys, min_size=size, max_size=size)), first=first))
        first += size
    return blocks


@st.composite
def blocks_of_records(draw: st.DrawFn, *, rows_max: int = 10, dimension: int = 2) -> Block:
    """A block of valid records. Keys may repeat, and positions have gaps, as after a resume."""
    keys = draw(st.lists(vector_keys(), max_size=rows_max))
    gaps = draw(st.lists(st.integers(1, 3), min_size=len(keys), max_size=len(keys)))
    values = st.lists(float32_values(), min_size=dimension, max_size=dimension)
    vectors = draw(st.lists(values, min_size=len(keys), max_size=len(keys)))
    metadata = draw(st.lists(st.none() | metadata_objects(), min_size=len(keys), max_size=len(keys)))
    matrix = np.array(vectors, dtype=np.float32).reshape(len(keys), dimension)
    return Block(np.cumsum(gaps, dtype=np.int64), keys, matrix, metadata)
