from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from vecgate.conformance_kit.requests.exchanges import ExchangeLog
from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.errors import TransportError
from vecgate.targets.target import Target
from vecgate.targets.throttle_patience import ThrottlePatience

WHEN = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amzn-RequestId: id-1\r\n\r\n{}"


class Wire:
    """Answers each connection with *answer*, and keeps what came."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.received: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.received.append(self._request(connection))
                connection.sendall(self._answer)

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        content = b""
        while b"\r\n\r\n" not in content:
            content += connection.recv(65_536)
        head, body = content.split(b"\r\n\r\n", 1)
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65_536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    @property
    def last(self) -> tuple[str, dict[str, str], bytes]:
        """The line, the headers in lower case, and the body of the last request."""
        head, body = self.received[-1].split(b"\r\n\r\n", 1)
        line, *rest = head.decode().split("\r\n")
        return line, {name.lower(): value for name, value in (each.split(": ", 1) for each in rest)}, body


@pytest.fixture
def log() -> ExchangeLog:
    return ExchangeLog()


@pytest.fixture
def wire() -> Iterator[Callable[[bytes], Wire]]:
    made: list[Wire] = []

    def make(answer: bytes = OK) -> Wire:
        made.append(Wire(answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


def client_to(url: str, log: ExchangeLog, **more: Any) -> RawClient:
    target = Target("x", url, "us-east-1", "", Credentials("AKIDEXAMPLE", "opens-nothing"), **more)
    return RawClient(target, url, log)


def test_a_throttled_request_is_sent_again(wire: Any, log: ExchangeLog) -> None:
    """Within the patience of the run. It is one request of the test, with its final answer."""
    waited: list[float] = []
    patience = ThrottlePatience(0.8, sleep=waited.append)
    server = wire(b"HTTP/1.1 429 X\r\nContent-Length: 2\r\n\r\n{}")
    target = Target("x", server.url, "us-east-1", "", Credentials("AKIDEXAMPLE", "opens-nothing"))
    answer = RawClient(target, server.url, log, patience=patience)("/GetIndex", {})
    assert (answer.status, len(server.received), waited) == (429, 3, [0.25, 0.5])
    assert [each.status for each in log] == [429]
    assert client_to(server.url, log)("/GetIndex", {}).status == 429
    assert len(server.received) == 4


def test_bytes_are_sent_unchanged(wire: Any, log: ExchangeLog) -> None:
    """Method, path with its escapes, headers and body are those of the test."""
    server = wire()
    raw = client_to(server.url, log, headers={"x-own": "1"})
    answer = raw(
        "/tags/arn%3Aaws?tagKeys=a%20b", b"\xff\x00", method="DELETE", headers={"Content-Type": "text/x"}
    )
    line, headers, body = server.last
    assert line == "DELETE /tags/arn%3Aaws?tagKeys=a%20b HTTP/1.1"
    assert body == b"\xff\x00"
    assert (headers["content-type"], headers["content-length"], headers["x-own"]) == ("text/x", "2", "1")
    assert (answer.status, answer.json, answer.request_id) == (200, {}, "id-1")


@pytest.mark.parametrize(
    "request_parts",
    [
        ("POST", "/GetIndex", {"indexName": "ü"}),
        ("POST", "/ListVectorBuckets", {}),
        ("GET", "/tags/arn%3Aaws%3As3vectors%3Aus-east-1%3A123456789012%3Abucket%2Fb", b""),
        ("DELETE", "/tags/arn%3Aaws%3As3vectors%3A%3A%3Ab?tagKeys=b%20c&tagKeys=a", b""),
    ],
)
def test_the_signature_equals_that_of_botocore(
    wire: Any, log: ExchangeLog, request_parts: tuple[str, str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signatures of the same request at the same time are equal."""
    server = wire()
    method, path, body = request_parts
    client_to(server.url, log)(path, body, method=method, at=WHEN)
    _, headers, sent = server.last
    assert headers["x-amz-date"] == "20261124T100000Z"

    summary = {"User-Agent": headers["user-agent"], "Content-Type": headers["content-type"]}
    request = AWSRequest(method, server.url + path, summary, sent)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: WHEN)
    SigV4Auth(Credentials("AKIDEXAMPLE", "opens-nothing"), "s3vectors", "us-east-1").add_auth(request)
    assert headers["authorization"] == request.headers["Authorization"]


