"""Decodes responses of GetVectors, ListVectors and QueryVectors in one call.

The result is columns (keys, a float32 matrix, metadata) or the dictionary that boto3 gives
(`decode_as_boto3`). simdjson, if installed, reads arrays of numbers three times as fast as orjson, without
Python floats. A response that simdjson does not accept goes to orjson, which decides whether it is valid.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from vecgate.bulk.core.record_blocks import Float32Matrix, float32_packer
from vecgate.errors import ProtocolError
from vecgate.s3vectors.limits import LIST_PAGE_MAX
from vecgate.s3vectors.metadata import Metadata

#: A `simdjson.Parser`, used by one thread at a time. None means that orjson decodes.
Parser: TypeAlias = Any
Float32Vector: TypeAlias = npt.NDArray[np.float32]

MALFORMED = (AttributeError, LookupError, TypeError, ValueError, struct.error)
#: orjson decodes integers from here on as floats; the standard library does not.
INT64_END = 2.0**63
WRONG_RESPONSE_HINT = (
    "Check that the target is an S3 Vectors service and that no proxy changes its responses."
)


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Stored vectors, in columns of equal length n.

    keys      n keys
    vectors   shape (n, dimension), float32; None if no data were requested, or n is 0
    metadata  n objects; None if no metadata were requested
    absent    requested keys that are not stored; only `BulkReader.get` fills it
    """

    keys: Sequence[str]
    vectors: Float32Matrix | None
    metadata: Sequence[Metadata | None]
    absent: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, eq=False)
class QueryResult:
    """The nearest vectors, nearest first, in columns of equal length n.

    keys       n keys
    distances  shape (n,), float32, squared under euclidean; None if they were not requested, or n is 0
    metadata   n objects; None if no metadata were requested
    metric     cosine or euclidean
    """

    keys: Sequence[str]
    distances: Float32Vector | None
    metadata: Sequence[Metadata | None]
    metric: str

    def __len__(self) -> int:
        return len(self.keys)


def new_parser() -> Parser | None:
    """Return a simdjson parser for `decode_vectors`, or None if the extra [fast] is not installed."""
    try:
        from simdjson import Parser as SimdjsonParser  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return None
    return SimdjsonParser()


def decode_vectors(body: bytes, parser: Parser | None = None) -> tuple[Vectors, str]:
    """Decode a page of GetVectors or ListVectors and the token of the next page, empty on the last.

    Raises ProtocolError.
    """
    if parser is not None:
        try:
            return _with_simdjson(body, parser)
        except (*MALFORMED, RuntimeError):
            pass  # such as an integer of more than 64 bits: orjson decides
    try:
        return _with_orjson(body)
    except MALFORMED as error:
        raise _malformed(error) from error


def decode_hits(body: bytes) -> tuple[QueryResult, str]:
    """Decode a page of QueryVectors and the token of the next page, as `decode_vectors` does."""
    try:
        answer = orjson.loads(body)
        _check_no_error(answer)
        hits = answer["vectors"]
        distances = [hit["distance"] for hit in hits if "distance" in hit]
        result = QueryResult(
            [_text(hit["key"]) for hit in hits],
            _column(distances, len(hits)),
            [_document(hit.get("metadata")) for hit in hits],
            _text(answer["distanceMetric"]),
        )
        return result, _text(answer.get("nextToken") or "")
    except MALFORMED as error:
        raise _malformed(error) from error


def decode_as_boto3(
    body: bytes, members: AbstractSet[str], vector_members: AbstractSet[str]
) -> dict[str, Any] | None:
    """Return the dictionary that boto3 makes from *body*, or None if boto3's own parser has to decide.

    *members* are those that the model gives the response, *vector_members* those of each vector in it.
    """
    try:
        answer: dict[str, Any] = orjson.loads(body)
        if not answer.keys() <= members or None in answer.values():
            return None
        known = all(_as_boto3(vector, vector_members) for vector in answer.get("vectors", ()))
    except MALFORMED:
        return None
    return answer if known else None


