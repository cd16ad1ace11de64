from __future__ import annotations

import json
import struct
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.endpoint.answers import Refused
from vecgate.endpoint.core import _put_body
from vecgate.endpoint.decoding import PutBody, put_body, read_document, typed_read
from vecgate.endpoint.validation import check_input

if TYPE_CHECKING:
    from collections.abc import Callable

READS: dict[str, Callable[[bytes], PutBody | None]] = {"msgspec": typed_read}
if find_spec("simdjson"):  # it has no wheel for every Python
    from vecgate.endpoint.simd import SimdRead

    READS["simdjson"] = SimdRead()
each_read = pytest.mark.parametrize("read", READS.values(), ids=READS)


def by_the_rule(body: bytes) -> PutBody:
    """The slow way, which decides what a body means."""
    return put_body(check_input("PutVectors", read_document(body)))


def plain(put: PutBody) -> tuple[object, ...]:
    """A body as values that can be compared; +0 and -0 are the same here, as they are to the service."""
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


PLAIN: list[bytes] = [
    body_of(vector()),
    body_of(vector("[1.5,-2,3e5]"), vector("[0,-0,1E-3]")),
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


@each_read
@pytest.mark.parametrize("body", PLAIN)
def test_a_quick_way_takes_plain_bodies_and_agrees_with_the_rule(
    read: Callable[[bytes], PutBody | None], body: bytes
) -> None:
    """It is not left to the rule by mistake: speed would go without anyone noticing."""
    put = read(body)
    assert put is not None
    assert plain(put) == plain(by_the_rule(body))


#: Bodies that at least one quick way leaves to the rule; what it makes of them is what counts.
ODD: list[bytes] = [
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
]


def outcome(read: Callable[[bytes], PutBody | None], body: bytes) -> object:
    """What comes of *body* when it is read the quick way first: values, or the error code and message."""
    try:
        return plain(_put_body(body, read))
    except Refused as refused:
        return refused.code, refused.message


@each_read
@pytest.mark.parametrize("body", PLAIN + ODD)
def test_every_body_means_the_same_however_it_is_read(
    read: Callable[[bytes], PutBody | None], body: bytes
) -> None:
    """Duplicate members, huge integers, nested arrays, wrong types, bad text: the rule decides."""
    assert outcome(read, body) == outcome(lambda _: None, body)


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
def test_every_way_of_reading_agrees_on_any_record(batch: list[dict[str, Any]], *, ascii_only: bool) -> None:
    """Values when the rule takes the body, the same refusal when it does not."""
    body = json.dumps({"indexName": "index", "vectors": batch}, ensure_ascii=ascii_only).encode()
    expected = outcome(lambda _: None, body)
    assert [outcome(read, body) for read in READS.values()] == [expected] * len(READS)


def test_the_rule_is_what_the_standard_library_reads() -> None:
    """The slow way against `json`, float32 by `struct`."""
    body = body_of(vector("[0.4,1e-46,16777217]", rest=',"metadata":{"a":[1,"b"]}'))
    put = by_the_rule(body)
    (raw,) = json.loads(body)["vectors"]
    rounded = [struct.unpack("f", struct.pack("f", value))[0] for value in raw["data"]["float32"]]
    assert [list(map(float, one)) for one in put.vectors] == [rounded]
    assert put.metadata == [{"a": [1, "b"]}]


@each_read
def test_a_parser_reads_again_after_a_refusal(read: Callable[[bytes], PutBody | None]) -> None:
    """Nothing of a body that was left to the rule is held on to."""
    for body in ODD:
        read(body)
    assert read(PLAIN[0]) is not None
