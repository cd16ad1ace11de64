"""A second model of S3 Vectors: slow, obvious, and with no line in common with any server.

It judges what a target answers to *valid* requests. It holds vectors in a dict, evaluates filters record by
record as the user guide reads, and measures distances in float64 over float32 values. It never imports the
endpoint. Where AWS shows nothing it does what the facts make likely; laws about that are `may`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Metadata: TypeAlias = Mapping[str, Any]
Filter: TypeAlias = Mapping[str, Any]

#: What float32 arithmetic may add to a distance measured in float64, relative to the sizes involved.
RELATIVE_TOLERANCE = 2e-5
ABSOLUTE_TOLERANCE = 1e-5


def float32(value: float) -> float:
    """*value* as the service keeps it: rounded to float32, widened again."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@dataclass(frozen=True, slots=True)
class Record:
    """A stored vector: its float32 values, and its metadata, empty where it has none."""

    values: tuple[float, ...]
    metadata: Metadata


@dataclass(slots=True)
class OracleIndex:
    """One index: what is stored under each key."""

    metric: str
    records: dict[str, Record] = field(default_factory=dict)

    def put(self, key: str, values: Iterable[float], metadata: Metadata | None = None) -> None:
        """Write a vector; what was under *key* before is gone, its metadata too."""
        self.records[key] = Record(tuple(float32(value) for value in values), metadata or {})

    def delete(self, key: str) -> None:
        """Remove a vector; one that is not there is no error."""
        self.records.pop(key, None)

    def stored(self, *keys: str) -> dict[str, dict[str, Any]]:
        """What GetVectors tells of *keys*, or of all, with data and metadata."""
        return {
            key: {"key": key, "data": {"float32": list(record.values)}, "metadata": dict(record.metadata)}
            for key, record in self.records.items()
            if not keys or key in keys
        }

    def matching(self, condition: Filter | None) -> dict[str, Record]:
        """The records that *condition* lets through; all of them where it is None."""
        return {
            key: record
            for key, record in self.records.items()
            if condition is None or matches(record.metadata, condition)
        }

    def distances(self, query: Sequence[float], condition: Filter | None = None) -> dict[str, float]:
        """The distance of every matching record from *query*."""
        row = tuple(float32(value) for value in query)
        return {
            key: distance(self.metric, row, record.values) for key, record in self.matching(condition).items()
        }

    def size(self, key: str, query: Sequence[float]) -> float:
        """How large the numbers are that the distance of *key* from *query* is made of: for `is_close`."""
        return math.fsum(value * value for value in (*query, *self.records[key].values))


@dataclass(slots=True)
class Oracle:
    """All buckets, and in each its indexes, by name.

    Creating what is there, or deleting what is not, is for the caller to ask about first: `has_bucket`,
    `has_index`.
    """

    buckets: dict[str, dict[str, OracleIndex]] = field(default_factory=dict)

    def has_bucket(self, bucket: str) -> bool:
        """Whether there is such a bucket."""
        return bucket in self.buckets

    def has_index(self, bucket: str, index: str) -> bool:
        """Whether there is such an index in such a bucket."""
        return index in self.buckets.get(bucket, {})

    def index(self, bucket: str, index: str) -> OracleIndex:
        """An index that is there."""
        return self.buckets[bucket][index]


def distance(metric: str, a: Sequence[float], b: Sequence[float]) -> float:
    """1 - cosine similarity, or the squared euclidean distance."""
    if metric == "euclidean":
        return math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return 1 - dot / math.hypot(*a) / math.hypot(*b)


def is_close(metric: str, measured: float, expected: float, *, size: float = 1.0) -> bool:
    """Whether *measured* is *expected* within float32.

    *size* is the sum of both squared norms under euclidean, and no matter under cosine.
    """
    scale = size if metric == "euclidean" else 1.0
    return abs(measured - expected) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * scale


def matches(metadata: Metadata, condition: Filter) -> bool:
    """Whether a record with *metadata* passes *condition*, a valid filter: an object of exactly one key."""
    ((name, operand),) = condition.items()
    if name == "$and":
        return all(matches(metadata, branch) for branch in operand)
    if name == "$or":
        return any(matches(metadata, branch) for branch in operand)
    operators = operand if isinstance(operand, Mapping) else {"$eq": operand}
    return all(_holds(metadata, name, operator, value) for operator, value in operators.items())


def _holds(metadata: Metadata, name: str, operator: str, operand: Any) -> bool:
    stored = metadata.get(name)
    if operator == "$exists":
        return (name in metadata) is operand
    if operator == "$startsWith":
        return isinstance(stored, str) and stored.startswith(operand)
    if operator in {"$eq", "$ne", "$in", "$nin"}:
        operands = operand if operator in {"$in", "$nin"} else [operand]
        elements = stored if isinstance(stored, list) else [] if stored is None else [stored]
        is_equal = any(_same(element, each) for element in elements for each in operands)
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


def _same(a: Any, b: Any) -> bool:
    # In Python True == 1; in JSON they are of different kinds.
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    both_text = isinstance(a, str) and isinstance(b, str)
    both_numbers = isinstance(a, int | float) and isinstance(b, int | float)
    return (both_text or both_numbers) and bool(a == b)
