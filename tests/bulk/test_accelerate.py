from __future__ import annotations

import json
import math
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, ParamValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.accelerate import HOOKS, UnexpectedResponseError, accelerate, check_answers
from vecgate.bulk.core.record_blocks import Block
from vecgate.errors import UnexpectedResponse, UsageError

ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/movies/index/plots"
#: An answer to any call about vectors.
ANYTHING = b'{"vectors": [], "distanceMetric": "cosine"}'
ADDRESSES = [{"vectorBucketName": "movies", "indexName": "plots"}, {"indexArn": ARN}]
FLT_MAX, SMALLEST = 3.4028234663852886e38, 1.401298464324817e-45

keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
scalars = st.text(st.characters(codec="utf-8")) | st.integers(-(2**70), 2**70) | st.booleans() | st.none()
documents = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
floats = st.floats(-FLT_MAX, FLT_MAX) | st.integers(-(2**60), 2**60)
vectors = st.lists(
    st.fixed_dictionaries(
        {"key": keys, "data": st.fixed_dictionaries({"float32": st.lists(floats, max_size=6)})},
        optional={"metadata": st.dictionaries(st.text(max_size=5), documents, max_size=3)},
    ),
    min_size=1,
    max_size=4,
)
addresses = st.sampled_from(ADDRESSES)


class Body:
    """The body stream of a response, as urllib3 provides it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> list[bytes]:
        return [self.data]


class Service:
    """Answers in place of the network, and keeps the requests that would have been sent."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers) or [(200, ANYTHING)]
        self.requests: list[Any] = []

    def client(self, **config: Any) -> Any:
        client = boto3.client(
            "s3vectors",
            region_name="us-east-1",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(**{"retries": {"total_max_attempts": 1}, **config}),
        )
        client.meta.events.register("before-send.s3vectors", self._answer)
        return client

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        self.requests.append(request)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return AWSResponse(
            request.url, status, {"x-amzn-requestid": "1", "content-length": str(len(body))}, Body(body)
        )

    @property
    def sent(self) -> Any:
        return json.loads(self.requests[-1].body)


STOCK, FAST = Service(), Service()
STOCK_CLIENT, FAST_CLIENT = STOCK.client(), accelerate(FAST.client())


def float32(values: list[float]) -> list[float]:
    return [float(np.float32(value)) for value in values]


def rounded(body: Any) -> Any:
    """Return the body with its vectors rounded to float32, as the service stores them."""
    for vector in body.get("vectors", ()):
        vector["data"]["float32"] = float32(vector["data"]["float32"])
    if "queryVector" in body:
        body["queryVector"]["float32"] = float32(body["queryVector"]["float32"])
    return body


def as_numpy(items: list[dict[str, Any]], dtype: Any = np.float64) -> list[dict[str, Any]]:
    return [{**item, "data": {"float32": np.array(item["data"]["float32"], dtype)}} for item in items]


@given(items=vectors, address=addresses)
@example(
    items=[{"key": "a", "data": {"float32": [0.0, -0.0, SMALLEST, -FLT_MAX, 0.1]}}], address=ADDRESSES[0]
)
@example(
    items=[{"key": "a", "data": {"float32": []}, "metadata": {"n": 2**64, "long": -(10**30)}}],
    address=ADDRESSES[1],
)
@example(
    items=[{"key": "\ud800", "data": {"float32": [1]}, "metadata": {"\udfff": "\ud83d"}}],
    address=ADDRESSES[0],
)
@example(
    items=[{"key": "a", "data": {"float32": [1]}, "metadata": {1: 2, None: 3, False: 4, 0.5: 5}}],
    address=ADDRESSES[0],
)
def test_a_put_body_is_boto3s_up_to_float32_rounding(items: Any, address: dict[str, str]) -> None:
    """Everything that boto3 accepts is sent as boto3 sends it, with each number rounded to float32."""
    STOCK_CLIENT.put_vectors(**address, vectors=items)
    FAST_CLIENT.put_vectors(**address, vectors=items)
    assert rounded(FAST.sent) == rounded(STOCK.sent)


