from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from vecgate.conformance_kit.requests.exchanges import (
    EXCHANGES_MAX,
    Exchange,
    ExchangeLog,
    SentBytes,
    build_reproduction,
    format_exchange,
)

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "opens-nothing"}


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        return [self._content]


def client_answering(status: int, body: bytes, headers: dict[str, str]) -> Any:
    """Return a client whose requests get this answer, without a socket."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    client: Any = boto3.client("s3vectors", region_name="us-east-1", config=config, **KEYS)

    def answer(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, status, headers, Body(body))

    client.meta.events.register("before-send.s3vectors", answer)
    return client


def test_requests_and_answers_are_logged() -> None:
    """The log has operation, members, status, body and request id; requests are counted by operation."""
    log = ExchangeLog()
    client = client_answering(200, b'{"index": {}}', {"x-amzn-requestid": "id-1"})
    log.watch(client)
    client.get_index(vectorBucketName="b", indexName="i")
    (exchange,) = log
    assert (exchange.operation, exchange.members) == ("GetIndex", {"vectorBucketName": "b", "indexName": "i"})
    assert (exchange.status, exchange.answer, exchange.request_id) == (200, '{"index": {}}', "id-1")
    assert log.requests == {"GetIndex": 1}
    log.clear()
    assert (log.last, log.requests) == (None, {"GetIndex": 1})
    client.close()


def test_errors_are_logged() -> None:
    """The formatted exchange has the header with the error code."""
    log = ExchangeLog()
    client = client_answering(404, b'{"message": "m"}', {"x-amzn-ErrorType": "NotFoundException"})
    log.watch(client)
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_index()
    assert log.last is not None
    assert "answer      404 x-amzn-errortype: NotFoundException" in format_exchange(log.last)
    client.close()


def test_a_request_without_an_answer_is_logged() -> None:
    """The log has the reason, such as a refused connection."""
    log = ExchangeLog()
    config = Config(retries={"total_max_attempts": 1})
    client: Any = boto3.client(
        "s3vectors", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", config=config, **KEYS
    )
    log.watch(client)
    with pytest.raises(Exception, match="Could not connect"):
        client.list_vector_buckets()
    assert log.last is not None
    assert log.last.answer.startswith("no answer: Could not connect")
    assert "answer      none" in format_exchange(log.last)
    client.close()


def test_only_the_last_exchanges_are_kept() -> None:
    """A property test sends thousands of requests."""
    log = ExchangeLog()
    for number in range(EXCHANGES_MAX + 5):
        log.add(Exchange("raw", request=str(number)))
    assert [each.request for each in log] == [str(number) for number in range(5, EXCHANGES_MAX + 5)]
    assert log.requests == {"raw": EXCHANGES_MAX + 5}


def test_a_formatted_exchange_is_shortened() -> None:
    """A body of 20 MiB would hide everything else."""
    text = format_exchange(Exchange("PutVectors", {"x": "y" * 5_000}, status=200, answer="z" * 5_000))
    assert len(text) < 4_000
    assert text.count("characters more") == 2


def test_a_reproduction_repeats_the_calls() -> None:
    """It runs on its own, because it creates the buckets of earlier tests first."""
    calls = [
        Exchange("CreateIndex", {"vectorBucketName": "old", "indexName": "i"}, status=200),
        Exchange("raw", request="bytes"),
        Exchange("GetIndex", {"vectorBucketName": "old", "indexName": "i"}, status=404),
        Exchange("CreateVectorBucket", {"vectorBucketName": "new"}, status=200),
        Exchange("CreateIndex", {"vectorBucketName": "new", "indexName": "i"}, status=200),
    ]
    text = build_reproduction(calls, url="http://h:1", region="r-1")
    calls_made: list[tuple[str, dict[str, Any]]] = []

    class Client:
        def __getattr__(self, name: str) -> Any:
            return lambda **members: calls_made.append((name, members))

    class Boto3:
        @staticmethod
        def client(*names: str, **settings: Any) -> Client:
            assert (names, settings["endpoint_url"], settings["region_name"]) == (
                ("s3vectors",),
                "http://h:1",
                "r-1",
            )
            return Client()

    exec(text.replace("import boto3\n", ""), {"boto3": Boto3, "print": lambda _: None})  # noqa: S102 - it is what is tested
    assert calls_made == [
        ("create_vector_bucket", {"vectorBucketName": "old"}),
        ("create_index", {"vectorBucketName": "old", "indexName": "i"}),
        ("get_index", {"vectorBucketName": "old", "indexName": "i"}),
        ("create_vector_bucket", {"vectorBucketName": "new"}),
        ("create_index", {"vectorBucketName": "new", "indexName": "i"}),
    ]
    assert "print(client.get_index(" in text
    assert "endpoint_url" not in build_reproduction(calls, url=None, region="r-1")


@pytest.mark.parametrize(
    "calls", [[], [Exchange("raw", request="x")], [Exchange("PutVectors", {"x": "y" * 9_000})]]
)
def test_some_exchanges_have_no_reproduction(calls: list[Exchange]) -> None:
    """Without calls, or with calls that are too long to copy, no program is built."""
    assert build_reproduction(calls, url="http://h:1", region="r-1") == ""


def test_a_reproduction_sends_the_bytes_that_the_test_wrote() -> None:
    """Signed by the credentials of the environment or made-up ones, and with a note about what differs."""
    sent = SentBytes("POST", "/PutVectors?x=1", {"Content-Type": "text/x"}, b'{"a": \xff', is_signed=False)
    resigned = SentBytes("GET", "/", {}, b"", difference="the test changed the headers after signing")
    calls = [
        Exchange("POST /PutVectors", sent=sent, status=400),
        Exchange("GET /", sent=resigned, status=403),
    ]
    with listening(
        [b"HTTP/1.1 400 no\r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 403 no\r\ncontent-length: 0\r\n\r\n"]
    ) as (
        url,
        received,
    ):
        text = build_reproduction(calls, url=url, region="r-1")
        finished = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": "", "AWS_ACCESS_KEY_ID": "AKIDFROMENV"},
        )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert [line.split()[0] for line in finished.stdout.splitlines()] == ["400", "403"]
    assert received[0].startswith(b"POST /PutVectors?x=1 ")
    assert received[0].endswith(b'\r\n\r\n{"a": \xff')
    assert b"authorization" not in received[0].lower()
    assert b"Credential=AKIDFROMENV/" in received[1]
    assert "# the test changed the headers after signing" in text
    assert build_reproduction(calls, url=None, region="r-1") == ""


@contextmanager
def listening(answers: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one connection with each of *answers*, and keep what came."""
    received: list[bytes] = []

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                content = connection.recv(65_536)
                if (
                    b"\r\n\r\n{" not in content
                    and b"Content-Length: 0" not in content
                    and content.startswith(b"POST")
                ):
                    content += connection.recv(65_536)
                received.append(content)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        thread.join(30)
