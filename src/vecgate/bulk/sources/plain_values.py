"""Converts values of metadata to the types of S3 Vectors, by one rule for all sources.

Dates and times become ISO 8601 text or epoch seconds, durations become seconds, decimals floats and UUIDs
text. Bytes become their UTF-8 text, or hexadecimal digits if they are not UTF-8. Null and NaN, with which
tables mark a missing entry, are left out. Nested objects are kept, and validation rejects them, unless the
user lets them be flattened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import numpy as np

from vecgate.s3vectors.metadata import Metadata

_PLAIN = frozenset({str, int, float, bool, type(None)})
#: Deeper levels are cut off: the service rejects the second one.
DEPTH_MAX = 100
_NANOSECONDS_PER_S = 10**9


class Timestamps(StrEnum):
    """The form of dates and times."""

    ISO = "iso"
    EPOCH = "epoch"


class Nulls(StrEnum):
    """What happens to null and NaN. *PRUNE* also removes them from arrays, with arrays and objects that are
    empty.
    """

    DROP = "drop"
    PRUNE = "prune"
    REJECT = "reject"


class Conversion(StrEnum):
    """A type of metadata values that the service does not have, and what becomes of it."""

    TIMESTAMP = "ISO 8601 text, which has no range filters; --timestamps epoch makes it a number"
    EPOCH = "epoch seconds"
    CLOCK = "ISO 8601 text"
    DURATION = "seconds"
    DECIMAL = "float64 numbers"
    BYTES = "UTF-8 text, or hexadecimal digits if they are not UTF-8"
    UUID = "text"
    NULL = "nothing, because all are null"
    OBJECT = "objects, which the service rejects; --flatten makes each of their entries metadata"
    FLATTENED = "one entry for each of their own, named object.entry"


@dataclass(frozen=True, slots=True)
class MetadataShape:
    """How values become metadata.

    flatten  the entries of a nested object become entries of their own, named `object.entry`
    """

    timestamps: Timestamps = Timestamps.ISO
    nulls: Nulls = Nulls.DROP
    flatten: bool = False

    @property
    def leaves_objects(self) -> bool:
        """True if an object without nulls is metadata as it is."""
        return not self.flatten and self.nulls is not Nulls.PRUNE

    def describe(self) -> str:
        """Return the settings that are not the defaults, as text that starts with a comma, or nothing."""
        parts = {
            "timestamps as epoch seconds": self.timestamps is Timestamps.EPOCH,
            "nested objects flattened": self.flatten,
            "nulls rejected": self.nulls is Nulls.REJECT,
            "nulls and empty values removed": self.nulls is Nulls.PRUNE,
        }
        return "".join(f", {text}" for text, is_set in parts.items() if is_set)

    def describe_conversions(self, found: Mapping[str, Conversion | None]) -> tuple[str, ...]:
        """Return one line for each kind of conversion of *found*, by name of a metadata column."""
        chosen = {
            Conversion.TIMESTAMP: Conversion.EPOCH if self.timestamps is Timestamps.EPOCH else None,
            Conversion.OBJECT: Conversion.FLATTENED if self.flatten else None,
        }
        names: dict[Conversion, list[str]] = {}
        for name, conversion in found.items():
            if conversion is not None:
                names.setdefault(chosen.get(conversion) or conversion, []).append(name)
        return tuple(f"{', '.join(columns)} as {conversion}" for conversion, columns in names.items())

    def to_plain(self, value: object, depth: int = 0) -> object:
        """Convert *value* to text, number, boolean, list or object. A value of another type is returned
        unchanged.
        """
        if type(value) in _PLAIN:
            return value
        if depth > DEPTH_MAX:
            return "…"
        if isinstance(value, Mapping):
            return {str(key): self.to_plain(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, np.ndarray):
            # As integers, nanoseconds would lose their unit.
            elements = list(value) if value.dtype.kind in "mM" else value.tolist()
            return self.to_plain(elements, depth + 1)
        if isinstance(value, list | tuple):
            return [self.to_plain(inner, depth + 1) for inner in value]
        return self._plain_scalar(value)

    def build(self, entries: Mapping[str, object]) -> tuple[Metadata, str]:
        """Return *entries* as metadata, and an empty text or why they are none."""
        return self.finish({str(name): self.to_plain(value) for name, value in entries.items()})

    def finish(self, entries: Mapping[str, object]) -> tuple[Metadata, str]:
        """Return *entries*, whose values are plain, as metadata, like `build`."""
        if self.nulls is Nulls.REJECT and not self.flatten:
            return entries, ""
        if self.leaves_objects:
            return {name: value for name, value in entries.items() if not is_absent(value)}, ""
        found: dict[str, object] = {}
        for name, value in self._flat(entries, ""):
            if name in found:
                return entries, f'metadata has "{name}" twice, once as an entry of an object'
            found[name] = value
        return found, ""

    def _flat(self, entries: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
        for name, value in entries.items():
            pruned = _prune(value) if self.nulls is Nulls.PRUNE else value
            if self.flatten and isinstance(pruned, Mapping):
                yield from self._flat(pruned, f"{prefix}{name}.")
            elif self.nulls is Nulls.REJECT or not is_absent(pruned):
                yield f"{prefix}{name}", pruned

    def _plain_scalar(self, value: object) -> object:
        match value:
            case np.datetime64():
                plain = self._numpy_time(value)
            case np.timedelta64():
                plain = None if np.isnat(value) else float(value / np.timedelta64(1, "s"))
            case np.generic():
                plain = self.to_plain(value.item())
            case date() if self.timestamps is Timestamps.EPOCH:
                plain = _epoch_s(value)
            case date() | time():
                plain = value.isoformat()
            case timedelta():
                plain = value.total_seconds()
            case Decimal():
                plain = float(value)
            case bytes():
                plain = _bytes_text(value)
            case UUID():
                plain = str(value)
            case _:
                plain = value
        return plain

    def _numpy_time(self, value: np.datetime64) -> object:
        if np.isnat(value):
            return None
        if self.timestamps is Timestamps.ISO:
            return str(value)
        # Separate, because 64 bits of nanoseconds end in the year 2262.
        seconds = value.astype("datetime64[s]")
        rest = (value - seconds).astype("timedelta64[ns]").astype(np.int64)
        return _whole(int(seconds.astype(np.int64)) * _NANOSECONDS_PER_S + int(rest), _NANOSECONDS_PER_S)


#: Converts as the service needs it and drops nulls.
DEFAULT_SHAPE = MetadataShape()


#: Types of Python values that are converted.
_CONVERTED: tuple[tuple[type | tuple[type, ...], Conversion], ...] = (
    ((date, np.datetime64), Conversion.TIMESTAMP),
    (time, Conversion.CLOCK),
    ((timedelta, np.timedelta64), Conversion.DURATION),
    (Decimal, Conversion.DECIMAL),
    (bytes, Conversion.BYTES),
    (UUID, Conversion.UUID),
    (Mapping, Conversion.OBJECT),
)


def conversion_of(value: object) -> Conversion | None:
    """Return what becomes of *value*, or of the first element of a list, None if it stays as it is."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return next((conversion for types, conversion in _CONVERTED if isinstance(value, types)), None)


def is_absent(value: object) -> bool:
    """Return True for null and NaN, with which tables mark a missing entry."""
    return value is None or value != value  # noqa: PLR0124 - only NaN differs from itself


def _prune(value: object) -> object:
    """Return *value* without nulls and without empty arrays and objects, None if nothing is left."""
    if isinstance(value, list):
        return [pruned for element in value if not is_absent(pruned := _prune(element))] or None
    if isinstance(value, Mapping):
        pruned_entries = {name: _prune(entry) for name, entry in value.items()}
        return {name: entry for name, entry in pruned_entries.items() if not is_absent(entry)} or None
    return value


def _epoch_s(value: date) -> float | int:
    """Return the seconds since 1970. A time without a zone is in UTC, a date is its midnight."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return _whole(since // timedelta(microseconds=1), 10**6)


def _whole(count: int, per_s: int) -> float | int:
    return count / per_s if count % per_s else count // per_s


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