@given(
    values=st.lists(floats, min_size=1, max_size=6),
    address=addresses,
    filters=st.none() | st.dictionaries(st.text(max_size=5), documents, max_size=3),
)
def test_a_query_body_is_boto3s_up_to_float32_rounding(
    values: Any, address: dict[str, str], filters: Any
) -> None:
    """The same applies to the vector of a query; all other members are unchanged."""
    arguments = {
        **address,
        "queryVector": {"float32": values},
        "topK": 3,
        "returnDistance": True,
        "filter": filters,
    }
    STOCK_CLIENT.query_vectors(**arguments)
    FAST_CLIENT.query_vectors(**arguments)
    assert rounded(FAST.sent) == rounded(STOCK.sent)


@given(values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
@example(values=[0.0, -0.0, SMALLEST, -SMALLEST, FLT_MAX, -FLT_MAX, 1.1754943508222875e-38])
def test_float32_values_arrive_bit_for_bit(values: list[float]) -> None:
    """Parsing the body returns every float32 exactly, including subnormals, zeros and extremes."""
    FAST_CLIENT.put_vectors(
        **ADDRESSES[0], vectors=[{"key": "a", "data": {"float32": np.array(values, np.float32)}}]
    )
    arrived = np.array(FAST.sent["vectors"][0]["data"]["float32"], np.float32)
    assert arrived.tobytes() == np.array(values, np.float32).tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
def test_numpy_rows_are_accepted(dtype: Any) -> None:
    """Rows of any numeric type, contiguous or not, are sent as float32."""
    matrix = np.array([[1, 7], [2, 8], [3, 9]], dtype)
    FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=[{"key": "a", "data": {"float32": matrix[:, 1]}}])
    assert FAST.sent["vectors"] == [{"key": "a", "data": {"float32": [7.0, 8.0, 9.0]}}]


def test_numpy_scalars_are_numbers() -> None:
    """A numpy scalar or a Decimal is the number that it represents."""
    values = [np.float32(0.1), np.int64(2), 1, 0.0, Decimal("0.5")]
    FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=[{"key": "a", "data": {"float32": values}}])
    assert float32(FAST.sent["vectors"][0]["data"]["float32"]) == float32([0.1, 2, 1, 0, 0.5])


def test_a_block_is_accepted() -> None:
    """A columnar block is sent as its records, with the metadata of those that have any."""
    block = Block(np.arange(2), ["a", "b"], np.array([[1, 2], [3, 4]], np.float32), [None, {"year": 1999}])
    FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=block)
    assert FAST.sent["vectors"] == [
        {"key": "a", "data": {"float32": [1, 2]}},
        {"key": "b", "data": {"float32": [3, 4]}, "metadata": {"year": 1999}},
    ]


class Colour(StrEnum):
    RED = "red"


def test_subclasses_in_metadata_are_sent_as_boto3_sends_them() -> None:
    """The member of an enumeration is sent as its value, a numpy float as a float."""
    items = [{"key": "a", "data": {"float32": [1.0]}, "metadata": {"c": Colour.RED, "f": np.float64(0.1)}}]
    STOCK_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    assert FAST.sent == STOCK.sent


def vector(**members: Any) -> list[Any]:
    return [{"key": "k", "data": {"float32": [0.5]}, **members}]


def block(vectors: Any, key: Any = "k", metadata: Any = None) -> Block:
    return Block(
        np.arange(len(vectors)),
        [key] * len(vectors),
        np.array(vectors, np.float32),
        [metadata] * len(vectors),
    )


