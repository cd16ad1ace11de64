"""Python objects as records, from lines of JSON or from an iterable.

Each record is converted to its row as soon as it is read, so that at most one vector at a time is a list of
Python floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
import numpy.typing as npt
import orjson

from vecgate.bulk.core.record_blocks import Block, RejectedRecord
from vecgate.bulk.core.record_validation import length_problem
from vecgate.bulk.sources.column_mapping import (
    FLOAT32_MEMBER,
    METADATA_NAMES,
    NUMBER_LISTS,
    RAW_COLUMN,
    REJECT_COLUMNS,
    ColumnKind,
    Layout,
)
from vecgate.bulk.sources.plain_values import is_absent, to_plain
from vecgate.bulk.sources.source import FLOAT32_BYTES, ROWS_DEFAULT, FileSource, block_rows
from vecgate.bulk.sources.table_slice import KEY_MISSING, VECTOR_MISSING
from vecgate.errors import SourceError
from vecgate.s3vectors.metadata import Metadata

Float32Vector: TypeAlias = npt.NDArray[np.float32]

#: Records that are read to recognise the fields, and the most if some of their fields are null.
SAMPLE_RECORDS = 10
SAMPLE_RECORDS_MAX = 1_000
#: Kinds that replace the kind of the values before.
_BETTER_KINDS = {
    ColumnKind.EMPTY: frozenset(ColumnKind),
    ColumnKind.LIST: NUMBER_LISTS,
    ColumnKind.INTEGERS: frozenset({ColumnKind.VECTOR}),
}
NOT_AN_OBJECT = "Metadata must be an object"

_NUMBERS = frozenset({int, float})
_INTEGER = (int, np.integer, UUID)
_REAL = (int, float, Decimal, np.integer, np.floating)
_JSON_NAMES = {str: "a string", bool: "a boolean", type(None): "null", list: "an array", dict: "an object"}


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """Takes the place of a record that could not be read.

    raw      its text
    members  what was read nevertheless, to find its key
    """

    problem: str
    raw: str | None = None
    members: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RecordRow:
    """A record that can become a row of a block."""

    position: int
    key: str
    vector: Float32Vector
    metadata: Metadata | None


@dataclass(frozen=True, slots=True)
class ObjectSource(FileSource):
    """A source whose records are Python objects.

    records  starts a new reading of the input
    """

    name: str
    total: int | None
    fingerprint: str
    dimension: int | None
    layout: Layout
    records: Callable[[], Iterator[object]]
    is_repeatable: bool
    is_identified: bool

    def describe(self) -> str:
        """Return one line that says how each field is used."""
        return self.layout.describe(self.dimension, "number")

    def blocks(
        self, *, dimension: int | None = None, rows: int = ROWS_DEFAULT, first: int = 0
    ) -> Iterator[Block]:
        """Yield the records in blocks, reading them as needed.

        Without a *dimension* the first usable vector decides how long the others must be.
        """
        dimension = dimension or self.dimension
        read = _rows(self.records(), self.layout, dimension, first)
        width = 0 if self.layout.vector is None else dimension or 0
        while chunk := list(islice(read, block_rows(rows, width * FLOAT32_BYTES))):
            width = width or next((len(row.vector) for row in chunk if isinstance(row, RecordRow)), 0)
            yield _block(chunk, width)


def single_pass(name: str, records: Iterator[object]) -> Callable[[], Iterator[object]]:
    """Return a function that returns *records* the first time and raises SourceError after that."""
    unread = [records]

    def read() -> Iterator[object]:
        if not unread:
            raise SourceError(f"{name} was read already and cannot be read again")
        return unread.pop()

    return read


def draw_sample(records: Iterator[object]) -> list[object]:
    """Return the first of *records*: enough to recognise the fields, more while a field is always null."""
    sample = list(islice(records, SAMPLE_RECORDS))
    while len(sample) < SAMPLE_RECORDS_MAX and ColumnKind.EMPTY in field_kinds(sample).values():
        more = list(islice(records, min(len(sample), SAMPLE_RECORDS_MAX - len(sample))))
        sample += more
        if not more:
            break
    return sample


def field_kinds(records: Iterable[object]) -> dict[str, ColumnKind]:
    """Return the kind of each field of sample *records*.

    The first value that is not null decides, except that a vector takes precedence over a list, and a vector
    of any numbers over one of integers.
    """
    kinds: dict[str, ColumnKind] = {}
    for record in records:
        for name, value in record.items() if isinstance(record, Mapping) else ():
            known, kind = kinds.get(str(name), ColumnKind.EMPTY), _field_kind(value)
            kinds[str(name)] = kind if kind in _BETTER_KINDS.get(known, ()) else known
    return kinds


def first_length(records: Iterable[object], layout: Layout) -> int | None:
    """Return the length of the first usable vector."""
    for record in records:
        if isinstance(record, Mapping) and layout.vector is not None:
            vector = _vector(_values(record.get(layout.vector)))
            if not isinstance(vector, str) and len(vector):
                return len(vector)
    return None


def metadata_from_text(texts: Sequence[str | None]) -> tuple[list[Metadata | None], dict[int, str]]:
    """Parse metadata from JSON text. Return the objects, and by row why a text is not one."""
    objects: list[Metadata | None] = []
    problems = {}
    for row, text in enumerate(texts):
        value, problem = _object_from_text(text)
        objects.append(value)
        if problem:
            problems[row] = problem
    return objects, problems


def _rows(
    records: Iterable[object], layout: Layout, dimension: int | None, first: int
) -> Iterator[RecordRow | RejectedRecord]:
    """Yield each of *records* as a row or a reject, with positions from *first*."""
    for position, record in enumerate(records, first):
        row = _row(record, position, layout, dimension)
        if dimension is None and isinstance(row, RecordRow) and layout.vector is not None:
            dimension = len(row.vector)
        yield row


def _block(chunk: Sequence[RecordRow | RejectedRecord], width: int) -> Block:
    rows = [row for row in chunk if isinstance(row, RecordRow)]
    return Block(
        np.array([row.position for row in rows], dtype=np.int64),
        [row.key for row in rows],
        np.stack([row.vector for row in rows]) if rows else np.empty((0, width), dtype=np.float32),
        [row.metadata for row in rows],
        tuple(reject for reject in chunk if isinstance(reject, RejectedRecord)),
    )


def _row(record: object, position: int, layout: Layout, dimension: int | None) -> RecordRow | RejectedRecord:
    if not isinstance(record, Mapping):
        return _unreadable(record, position, layout)
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
        return RejectedRecord(position, key, problem, _as_read(values), metadata)
    return RecordRow(position, key, vector, metadata)


def _unreadable(record: object, position: int, layout: Layout) -> RejectedRecord:
    if not isinstance(record, UnreadableRecord):
        return RejectedRecord(position, "", "record is not an object")
    key = "" if record.members is None else _key(record.members, position, layout)[0]
    return RejectedRecord(position, key, record.problem, raw=record.raw)


def _key(record: Mapping[str, Any], position: int, layout: Layout) -> tuple[str, str]:
    """Return the key, or an empty one and why it is not usable."""
    if layout.key is None:
        return f"{layout.key_prefix}{position}", ""
    value = record.get(layout.key)
    if isinstance(value, str):
        return layout.key_prefix + value, ""
    if isinstance(value, _INTEGER) and not isinstance(value, bool):
        return f"{layout.key_prefix}{value}", ""
    if value is None:
        return "", KEY_MISSING
    return "", f"key must be a string, but is {_describe_type(value)}"


def _values(value: object) -> object:
    """Return the list of numbers, also from the service's own form `{"float32": [...]}`."""
    return value.get(FLOAT32_MEMBER) if isinstance(value, Mapping) else value


