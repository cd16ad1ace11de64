from __future__ import annotations

import json
import struct
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.endpoint.core import _read_put_body
from vecgate.endpoint.requests.body_decoding import (
    PutBody,
    build_put_body,
    read_document,
    read_put_with_msgspec,
)
from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.requests.request_validation import check_input

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, Callable[[bytes], PutBody | None]] = {"msgspec": read_put_with_msgspec}
if find_spec("simdjson"):  # it has no wheels for some Python versions
    from vecgate.endpoint.requests.simd_decoding import SimdjsonPutReader

    READERS["simdjson"] = SimdjsonPutReader()
each_reader = pytest.mark.parametrize("reader", READERS.values(), ids=READERS)


def decode_by_reference(body: bytes) -> PutBody:
    """Decode with the reference, which decides what a body means."""
    return build_put_body(check_input("PutVectors", read_document(body)), body)


def comparable(put: PutBody) -> tuple[object, ...]:
    """Return a body as comparable values. +0 and -0 are equal here, as they are to the service."""
    vectors = [(np.asarray(vector) + 0.0).tolist() for vector in put.vectors]
    metadata = json.dumps(put.metadata)
    return (
        dict(put.address),
        list(put.keys),
        [[struct.pack("d", v) for v in one] for one in vectors],
        metadata,
    )


def body_of(*vectors: str, address: str = '"indexName":"index"') -> bytes:
    return f'{{{address},"vectors":[{",".join(vectors)}]}}'.encode()


def vector(data: str = "[1,2]", key: str = '"k"', rest: str = "") -> str:
    return f'{{"key":{key},"data":{{"float32":{data}}}{rest}}}'


SIMPLE_BODIES: list[bytes] = [
    body_of(vector()),
    body_of(vector("[1.5,-2,3e5]"), vector("[0,-0.0,1E-3]")),
    body_of(vector("[4.9e-324,1e-400,1e308]")),
    body_of(vector("[18446744073709551615,-9223372036854775808]")),
    body_of(vector(rest=',"metadata":{"a":1,"b":"x","c":true,"d":1.5}')),
    body_of(vector(rest=',"metadata":null')),
    body_of(vector(rest=',"metadata":{"a":["x","[["],"b":[1,2]}'), vector(key='"a[b"')),
    body_of(vector(rest=',"metadata":{"n":{"deep":[[1]]}}')),
    body_of(vector(key=r'"\ud83d\ude00é\n\""')),
    body_of(vector("[]")),
    body_of(vector(), address='"vectorBucketName":"bucket","indexName":"index"'),
    body_of(
        vector(), address='"indexArn":"arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket/index/index"'
    ),
    b' \n{ "vectors" : [ {"data":{"float32":[ 1 , 2 ]},"key":"k"} ] , "indexName":"index" } ',
]


@each_reader
@pytest.mark.parametrize("body", SIMPLE_BODIES)
def test_a_fast_reader_decodes_simple_bodies_like_the_reference(
    reader: Callable[[bytes], PutBody | None], body: bytes
) -> None:
    """It does not leave them to the reference, which would be an unnoticed loss of speed."""
    put = reader(body)
    assert put is not None
    assert comparable(put) == comparable(decode_by_reference(body))


#: Bodies that at least one fast reader leaves to the reference, which decides.
UNUSUAL_BODIES: list[bytes] = [
    body_of(vector("[0,-0,1E-3]")),
    body_of(vector("[1,[2,3]]")),
    body_of(vector("[[1],[2]]")),
    body_of(vector("[[1,2],[]]")),
    body_of(vector("[[],1]")),
    body_of(vector("[[1],2]", key=r'"\u005b"')),
    body_of(vector("[[1],2]", rest=r',"metadata":{"a":"\u005B"}')),
    body_of(vector("[true,1]")),
    body_of(vector("[null,1]")),
    body_of(vector('["1",1]')),
    body_of(vector('["NaN",1]')),
    body_of(vector('["-Infinity","Infinity"]')),
    body_of(vector("[{},1]")),
    body_of(vector("{}")),
    body_of(vector("1")),
    body_of(vector("null")),
    body_of(vector("[1e400]")),
    body_of(vector("[123456789012345678901234567890]")),
    body_of(vector(rest=',"metadata":{"n":123456789012345678901234567890}')),
    body_of(vector("[1,2]"), vector("[1]")),
    body_of(vector(key='""')),
    body_of(vector(key=f'"{"k" * 1025}"')),
    body_of(vector(key="1")),
    body_of(vector(key="null")),
    body_of(vector(rest=',"metadata":[]')),
    body_of(vector(rest=',"metadata":"x"')),
    body_of(vector(rest=',"key":"second"')),
    body_of(vector(rest=',"data":{"float32":[3,4]}')),
    body_of(vector(rest=',"metadata":{"a":1},"metadata":{"b":2}')),
    body_of(vector(rest=',"metadata":{"a":1,"a":2}')),
    body_of(vector(rest=',"unknown":[1]')),
    body_of('{"key":"k","data":{"float32":[1],"float32":[2]}}'),
    body_of('{"key":"k","data":{"float32":[1],"other":[2]}}'),
    body_of('{"key":"k","data":{}}'),
    body_of('{"key":"k","data":[]}'),
    body_of('{"key":"k"}'),
    body_of('{"data":{"float32":[1]}}'),
    body_of("1"),
    body_of(),
    body_of(*[vector()] * 501),
    body_of(vector(), address='"indexName":"abc","indexName":"xyz"'),
    body_of(vector(), address='"indexName":1'),
    body_of(vector(), address='"indexName":null'),
    body_of(vector(), address='"unknown":1'),
    body_of(vector(), address='"vectors":[]'),
    b"",
    b"[]",
    b'{"vectors":1}',
    b"\xef\xbb\xbf" + body_of(vector()),
    body_of(vector()) + b"x",
    body_of(vector(key='"\xff"')).replace("\xff".encode(), b"\xff"),
    body_of(vector(key=r'"\ud800"')),
    body_of(vector(rest=r',"metadata":{"a":"\udc00"}')),
    body_of(vector(rest=',"metadata":' + '{"a":' * 2000 + "1" + "}" * 2000)),
    body_of(vector("[-0,1e-0,1E-0]", key='"1e-0"')),
    body_of(vector(rest=',"metadata":{"metadata":1}')),
    *(
        body_of(text).replace(b"INVALID", invalid)
        for invalid in (
            b'"\xff"',
            b'{"\xff":1}',
            b"1e999",
            b'"\\ud800"',
            b"1" * 5_000,
            b"[" * 2000 + b"]" * 2000,
        )
        for text in (
            vector(rest=',"metadata":INVALID,"metadata":{"a":1}'),
            vector(rest=r',"m\u0065tadata":INVALID,"metadata":{"a":1}'),
            vector(rest=r',"metadata":INVALID,"me\u0074adata":{"a":1}'),
            vector(rest=',"metadata":INVALID,"metadata":null') + "," + vector(),
        )
    ),
    body_of(vector()).replace(
        b'"vectors"', b'"vectors":[{"key":"k","data":{"float32":[1]},"metadata":"\xff"}],"vectors"'
    ),
]