REJECTED_BY_BOTH = {
    "vectors is a dict": {},
    "vectors is empty": [],
    "vectors[0] is a str": ["no"],
    "vectors[0] has no key": [{"data": {"float32": [1.0]}}],
    "vectors[0] has no data": [{"key": "k"}],
    "vectors[0] has the unknown member 'values'": vector(values=[1]),
    "vectors[0].key is a int": vector(key=7),
    "vectors[0].key is empty": vector(key=""),
    "vectors[0].data is a list": vector(data=[0.5]),
    "vectors[0].data is a dict": vector(data={"float32": [1], "float64": [1]}),
    "vectors[0].data.float32 is a str": vector(data={"float32": "0.5"}),
    "vectors[0] (key 'k').data.float32[1] is a str": vector(data={"float32": [1, "0.5"]}),
    "vectors[0] (key 'k').data.float32[0] is a NoneType": vector(data={"float32": [None]}),
    "vectors[0] (key 'k').data.float32[0] is a numpy array": vector(data={"float32": [np.ones(1)]}),
    "vectors[0].metadata holds a tuple": vector(metadata={"a": (1, 2)}),
    "vectors[0].metadata holds a Decimal": vector(metadata={"a": [Decimal(1)]}),
    "vectors[0].metadata holds a int64 (use .item()": vector(metadata={"a": {"b": np.int64(1)}}),
    "vectors[0].metadata holds a numpy array of 1 dimensions and dtype float64 (use .tolist()": vector(
        metadata={"a": np.ones(1)}
    ),
}
REJECTED_BY_ACCELERATE = {
    "vectors[0] (key 'k').data holds NaN": vector(data={"float32": [1.0, math.nan]}),
    "vectors[0] (key 'k').data holds NaN, infinity": vector(data={"float32": [-math.inf]}),
    "vectors[0] (key 'k').data holds NaN, infinity or": vector(data={"float32": [3.5e38]}),
    "vectors[0] (key 'k').data holds NaN, infinity or a": vector(data={"float32": [10**400]}),
    "vectors[0] (key 'k').data holds NaN, infinity or a number": vector(
        data={"float32": np.array([1.0, 1e39])}
    ),
    "vectors[0] (key 'k').data holds NaN, infinity or a number beyond": vector(
        data={"float32": [Decimal("NaN")]}
    ),
    "vectors[0] (key 'k').data.float32[1] is a bool; a number is allowed": vector(
        data={"float32": [1.0, True]}
    ),
    "vectors[0] (key 'k').data.float32[0] is a bool": vector(data={"float32": [False, 0.5]}),
    "vectors[1] (key 'b').data.float32[1] is a bool": [
        {"key": "a", "data": {"float32": np.zeros(2)}},
        {"key": "b", "data": {"float32": (0, np.bool_(1))}},
    ],
    "vectors[0].data.float32 is a numpy array of 2 dimensions": vector(data={"float32": np.ones((2, 2))}),
    "vectors[0].data.float32 has masked values": vector(
        data={"float32": np.ma.array([1.0, 2.0], mask=[False, True])}
    ),
    "vectors[0].metadata holds NaN": vector(metadata={"a": [math.nan]}),
    "vectors[0].metadata has a key that is a tuple": vector(metadata={(1, 2): 3}),
    "vectors is empty; 1 to 500": block(np.empty((0, 2))),
    "vectors[1] (key 'k') holds NaN": block([[1, 2], [math.inf, 2]]),
    "vectors[0].key is a int;": block([[1]], key=7),
    "vectors[0].metadata holds a set": block([[1]], metadata={"a": {1}}),
}


@pytest.mark.parametrize(("text", "items"), REJECTED_BY_BOTH.items(), ids=REJECTED_BY_BOTH)
def test_what_boto3_rejects_is_rejected(text: str, items: Any) -> None:
    """Missing, unknown and mistyped members are rejected as by boto3, and the message says where they are."""
    with pytest.raises(ParamValidationError):
        STOCK_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    with pytest.raises(ParamValidationError) as refusal:
        FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    assert text in str(refusal.value)
    assert "0.5" not in str(refusal.value)


@pytest.mark.parametrize(("text", "items"), REJECTED_BY_ACCELERATE.items(), ids=REJECTED_BY_ACCELERATE)
def test_what_json_cannot_represent_is_rejected(text: str, items: Any) -> None:
    """NaN, infinity, and numbers that round to it are rejected before anything is sent; the message has the
    key.
    """
    with pytest.raises(ParamValidationError) as refusal:
        FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    assert text in str(refusal.value)


