"""Checks the vector arguments of boto3 calls as boto3 does, and prepares them for orjson.

boto3 walks every float twice in Python. Here each list is packed to float32 in one call of `struct`, which
rejects everything but numbers and booleans, and one pass over all rows finds NaN and infinity. Three
differences from boto3: numpy rows and scalars and columnar blocks are accepted; NaN and infinity, which JSON
cannot represent, are rejected; and so are booleans, which boto3 sends as `true` for the service to reject.
Error messages never contain a value.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import isfinite
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import orjson
from botocore.exceptions import ParamValidationError

from vecgate.bulk.core.body_encoding import put_members
from vecgate.bulk.core.record_blocks import Block, pack_float32
from vecgate.s3vectors.limits import VECTORS_PER_PUT_MAX

#: A member of a request, in a form that orjson encodes.
Member: TypeAlias = dict[str, Any]
VectorRow: TypeAlias = Sequence[Any] | npt.NDArray[Any]

VECTOR_MEMBERS = frozenset({"key", "data", "metadata"})
ALLOWED = "key and data are required, metadata is allowed"
NUMERIC_KINDS = "fiu"  # numpy's codes for floats, signed and unsigned integers
BOOLEANS = frozenset({bool, np.bool_})
NOT_FINITE = "holds NaN, infinity or a number beyond float32; only finite float32 numbers are allowed"


def vectors_member(vectors: object) -> list[Member]:
    """Return the `vectors` member of a PutVectors request with float32 rows.

    *vectors* is what boto3 accepts, with lists or numpy rows, or a `Block`. Raises ParamValidationError.
    """
    if isinstance(vectors, Block):
        return _from_block(vectors)
    if not isinstance(vectors, list | tuple):
        raise _invalid("vectors", f"is {_kind(vectors)}; a list, a tuple or a Block is allowed")
    if not vectors:
        raise _invalid("vectors", f"is empty; 1 to {VECTORS_PER_PUT_MAX} are allowed")
    values = [_check_vector(vector, position) for position, vector in enumerate(vectors)]
    rows = _float32_rows(values, lambda position: f"{_name(position, vectors[position]['key'])}.data")
    return [{**vector, "data": {"float32": row}} for vector, row in zip(vectors, rows, strict=True)]


def query_member(vector: object) -> Member:
    """Return the `queryVector` member of a QueryVectors request as float32. Raises ParamValidationError."""
    name = "queryVector"
    (row,) = _float32_rows([_values(vector, name)], lambda _: name)
    return {"float32": row}


def with_member(body: bytes, name: str, value: object) -> bytes:
    """Return *body*, as botocore wrote it, with *value* as its member *name*."""
    # botocore writes with the standard library, which alone reads everything back: NaN and long integers too.
    kept = {key: orjson.Fragment(json.dumps(member)) for key, member in json.loads(body).items()}
    try:
        return orjson.dumps({**kept, name: value}, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:
        return orjson.dumps({**kept, name: _with_fragments(value)}, option=orjson.OPT_SERIALIZE_NUMPY)


def _with_fragments(value: object) -> list[Member]:
    # The standard library writes long integers, lone surrogates and non-string keys, which orjson rejects.
    return [
        {name: part if name == "data" else orjson.Fragment(json.dumps(part)) for name, part in vector.items()}
        for vector in cast("list[Member]", value)
    ]


def _from_block(block: Block) -> list[Member]:
    if not len(block):
        raise _invalid("vectors", f"is empty; 1 to {VECTORS_PER_PUT_MAX} are allowed")
    if not np.isfinite(block.vectors).all():
        row = int(np.flatnonzero(~np.isfinite(block.vectors).all(axis=1))[0])
        raise _invalid(_name(row, block.keys[row]), NOT_FINITE)
    members = put_members(block)
    for position, member in enumerate(members):
        _check_key(member["key"], position)
        _check_document(member.get("metadata"), position)
    return members


def _check_vector(vector: object, position: int) -> VectorRow:
    if not isinstance(vector, dict):
        raise _invalid(f"vectors[{position}]", f"is {_kind(vector)}; a dict is allowed")
    if not VECTOR_MEMBERS.issuperset(vector):
        unknown = ", ".join(sorted(map(repr, vector.keys() - VECTOR_MEMBERS)))
        raise _invalid(f"vectors[{position}]", f"has the unknown member {unknown}; {ALLOWED}")
    if "key" not in vector or "data" not in vector:
        missing = "data" if "key" in vector else "key"
        raise _invalid(f"vectors[{position}]", f"has no {missing}; {ALLOWED}")
    _check_key(vector["key"], position)
    if "metadata" in vector:
        _check_document(vector["metadata"], position)
    return _values(vector["data"], position)


def _check_key(key: object, position: int) -> None:
    if not isinstance(key, str) or not key:
        found = "is empty" if isinstance(key, str) else f"is {_kind(key)}"
        raise _invalid(f"vectors[{position}].key", f"{found}; a string of at least 1 character is allowed")


def _values(data: object, location: int | str) -> VectorRow:
    if not isinstance(data, dict) or "float32" not in data or len(data) != 1:
        raise _invalid(_member(location), f"is {_kind(data)}; a dict with the one member float32 is allowed")
    values = data["float32"]
    if isinstance(values, list | tuple):
        return values
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in NUMERIC_KINDS:
        allowed = "a list, a tuple or a numeric array of 1 dimension is allowed"
        raise _invalid(f"{_member(location)}.float32", f"is {_kind(values)}; {allowed}")
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        raise _invalid(f"{_member(location)}.float32", "has masked values; numbers are allowed")
    return values


def _member(location: int | str) -> str:
    return location if isinstance(location, str) else f"vectors[{location}].data"


def _float32_rows(rows: Sequence[VectorRow], name: Callable[[int], str]) -> list[npt.NDArray[np.float32]]:
    try:
        # A number beyond float32 becomes infinity, which is found below.
        with np.errstate(over="ignore"):
            packed = b"".join([_pack(row) for row in rows])
    except struct.error:
        raise next(_find_non_numbers(rows, name)) from None
    flat = np.frombuffer(packed, np.float32)
    ends = list(accumulate(map(len, rows)))
    split = [flat[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    if not np.isfinite(flat).all():
        first_bad = next(position for position, row in enumerate(split) if not np.isfinite(row).all())
        raise _invalid(name(first_bad), NOT_FINITE)
    # Only a row with a 0 or a 1 can have a boolean; few have.
    if ((flat == 0) | (flat == 1)).any():
        _reject_booleans(rows, name)
    return split


def _reject_booleans(rows: Sequence[VectorRow], name: Callable[[int], str]) -> None:
    for position, row in enumerate(rows):
        if not isinstance(row, np.ndarray) and not BOOLEANS.isdisjoint(map(type, row)):
            at = next(at for at, value in enumerate(row) if type(value) in BOOLEANS)
            raise _invalid(f"{name(position)}.float32[{at}]", f"is {_kind(row[at])}; a number is allowed")


def _pack(row: VectorRow) -> bytes | memoryview:
    if isinstance(row, np.ndarray):
        return np.ascontiguousarray(row, np.float32).data
    return pack_float32(row)


def _find_non_numbers(
    rows: Sequence[VectorRow], name: Callable[[int], str]
) -> Iterator[ParamValidationError]:
    for position, row in enumerate(rows):
        for at, value in enumerate([] if isinstance(row, np.ndarray) else row):
            try:
                struct.pack("d", value)
            except struct.error:
                if isinstance(value, int | float):
                    yield _invalid(name(position), NOT_FINITE)
                else:
                    found = f"is {_kind(value)}; a number is allowed"
                    yield _invalid(f"{name(position)}.float32[{at}]", found)


def _check_document(document: object, position: int) -> None:
    try:
        problem = next(_problems(document), None)
    except RecursionError:
        problem = "is nested too deeply"
    if problem:
        raise _invalid(f"vectors[{position}].metadata", problem)


def _problems(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, entry in value.items():
            if type(key) is not str and not isinstance(key, str | int | float | None):
                yield f"has a key that is {_kind(key)}; strings are allowed"
            if type(entry) is not str and type(entry) is not int:
                yield from _problems(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _problems(entry)
    elif isinstance(value, float):
        if not isfinite(value):
            yield "holds NaN or infinity, which JSON cannot carry"
    elif not isinstance(value, str | int | None):
        yield f"holds {_kind(value)}{_conversion_hint(value)}; strings, numbers, lists and dicts are allowed"


def _conversion_hint(value: object) -> str:
    if isinstance(value, np.generic):
        return " (use .item() of a numpy scalar)"
    return " (use .tolist() of a numpy array)" if isinstance(value, np.ndarray) else ""


def _name(position: int, key: object) -> str:
    return f"vectors[{position}] (key {key!r})"


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"a numpy array of {value.ndim} dimensions and dtype {value.dtype}"
    return f"a {type(value).__qualname__}"


def _invalid(location: str, problem: str) -> ParamValidationError:
    return ParamValidationError(report=f"{location} {problem}")
