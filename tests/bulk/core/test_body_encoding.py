"""Bodies contain exactly the columns."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import numpy as np
import pytest
from block_rows import rows_of
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.core.body_encoding import Body, encode_delete, encode_put, encode_request, put_members
from vecgate.bulk.core.record_blocks import Block
from vecgate.s3vectors.arn import IndexAddress
from vecgate.testing.strategies import (
    blocks_of_records,
    float32_values,
    metadata_objects,
    vector_keys,
)

BY_NAME = IndexAddress("bucket", "index")
ARN = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films"
BY_ARN = IndexAddress(arn=ARN)


def bits(value: float) -> bytes:
    return struct.pack("<f", value)


def one(values: list[float], *, key: str = "k", metadata: dict[str, Any] | None = None) -> Block:
    return Block(np.array([0]), [key], np.array([values], dtype=np.float32), [metadata])


@given(value=float32_values())
@example(0.0)
@example(-0.0)
@example(2.0**-149)
@example(-(2.0**-149))
@example(2.0**-126)
@example(2.0**-126 - 2.0**-149)
@example(3.4028234663852886e38)
@example(-3.4028234663852886e38)
@example(0.1)
@example(16_777_217.0)
@example(1 + 2.0**-23)
@example(1e-5)
@example(1e21)
def test_every_float32_comes_back_bit_by_bit(value: float) -> None:
    """Read as JSON and rounded to float32, as the service does, with the sign of zero."""
    members = json.loads(encode_put(BY_NAME, one([value])).data)
    assert bits(members["vectors"][0]["data"]["float32"][0]) == bits(value)


@given(pattern=st.integers(0, 2**32 - 1))
def test_every_bit_pattern_of_a_finite_float32_comes_back(pattern: int) -> None:
    """Drawn by bits, so that subnormals occur in proportion."""
    value = struct.unpack("<f", struct.pack("<I", pattern & 0xFF7F_FFFF))[0]
    members = json.loads(encode_put(BY_NAME, one([value, value])).data)
    assert [bits(number) for number in members["vectors"][0]["data"]["float32"]] == [bits(value)] * 2


@given(block=blocks_of_records())
@pytest.mark.parametrize("address", [BY_NAME, BY_ARN])
def test_a_put_body_has_every_record_in_order(address: IndexAddress, block: Block) -> None:
    """Keys, vectors and metadata of any Unicode; a record without metadata has no such member."""
    members = json.loads(encode_put(address, block).data)
    vectors = members.pop("vectors")
    assert members == (
        {"indexArn": ARN} if address is BY_ARN else {"vectorBucketName": "bucket", "indexName": "index"}
    )
    assert len(vectors) == len(block)
    for vector, (_, key, values, metadata) in zip(vectors, rows_of(block), strict=True):
        assert vector["key"] == key
        assert b"".join(bits(number) for number in vector["data"]["float32"]) == values
        assert ("metadata" in vector) == (metadata is not None)
        assert vector.get("metadata") == metadata
        assert vector.keys() <= {"key", "data", "metadata"}
        assert vector["data"].keys() == {"float32"}


@given(key=vector_keys(), metadata=metadata_objects())
@example('\x00\u2028\u2029"\\/\x7f', {"": "\x00", "$eq": "\ufeff"})
@example("😀e\u0301", {"a.b": ["😀", ""]})
def test_text_of_any_kind_comes_back(key: str, metadata: dict[str, Any]) -> None:
    """Control characters, separators, combining marks, astral planes."""
    vector = json.loads(encode_put(BY_NAME, one([1.0], key=key, metadata=metadata)).data)["vectors"][0]
    assert (vector["key"], vector["metadata"]) == (key, metadata)


def test_empty_metadata_is_sent() -> None:
    """An empty object differs from no metadata."""
    assert json.loads(encode_put(BY_NAME, one([1.0], metadata={})).data)["vectors"][0]["metadata"] == {}


@given(keys=st.lists(vector_keys(), unique=True, max_size=8))
def test_a_delete_body_has_every_key_in_order(keys: list[str]) -> None:
    """It has only the keys and the address."""
    members = json.loads(encode_delete(BY_NAME, tuple(keys)).data)
    assert members == {"vectorBucketName": "bucket", "indexName": "index", "keys": keys}


@given(data=st.binary(max_size=100))
def test_a_body_has_its_hash(data: bytes) -> None:
    """In hex, as a signature needs it."""
    body = Body.of(data)
    assert (body.data, body.sha256) == (data, hashlib.sha256(data).hexdigest())


def test_a_request_accepts_any_members() -> None:
    """Numpy arrays too, as in a query."""
    body = encode_request(BY_ARN, topK=3, queryVector={"float32": np.array([0.5, 0.1], dtype=np.float32)})
    assert body.data == b'{"indexArn":"' + ARN.encode() + b'","topK":3,"queryVector":{"float32":[0.5,0.1]}}'
    assert body == Body.of(body.data)


def test_float32_is_written_with_its_shortest_digits() -> None:
    """0.1 has three bytes, not the nineteen of its double."""
    assert b"[0.1,16777216.0,1e-45]" in encode_put(BY_NAME, one([0.1, 16_777_216.0, 2.0**-149])).data


def test_members_share_the_memory_of_the_matrix() -> None:
    """No vector is converted to a list of Python floats."""
    block = one([1.0, 2.0])
    member = put_members(block)[0]
    assert isinstance(member["data"], dict)
    assert np.shares_memory(member["data"]["float32"], block.vectors)