def _vector(values: object) -> Float32Vector | str:
    """Return *values* as float32, or why they are not a vector."""
    if values is None:
        return VECTOR_MISSING
    if isinstance(values, np.ndarray):
        return _vector_of_array(values)
    if not isinstance(values, list | tuple):
        return f"vector must be an array of numbers, but is {_describe_type(values)}"
    if not set(map(type, values)) <= _NUMBERS and (problem := _element_problem(values)):
        return problem
    # A number beyond float32 becomes infinity, which validation rejects.
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
            return f"vector must hold numbers only, but element {i} is {_describe_type(value)}"
    return ""


def _bounded(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _metadata(record: Mapping[str, Any], layout: Layout) -> tuple[Any, str]:
    """Return the metadata and an empty text, or the value as read and why it is not metadata."""
    if layout.is_chosen and layout.objects is None:
        return _flat({name: record.get(name) for name in layout.flat}), ""
    name = layout.objects or METADATA_NAMES[0]
    value = record.get(name)
    if layout.objects is None and not isinstance(value, Mapping):
        used = {layout.key, layout.vector, *layout.others}
        used |= {*REJECT_COLUMNS, RAW_COLUMN} if record.keys() >= REJECT_COLUMNS else set()
        return _flat({name: value for name, value in record.items() if name not in used}), ""
    if isinstance(value, str):
        metadata, problem = _object_from_text(value)
        return (value if problem else metadata), problem
    if value is not None and not isinstance(value, Mapping):
        return to_plain(value), NOT_AN_OBJECT
    return (None if value is None else _plain_object(value)), ""


def _flat(entries: Mapping[str, object]) -> Metadata | None:
    return {name: to_plain(value) for name, value in entries.items() if not is_absent(value)} or None


def _object_from_text(text: str | None) -> tuple[Metadata | None, str]:
    if not text:
        return None, ""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, "metadata is text that is not JSON"
    return (_plain_object(value), "") if isinstance(value, dict) else (None, NOT_AN_OBJECT)


def _plain_object(value: Mapping[str, object]) -> Metadata:
    return {str(name): to_plain(entry) for name, entry in value.items()}


def _as_read(values: object) -> Sequence[object] | None:
    if isinstance(values, np.ndarray):
        return list(values.tolist()) if values.ndim else None
    return values if isinstance(values, list | tuple) else None


def _field_kind(value: object) -> ColumnKind:
    if isinstance(value, np.ndarray | list | tuple):
        vector = _vector(value)
        if isinstance(vector, str) or not len(vector):
            return ColumnKind.LIST
        return ColumnKind.INTEGERS if _are_integers(value) else ColumnKind.VECTOR
    if isinstance(value, Mapping):
        return ColumnKind.VECTOR if value.keys() == {FLOAT32_MEMBER} else ColumnKind.OBJECT
    kinds = (
        (type(None), ColumnKind.EMPTY),
        (str, ColumnKind.TEXT),
        (bool, ColumnKind.OTHER),
        (_INTEGER, ColumnKind.INTEGER),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), ColumnKind.OTHER)


def _are_integers(values: npt.NDArray[Any] | Sequence[object]) -> bool:
    if isinstance(values, np.ndarray):
        return values.dtype.kind in "iu"
    return all(isinstance(value, int | np.integer) for value in values)


def _describe_type(value: object) -> str:
    return _JSON_NAMES.get(type(value), f"a {type(value).__name__}")
