"""The oracle: a second model of S3 Vectors that is slow, obvious, and shares no code with any server.

It gives the expected answers to *valid* requests. It stores vectors in a dict, evaluates filters record by
record as the user guide describes them, and computes distances in float64 from float32 values. It never
imports the endpoint. Where the behaviour of AWS is not known, it does what the facts make likely, and
properties about that are `may`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Metadata: TypeAlias = Mapping[str, Any]
Filter: TypeAlias = Mapping[str, Any]

#: Tolerances for the error of float32 arithmetic; the first is relative to the size of the numbers.
RELATIVE_TOLERANCE = 2e-5
ABSOLUTE_TOLERANCE = 1e-5


def float32(value: float) -> float:
    """Return *value* as the service stores it: rounded to float32 and widened again."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@dataclass(frozen=True, slots=True)
class Record:
    """A stored vector: its float32 values, and its metadata, which may be empty."""

    values: tuple[float, ...]
    metadata: Metadata


@dataclass(slots=True)
class OracleIndex:
    """The expected contents of one index."""

    metric: str
    records: dict[str, Record] = field(default_factory=dict)

    def put(self, key: str, values: Iterable[float], metadata: Metadata | None = None) -> None:
        """Write a vector. It replaces an older one with the same key, including its metadata."""
        self.records[key] = Record(tuple(float32(value) for value in values), metadata or {})

    def delete(self, key: str) -> None:
        """Delete a vector, if it exists."""
        self.records.pop(key, None)

    def stored(self, *keys: str) -> dict[str, dict[str, Any]]:
        """Return the expected entries of *keys*, or of all keys, with data and metadata."""
        return {
            key: {"key": key, "data": {"float32": list(record.values)}, "metadata": dict(record.metadata)}
            for key, record in self.records.items()
            if not keys or key in keys
        }

    def matching(self, condition: Filter | None) -> dict[str, Record]:
        """Return the records that match *condition*, or all records without one."""
        return {
            key: record
            for key, record in self.records.items()
            if condition is None or matches(record.metadata, condition)
        }

    def distances(self, query: Sequence[float], condition: Filter | None = None) -> dict[str, float]:
        """Return the distance from *query* of every matching record."""
        rounded = tuple(float32(value) for value in query)
        return {
            key: distance(self.metric, rounded, record.values)
            for key, record in self.matching(condition).items()
        }

    def size(self, key: str, query: Sequence[float]) -> float:
        """Return the *size* that `is_close` needs to compare the distance of *key* from *query*."""
        return math.fsum(value * value for value in (*query, *self.records[key].values))


@dataclass(slots=True)
class Oracle:
    """All buckets by name, with their indexes by name.

    The caller checks with `has_bucket` and `has_index` whether a creation or deletion is valid.
    """

    buckets: dict[str, dict[str, OracleIndex]] = field(default_factory=dict)

    def has_bucket(self, bucket: str) -> bool:
        """Return whether the bucket exists."""
        return bucket in self.buckets

    def has_index(self, bucket: str, index: str) -> bool:
        """Return whether the index exists."""
        return index in self.buckets.get(bucket, {})

    def index(self, bucket: str, index: str) -> OracleIndex:
        """Return an index that exists."""
        return self.buckets[bucket][index]


def distance(metric: str, a: Sequence[float], b: Sequence[float]) -> float:
    """Return 1 minus the cosine similarity, or the squared euclidean distance."""
    if metric == "euclidean":
        return math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return 1 - dot / math.hypot(*a) / math.hypot(*b)


def is_close(metric: str, measured: float, expected: float, *, size: float = 1.0) -> bool:
    """Return whether *measured* equals *expected* within the precision of float32.

    *size* is the sum of both squared norms for euclidean distances. It is not used for cosine distances.
    """
    scale = size if metric == "euclidean" else 1.0
    return abs(measured - expected) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * scale


def matches(metadata: Metadata, condition: Filter) -> bool:
    """Return whether *metadata* matches *condition*, which must be a valid filter: an object with one key."""
    ((name, operand),) = condition.items()
    if name == "$and":
        return all(matches(metadata, branch) for branch in operand)
    if name == "$or":
        return any(matches(metadata, branch) for branch in operand)
    operators = operand if isinstance(operand, Mapping) else {"$eq": operand}
    return all(_operator_matches(metadata, name, operator, value) for operator, value in operators.items())


def _operator_matches(metadata: Metadata, name: str, operator: str, operand: Any) -> bool:
    stored = metadata.get(name)
    if operator == "$exists":
        return (name in metadata) is operand
    if operator == "$startsWith":
        return isinstance(stored, str) and stored.startswith(operand)
    if operator in {"$eq", "$ne", "$in", "$nin"}:
        operands = operand if operator in {"$in", "$nin"} else [operand]
        elements = stored if isinstance(stored, list) else [] if stored is None else [stored]
        is_equal = any(_is_same(element, each) for element in elements for each in operands)
        return is_equal is (operator in {"$eq", "$in"})
    return _in_range(stored, operator, operand)


def _in_range(stored: Any, operator: str, bound: float) -> bool:
    if not isinstance(stored, int | float) or isinstance(stored, bool):
        return False
    return {
        "$gt": stored > bound,
        "$gte": stored >= bound,
        "$lt": stored < bound,
        "$lte": stored <= bound,
    }[operator]


def _is_same(a: Any, b: Any) -> bool:
    # In Python True == 1; in JSON they are of different types.
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    both_text = isinstance(a, str) and isinstance(b, str)
    both_numbers = isinstance(a, int | float) and isinstance(b, int | float)
    return (both_text or both_numbers) and bool(a == b)
