"""Arrow values with times that Python cannot represent: nanoseconds, years after 9999, unknown time zones."""

from __future__ import annotations

from datetime import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from vecgate.bulk.sources.plain_values import Timestamps

_PER_S = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY_S, _DAY_MS = 86_400, 86_400_000
_MICROSECOND_NS = 1_000


def exact_value(value: Any, form: Timestamps) -> object:  # noqa: ANN401 - pyarrow ships no types
    """Return a scalar of Arrow as a value of Python, with times as exact text or, by *form*, as seconds."""
    if not value.is_valid:
        return None
    kind = value.type
    if pt.is_dictionary(kind) or (
        isinstance(value, pa.ExtensionScalar) and not isinstance(kind, pa.UuidType | pa.Bool8Type)
    ):
        return exact_value(value.value, form)
    if pt.is_map(kind):
        entries = value.values.flatten()
        return {str(key): exact_value(item, form) for key, item in zip(*entries, strict=True)}
    if isinstance(value, pa.ListScalar):
        return [exact_value(element, form) for element in value.values]
    if isinstance(value, pa.StructScalar):
        return {name: exact_value(value[name], form) for name in value}
    return _scalar(value, form) if pt.is_temporal(kind) and hasattr(value, "value") else value.as_py()


def _scalar(value: Any, form: Timestamps) -> object:  # noqa: ANN401
    kind, count = value.type, value.value
    if pt.is_date(kind):
        days = count if pt.is_date32(kind) else count // _DAY_MS
        return days * _DAY_S if form is Timestamps.EPOCH else str(np.datetime64(days, "D"))
    per_s = _PER_S[kind.unit]
    seconds, rest = divmod(count, per_s)
    if pt.is_duration(kind) or (pt.is_timestamp(kind) and form is Timestamps.EPOCH):
        return count / per_s if rest else seconds
    if pt.is_time(kind):
        clock = time(seconds // 3600, seconds // 60 % 60, seconds % 60)
        return clock.isoformat() + _fraction(rest * 10**9 // per_s)
    text, offset = _zoned(seconds, kind.tz)
    return text + _fraction(rest * 10**9 // per_s) + offset


def _zoned(seconds: int, zone: str | None) -> tuple[str, str]:
    """Return a time as text, and its offset; in UTC if Python does not know the zone or the year."""
    text = str(np.datetime64(seconds, "s"))
    if zone is None:
        return text, ""
    try:
        known = pa.scalar(seconds, pa.timestamp("s", zone)).as_py().isoformat()
    except (ValueError, OverflowError):
        return text, "+00:00"
    return known[: len(text)], known[len(text) :]


def _fraction(nanoseconds: int) -> str:
    if nanoseconds % _MICROSECOND_NS:
        return f".{nanoseconds:09}"
    return f".{nanoseconds // _MICROSECOND_NS:06}" if nanoseconds else ""
