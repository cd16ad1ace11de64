"""Python objects as records, from lines of JSON or from an iterable.

Each record is converted to its row as soon as it is read, so that at most one vector at a time is a list of
Python floats.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias, TypeVar, cast
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

from vecgate.bulk.core.record_blocks import Block, RejectedRecord, pack_float32
from vecgate.bulk.core.record_validation import length_problem
from vecgate.bulk.sources.column_mapping import (
    FLOAT32_MEMBER,
    METADATA_NAMES,
    NUMBER_LISTS,
    RAW_COLUMN,
    REJECT_COLUMNS,
    ColumnKind,
    Layout,
    MetadataPick,
    check_entries,
)
from vecgate.bulk.sources.documents.field_paths import field_value, is_below, parse_path, root_of, without
from vecgate.bulk.sources.documents.text_lines import ByteCount
from vecgate.bulk.sources.documents.vector_text import parse_vector_text
from vecgate.bulk.sources.in_memory.arrays import as_array, held, is_array
from vecgate.bulk.sources.plain_values import Conversion, MetadataShape, conversion_of
from vecgate.bulk.sources.remote_files import RemoteFile
from vecgate.bulk.sources.source import FLOAT32_BYTES, FileSource, FileState, block_rows
from vecgate.bulk.sources.table_slice import KEY_MISSING, VECTOR_MISSING
from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB
from vecgate.s3vectors.metadata import Metadata, describe_value

Float32Vector: TypeAlias = npt.NDArray[np.float32]
T = TypeVar("T")

#: Records that are read to recognise the fields, and the most if some of their fields are null.
SAMPLE_RECORDS = 10
SAMPLE_RECORDS_MAX = 1_000
#: The text of the records that are held at once; one more is read.
TEXT_BYTES_MAX = 16 * MIB
#: More names in a sample are data, not fields.
FIELDS_MAX = 10_000
#: Kinds that replace the kind of the values before.
_BETTER_KINDS = {
    ColumnKind.EMPTY: frozenset(ColumnKind),
    ColumnKind.LIST: NUMBER_LISTS,
    ColumnKind.INTEGERS: frozenset({ColumnKind.VECTOR}),
}
NOT_AN_OBJECT = "Metadata must be an object"
MATRIX_AXES = 2

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
    count    counts the text that the readings use; None if it is in memory already
    check_whole  raises SourceError if a reading of so many records was not of all
    """

    name: str
    total: int | None
    fingerprint: str
    dimension: int | None
    layout: Layout
    records: Callable[[], Iterator[object]]
    is_repeatable: bool
    is_identified: bool
    conversions: tuple[str, ...] = ()
    files: tuple[FileState | RemoteFile, ...] = ()
    count: ByteCount | None = None
    check_whole: Callable[[int], None] | None = None

    def describe(self) -> str:
        """Return one line that says how each field is used."""
        return self.layout.describe(self.dimension, "number")

    def _check_end(self, count: int) -> None:
        """Raise SourceError if the input says itself that it has more than *count* records."""
        super(ObjectSource, self)._check_end(count)
        if self.check_whole is not None:
            self.check_whole(count)

    def _read_blocks(self, dimension: int | None, rows: int, first: int) -> Generator[Block]:
        """Yield the records in blocks, reading them as needed.

        Without a *dimension* the first usable vector decides how long the others must be.
        """
        dimension = dimension or self.dimension
        read = _rows(self.records(), self.layout, dimension, first)
        width = 0 if self.layout.vector is None else dimension or 0
        while chunk := _draw(read, block_rows(rows, width * FLOAT32_BYTES), self.count, TEXT_BYTES_MAX):
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


def draw_sample(records: Iterator[object], count: ByteCount | None = None) -> list[object]:
    """Return the first of *records*: enough to recognise the fields, more while a field is always null.

    Their text, of which *count* has the bytes, is bounded by TEXT_BYTES_MAX.
    """
    before = count.value if count else 0
    sample = _draw(records, SAMPLE_RECORDS, count, TEXT_BYTES_MAX)
    while len(sample) < SAMPLE_RECORDS_MAX and ColumnKind.EMPTY in (kinds := field_kinds(sample)).values():
        if len(kinds) > FIELDS_MAX:
            break
        bytes_left = TEXT_BYTES_MAX - (count.value - before if count else 0)
        more = _draw(records, min(len(sample), SAMPLE_RECORDS_MAX - len(sample)), count, bytes_left)
        sample += more
        if not more:
            break
    return sample


def _draw(records: Iterator[T], number: int, count: ByteCount | None, bytes_max: int) -> list[T]:
    """Return the next *number* of *records*, or fewer with *bytes_max* of text."""
    if count is None:
        return list(islice(records, number))
    drawn: list[T] = []
    before = count.value
    for record in islice(records, number if bytes_max > 0 else 0):
        drawn.append(record)
        if count.value - before >= bytes_max:
            break
    return drawn


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


