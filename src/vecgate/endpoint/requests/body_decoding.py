"""Decoding of request bodies.

The reference is `read_document` (orjson), followed by the checks of the model. A PutVectors body is almost
all numbers, so faster readers decode it directly into arrays. They handle only bodies that are certainly
valid and leave all others to the reference, so that every reader agrees on every body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
import orjson

from vecgate.endpoint.requests.messages import malformed
from vecgate.endpoint.storage.vector_table import Float32Matrix, Float32Vector
from vecgate.s3vectors.limits import KEY_LENGTH_MAX, VECTORS_PER_PUT_MAX


@dataclass(frozen=True, slots=True, eq=False)
class PutBody:
    """A PutVectors request in columns of equal length n. Types, keys and n conform to the model.

    address   its members other than `vectors`; a fast reader leaves their constraints unchecked
    vectors   shape (n, dimension), or n vectors that differ in length
    metadata  any JSON value; None if the record has none
    """

    address: dict[str, str]
    keys: Sequence[str]
    vectors: Float32Matrix | Sequence[Float32Vector]
    metadata: Sequence[Any]


#: `-0`, which all readers take for the integer 0. It also finds such text inside a string.
NEGATIVE_ZERO = re.compile(rb"(?<![eE])-0(?![.\deE])")
#: A name of a member, and what each escaped form of it contains.
METADATA, ESCAPED_NAME = b'"metadata"', re.compile(rb"\\u00[67]")
#: Decodes a PutVectors body, or returns None to leave it to the reference.
PutBodyReader: TypeAlias = Callable[[bytes], PutBody | None]


def read_document(body: bytes) -> object:
    """Return the JSON value in *body*; an empty body is `{}`. Raises ApiError if it is not JSON."""
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        raise malformed() from None


def float32_rows(rows: Sequence[Any]) -> Float32Matrix | list[Float32Vector]:
    """Return *rows* as float32, a matrix if they have equal lengths. Numbers that overflow become
    infinite.
    """
    with np.errstate(over="ignore"):
        if len({len(row) for row in rows}) == 1:
            return np.array(rows, dtype=np.float32)
        return [np.array(row, dtype=np.float32) for row in rows]


class _Data(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    float32: list[float]


class _Vector(msgspec.Struct, forbid_unknown_fields=True):
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_LENGTH_MAX)]
    data: _Data
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Put(msgspec.Struct, forbid_unknown_fields=True):
    vectors: Annotated[list[_Vector], msgspec.Meta(min_length=1, max_length=VECTORS_PER_PUT_MAX)]
    vectorBucketName: str | None = None  # noqa: N815 - the service's name
    indexName: str | None = None  # noqa: N815 - the service's name
    indexArn: str | None = None  # noqa: N815 - the service's name


_PUT = msgspec.json.Decoder(_Put)


def read_put_with_msgspec(body: bytes) -> PutBody | None:
    """Decode with msgspec. It knows the types in advance and creates no objects that would be discarded."""
    try:
        put = _PUT.decode(body)
        metadata = [_read_metadata(vector.metadata) for vector in put.vectors]
    except (ValueError, RecursionError):
        return None
    if _may_override_metadata(body, put):
        return None
    matrix = float32_rows([vector.data.float32 for vector in put.vectors])
    if may_lose_sign(body, matrix):
        return None
    names = {name: getattr(put, name) for name in ("vectorBucketName", "indexName", "indexArn")}
    return PutBody(
        {name: value for name, value in names.items() if value is not None},
        [vector.key for vector in put.vectors],
        matrix,
        metadata,
    )


def _read_metadata(raw: msgspec.Raw | msgspec.UnsetType) -> Any:  # noqa: ANN401 - any JSON value
    return None if isinstance(raw, msgspec.UnsetType) else orjson.loads(memoryview(raw))


def _may_override_metadata(body: bytes, put: _Put) -> bool:
    """Return whether *body* may have metadata that later metadata replaces: msgspec does not validate it."""
    given = sum(not isinstance(vector.metadata, msgspec.UnsetType) for vector in put.vectors)
    return body.count(METADATA) != given or (b"\\" in body and ESCAPED_NAME.search(body) is not None)


def may_lose_sign(body: bytes, vectors: Float32Matrix | Sequence[Float32Vector]) -> bool:
    """Return whether *body* may have a `-0` that became a 0 in *vectors*. Only zeros make it search."""
    has_zeros = not (np.all(vectors) if isinstance(vectors, np.ndarray) else all(map(np.all, vectors)))
    return has_zeros and has_negative_zero(body)


def has_negative_zero(body: bytes) -> bool:
    """Return whether *body* has a `-0`, as a number or in a text."""
    return NEGATIVE_ZERO.search(body) is not None


def build_put_body(members: dict[str, Any], body: bytes) -> PutBody:
    """Return the columns of *members*, which `check_input` returned for *body*."""
    vectors = members["vectors"]
    # Vectors keep their bits, so `-0` is read as the float that it is. Only numbers are taken from this copy,
    # so it does not matter that its texts differ.
    exact = orjson.loads(NEGATIVE_ZERO.sub(b"-0.0", body))["vectors"] if has_negative_zero(body) else vectors
    return PutBody(
        {name: value for name, value in members.items() if name != "vectors"},
        [vector["key"] for vector in vectors],
        float32_rows([vector["data"]["float32"] for vector in exact]),
        [vector.get("metadata") for vector in vectors],
    )
