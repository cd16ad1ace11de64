"""Values of metadata columns as the types that S3 Vectors knows.

Dates and times become ISO 8601 text, durations seconds, decimals floats, UUIDs text, bytes their UTF-8 text
or, where they are none, hexadecimal digits. Nested objects stay, and validation refuses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np

_PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value: object) -> object:
    """*value* as text, number, boolean, list or object; what is none of these stays as it is."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return _plain_scalar(value)


def is_absent(value: object) -> bool:
    """A table marks with null or NaN that a record has no such entry."""
    return value is None or value != value  # noqa: PLR0124 - only NaN differs from itself


def _plain_scalar(value: object) -> object:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        return plain(value.item())
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
