"""Converts values of metadata columns to the types of S3 Vectors.

Dates and times become ISO 8601 text, durations become seconds, decimals floats and UUIDs text. Bytes become
their UTF-8 text, or hexadecimal digits if they are not UTF-8. Nested objects are kept, and validation rejects
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np

_PLAIN = frozenset({str, int, float, bool, type(None)})
#: Deeper levels are cut off: the service rejects the second one.
DEPTH_MAX = 100


def to_plain(value: object, depth: int = 0) -> object:
    """Convert *value* to text, number, boolean, list or object. A value of another type is returned
    unchanged.
    """
    if type(value) in _PLAIN:
        return value
    if depth > DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): to_plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist(), depth + 1)
    if isinstance(value, list | tuple):
        return [to_plain(inner, depth + 1) for inner in value]
    return _plain_scalar(value)


def is_absent(value: object) -> bool:
    """Return True for null and NaN, with which tables mark a missing entry."""
    return value is None or value != value  # noqa: PLR0124 - only NaN differs from itself


def _plain_scalar(value: object) -> object:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value)
    return (
        _bytes_text(value) if isinstance(value, bytes) else str(value) if isinstance(value, UUID) else value
    )


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