def _as_boto3(vector: dict[str, Any], members: AbstractSet[str]) -> bool:
    if not vector.keys() <= members or None in vector.values() or "scores" in vector:
        return False
    if "data" in vector:
        (name,) = vector["data"]
        if name != "float32":
            return False
        vector["data"] = {"float32": list(map(float, vector["data"]["float32"]))}
    if "distance" in vector:
        vector["distance"] = float(vector["distance"])
    return not any(map(_is_long, vector["metadata"].values())) if "metadata" in vector else True


def _is_long(value: object) -> bool:
    # Most metadata is text.
    if value.__class__ is str:
        return False
    if isinstance(value, float):
        return not -INT64_END < value < INT64_END
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and any(_is_long(element) for element in value)


def _with_orjson(body: bytes) -> tuple[Vectors, str]:
    answer = orjson.loads(body)
    _check_no_error(answer)
    records = answer["vectors"]
    rows = [data["float32"] for record in records if (data := record.get("data")) is not None]
    metadata = [_document(record.get("metadata")) for record in records]
    keys = [_text(record["key"]) for record in records]
    return Vectors(keys, _matrix(rows, len(keys)), metadata), _next_token(answer, len(keys))


def _with_simdjson(body: bytes, parser: Parser) -> tuple[Vectors, str]:
    answer = parser.parse(body)
    _check_no_error(answer)
    records = list(answer["vectors"])
    rows = [_doubles(data["float32"]) for record in records if (data := record.get("data")) is not None]
    metadata = [None if (found := record.get("metadata")) is None else found.as_dict() for record in records]
    keys = [_text(record["key"]) for record in records]
    return Vectors(keys, _matrix(rows, len(keys)), metadata), _next_token(answer, len(keys))


def _next_token(answer: Any, keys: int) -> str:  # noqa: ANN401 - as below
    token = answer.get("nextToken")
    if token == "" and keys >= LIST_PAGE_MAX:
        raise ProtocolError(
            "a full page has an empty nextToken, which does not say whether it is the last one",
            hint=WRONG_RESPONSE_HINT,
        )
    return _text(token or "")


def _check_no_error(answer: Any) -> None:  # noqa: ANN401 - a dict or a simdjson.Object
    # The sender has not parsed a large body, see `acknowledged_body`.
    if "__type" in answer:
        raise ValueError("an error instead of an answer")


def _doubles(array: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401 - a simdjson.Array has no types
    values = np.frombuffer(array.as_buffer(of_type="d"))
    if len(values) != len(array):
        raise ValueError("an array within the array")
    return values


def _matrix(rows: Sequence[Any], count: int) -> Float32Matrix | None:
    if not rows:
        return None
    if len(rows) != count or len(set(map(len, rows))) != 1:
        raise ValueError("some vectors lack data, or their dimensions differ")
    matrix = np.empty((count, len(rows[0])), np.float32)
    pack_into = float32_packer(matrix.shape[1]).pack_into
    with np.errstate(over="ignore"):
        for row, into in zip(rows, matrix, strict=True):
            if isinstance(row, np.ndarray):
                into[:] = row
            else:
                try:
                    pack_into(into.data, 0, *row)
                except OverflowError:
                    raise ValueError("a number beyond float32") from None
    if not np.isfinite(matrix).all():
        raise ValueError("a number beyond float32")
    return matrix


def _column(distances: Sequence[Any], count: int) -> Float32Vector | None:
    matrix = _matrix([[distance] for distance in distances], count)
    return None if matrix is None else matrix[:, 0]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a string belongs")
    return value


def _document(value: object) -> Metadata | None:
    if value is not None and not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} where a document belongs")
    return value


def _malformed(error: Exception) -> ProtocolError:
    return ProtocolError(
        f"the response does not have the format of S3 Vectors: {type(error).__name__}",
        hint=WRONG_RESPONSE_HINT,
    )
