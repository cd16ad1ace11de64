from __future__ import annotations

import json
import threading
from hashlib import sha256
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from vecgate.bulk.accelerate import accelerate
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.sender import Boto3Sender, endpoint_identity
from vecgate.errors import NoCredentials, ServiceError, TransportError, UsageError
from vecgate.s3vectors.model import service_model
from vecgate.testing.scripted_service import ScriptedService

URL = "http://localhost:1"
#: What the model requires of the answer to a read.
ANSWERS: dict[str, Any] = {
    "GetIndex": {"index": {}},
    "GetVectorBucket": {"vectorBucket": {}},
    "GetVectors": {"vectors": []},
    "ListIndexes": {"indexes": []},
    "ListVectorBuckets": {"vectorBuckets": []},
    "ListVectors": {"vectors": []},
    "QueryVectors": {"vectors": [], "distanceMetric": "cosine"},
}
POSTS = [name for name in service_model().operation_names if "tag" not in name.lower()]


class Stream:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> list[bytes]:
        return [self.data]


class Service:
    """Answers or fails in place of the network, and keeps the requests."""

    def __init__(self, *script: tuple[int, dict[str, str], bytes] | Exception) -> None:
        self.script = list(script)
        self.requests: list[Any] = []

    def client(self, **config: Any) -> Any:
        client = boto3.client(
            "s3vectors",
            region_name="us-east-1",
            endpoint_url=URL,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(**config),
        )
        client.meta.events.register("before-send.s3vectors", self._answer)
        return client

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        self.requests.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        status, headers, body = step
        return AWSResponse(request.url, status, headers, Stream(body))


def ok(body: bytes = b"{}") -> tuple[int, dict[str, str], bytes]:
    return 200, {"x-amzn-requestid": "1"}, body


@pytest.mark.parametrize("operation", POSTS)
@pytest.mark.parametrize("make_fast", [accelerate, lambda client: client], ids=["accelerated", "stock"])
def test_any_operation_sends_the_given_body(operation: str, make_fast: Any) -> None:
    """The same bytes are sent, signed with the given hash, and the bytes of the response come back."""
    answer = json.dumps({"any": "member", **ANSWERS.get(operation, {})}).encode()
    service = Service(ok(answer))
    body = Body.of(b'{"any": "body", "vectors": [1]}')
    assert Boto3Sender(make_fast(service.client())).send(operation, body) == answer
    (request,) = service.requests
    assert (request.method, request.url) == ("POST", f"{URL}/{operation}")
    assert request.body == body.data
    assert request.headers["X-Amz-Content-SHA256"].decode() == sha256(body.data).hexdigest()
    assert b"x-amz-content-sha256" in request.headers["Authorization"]


def test_an_operation_with_its_own_path_is_rejected() -> None:
    """A tag request has its ARN in the path, which a body cannot carry."""
    with pytest.raises(UsageError, match="TagResource"):
        Boto3Sender(Service(ok()).client()).send("TagResource", Body.of(b"{}"))


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
@pytest.mark.parametrize("status", [300, 400, 429, 500, 503])
def test_an_error_code_is_raised_at_once(mode: str, status: int) -> None:
    """Botocore's retries do not apply on this path, in any of its modes."""
    headers = {"x-amzn-errortype": "TooManyRequestsException", "Retry-After": "3", "x-amzn-requestid": "r"}
    service = Service((status, headers, b'{"message": "slow"}'))
    sender = Boto3Sender(service.client(retries={"mode": mode, "total_max_attempts": 5}))
    with pytest.raises(ServiceError) as raised:
        sender.send("PutVectors", Body.of(b"{}"))
    assert len(service.requests) == 1
    error = raised.value
    assert (error.operation, error.code, error.status, error.message) == (
        "PutVectors", "TooManyRequestsException", status, "slow"
    )  # fmt: skip
    assert (error.is_throttling, error.retry_after_s, error.request_id) == (True, 3.0, "r")


def test_an_error_that_botocore_cannot_parse_is_an_error_code() -> None:
    """A body that is a JSON array makes botocore's parser fail; the sender parses it without an error."""
    with pytest.raises(ServiceError, match="503"):
        Boto3Sender(Service((503, {}, b"[]")).client()).send("PutVectors", Body.of(b"{}"))


@pytest.mark.parametrize(
    ("failure", "is_connect"),
    [
        (EndpointConnectionError(endpoint_url=URL), True),
        (ConnectTimeoutError(endpoint_url=URL), True),
        (ReadTimeoutError(endpoint_url=URL), False),
        (ConnectionClosedError(endpoint_url=URL), False),
        (ConnectionResetError("reset"), False),
    ],
)
def test_a_failed_attempt_is_raised_at_once(failure: Exception, is_connect: bool) -> None:
    """The error shows whether the request may have been applied; botocore does not retry."""
    service = Service(failure)
    sender = Boto3Sender(service.client(retries={"mode": "standard", "total_max_attempts": 5}))
    with pytest.raises(TransportError) as raised:
        sender.send("PutVectors", Body.of(b"{}"))
    assert len(service.requests) == 1
    assert (raised.value.operation, raised.value.is_connect) == ("PutVectors", is_connect)
    assert raised.value.__cause__ is failure