def test_a_request_can_be_unsigned_altered_or_from_another_user(wire: Any, log: ExchangeLog) -> None:
    """Alterations happen after signing, and an explicit Content-Length is sent unchanged."""
    server = wire()
    raw = client_to(server.url, log)
    raw("/GetIndex", {}, sign=False)
    assert "authorization" not in server.last[1]
    raw("/GetIndex", {}, credentials=Credentials("AKIDOTHER", "x", "token"))
    assert "AKIDOTHER" in server.last[1]["authorization"]
    assert server.last[1]["x-amz-security-token"] == "token"
    raw("/GetIndex", {}, alter=lambda headers: headers.update({"X-Amz-Date": "20200101T000000Z"}))
    assert server.last[1]["x-amz-date"] == "20200101T000000Z"
    raw("/GetIndex", b"", headers={"Content-Length": "0"})
    assert server.last[1]["content-length"] == "0"


def test_requests_are_logged_without_secrets(wire: Any, log: ExchangeLog) -> None:
    """The evidence of a failure contains no credentials."""
    server = wire()
    client_to(server.url, log)(
        "/GetIndex", {"a": "x" * 2_000}, credentials=Credentials("AKIDOTHER", "x", "token")
    )
    assert log.last is not None
    assert (log.last.operation, log.last.status, log.last.request_id) == ("POST /GetIndex", 200, "id-1")
    assert "Authorization: …" in log.last.request
    assert "token" not in log.last.request
    assert "bytes in total" in log.last.request


@pytest.mark.parametrize(
    ("headers", "body", "code", "message"),
    [
        ({"x-amzn-errortype": "ValidationException"}, b'{"message": "m"}', "ValidationException", "m"),
        ({"x-amzn-errortype": "ValidationException:http://x/"}, b"{}", "ValidationException", ""),
        ({}, b'{"__type": "a.b#NotFoundException", "message": "m"}', "NotFoundException", "m"),
        ({}, b'{"code": "ConflictException"}', "ConflictException", ""),
        ({}, b"[]", "", ""),
        ({}, b"<html>", "", ""),
    ],
)
def test_the_code_is_read_where_an_sdk_reads_it(
    headers: dict[str, str], body: bytes, code: str, message: str
) -> None:
    """From the header, else from the body."""
    answer = RawAnswer(400, headers, body)
    assert (answer.code, answer.message) == (code, message)
    assert answer.json == (None if body == b"<html>" else json.loads(body))


def test_no_answer_is_an_exception(wire: Any, log: ExchangeLog) -> None:
    """A connection that is refused and an answer that is not HTTP are logged as requests without an answer."""
    with pytest.raises(TransportError, match="ConnectionRefusedError"):
        client_to("http://127.0.0.1:9", log)("/GetIndex", {})
    with pytest.raises(TransportError, match="BadStatusLine"):
        client_to(wire(b"nonsense\r\n\r\n").url, log)("/GetIndex", {})
    assert [each.status for each in log] == [0, 0]


def test_tls_is_verified_as_the_target_says(log: ExchangeLog) -> None:
    """A server without TLS gives no answer, and a file without certificates is an error."""
    with pytest.raises(TransportError, match="ConnectionRefusedError"):
        client_to("https://127.0.0.1:9", log, verify=False)("/GetIndex", {})
    with pytest.raises(FileNotFoundError):
        client_to("https://127.0.0.1:9", log, verify="/none.pem")("/GetIndex", {})


@pytest.mark.parametrize("body", [b"", b"<Error/>", b"[]", b"null"])
def test_a_body_that_is_no_object_has_no_members(body: bytes) -> None:
    """That is a failure of the target, not an error of the test."""
    assert RawAnswer(200, {}, b'{"a":1}').members == {"a": 1}
    with pytest.raises(AssertionError, match="the body is not a JSON object: "):
        _ = RawAnswer(200, {}, body).members
