"""Compares records with what an index has stored, and says which part differs without its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.response_decoding import Vectors

VECTOR = "vector"
#: Metadata keys that a description names.
NAMED_MAX = 3


def differences(block: Block, stored: Vectors) -> dict[str, str]:
    """Return what differs between the records of *block* and *stored*, by key; an equal one has no entry.

    The keys of *block* are distinct, and those of *stored* are some of them, in the same order. Vectors are
    equal if all float32 values are; the sign of a zero does not count, because JSON libraries drop it.
    """
    if not len(stored):
        return {}
    row_of = {key: row for row, key in enumerate(block.keys)}
    rows = [row_of[key] for key in stored.keys]
    is_equal = _equal_vectors(block, rows, stored)
    found = {}
    for row, key, metadata, has_vector in zip(rows, stored.keys, stored.metadata, is_equal, strict=True):
        parts = [] if has_vector else [VECTOR]
        parts += _metadata_difference(block.metadata[row] or {}, metadata or {})
        if parts:
            found[key] = ", ".join(parts)
    return found


def is_same_json(first: object, second: object) -> bool:
    """Return true if both are the same JSON value: numbers by value, objects in any order."""
    if first != second:
        return False
    # Python takes true for 1.
    if isinstance(first, dict) and isinstance(second, dict):
        return all(is_same_json(value, second[name]) for name, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return all(map(is_same_json, first, second))
    return isinstance(first, bool) is isinstance(second, bool)


def _equal_vectors(block: Block, rows: Sequence[int], stored: Vectors) -> list[bool]:
    if stored.vectors is None or stored.vectors.shape[1] != block.vectors.shape[1]:
        return [False] * len(rows)
    equal: list[bool] = np.all(block.vectors[rows] == stored.vectors, axis=1).tolist()
    return equal


def _metadata_difference(expected: object, stored: object) -> list[str]:
    if is_same_json(expected, stored):
        return []
    # Metadata from Python may hold values that JSON has in another form, such as float32 numbers.
    sent = orjson.loads(orjson.dumps(expected, option=orjson.OPT_SERIALIZE_NUMPY))
    assert isinstance(stored, dict)
    missing = object()
    names = [
        name
        for name in dict.fromkeys([*sent, *stored])
        if not is_same_json(sent.get(name, missing), stored.get(name, missing))
    ]
    if not names:
        return []
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return [f"metadata {', '.join(map(repr, names[:NAMED_MAX]))}{more}"]