def test_recursive_metadata_are_rejected() -> None:
    """A list that contains itself does not cause an endless loop."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ParamValidationError, match="nested too deeply"):
        FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=vector(metadata={"a": endless}))


def test_deep_metadata_are_sent_as_boto3_sends_them() -> None:
    """Beyond the depth that orjson supports, the standard library writes the metadata."""
    deep: Any = 1
    for _ in range(280):
        deep = [deep]
    items = vector(metadata={"a": deep})
    STOCK_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    assert FAST.sent == STOCK.sent


@pytest.mark.parametrize(
    "query",
    [{"float32": ["0.5"]}, {"float32": [True]}, {"float32": [math.nan]}, {}, [0.5], {"float64": [0.5]}],
)
def test_an_invalid_query_vector_is_rejected(query: Any) -> None:
    """The vector of a query is checked like the vectors of a put."""
    with pytest.raises(ParamValidationError, match="queryVector") as refusal:
        FAST_CLIENT.query_vectors(**ADDRESSES[0], queryVector=query, topK=1)
    assert "0.5" not in str(refusal.value)


def test_other_members_are_still_checked_by_boto3() -> None:
    """boto3 rejects invalid members that are not vectors, with its own messages."""
    with pytest.raises(ParamValidationError, match="bucket"):
        FAST_CLIENT.put_vectors(bucket="b", vectors=vector())
    with pytest.raises(ParamValidationError, match="vectors"):
        FAST_CLIENT.put_vectors(**ADDRESSES[0])
    with pytest.raises(ParamValidationError, match="topK"):
        FAST_CLIENT.query_vectors(**ADDRESSES[0], queryVector={"float32": [1.0]})


UNTOUCHED = {
    "list_vector_buckets": {},
    "create_vector_bucket": {"vectorBucketName": "movies"},
    "create_index": {**ADDRESSES[0], "dataType": "float32", "dimension": 3, "distanceMetric": "cosine"},
    "get_index": {"indexArn": ARN},
    "delete_vectors": {**ADDRESSES[0], "keys": ["a", "b"]},
    "get_vectors": {**ADDRESSES[0], "keys": ["a"], "returnData": True},
    "list_vectors": {**ADDRESSES[0], "segmentCount": 2, "segmentIndex": 1},
    "query_vectors": {**ADDRESSES[0], "topK": 1, "queryTexts": [{"text": "x", "metadataKey": "y"}]},
    "list_tags_for_resource": {"resourceArn": ARN},
}


@pytest.mark.parametrize(("method", "arguments"), UNTOUCHED.items())
def test_other_calls_are_byte_for_byte_the_same(method: str, arguments: dict[str, Any]) -> None:
    """For other calls, method, URL, headers and body are boto3's."""
    for client in (STOCK_CLIENT, FAST_CLIENT):
        getattr(client, method)(**arguments)
    changing = ("Authorization", "X-Amz-Date", "amz-sdk-invocation-id", "User-Agent")
    stock, fast = STOCK.requests[-1], FAST.requests[-1]
    assert (fast.method, fast.url, fast.body) == (stock.method, stock.url, stock.body)
    assert {k: v for k, v in fast.headers.items() if k not in changing} == {
        k: v for k, v in stock.headers.items() if k not in changing
    }


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
stored = st.fixed_dictionaries(
    {"key": keys},
    optional={
        "data": st.fixed_dictionaries({"float32": st.lists(numbers, max_size=4)}) | st.none(),
        "metadata": st.dictionaries(st.text(max_size=5), documents, max_size=3) | st.none(),
        "distance": numbers,
        "future": st.just(1),
        "scores": st.fixed_dictionaries({}, optional={"fused": numbers, "vectorDistance": numbers}),
    },
)
answers = st.fixed_dictionaries(
    {"vectors": st.lists(stored, max_size=3), "distanceMetric": st.just("cosine")},
    optional={"nextToken": keys | st.none(), "future": st.just(1)},
)
READS: dict[str, dict[str, Any]] = {
    "get_vectors": {**ADDRESSES[0], "keys": ["a"]},
    "list_vectors": ADDRESSES[0],
    "query_vectors": {**ADDRESSES[0], "topK": 1, "queryVector": {"float32": [1.0]}},
}


def typed_text(result: Any) -> str:
    """Return the result as text in which 1 and 1.0 differ."""
    result.pop("ResponseMetadata")
    return json.dumps(result, sort_keys=True)


def read_result(service: Service, client: Any, body: bytes, method: str) -> str:
    service.answers = [(200, body)]
    try:
        return typed_text(getattr(client, method)(**READS[method]))
    finally:
        service.answers = [(200, ANYTHING)]


@given(answer=answers, method=st.sampled_from(sorted(READS)))
@example(answer={"vectors": [{"key": "a", "data": {"float32": [1, 0, -1]}}]}, method="list_vectors")
@example(
    answer={"vectors": [{"key": "a", "distance": 0}], "distanceMetric": "cosine"}, method="query_vectors"
)
@example(
    answer={"vectors": [{"key": "a", "metadata": {"n": 2**64, "d": {"l": [-(2**70)]}}}]},
    method="list_vectors",
)
@example(answer={"vectors": [{"key": "a", "metadata": {"d": {"l": ["x", 2**70]}}}]}, method="list_vectors")
@example(answer={"vectors": [{"key": "a", "metadata": {"d": {"l": ["x", {}]}}}]}, method="list_vectors")
@example(answer={"vectors": [{"key": "\ud800", "data": {"float32": ["NaN"]}}]}, method="get_vectors")
@example(answer={"vectors": [{"key": "a", "data": {"float64": [1]}}]}, method="get_vectors")
@example(answer={"vectors": [{"key": "a", "metadata": {"x": math.nan}}]}, method="get_vectors")
def test_a_read_result_is_boto3s(answer: Any, method: str) -> None:
    """A read returns what boto3 returns, with floats in the same places, also if the service adds members."""
    body = json.dumps(answer).encode()
    assert read_result(FAST, FAST_CLIENT, body, method) == read_result(STOCK, STOCK_CLIENT, body, method)


