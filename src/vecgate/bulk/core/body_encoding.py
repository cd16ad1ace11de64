"""Encodes request bodies from columns in one call.

botocore's serialiser walks every float in Python, which takes a whole core for some 450 vectors of 1,024
dimensions per second. orjson writes each float32 of a matrix with its shortest digits, which parse back to
the same value. It writes NaN and infinity as `null`, so `record_validation` rejects them before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from vecgate.bulk.core.record_blocks import Block
from vecgate.s3vectors.arn import IndexAddress


@dataclass(frozen=True, slots=True)
class Body:
    """A request body and its SHA-256 in hex, kept together so that a retry does not hash again."""

    data: bytes
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Hash *data*."""
        return cls(data, hashlib.sha256(data).hexdigest())


def encode_request(address: IndexAddress, **members: object) -> Body:
    """Encode a request to an index: its address and *members*, which may be numpy arrays."""
    return Body.of(orjson.dumps({**address.members(), **members}, option=orjson.OPT_SERIALIZE_NUMPY))


def encode_put(address: IndexAddress, block: Block) -> Body:
    """Encode a PutVectors request for all of *block*, which must be valid: see `record_validation`."""
    return encode_request(address, vectors=put_members(block))


def encode_delete(address: IndexAddress, keys: Sequence[str]) -> Body:
    """Encode a DeleteVectors request for *keys*, which must be distinct."""
    return encode_request(address, keys=list(keys))


def put_members(block: Block) -> list[dict[str, object]]:
    """Return the `vectors` member of a PutVectors request, each vector a row of the matrix."""
    return [
        {"key": key, "data": {"float32": row}, "metadata": metadata}
        if metadata is not None
        else {"key": key, "data": {"float32": row}}
        for key, row, metadata in zip(block.keys, block.vectors, block.metadata, strict=True)
    ]
