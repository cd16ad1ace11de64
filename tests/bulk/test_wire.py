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
from vecgate.bulk.encoding import Body
from vecgate.bulk.wire import Boto3Sender
from vecgate.errors import NoCredentials, ServiceError, TransportError, UsageError
from vecgate.s3vectors.model import service_model

URL = "http://localhost:1"
POSTS = [name for name in service_model().operation_names if "tag" not in name.lower()]


class Stream:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> list[bytes]:
        return [self.data]


class Service:
    """Answers, or fails, in place of the network; keeps the requests."""

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
    return 200, {}, body


@pytest.mark.parametrize("operation", POSTS)
@pytest.mark.parametrize("make_fast", [accelerate, lambda client: client], ids=["accelerated", "stock"])
def test_any_operation_carries_the_body_as_given(operation: str, make_fast: Any) -> None:
    """The bytes given are the bytes sent, signed with the hash given, and the bytes answered come back."""
    service = Service(ok(b'{"vectors": "whatever"}'))
    body = Body.of(b'{"any": "body", "vectors": [1]}')
    assert Boto3Sender(make_fast(service.client())).send(operation, body) == b'{"vectors": "whatever"}'
    (request,) = service.requests
    assert (request.method, request.url) == ("POST", f"{URL}/{operation}")
    assert request.body == body.data
    assert request.headers["X-Amz-Content-SHA256"].decode() == sha256(body.data).hexdigest()
    assert b"x-amz-content-sha256" in request.headers["Authorization"]


def test_an_operation_with_a_path_of_its_own_is_refused() -> None:
    """A tag call has its ARN in the path, which a body cannot carry."""
    with pytest.raises(UsageError, match="TagResource"):
        Boto3Sender(Service(ok()).client()).send("TagResource", Body.of(b"{}"))


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
@pytest.mark.parametrize("status", [300, 400, 429, 500, 503])
def test_an_error_code_is_raised_at_once(mode: str, status: int) -> None:
    """The retries of botocore do not happen on this path, in any of its modes."""
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
    """A body that is a JSON array makes botocore's parser fail; ours is not asked that much."""
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
def test_a_failed_sending_is_raised_at_once(failure: Exception, is_connect: bool) -> None:
    """Whether the request may have been applied is told apart; botocore does not try again."""
    service = Service(failure)
    sender = Boto3Sender(service.client(retries={"mode": "standard", "total_max_attempts": 5}))
    with pytest.raises(TransportError) as raised:
        sender.send("PutVectors", Body.of(b"{}"))
    assert len(service.requests) == 1
    assert (raised.value.operation, raised.value.is_connect) == ("PutVectors", is_connect)
    assert raised.value.__cause__ is failure


def test_a_bug_in_a_handler_comes_through_as_it_is() -> None:
    """What is no failure of the wire is not dressed up as one."""
    with pytest.raises(ZeroDivisionError):
        Boto3Sender(Service(ZeroDivisionError()).client()).send("PutVectors", Body.of(b"{}"))


def test_a_refused_connection_is_a_failed_sending() -> None:
    """A port where nobody listens: the connection did not come about."""
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


def test_a_cut_answer_is_a_failed_sending() -> None:
    """Fewer bytes than Content-Length says are no answer."""
    sender = Boto3Sender(Service((200, {"Content-Length": "10"}, b'{"ve')).client())
    with pytest.raises(TransportError, match="cut off"):
        sender.send("GetVectors", Body.of(b"{}"))


def test_without_credentials_there_is_nothing_to_sign_with() -> None:
    """The exception of botocore for missing credentials becomes ours."""
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
    """The sender changes nothing for those who call the client themselves, even twice made and closed."""
    service = Service((500, {}, b"{}"), ok(b'{"vectorBuckets": []}'))
    client = service.client(retries={"mode": "standard", "total_max_attempts": 2})
    Boto3Sender(client).close()
    Boto3Sender(client).close()
    assert client.list_vector_buckets()["vectorBuckets"] == []
    assert len(service.requests) == 2
    assert service.requests[0].body == b"{}"


def test_other_calls_still_raise_boto3s_errors() -> None:
    """After a sending, an error of a plain call is boto3's again."""
    service = Service(ok(), (404, {}, b'{"__type": "NotFoundException"}'))
    client = service.client(retries={"total_max_attempts": 1})
    Boto3Sender(client).send("PutVectors", Body.of(b"{}"))
    with pytest.raises(ClientError):
        client.get_index(vectorBucketName="movies", indexName="plots")


def test_threads_do_not_mix_their_bodies() -> None:
    """Each thread gets the answer to what it sent."""

    class Echo(Service):
        def _answer(self, request: Any, **_: object) -> AWSResponse:
            return AWSResponse(request.url, 200, {}, Stream(request.body))

    sender = Boto3Sender(Echo().client())
    wrong: list[int] = []

    def send_many(thread: int) -> None:
        for number in range(50):
            data = json.dumps([thread, number]).encode()
            if sender.send("PutVectors", Body.of(data)) != data:
                wrong.append(number)

    threads = [threading.Thread(target=send_many, args=[thread]) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