@pytest.mark.parametrize("method", sorted(READS))
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"not json", b'{"vectors": null}', b'{"vectors": [{"key":', b"[]"),
        b'{"vectors": [], "distanceMetric": "cosine", "__type": "InternalServerException"}',
        b'{"distanceMetric": "cosine", "x": {"vectors": []}, "y": "' + b"x" * 5_000 + b'"}',
        b'{"vectors": [], "distanceMetric": ' + b"x" * 5_000 + b"}",
    ],
)
def test_a_response_that_is_no_answer_is_an_error(body: bytes, method: str) -> None:
    """boto3 would return an empty result."""
    with pytest.raises(
        UnexpectedResponseError, match="got no S3 Vectors response: status 200 with"
    ) as raised:
        read_result(FAST, FAST_CLIENT, body, method)
    assert isinstance(raised.value, HTTPClientError)
    assert isinstance(raised.value.__cause__, UnexpectedResponse)


def test_response_metadata_are_boto3s() -> None:
    """A fast result also has the status, the headers and the request id."""
    service = Service((200, b'{"vectors": []}'))
    metadata = accelerate(service.client()).get_vectors(**READS["get_vectors"])["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RequestId"], metadata["RetryAttempts"]) == (200, "1", 0)


def test_errors_are_left_to_the_parser() -> None:
    """A status of 300 and above raises boto3's own exception."""
    service = Service((404, b'{"__type": "NotFoundException", "message": "gone"}'))
    client = accelerate(service.client())
    with pytest.raises(client.exceptions.NotFoundException, match="gone"):
        client.list_vectors(**ADDRESSES[0])


def test_retries_send_the_same_body_again() -> None:
    """boto3's retries send the body and the hash header again, with a new signature."""
    service = Service((503, b"{}"), (200, b"{}"))
    client = accelerate(service.client(retries={"total_max_attempts": 2, "mode": "standard"}))
    client.put_vectors(**ADDRESSES[0], vectors=vector())
    first, second = service.requests
    assert first.body == second.body
    assert first.headers["X-Amz-Content-SHA256"] == second.headers["X-Amz-Content-SHA256"]
    assert first.headers["Authorization"].startswith(b"AWS4-HMAC-SHA256 ")
    assert second.headers["Authorization"].startswith(b"AWS4-HMAC-SHA256 ")


def test_the_hash_header_is_the_hash_of_the_body() -> None:
    """It is the SHA-256 of the bytes `{...}` in hex, as signers and the service compute it."""
    FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=vector())
    request = FAST.requests[-1]
    assert request.headers["X-Amz-Content-SHA256"].decode() == sha256(request.body).hexdigest()


def test_handlers_of_the_user_see_the_real_vectors() -> None:
    """Before botocore writes the body, and in the body itself."""
    service, seen = Service(), []
    client = accelerate(service.client())
    client.meta.events.register(
        "before-parameter-build.s3vectors.PutVectors", lambda params, **_: seen.append(params["vectors"])
    )
    client.meta.events.register(
        "before-call.s3vectors.PutVectors", lambda params, **_: seen.append(json.loads(params["body"]))
    )
    client.put_vectors(**ADDRESSES[0], vectors=vector(data={"float32": [0.5]}))
    assert seen == [vector(data={"float32": [0.5]}), service.sent]
    assert service.sent["vectors"] == vector(data={"float32": [0.5]})


@pytest.mark.parametrize("convert", [str, str.encode])
def test_a_handler_of_the_user_may_change_the_body(convert: Any) -> None:
    """The hash in the header is that of the new one."""
    service = Service()
    client = accelerate(service.client())

    def change(params: Any, **_: object) -> None:
        params["body"] = convert(json.dumps({**json.loads(params["body"]), "added": 1}))

    client.meta.events.register("before-call.s3vectors.QueryVectors", change)
    client.query_vectors(**ADDRESSES[0], topK=1, queryVector={"float32": [0.5]})
    request = service.requests[-1]
    assert (service.sent["added"], service.sent["queryVector"]) == (1, {"float32": [0.5]})
    assert request.headers["X-Amz-Content-SHA256"].decode() == sha256(request.body).hexdigest()


