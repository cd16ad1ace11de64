"""Arrow's types, and what they mean here."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.types as pt

from vecgate.bulk.sources.columns import SERVICE_MEMBER, Kind
from vecgate.errors import SourceError

# pyarrow's own types say more than is needed here.
Array: TypeAlias = Any
ArrowType: TypeAlias = Any
Batch: TypeAlias = Any
Schema: TypeAlias = Any

_NUMPY_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}


def kinds_of(name: str, schema: Schema) -> dict[str, Kind]:
    """What the columns of an Arrow schema hold. Raises SourceError where two columns share a name."""
    if len(set(schema.names)) < len(schema.names):
        raise SourceError(f"{name} has several columns of one name, among {', '.join(schema.names)}")
    return {field.name: kind(storage(field.type)) for field in schema}


def vector_type(arrow_type: ArrowType) -> tuple[int | None, str]:
    """Dimension, where the type fixes it, and the type of a value."""
    of_list = _list_type(arrow_type)
    size = of_list.list_size if pt.is_fixed_size_list(of_list) else None
    value_type = str(of_list.value_type)
    return size, _NUMPY_NAMES.get(value_type, value_type)


def plain_type(arrow_type: ArrowType) -> ArrowType:
    """The type to read *arrow_type* as, so that each value is one that Python has."""
    stored: ArrowType = arrow_type if isinstance(arrow_type, pa.UuidType) else storage(arrow_type)
    # A cast of list views loses values (pyarrow 26), so they stay what they are.
    if _is_list(stored) and not _is_view(stored):
        return pa.list_(plain_type(stored.value_type))
    if pt.is_struct(stored):
        return pa.struct([(field.name, plain_type(field.type)) for field in stored])
    if pt.is_map(stored):
        return pa.map_(plain_type(stored.key_type), plain_type(stored.item_type))
    return _plain_scalar_type(stored)


def _plain_scalar_type(arrow_type: ArrowType) -> ArrowType:
    if pt.is_timestamp(arrow_type):
        return pa.timestamp("us", arrow_type.tz)
    if pt.is_float16(arrow_type) or pt.is_decimal(arrow_type):
        return pa.float64()
    # Python knows no nanoseconds.
    in_microseconds = ((pt.is_time64, pa.time64("us")), (pt.is_duration, pa.duration("us")))
    return next((target for test, target in in_microseconds if test(arrow_type)), arrow_type)


def kind(arrow_type: ArrowType) -> Kind:
    """What a column of *arrow_type* holds, once `storage` has looked through."""
    if _is_text(arrow_type):
        return Kind.TEXT
    if pt.is_integer(arrow_type):
        return Kind.INTEGER
    if pt.is_binary(arrow_type) or pt.is_large_binary(arrow_type) or pt.is_fixed_size_binary(arrow_type):
        return Kind.BYTES
    if _is_list(_list_type(arrow_type)):
        return Kind.VECTOR if _is_number(_list_type(arrow_type).value_type) else Kind.LIST
    if pt.is_struct(arrow_type) or pt.is_map(arrow_type):
        return Kind.OBJECT
    return Kind.EMPTY if pt.is_null(arrow_type) else Kind.OTHER


def storage(arrow_type: ArrowType) -> ArrowType:
    """Below extensions and dictionaries."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return storage(arrow_type.storage_type)
    return storage(arrow_type.value_type) if pt.is_dictionary(arrow_type) else arrow_type


def _list_type(arrow_type: ArrowType) -> ArrowType:
    """The type of the lists: of the column, or of the one member of `{"float32": [...]}`."""
    stored: ArrowType = storage(arrow_type)
    if pt.is_struct(stored) and stored.num_fields == 1 and stored[0].name == SERVICE_MEMBER:
        return stored[0].type
    return stored


def _is_view(arrow_type: ArrowType) -> bool:
    return bool(pt.is_list_view(arrow_type) or pt.is_large_list_view(arrow_type))


def _is_list(arrow_type: ArrowType) -> bool:
    tests = (pt.is_list, pt.is_large_list, pt.is_fixed_size_list, _is_view)
    return any(test(arrow_type) for test in tests)


def _is_text(arrow_type: ArrowType) -> bool:
    return bool(pt.is_string(arrow_type) or pt.is_large_string(arrow_type) or pt.is_string_view(arrow_type))


def _is_number(arrow_type: ArrowType) -> bool:
    return bool(pt.is_integer(arrow_type) or pt.is_floating(arrow_type) or pt.is_decimal(arrow_type))
