"""Python objects as records: what a line of JSON holds, and what an iterable gives.

Each record is turned into its row as soon as it is read, so that no more than one vector is ever a list of
Python floats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
import numpy.typing as npt
import orjson

from vecgate.bulk.records import Block, Reject
from vecgate.bulk.sources.assembly import KEY_MISSING, VECTOR_MISSING
from vecgate.bulk.sources.columns import METADATA_NAMES, SERVICE_MEMBER, SET_ASIDE_NAMES, Kind, Layout
from vecgate.bulk.sources.plain import is_absent, plain
from vecgate.bulk.sources.source import FLOAT32_BYTES, rows_within
from vecgate.bulk.validation import length_problem
from vecgate.s3vectors.metadata import Metadata

Float32Vector: TypeAlias = npt.NDArray[np.float32]

NOT_AN_OBJECT = "Metadata must be an object"

_NUMBERS = frozenset({int, float})
_INTEGER = (int, np.integer, UUID)
_REAL = (int, float, Decimal, np.integer, np.floating)
_JSON_NAMES = {str: "a string", bool: "a boolean", type(None): "null", list: "an array", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands where a record could not be read at all."""

    problem: str


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One record that can become a row of a block."""

    position: int
    key: str
    vector: Float32Vector
    metadata: Metadata | None


def kinds_of(records: Iterable[object]) -> dict[str, Kind]:
    """What the fields of sample *records* hold; a field counts as what it first holds that is not null,
    except that a vector outdoes a list.
    """
    kinds: dict[str, Kind] = {}
    for record in records:
        for name, value in record.items() if isinstance(record, Mapping) else ():
            known, kind = kinds.get(str(name), Kind.EMPTY), _kind(value)
            is_better = known is Kind.EMPTY or (known is Kind.LIST and kind is Kind.VECTOR)
            kinds[str(name)] = kind if is_better else known
    return kinds


def first_length(records: Iterable[object], layout: Layout) -> int | None:
    """The length of the first usable vector."""
    for record in records:
        if isinstance(record, Mapping) and layout.vector is not None:
            vector = _vector(_values(record.get(layout.vector)))
            if not isinstance(vector, str) and len(vector):
                return len(vector)
    return None


def blocks_of(
    records: Iterator[object], layout: Layout, *, dimension: int | None, rows: int, first: int
) -> Iterator[Block]:
    """*records* in blocks; where *dimension* is None the first usable vector says how long the others are."""
    read = rows_of(records, layout, dimension, first)
    width = 0 if layout.vector is None else dimension or 0
    while chunk := list(islice(read, rows_within(rows, width * FLOAT32_BYTES))):
        width = width or next((len(row.vector) for row in chunk if isinstance(row, Row)), 0)
        yield _block(chunk, width)


def rows_of(
    records: Iterable[object], layout: Layout, dimension: int | None, first: int
) -> Iterator[Row | Reject]:
    """Each of *records* as a row or a reject, positions from *first*."""
    for position, record in enumerate(records, first):
        row = _row(record, position, layout, dimension)
        if dimension is None and isinstance(row, Row) and layout.vector is not None:
            dimension = len(row.vector)
        yield row


def metadata_from_text(texts: Sequence[str | None]) -> tuple[list[Metadata | None], dict[int, str]]:
    """Metadata kept as JSON text, and by row why a text is none."""
    objects: list[Metadata | None] = []
    problems = {}
    for row, text in enumerate(texts):
        value, problem = _object_from_text(text)
        objects.append(value)
        if problem:
            problems[row] = problem
    return objects, problems


def _block(chunk: Sequence[Row | Reject], width: int) -> Block:
    rows = [row for row in chunk if isinstance(row, Row)]
    return Block(
        np.array([row.position for row in rows], dtype=np.int64),
        [row.key for row in rows],
        np.stack([row.vector for row in rows]) if rows else np.empty((0, width), dtype=np.float32),
        [row.metadata for row in rows],
        tuple(reject for reject in chunk if isinstance(reject, Reject)),
    )


def _row(record: object, position: int, layout: Layout, dimension: int | None) -> Row | Reject:
    if not isinstance(record, Mapping):
        problem = record.problem if isinstance(record, Unreadable) else "record is not an object"
        return Reject(position, "", problem)
    key, problem = _key(record, position, layout)
    values = _values(record.get(layout.vector)) if layout.vector is not None else None
    metadata, metadata_problem = _metadata(record, layout)
    vector = np.empty(0, dtype=np.float32) if layout.vector is None else _vector(values)
    if isinstance(vector, str):
        problem = problem or vector
    elif layout.vector is not None and (not len(vector) or len(vector) != (dimension or len(vector))):
        problem = problem or length_problem(dimension or 1, len(vector))
    problem = problem or metadata_problem
    if problem or isinstance(vector, str):
        return Reject(position, key, problem, _as_read(values), metadata)
    return Row(position, key, vector, metadata)


def _key(record: Mapping[str, Any], position: int, layout: Layout) -> tuple[str, str]:
    """The key and, where it is none, why."""
    if layout.key is None:
        return f"{layout.key_prefix}{position}", ""
    value = record.get(layout.key)
    if isinstance(value, str):
        return layout.key_prefix + value, ""
    if isinstance(value, _INTEGER) and not isinstance(value, bool):
        return f"{layout.key_prefix}{value}", ""
    if value is None:
        return "", KEY_MISSING
    return "", f"key must be a string, but is {_type_words(value)}"


def _values(value: object) -> object:
    """The list of numbers, of the service's own `{"float32": [...]}` too."""
    return value.get(SERVICE_MEMBER) if isinstance(value, Mapping) else value