def usable_vectors(records: Iterable[object], layout: Layout) -> Iterator[Float32Vector]:
    """Yield the vectors of *records*, without those that are not usable."""
    for record in records:
        if isinstance(record, Mapping) and layout.vector is not None:
            vector = _vector(_values(field_value(record, layout.vector)))
            if not isinstance(vector, str) and len(vector):
                yield vector


def first_length(records: Iterable[object], layout: Layout) -> int | None:
    """Return the length of the first usable vector."""
    return next(map(len, usable_vectors(records, layout)), None)


def check_sampled_entries(name: str, sample: Iterable[object], layout: Layout) -> None:
    """Raise SourceError if no record of the *sample* has an entry that the user chose."""
    records = [record for record in sample if isinstance(record, Mapping)]
    check_entries(name, layout, lambda pick: any(_has_entry(record, pick) for record in records))


def _has_entry(record: Mapping[str, Any], pick: MetadataPick) -> bool:
    value: object = record.get(pick.column)
    for step in pick.path:
        if not isinstance(value, Mapping) or step not in value:
            return False
        value = value[step]
    return True


def sample_conversions(sample: Iterable[object], layout: Layout) -> tuple[str, ...]:
    """Return which metadata of the *sample* are converted, and to which type."""
    found: dict[str, Conversion | None] = {}
    for record in sample:
        metadata = _metadata_source(record, layout) if isinstance(record, Mapping) else {}
        for name, value in metadata.items():
            found[str(name)] = found.get(str(name)) or conversion_of(value)
    return layout.shape.describe_conversions(found)


def _metadata_source(record: Mapping[str, Any], layout: Layout) -> Mapping[str, object]:
    if layout.is_chosen and layout.objects is None:
        return picked_entries({name: record.get(name) for name in layout.flat}, record, layout)[0]
    value = record.get(layout.objects or METADATA_NAMES[0])
    used = {layout.key, layout.vector, *layout.others}
    others = {name: entry for name, entry in record.items() if name not in used}
    return value if isinstance(value, Mapping) else {} if layout.objects else others


def metadata_from_text(
    texts: Sequence[str | None], shape: MetadataShape
) -> tuple[list[Metadata | None], dict[int, str]]:
    """Parse metadata from JSON text. Return the objects, and by row why a text is not one."""
    objects: list[Metadata | None] = []
    problems = {}
    for row, text in enumerate(texts):
        value, problem = _object_from_text(text, shape)
        objects.append(value)
        if problem:
            problems[row] = problem
    return objects, problems


def _rows(
    records: Iterable[object], layout: Layout, dimension: int | None, first: int
) -> Iterator[RecordRow | RejectedRecord]:
    """Yield each of *records* as a row or a reject, with positions from *first*."""
    known = _known_fields(layout)
    for position, record in enumerate(records, first):
        row = _row(record, position, layout, dimension, known)
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


def _known_fields(layout: Layout) -> frozenset[str]:
    """Return the fields that are in use, or of which the layout says that they are not."""
    paths = [path for path in (layout.key, layout.vector, layout.objects) if path is not None]
    return frozenset({*paths, *map(root_of, paths), *layout.others})


def _row(
    record: object, position: int, layout: Layout, dimension: int | None, known: frozenset[str]
) -> RecordRow | RejectedRecord:
    if not isinstance(record, Mapping):
        return _unreadable(record, position, layout)
    key, problem = _key(record, position, layout)
    values = _values(field_value(record, layout.vector)) if layout.vector is not None else None
    metadata, metadata_problem = (None, "") if layout.vector is None else _metadata(record, layout, known)
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
    value = field_value(record, layout.key)
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
    if is_array(values):
        return _vector_of_array(values)
    values = parse_vector_text(values) if isinstance(values, str) else _only_row(values)
    if isinstance(values, str):
        return values
    if not isinstance(values, list | tuple):
        return f"vector must be an array of numbers, but is {_describe_type(values)}"
    vector = _plain_numbers(values)
    return vector if vector is not None else _element_problem(values) or _float32(values)


def _only_row(values: object) -> object:
    """Return the row of a matrix of one row, as datasets store fixed shapes."""
    is_matrix = isinstance(values, list | tuple) and len(values) == 1 and isinstance(values[0], list | tuple)
    return values[0] if is_matrix else values  # type: ignore[index] # checked before


def _plain_numbers(values: Sequence[Any]) -> Float32Vector | None:
    """Return *values* as float32; None if one of them is not a plain number, or is too large for one."""
    try:
        numbers = msgspec.convert(values, list[float])
    except msgspec.ValidationError:
        return None
    return np.frombuffer(pack_float32(numbers), np.float32)


