"""The fastest PutVectors reader: pysimdjson, of the extra `fast`, copies JSON numbers directly into arrays.

It flattens nested arrays of numbers, so this module counts brackets to detect them first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from simdjson import Array, Object, Parser

from vecgate.endpoint.requests.body_decoding import PutBody, may_lose_sign
from vecgate.endpoint.storage.vector_table import Float32Matrix
from vecgate.s3vectors.limits import KEY_LENGTH_MAX, VECTORS_PER_PUT_MAX

ADDRESS = frozenset({"vectorBucketName", "indexName", "indexArn"})
VECTOR = frozenset({"key", "data", "metadata"})


class UnsupportedBody(Exception):
    """The body must be decoded by the reference."""


class SimdjsonPutReader:
    """A `PutBodyReader` that reuses its parser's memory; not thread-safe."""

    def __init__(self) -> None:
        self._parser = Parser()

    def __call__(self, body: bytes) -> PutBody | None:
        """Return the columns of *body*, or None to leave it to the reference."""
        if body.startswith(b"\xef\xbb\xbf"):
            return None  # simdjson skips a byte order mark, which is not valid JSON here
        try:
            put = _read(self._parser.parse(body), body)
        except (UnsupportedBody, ValueError, TypeError, RuntimeError):
            return None
        return None if may_lose_sign(body, put.vectors) else put


def _read(document: Any, body: bytes) -> PutBody:  # noqa: ANN401 - pysimdjson ships no types
    members = _members(document, ADDRESS | {"vectors"})
    vectors = members.pop("vectors", None)
    if not isinstance(vectors, Array) or not 1 <= len(vectors) <= VECTORS_PER_PUT_MAX:
        raise UnsupportedBody
    if not all(isinstance(name, str) for name in members.values()):
        raise UnsupportedBody
    return _columns(members, [_members(vector, VECTOR) for vector in vectors], body)


def _columns(address: dict[str, str], vectors: list[dict[str, Any]], body: bytes) -> PutBody:
    keys: list[Any] = [vector.get("key") for vector in vectors]
    if not all(isinstance(key, str) and 1 <= len(key) <= KEY_LENGTH_MAX for key in keys):
        raise UnsupportedBody
    documents = [vector.get("metadata") for vector in vectors]
    if not _is_flat(body, keys, documents):
        raise UnsupportedBody
    matrix = _matrix([vector.get("data") for vector in vectors])
    return PutBody(address, keys, matrix, [_to_dict(each) for each in documents])


def _is_flat(body: bytes, keys: list[Any], documents: list[Any]) -> bool:
    """Return whether no array of numbers in *body* contains another array."""
    expected = 1 + len(keys)
    brackets = np.count_nonzero(np.frombuffer(body, np.uint8) == ord("["))
    if brackets == expected:
        return True
    if b"\\" in body and b"\\u005" in body:
        return False  # escaped brackets make the count ambiguous
    metadata: list[Any] = [each.mini for each in documents if isinstance(each, Object)]
    in_metadata = sum(text.count(b"[") for text in metadata)
    in_keys = "".join(keys).count("[")
    return bool(brackets == expected + in_metadata + in_keys)


def _matrix(datas: list[Any]) -> Float32Matrix:
    first = _numbers(datas[0])
    matrix = np.empty((len(datas), len(first)), np.float32)
    with np.errstate(over="ignore"):
        matrix[0] = first
        for row, data in enumerate(datas[1:], start=1):
            numbers = _numbers(data)
            if len(numbers) != len(first):
                raise UnsupportedBody
            matrix[row] = numbers
    return matrix


def _to_dict(metadata: Any) -> dict[str, Any] | None:  # noqa: ANN401 - pysimdjson ships no types
    if metadata is None:
        return None
    if not isinstance(metadata, Object):
        raise UnsupportedBody
    members: dict[str, Any] = metadata.as_dict()
    return members


def _members(value: Any, known: frozenset[str]) -> dict[str, Any]:  # noqa: ANN401 - pysimdjson ships no types
    if not isinstance(value, Object):
        raise UnsupportedBody
    names = list(value)
    # Of duplicate names the last one counts, but pysimdjson returns the first.
    if len(set(names)) < len(names) or not known.issuperset(names):
        raise UnsupportedBody
    return {name: value[name] for name in names}


def _numbers(data: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401 - pysimdjson ships no types
    if not isinstance(data, Object) or len(data) != 1:
        raise UnsupportedBody
    values = data.get("float32")
    if not isinstance(values, Array):
        raise UnsupportedBody
    return np.frombuffer(values.as_buffer(of_type="d"))
