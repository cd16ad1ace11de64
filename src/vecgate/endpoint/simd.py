"""The quick way to read PutVectors bodies with pysimdjson, the extra `fast`: numbers go from JSON to arrays.

Its number arrays come out flat, so a nested array must be found out before: by counting brackets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from simdjson import Array, Object, Parser

from vecgate.endpoint.decoding import PutBody
from vecgate.endpoint.table import Float32Matrix
from vecgate.s3vectors.limits import KEY_LENGTH_MAX, VECTORS_PER_PUT_MAX

ADDRESS = frozenset({"vectorBucketName", "indexName", "indexArn"})
VECTOR = frozenset({"key", "data", "metadata"})


class Unsure(Exception):
    """The body is not one of the plain ones."""


class SimdRead:
    """A `QuickRead`. It keeps its parser's memory between calls; one call at a time."""

    def __init__(self) -> None:
        self._parser = Parser()

    def __call__(self, body: bytes) -> PutBody | None:
        """The columns of *body*, or None where it is not one of the plain ones."""
        if body.startswith(b"\xef\xbb\xbf"):
            return None  # simdjson skips a byte order mark; a JSON body must not have one
        try:
            return _read(self._parser.parse(body), body)
        except (Unsure, ValueError, TypeError, RuntimeError):
            return None


def _read(document: Any, body: bytes) -> PutBody:  # noqa: ANN401 - pysimdjson ships no types
    members = _members(document, ADDRESS | {"vectors"})
    vectors = members.pop("vectors", None)
    if not isinstance(vectors, Array) or not 1 <= len(vectors) <= VECTORS_PER_PUT_MAX:
        raise Unsure
    if not all(isinstance(name, str) for name in members.values()):
        raise Unsure
    return _columns(members, [_members(vector, VECTOR) for vector in vectors], body)


def _columns(address: dict[str, str], vectors: list[dict[str, Any]], body: bytes) -> PutBody:
    keys: list[Any] = [vector.get("key") for vector in vectors]
    if not all(isinstance(key, str) and 1 <= len(key) <= KEY_LENGTH_MAX for key in keys):
        raise Unsure
    documents = [vector.get("metadata") for vector in vectors]
    if not _is_flat(body, keys, documents):
        raise Unsure
    matrix = _matrix([vector.get("data") for vector in vectors])
    return PutBody(address, keys, matrix, [_plain(each) for each in documents])


def _is_flat(body: bytes, keys: list[Any], documents: list[Any]) -> bool:
    """Whether no array of numbers in *body* holds another array."""
    plain = 1 + len(keys)
    brackets = np.count_nonzero(np.frombuffer(body, np.uint8) == ord("["))
    if brackets == plain:
        return True
    if b"\\" in body and b"\\u005" in body:
        return False  # an escaped bracket: it cannot be told how many there are
    within: list[Any] = [each.mini for each in documents if isinstance(each, Object)]
    named = "".join(keys).count("[")
    return bool(brackets == plain + sum(text.count(b"[") for text in within) + named)


def _matrix(datas: list[Any]) -> Float32Matrix:
    first = _numbers(datas[0])
    matrix = np.empty((len(datas), len(first)), np.float32)
    with np.errstate(over="ignore"):
        matrix[0] = first
        for row, data in enumerate(datas[1:], start=1):
            numbers = _numbers(data)
            if len(numbers) != len(first):
                raise Unsure
            matrix[row] = numbers
    return matrix


def _plain(metadata: Any) -> dict[str, Any] | None:  # noqa: ANN401 - pysimdjson ships no types
    if metadata is None:
        return None
    if not isinstance(metadata, Object):
        raise Unsure
    plain: dict[str, Any] = metadata.as_dict()
    return plain


def _members(value: Any, known: frozenset[str]) -> dict[str, Any]:  # noqa: ANN401 - pysimdjson ships no types
    if not isinstance(value, Object):
        raise Unsure
    names = list(value)
    # Of equal names the last one counts, and pysimdjson would give the first.
    if len(set(names)) < len(names) or not known.issuperset(names):
        raise Unsure
    return {name: value[name] for name in names}


def _numbers(data: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401 - pysimdjson ships no types
    if not isinstance(data, Object) or len(data) != 1:
        raise Unsure
    values = data.get("float32")
    if not isinstance(values, Array):
        raise Unsure
    return np.frombuffer(values.as_buffer(of_type="d"))