def decode(reader: Callable[[bytes], PutBody | None], body: bytes) -> object:
    """Decode *body* with a fast reader first. Return the values, or the error code and message."""
    try:
        return comparable(_read_put_body(body, reader))
    except ApiError as error:
        return error.code, error.message


@each_reader
@pytest.mark.parametrize("body", SIMPLE_BODIES + UNUSUAL_BODIES)
def test_every_reader_agrees_on_every_body(reader: Callable[[bytes], PutBody | None], body: bytes) -> None:
    """Duplicate members, huge integers, nested arrays, wrong types, invalid text: the reference decides."""
    assert decode(reader, body) == decode(lambda _: None, body)


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
odd_numbers: st.SearchStrategy[object] = numbers | st.sampled_from([True, None, "NaN", "1", [], [1], {}])
texts = st.text(max_size=6) | st.sampled_from(["[", "]", "a[b", "\\", '"', "true"])
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
datas = st.lists(numbers, max_size=4) | st.lists(odd_numbers, max_size=4) | json_values
records = st.fixed_dictionaries(
    {"key": texts, "data": st.fixed_dictionaries({"float32": datas})},
    optional={"metadata": st.dictionaries(texts, json_values, max_size=3) | json_values},
)


@given(batch=st.lists(records, max_size=4), ascii_only=st.booleans())
@example(batch=[{"key": "[", "data": {"float32": [[1], 2]}}], ascii_only=True)
def test_every_reader_agrees_on_any_record(batch: list[dict[str, Any]], *, ascii_only: bool) -> None:
    """The same values if the body is valid, otherwise the same error."""
    body = json.dumps({"indexName": "index", "vectors": batch}, ensure_ascii=ascii_only).encode()
    expected = decode(lambda _: None, body)
    assert [decode(reader, body) for reader in READERS.values()] == [expected] * len(READERS)


def test_the_reference_agrees_with_the_standard_library() -> None:
    """JSON by `json`, float32 by `struct`."""
    body = body_of(vector("[0.4,1e-46,16777217]", rest=',"metadata":{"a":[1,"b"]}'))
    put = decode_by_reference(body)
    (raw,) = json.loads(body)["vectors"]
    rounded = [struct.unpack("f", struct.pack("f", value))[0] for value in raw["data"]["float32"]]
    assert [list(map(float, one)) for one in put.vectors] == [rounded]
    assert put.metadata == [{"a": [1, "b"]}]


@each_reader
def test_a_reader_can_be_used_after_an_unsupported_body(reader: Callable[[bytes], PutBody | None]) -> None:
    """Nothing of that body stays in memory."""
    for body in UNUSUAL_BODIES:
        reader(body)
    assert reader(SIMPLE_BODIES[0]) is not None


@each_reader
@pytest.mark.parametrize(
    "body",
    [
        body_of(vector("[-0,0,-0.0,1,-0e1]", rest=',"metadata":{"n":-0}')),
        body_of(vector("[-0,0,-0.0,1,-0e1]"), address='"unknown":-0'),
        body_of(vector("[ -0 , 0 , -0.0, 1,-0E1 ]", rest=',"metadata":null'), address='"indexName":null'),
        body_of(vector("[-0,0,-0.0,1,-0e1]", key='"a,-0,b"')),
    ],
)
def test_a_negative_zero_keeps_its_sign(reader: Callable[[bytes], PutBody | None], body: bytes) -> None:
    """Go writes it as `-0`. Vectors keep their bits."""
    put = _read_put_body(body, reader)
    assert [struct.pack("<f", value) for value in put.vectors[0]] == [
        struct.pack("<f", value) for value in (-0.0, 0.0, -0.0, 1.0, -0.0)
    ]


@each_reader
def test_a_negative_zero_beside_deep_metadata(reader: Callable[[bytes], PutBody | None]) -> None:
    """The metadata is deeper than Python's own parser can read."""
    deep = '{"a":' * 1010 + "1" + "}" * 1010
    put = _read_put_body(body_of(vector("[-0,1]", rest=f',"metadata":{deep}')), reader)
    assert np.signbit(put.vectors[0]).tolist() == [True, False]
