"""Request bodies, read.

What orjson reads and the model's types allow is the rule (`read_document`). A PutVectors body is nearly all
numbers, so there is a quick way for it that goes straight to arrays: it takes the bodies that are beyond
doubt and leaves every other, valid or not, to the rule, so that both ways agree on every body.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
import orjson

from vecgate.endpoint.answers import malformed
from vecgate.endpoint.table import Float32Matrix, Float32Vector
from vecgate.s3vectors.limits import KEY_LENGTH_MAX, VECTORS_PER_PUT_MAX


@dataclass(frozen=True, slots=True, eq=False)
class PutBody:
    """A PutVectors request in columns of equal length n. Types, keys and n are as the model says.

    address   its members other than `vectors`; a quick way leaves their constraints unchecked
    vectors   shape (n, dimension), or n vectors that differ in length
    metadata  any JSON value, None where there was none
    """

    address: dict[str, str]
    keys: Sequence[str]
    vectors: Float32Matrix | Sequence[Float32Vector]
    metadata: Sequence[Any]


#: Reads a PutVectors body the quick way, or gives None: not that body.
QuickRead: TypeAlias = Callable[[bytes], PutBody | None]


def read_document(body: bytes) -> object:
    """The JSON value in *body*; an empty body counts as `{}`. Raises Refused for one that is not JSON."""
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        raise malformed() from None


def float32_rows(rows: Sequence[Any]) -> Float32Matrix | list[Float32Vector]:
    """*rows* of numbers in float32, a matrix where they are equally long. What is too large is infinite."""
    with np.errstate(over="ignore"):
        if len({len(row) for row in rows}) == 1:
            return np.array(rows, dtype=np.float32)
        return [np.array(row, dtype=np.float32) for row in rows]


class _Data(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    float32: list[float]


class _Vector(msgspec.Struct, forbid_unknown_fields=True):
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_LENGTH_MAX)]
    data: _Data
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class _Put(msgspec.Struct, forbid_unknown_fields=True):
    vectors: Annotated[list[_Vector], msgspec.Meta(min_length=1, max_length=VECTORS_PER_PUT_MAX)]
    vectorBucketName: str | None = None  # noqa: N815 - the service's name
    indexName: str | None = None  # noqa: N815 - the service's name
    indexArn: str | None = None  # noqa: N815 - the service's name


_PUT = msgspec.json.Decoder(_Put)


def typed_read(body: bytes) -> PutBody | None:
    """Reads with msgspec, which knows the types in advance: no object is made that is then thrown away."""
    try:
        put = _PUT.decode(body)
        metadata = [orjson.loads(memoryview(vector.metadata)) for vector in put.vectors]
    except (ValueError, RecursionError):
        return None
    names = {name: getattr(put, name) for name in ("vectorBucketName", "indexName", "indexArn")}
    return PutBody(
        {name: value for name, value in names.items() if value is not None},
        [vector.key for vector in put.vectors],
        float32_rows([vector.data.float32 for vector in put.vectors]),
        metadata,
    )


def put_body(members: dict[str, Any]) -> PutBody:
    """The columns of a PutVectors request that went the slow way; *members* as `check_input` gives them."""
    vectors = members["vectors"]
    return PutBody(
        {name: value for name, value in members.items() if name != "vectors"},
        [vector["key"] for vector in vectors],
        float32_rows([vector["data"]["float32"] for vector in vectors]),
        [vector.get("metadata") for vector in vectors],
    )