@pytest.mark.parametrize("wrong", [3, None, "s3vectors", object(), boto3])
def test_something_else_than_a_client_is_refused_in_one_sentence(wrong: Any) -> None:
    """It names its type and the way to make a client."""
    with pytest.raises(UsageError) as caught:
        accelerate(wrong)
    assert str(caught.value) == f"a boto3 client of s3vectors is needed, not a {type(wrong).__name__}"
    assert "boto3.client" in caught.value.hint


def test_a_session_that_accelerates_its_clients() -> None:
    """The recipe of docs/python.md for libraries that create the client themselves."""

    class AcceleratedSession(boto3.Session):  # type: ignore[misc]  # boto3 has no types
        def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
            client = super().client(service_name, *arguments, **options)
            return accelerate(client) if service_name == "s3vectors" else client

    client = AcceleratedSession(region_name="us-east-1").client("s3vectors")
    service = Service()
    client.meta.events.register("before-send.s3vectors", service._answer)
    client._request_signer._credentials = service.client()._request_signer._credentials
    client.put_vectors(**ADDRESSES[0], vectors=vector(data={"float32": np.ones(1)}))
    assert service.sent["vectors"][0]["data"] == {"float32": [1.0]}


def test_check_answers_applies_the_rule_to_every_call() -> None:
    """Also to those that have no vectors; errors stay errors."""
    service = Service(
        (200, b"<html>"), (202, b"{}"), (200, b"null"), (404, b"{}"), (200, b'{"vectorBuckets":[]}')
    )
    client = service.client()
    check_answers(client)
    for message in ("no known type", "status 202", "no known type"):
        with pytest.raises(UnexpectedResponseError, match=message):
            client.list_vector_buckets()
    with pytest.raises(ClientError):
        client.list_vector_buckets()
    assert client.list_vector_buckets()["vectorBuckets"] == []


def test_accelerating_twice_changes_nothing() -> None:
    """The second call returns the client with its hooks installed once."""
    service = Service()
    client = service.client()
    assert accelerate(accelerate(client)) is client
    client.put_vectors(**ADDRESSES[0], vectors=vector(data={"float32": np.ones(1)}))
    assert len(service.requests) == 1
    for event in HOOKS:
        client.meta.events.unregister(event, unique_id=f"vecgate.accelerate.{event}")
    with pytest.raises(ParamValidationError):
        client.put_vectors(**ADDRESSES[0], vectors=vector(data={"float32": np.ones(1)}))


def test_the_callers_arguments_are_not_changed() -> None:
    """The vectors that were passed stay the same."""
    items = vector(metadata={"a": 1})
    FAST_CLIENT.put_vectors(**ADDRESSES[0], vectors=items)
    assert items == [{"key": "k", "data": {"float32": [0.5]}, "metadata": {"a": 1}}]


def test_a_client_of_another_service_is_rejected() -> None:
    """Only s3vectors has vectors."""
    with pytest.raises(UsageError, match="a client of sts"):
        accelerate(boto3.client("sts", region_name="us-east-1"))


@pytest.mark.parametrize("value", [3, None, "s3vectors", object()])
def test_what_is_no_client_is_rejected(value: Any) -> None:
    """One clear error, with the type that was passed."""
    with pytest.raises(
        UsageError, match=f"a boto3 client of s3vectors is needed, not a {type(value).__name__}"
    ):
        accelerate(value)


def test_a_botocore_without_customized_results_parses_itself() -> None:
    """Older versions pass no dictionary to fill: their own parser reads the response."""
    response = {"status_code": 200, "headers": {}, "body": b'{"vectors": []}'}
    model = FAST_CLIENT.meta.service_model.operation_model("GetVectors")
    HOOKS["before-parse.s3vectors.GetVectors"](operation_model=model, response_dict=response)
    assert response["body"] == b'{"vectors": []}'


def test_a_throttled_put_raises_boto3s_error() -> None:
    """Errors of puts are boto3's too."""
    client = accelerate(Service((429, b'{"__type": "TooManyRequestsException"}')).client())
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        client.put_vectors(**ADDRESSES[0], vectors=vector())
