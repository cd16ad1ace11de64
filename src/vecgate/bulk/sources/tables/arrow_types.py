"""Maps Arrow types to the kinds of columns."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.types as pt

from vecgate.bulk.sources.column_mapping import FLOAT32_MEMBER, ColumnKind, Layout, MetadataPick
from vecgate.bulk.sources.plain_values import Conversion
from vecgate.errors import SourceError

# The type stubs of pyarrow are stricter than needed here.
Array: TypeAlias = Any
ArrowType: TypeAlias = Any
Batch: TypeAlias = Any
Schema: TypeAlias = Any

#: The largest vector has 4,096 values, and a record 50 metadata.
COLUMNS_MAX = 10_000
_BYTES_TESTS = (pt.is_binary, pt.is_large_binary, pt.is_binary_view, pt.is_fixed_size_binary)
_NUMPY_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}


def check_column_count(name: str, count: int) -> None:
    """Raise SourceError if a table has more columns than can be vectors and metadata."""
    if count > COLUMNS_MAX:
        raise SourceError(
            f"{name} has {count:,} columns, more than {COLUMNS_MAX:,}",
            hint="Write each vector as one list of numbers, or only the columns of the records.",
        )


def column_kinds(name: str, schema: Schema) -> dict[str, ColumnKind]:
    """Return the kinds of the columns of an Arrow schema. Raises SourceError if two columns share a name, or
    they are too many.
    """
    check_column_count(name, sum(map(_leaves, schema)))
    if len(set(schema.names)) < len(schema.names):
        raise SourceError(f"{name} has several columns of one name, among {', '.join(schema.names)}")
    return {
        field.name: ColumnKind.UUID if _is_uuid(field.type) else column_kind(storage_type(field.type))
        for field in schema
    }


def _is_uuid(arrow_type: ArrowType) -> bool:
    found = arrow_type.value_type if pt.is_dictionary(arrow_type) else arrow_type
    return isinstance(found, pa.UuidType)


def _leaves(field: Any) -> int:  # noqa: ANN401 - pyarrow ships no types
    """Return the number of columns that a field has. Raises UnicodeDecodeError for a damaged name."""
    assert isinstance(field.name, str)
    stored = storage_type(field.type)
    return sum(_leaves(stored.field(i)) for i in range(stored.num_fields)) or 1


def vector_type(arrow_type: ArrowType) -> tuple[int | None, str]:
    """Return the dimension, if the type fixes it, and the type of a value."""
    if pt.is_null(storage_type(arrow_type)):
        return None, "null"
    of_list = _vector_list_type(arrow_type)
    size = of_list.list_size if pt.is_fixed_size_list(of_list) else None
    value_type = str(of_list.value_type)
    return size, _NUMPY_NAMES.get(value_type, value_type)


def describe_conversions(schema: Schema, layout: Layout) -> tuple[str, ...]:
    """Return which metadata columns are converted to another type, and to which."""
    types = {name: schema.field(name).type for name in layout.flat}
    for pick in layout.picks:
        types |= _picked_types(schema.field(pick.column).type, pick)
    if layout.objects is not None:
        types |= _member_types(schema.field(layout.objects).type)
    return layout.shape.describe_conversions({name: _conversion(found) for name, found in types.items()})


def has_entry(schema: Schema, pick: MetadataPick) -> bool:
    """Return True if the type of the column has the entry of *pick*. A map does not name its entries."""
    found = schema.field(pick.column).type
    for name in pick.path:
        if pt.is_map(storage_type(found)):
            return True
        members = _member_types(found)
        if name not in members:
            return False
        found = members[name]
    return True


def _picked_types(arrow_type: ArrowType, pick: MetadataPick) -> dict[str, ArrowType]:
    for name in pick.path:
        arrow_type = _member_types(arrow_type).get(name, pa.null())
    return {pick.name: arrow_type} if pick.name else _member_types(arrow_type)


def _member_types(arrow_type: ArrowType) -> dict[str, ArrowType]:
    stored = storage_type(arrow_type)
    return {field.name: field.type for field in stored} if pt.is_struct(stored) else {}


def _conversion(arrow_type: ArrowType) -> Conversion | None:
    stored = arrow_type if isinstance(arrow_type, pa.UuidType) else storage_type(arrow_type)
    if isinstance(stored, pa.UuidType):
        return Conversion.UUID
    if is_list(stored):
        return _conversion(stored.value_type)
    tests = (
        ((pt.is_timestamp, pt.is_date), Conversion.TIMESTAMP),
        ((pt.is_time,), Conversion.CLOCK),
        ((pt.is_duration,), Conversion.DURATION),
        ((pt.is_decimal,), Conversion.DECIMAL),
        (_BYTES_TESTS, Conversion.BYTES),
        ((pt.is_null,), Conversion.NULL),
        ((pt.is_struct, pt.is_map), Conversion.OBJECT),
    )
    return next((found for kinds, found in tests if any(is_kind(stored) for is_kind in kinds)), None)


def readable_type(arrow_type: ArrowType) -> ArrowType:
    """Return the type as which to read *arrow_type*, so that Python can represent each value."""
    stored: ArrowType = arrow_type if isinstance(arrow_type, pa.UuidType) else storage_type(arrow_type)
    # A cast of list views loses values (pyarrow 26), so list views keep their type.
    if is_list(stored) and not _is_view(stored):
        return pa.list_(readable_type(stored.value_type))
    if pt.is_struct(stored):
        return pa.struct([(field.name, readable_type(field.type)) for field in stored])
    if pt.is_map(stored):
        return pa.map_(readable_type(stored.key_type), readable_type(stored.item_type))
    return _readable_scalar_type(stored)


def _readable_scalar_type(arrow_type: ArrowType) -> ArrowType:
    if pt.is_timestamp(arrow_type):
        return pa.timestamp("us", arrow_type.tz)
    if pt.is_float16(arrow_type) or pt.is_decimal(arrow_type):
        return pa.float64()
    # pyarrow has few casts from and to views.
    views = ((pt.is_string_view, pa.string()), (pt.is_binary_view, pa.binary()))
    if target := next((target for test, target in views if test(arrow_type)), None):
        return target
    # Python does not support nanoseconds.
    in_microseconds = ((pt.is_time64, pa.time64("us")), (pt.is_duration, pa.duration("us")))
    return next((target for test, target in in_microseconds if test(arrow_type)), arrow_type)


def column_kind(arrow_type: ArrowType) -> ColumnKind:
    """Return the kind of a column whose `storage_type` is *arrow_type*."""
    if _is_text(arrow_type):
        return ColumnKind.TEXT
    if pt.is_integer(arrow_type):
        return ColumnKind.INTEGER
    if any(test(arrow_type) for test in _BYTES_TESTS):
        return ColumnKind.BYTES
    if is_list(_list_type(arrow_type)):
        return _list_kind(_list_type(arrow_type).value_type)
    if pt.is_struct(arrow_type) or pt.is_map(arrow_type):
        return ColumnKind.OBJECT
    return ColumnKind.EMPTY if pt.is_null(arrow_type) else ColumnKind.OTHER


def _list_kind(value_type: ArrowType) -> ColumnKind:
    if pt.is_integer(value_type):
        return ColumnKind.INTEGERS
    if _is_number(value_type):
        return ColumnKind.VECTOR
    # Every list of a list of nulls is empty, or has nulls for numbers.
    return ColumnKind.EMPTY if pt.is_null(value_type) else ColumnKind.LIST


def storage_type(arrow_type: ArrowType) -> ArrowType:
    """Return the type below extensions and dictionaries."""
    if isinstance(arrow_type, pa.Bool8Type):
        return pa.bool_()
    if isinstance(arrow_type, pa.BaseExtensionType):
        return storage_type(arrow_type.storage_type)
    return storage_type(arrow_type.value_type) if pt.is_dictionary(arrow_type) else arrow_type


def _list_type(arrow_type: ArrowType) -> ArrowType:
    """Return the type of the lists: of the column, or of the only member of `{"float32": [...]}`."""
    stored: ArrowType = storage_type(arrow_type)
    if pt.is_struct(stored) and stored.num_fields == 1 and stored[0].name == FLOAT32_MEMBER:
        return stored[0].type
    return stored


def holds_vectors(arrow_type: ArrowType) -> bool:
    """Return True for lists of numbers, also if each is the only row of a matrix."""
    return _list_kind(_vector_list_type(arrow_type).value_type) is not ColumnKind.LIST


def _vector_list_type(arrow_type: ArrowType) -> ArrowType:
    lists = _list_type(arrow_type)
    return lists.value_type if is_list(lists.value_type) else lists


def _is_view(arrow_type: ArrowType) -> bool:
    return bool(pt.is_list_view(arrow_type) or pt.is_large_list_view(arrow_type))


def is_list(arrow_type: ArrowType) -> bool:
    """Return True for a list of any layout."""
    tests = (pt.is_list, pt.is_large_list, pt.is_fixed_size_list, _is_view)
    return any(test(arrow_type) for test in tests)


def _is_text(arrow_type: ArrowType) -> bool:
    return bool(pt.is_string(arrow_type) or pt.is_large_string(arrow_type) or pt.is_string_view(arrow_type))


def is_numeric(arrow_type: ArrowType) -> bool:
    """Return True for numbers and booleans."""
    stored = storage_type(arrow_type)
    return _is_number(stored) or bool(pt.is_boolean(stored))


def _is_number(arrow_type: ArrowType) -> bool:
    return bool(pt.is_integer(arrow_type) or pt.is_floating(arrow_type) or pt.is_decimal(arrow_type))