def _float32(values: Sequence[Any]) -> Float32Vector:
    # A number beyond float32 becomes infinity, which validation rejects.
    with np.errstate(over="ignore"):
        try:
            return np.array(values, dtype=np.float32)
        except OverflowError:
            return np.array([_bounded(value) for value in values], dtype=np.float32)


def _vector_of_array(array: object) -> Float32Vector | str:
    try:
        values = as_array(array)
    except ValueError as error:
        return f"vector cannot be read: {error}"
    values = values[0] if values.ndim == MATRIX_AXES and len(values) == 1 else values
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        return f"vector must be an array of numbers, but is one of {values.ndim} axes and type {values.dtype}"
    with np.errstate(over="ignore"):
        # A copy, because its producer may use the array again before the block is full.
        return np.array(values, dtype=np.float32)


def _element_problem(values: Sequence[object]) -> str:
    if set(map(type, values)) <= _NUMBERS:
        return ""
    for i, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, _REAL):
            return f"vector must hold numbers only, but element {i} is {_describe_type(value)}"
    return ""


def _bounded(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _metadata(record: Mapping[str, Any], layout: Layout, known: frozenset[str]) -> tuple[Any, str]:
    """Return the metadata and an empty text, or the value as read and why it is not metadata."""
    if layout.is_chosen and layout.objects is None:
        entries = {name: record[name] for name in layout.flat if name in record}
        picked, problem = picked_entries(entries, record, layout)
        return (layout.shape.to_plain(picked), problem) if problem else _flat(picked, layout.shape)
    name = layout.objects or METADATA_NAMES[0]
    value = record.get(name)
    if layout.vector is not None and is_below(layout.vector, name):
        value = without(value, parse_path(layout.vector)[len(parse_path(name)) :])
    others = {} if known.issuperset(record) else _other_fields(record, known)
    if layout.objects is None and not isinstance(value, Mapping):
        return _flat(others, layout.shape)
    beside = [other for other, entry in others.items() if other != name and entry is not None]
    if beside and not layout.is_chosen:
        problem = f'metadata is in "{name}", but the record also has "{beside[0]}"'
        return layout.shape.to_plain({**others, name: value}), problem
    if isinstance(value, str):
        metadata, problem = _object_from_text(value, layout.shape)
        return (value if problem else metadata), problem
    if value is not None and not isinstance(value, Mapping):
        return layout.shape.to_plain(value), NOT_AN_OBJECT
    return (None, "") if value is None else layout.shape.build(value)


def _other_fields(record: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    is_reject = record.keys() >= REJECT_COLUMNS
    ignored = known | {*REJECT_COLUMNS, RAW_COLUMN} if is_reject else known
    return {name: value for name, value in record.items() if str(name) not in ignored}


def picked_entries(
    entries: Mapping[str, object], record: Mapping[str, Any], layout: Layout
) -> tuple[dict[str, object], str]:
    """Return *entries* with those that the layout picks from *record*, and an empty text or why they are no
    metadata.
    """
    found = dict(entries)
    for pick in layout.picks:
        value: object = record.get(pick.column)
        for name in pick.path:
            value = value.get(name) if isinstance(value, Mapping) else None
        more = {pick.name: value} if pick.name else value
        if more is None:
            continue
        if not isinstance(more, Mapping):
            return found, f'{NOT_AN_OBJECT}: "{pick.column}" is {describe_value(layout.shape.to_plain(more))}'
        if repeated := found.keys() & more.keys():
            return found, f'metadata has "{min(repeated)}" twice, once from "{pick.column}"'
        found |= more
    return found, ""


def _flat(entries: Mapping[str, object], shape: MetadataShape) -> tuple[Metadata | None, str]:
    metadata, problem = shape.build(entries)
    return metadata or None, problem


def _object_from_text(text: str | None, shape: MetadataShape) -> tuple[Metadata | None, str]:
    if not text:
        return None, ""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, "metadata is text that is not JSON"
    return shape.build(value) if isinstance(value, dict) else (None, NOT_AN_OBJECT)


def _as_read(values: object) -> Sequence[object] | None:
    if not is_array(values):
        return cast("Sequence[object]", held(values)) if isinstance(values, list | tuple) else None
    try:
        array = as_array(values)
    except ValueError:
        return None
    return list(array.tolist()) if array.ndim else None


def _field_kind(value: object) -> ColumnKind:
    if is_array(value) or isinstance(value, list | tuple):
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


def _are_integers(values: Any) -> bool:  # noqa: ANN401 - a list or an array of any library
    if isinstance(values, list | tuple):
        return all(isinstance(value, int | np.integer) for value in values)
    return as_array(values).dtype.kind in "iu"


def _describe_type(value: object) -> str:
    return _JSON_NAMES.get(type(value), f"a {type(value).__name__}")