def test_a_bug_in_a_handler_is_raised_unchanged() -> None:
    """It is not presented as a transport error."""
    with pytest.raises(ZeroDivisionError):
        Boto3Sender(Service(ZeroDivisionError()).client()).send("PutVectors", Body.of(b"{}"))


def test_a_rejected_connection_is_a_failed_attempt() -> None:
    """On a port without a listener, the connection could not be made."""
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with pytest.raises(TransportError) as raised:
        Boto3Sender(client).send("PutVectors", Body.of(b"{}"))
    assert raised.value.is_connect


def test_a_truncated_response_is_a_failed_attempt() -> None:
    """It has fewer bytes than its Content-Length."""
    sender = Boto3Sender(Service((200, {"Content-Length": "10"}, b'{"ve')).client())
    with pytest.raises(TransportError, match="cut off"):
        sender.send("GetVectors", Body.of(b"{}"))


def test_a_request_without_credentials_is_an_error() -> None:
    """Botocore's exception for missing credentials becomes NoCredentials."""
    service = Service(ok())
    client = service.client()

    def no_credentials(**_: object) -> None:
        raise NoCredentialsError

    client.meta.events.register("before-sign.s3vectors", no_credentials)
    with pytest.raises(NoCredentials) as raised:
        Boto3Sender(client).send("PutVectors", Body.of(b"{}"))
    assert "AWS_PROFILE" in raised.value.hint
    assert service.requests == []


def test_other_calls_of_the_client_keep_its_retries() -> None:
    """The sender changes nothing for other users of the client, even if created twice and closed."""
    service = Service((500, {}, b"{}"), ok(b'{"vectorBuckets": []}'))
    client = service.client(retries={"mode": "standard", "total_max_attempts": 2})
    Boto3Sender(client).close()
    Boto3Sender(client).close()
    assert client.list_vector_buckets()["vectorBuckets"] == []
    assert len(service.requests) == 2
    assert service.requests[0].body == b"{}"


def test_other_calls_still_raise_boto3s_errors() -> None:
    """After a request of the sender, the error of an ordinary call is boto3's."""
    service = Service(ok(), (404, {}, b'{"__type": "NotFoundException"}'))
    client = service.client(retries={"total_max_attempts": 1})
    Boto3Sender(client).send("PutVectors", Body.of(b"{}"))
    with pytest.raises(ClientError):
        client.get_index(vectorBucketName="movies", indexName="plots")


def test_threads_do_not_mix_their_bodies() -> None:
    """Each thread gets the response to its own request."""

    class Echo(Service):
        def _answer(self, request: Any, **_: object) -> AWSResponse:
            return AWSResponse(request.url, 200, {"x-amzn-requestid": "1"}, Stream(request.body))

    sender = Boto3Sender(Echo().client())
    wrong: list[int] = []

    def send_many(thread: int) -> None:
        for number in range(50):
            data = json.dumps({"request": [thread, number]}).encode()
            if sender.send("PutVectors", Body.of(data)) != data:
                wrong.append(number)

    threads = [threading.Thread(target=send_many, args=[thread]) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("http://127.0.0.1:7333/", "http://127.0.0.1:7333"),
        ("https://User:secret@Vectors.example/base/", "https://vectors.example/base"),
        ("https://s3vectors.eu-west-1.api.aws", ""),
        ("https://vpce-1.s3vectors.eu-west-1.vpce.amazonaws.com", ""),
        ("https://amazonaws.com.example", "https://amazonaws.com.example"),
        ("", ""),
    ],
)
def test_an_endpoint_is_identified_by_its_url_but_amazon_by_account_and_region(
    url: str, identity: str
) -> None:
    """Amazon has several URLs, and a URL may have a password, which no journal may have."""

    class Anywhere(ScriptedService):
        endpoint_url = url

    assert endpoint_identity(Anywhere()) == identity
    assert endpoint_identity(ScriptedService()) == ""


def test_a_client_with_an_older_model_can_be_used() -> None:
    """It checks the arguments of a call by its own model, in which more of them are required."""
    service = Service((200, {}, b'{"vectors": [], "distanceMetric": "cosine"}'))
    client = service.client()
    model = client.meta.service_model
    older = json.loads(json.dumps(model._service_description))
    older["shapes"]["QueryVectorsInput"]["required"] = ["topK", "queryVector"]
    client.meta._service_model = type(model)(older, model.service_name)
    assert Boto3Sender(client).send("QueryVectors", Body.of(b'{"topK": 1}'))
    assert service.requests[0].body == b'{"topK": 1}'