def _vector(values: object) -> Float32Vector | str:
    """*values* as float32, or why they are no vector."""
    if values is None:
        return VECTOR_MISSING
    if isinstance(values, np.ndarray):
        return _vector_of_array(values)
    if not isinstance(values, list | tuple):
        return f"vector must be an array of numbers, but is {_type_words(values)}"
    if not set(map(type, values)) <= _NUMBERS and (problem := _element_problem(values)):
        return problem
    # Beyond float32 means infinity, which validation names.
    with np.errstate(over="ignore"):
        try:
            return np.array(values, dtype=np.float32)
        except OverflowError:
            return np.array([_bounded(value) for value in values], dtype=np.float32)


def _vector_of_array(values: npt.NDArray[Any]) -> Float32Vector | str:
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        return f"vector must be an array of numbers, but is one of {values.ndim} axes and type {values.dtype}"
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def _element_problem(values: Sequence[object]) -> str:
    for i, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, _REAL):
            return f"vector must hold numbers only, but element {i} is {_type_words(value)}"
    return ""


def _bounded(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _metadata(record: Mapping[str, Any], layout: Layout) -> tuple[Any, str]:
    """The metadata or, where it is none, what stands in its place and why."""
    if layout.is_chosen and layout.objects is None:
        return _flat({name: record.get(name) for name in layout.flat}), ""
    name = layout.objects or METADATA_NAMES[0]
    value = record.get(name)
    if layout.objects is None and not isinstance(value, Mapping):
        used = {layout.key, layout.vector} | (SET_ASIDE_NAMES if record.keys() >= SET_ASIDE_NAMES else set())
        return _flat({name: value for name, value in record.items() if name not in used}), ""
    if isinstance(value, str):
        metadata, problem = _object_from_text(value)
        return (value if problem else metadata), problem
    if value is not None and not isinstance(value, Mapping):
        return plain(value), NOT_AN_OBJECT
    return (None if value is None else {str(k): plain(v) for k, v in value.items()}), ""


def _flat(entries: Mapping[str, object]) -> Metadata | None:
    return {name: plain(value) for name, value in entries.items() if not is_absent(value)} or None


def _object_from_text(text: str | None) -> tuple[Metadata | None, str]:
    if not text:
        return None, ""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, "metadata is text that is not JSON"
    return (value, "") if isinstance(value, dict) else (None, NOT_AN_OBJECT)


def _as_read(values: object) -> Sequence[object] | None:
    if isinstance(values, np.ndarray):
        return list(values.tolist()) if values.ndim else None
    return values if isinstance(values, list | tuple) else None


def _kind(value: object) -> Kind:
    if isinstance(value, np.ndarray | list | tuple):
        vector = _vector(value)
        return Kind.LIST if isinstance(vector, str) or not len(vector) else Kind.VECTOR
    if isinstance(value, Mapping):
        return Kind.VECTOR if value.keys() == {SERVICE_MEMBER} else Kind.OBJECT
    kinds = ((type(None), Kind.EMPTY), (str, Kind.TEXT), (bool, Kind.OTHER), (_INTEGER, Kind.INTEGER))
    return next((kind for types, kind in kinds if isinstance(value, types)), Kind.OTHER)


def _type_words(value: object) -> str:
    return _JSON_NAMES.get(type(value), f"a {type(value).__name__}")
