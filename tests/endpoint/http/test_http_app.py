from __future__ import annotations

import asyncio
import hashlib
import io
import socket
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from botocore.credentials import Credentials
from serving import Server, read_response, signed_headers

from vecgate.endpoint.auth.principals import create_principal
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http.access_log import AccessLog
from vecgate.endpoint.http.http_app import HttpApp
from vecgate.endpoint.storage.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

LIMIT = 20_971_520


def post(path: str, body: bytes, *, length: int | None = None, extra: str = "") -> bytes:
    size = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n{extra}\r\n".encode() + body


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_boto3_works_over_http(server: Server) -> None:
    """End to end, with an unmodified client."""
    address = {"vectorBucketName": "http", "indexName": "index"}
    with server.client() as client:
        client.create_vector_bucket(vectorBucketName="http")
        client.create_index(**address, dataType="float32", dimension=2, distanceMetric="euclidean")
        client.put_vectors(
            **address, vectors=[{"key": "k", "data": {"float32": [3.0, 4.0]}, "metadata": {"n": 1}}]
        )
        found = client.query_vectors(
            **address, topK=1, queryVector={"float32": [0.0, 0.0]}, returnDistance=True, returnMetadata=True
        )
        assert found["vectors"] == [{"key": "k", "distance": 25.0, "metadata": {"n": 1}}]
        with pytest.raises(client.exceptions.ConflictException):
            client.create_vector_bucket(vectorBucketName="http")


def test_boto3_gets_the_error_for_a_body_that_is_too_large(server: Server) -> None:
    """It receives the 400 while it is still sending."""
    with (
        server.client() as client,
        pytest.raises(client.exceptions.ValidationException, match="Request body exceeds max allowed size"),
    ):
        client.get_vectors(vectorBucketName="bucket", indexName="index", keys=["x" * LIMIT])


def test_health_is_a_200(server: Server) -> None:
    """Scripts poll this path until the server is ready."""
    status, _, body = server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, orjson.loads(body)) == (200, {"status": "ok"})


def test_an_error_has_its_code_and_a_request_id_in_headers(server: Server) -> None:
    """SDKs read them there."""
    status, headers, body = server.send(post("/GetIndex", b"{}"))
    assert status == 400
    assert headers["x-amzn-errortype"] == "ValidationException"
    assert headers["x-amzn-requestid"].startswith("1")
    assert headers["content-type"] == "application/json"
    assert "server" not in headers
    assert orjson.loads(body)["message"].startswith("Must specify either indexArn")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (post("/PutVectors", b"not json"), 400, "SerializationException"),
        (post("/PutVectors", b"\xff\xfe"), 400, "SerializationException"),
        (post("/PutVectors", b"[" * 100_000), 400, "SerializationException"),
        (
            post("/PutVectors", b'{"vectors":[' + b"[" * 5_000 + b"]" * 5_000 + b"]}"),
            400,
            "SerializationException",
        ),
        (post("/PutVectors?x=1", b"{}"), 400, "ValidationException"),
        (post("/", b"{}"), 404, "UnknownOperationException"),
        (post("/nope", b"{}"), 404, "UnknownOperationException"),
        (post("/PutVectors/", b"{}"), 404, "UnknownOperationException"),
        (post("/putvectors", b"{}"), 404, "UnknownOperationException"),
        (post("/%50utVectors", b"{}"), 404, "UnknownOperationException"),
        (b"GET /PutVectors HTTP/1.1\r\nHost: x\r\n\r\n", 405, "MethodNotAllowedException"),
        (b"DELETE /PutVectors HTTP/1.1\r\nHost: x\r\n\r\n", 405, "MethodNotAllowedException"),
        (b"GET / HTTP/1.0\r\n\r\n", 404, "UnknownOperationException"),
        (
            b"GET /tags/arn%3Aaws%3As3vectors%3A1%3Abucket%2Fb HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "ValidationException",
        ),
        (post("/PutVectors", b"", length=LIMIT + 1), 400, "ValidationException"),
        (post("/nope", b"", length=10**15), 400, "ValidationException"),
    ],
)
def test_bad_input_gets_the_right_4xx(server: Server, raw: bytes, status: int, code: str) -> None:
    """The server continues to serve."""
    got, headers, _ = server.send(raw)
    assert (got, headers["x-amzn-errortype"]) == (status, code)
    assert server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"POST /PutVectors HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /PutVectors HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /PutVectors HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"HEAD /PutVectors HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_malformed_http_is_a_4xx(server: Server, raw: bytes) -> None:
    """It is never a 5xx, and the server continues to serve."""
    with server.connection() as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        first = connection.recv(100)
    assert first.startswith(b"HTTP/1.1 4") or first == b""
    assert server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


def test_an_incomplete_request_does_not_affect_others(server: Server) -> None:
    """A client may disconnect in the middle of its body."""
    with server.connection() as connection:
        connection.sendall(post("/PutVectors", b'{"vectors":', length=10_000))
    assert server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


def test_a_declared_length_is_checked_before_the_body_arrives(server: Server) -> None:
    """The client gets the error instead of "100 Continue", and the connection closes: the body may follow or
    not.
    """
    with server.connection() as connection:
        connection.sendall(post("/PutVectors", b"", length=LIMIT + 1, extra="Expect: 100-continue\r\n"))
        status, headers, _ = read_response(connection)
        assert (status, headers["connection"]) == (400, "close")
        assert connection.recv(1) == b""


def test_a_client_that_expects_100_continue_receives_it(server: Server) -> None:
    """Then its body is read."""
    with server.connection() as connection:
        connection.sendall(post("/ListVectorBuckets", b"", length=2, extra="Expect: 100-continue\r\n"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"{}")
        assert read_response(connection)[0] == 200


def test_a_connection_survives_a_body_that_was_too_large(server: Server) -> None:
    """The body is skipped, and the next request is answered."""
    with server.connection() as connection:
        connection.sendall(post("/PutVectors", b" " * (LIMIT + 1)))
        assert read_response(connection)[0] == 400
        connection.sendall(post("/ListVectorBuckets", b"{}"))
        assert read_response(connection)[0] == 200


def test_a_body_of_exactly_the_limit_is_read(server: Server) -> None:
    """20,971,520 bytes inclusive."""
    assert server.send(post("/ListVectorBuckets", b"{}".ljust(LIMIT)))[0] == 200


def test_a_chunked_body_is_read_and_bounded(server: Server) -> None:
    """Without a declared length, the received bytes count."""
    head = b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert server.send(head + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")[0] == 200
    chunk = b"%x\r\n%b\r\n" % (LIMIT, b" " * LIMIT)
    status, headers, _ = server.send(head + chunk + b"1\r\n \r\n0\r\n\r\n")
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    with server.connection() as connection:
        connection.sendall(post("/ListVectorBuckets", b"{}") + post("/nope", b"{}"))
        received = b""
        while b"There is no operation" not in received:
            received += connection.recv(10_000)
    positions = [received.index(part) for part in (b"HTTP/1.1 200", b'{"vectorBuckets"', b"HTTP/1.1 404")]
    assert positions == sorted(positions)


# --- the application itself, without a server ---


def send(
    app: HttpApp,
    *messages: dict[str, object],
    path: str = "/ListVectorBuckets",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> list[Any]:
    """Return the messages that *app* sends in reply to *messages*."""
    sent: list[MutableMapping[str, Any]] = []
    incoming = iter(messages)

    async def receive() -> MutableMapping[str, Any]:
        return dict(next(incoming))

    async def record(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers or [],
    }
    asyncio.run(app(scope, receive, record))
    return sent


def test_the_parts_of_a_body_are_joined() -> None:
    """A server delivers a body in several messages."""
    start, body = send(
        HttpApp(State(), clock=lambda: 0.0),
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.request", "body": b"}", "more_body": True},
        {"type": "http.request"},
    )
    assert start["status"] == 200
    assert body["body"] == b'{"vectorBuckets":[]}'


def test_nothing_is_done_for_a_client_that_disconnected() -> None:
    """No response is sent and nothing is applied."""
    state = State()
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert send(HttpApp(state), *messages) == []
    assert state.serial == 0


def test_a_body_declared_too_large_is_not_received() -> None:
    """The response is sent without reading a message of the client."""
    start, _ = send(HttpApp(State()), headers=[(b"content-length", b"20971521")])
    assert start["status"] == 400


# --- authentication ---

PRINCIPAL = create_principal("KEY", "secret-of-key")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with Server(GatewaySettings((PRINCIPAL,))) as running:
        yield running


def test_a_client_with_the_keys_is_served(guarded: Server) -> None:
    """With a body, without one, and with an ARN in the path."""
    with guarded.client("KEY", "secret-of-key") as client:
        arn = client.create_vector_bucket(vectorBucketName="guarded")["vectorBucketArn"]
        client.tag_resource(resourceArn=arn, tags={"a b": "c/d", "e": ""})
        client.untag_resource(resourceArn=arn, tagKeys=["e", "a b"])
        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {}


@pytest.mark.parametrize(
    ("access_key", "secret_key", "settings", "code"),
    [
        ("KEY", "wrong", {}, "InvalidSignatureException"),
        ("OTHER", "secret-of-key", {}, "UnrecognizedClientException"),
        ("KEY", "secret-of-key", {"aws_session_token": "x"}, "UnrecognizedClientException"),
        ("KEY", "secret-of-key", {"region_name": "eu-west-1"}, "InvalidSignatureException"),
    ],
)
def test_a_client_with_other_keys_is_refused(
    guarded: Server, access_key: str, secret_key: str, settings: dict[str, str], code: str
) -> None:
    """403, and nothing is applied."""
    with (
        guarded.client(access_key, secret_key, **settings) as client,
        pytest.raises(client.exceptions.ClientError) as refused,
    ):
        client.create_vector_bucket(vectorBucketName="never")
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert refused.value.response["ResponseMetadata"]["RequestId"].startswith("1")
    assert "never" not in guarded.state.buckets


def test_an_unsigned_request_is_refused_and_health_is_not(guarded: Server) -> None:
    """Scripts that poll `/health` have no keys."""
    status, headers, _ = guarded.send(post("/ListVectorBuckets", b"{}"))
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    assert guarded.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


def test_a_body_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing a body of some MiB takes milliseconds."""
    hashed: list[bytes] = []

    class Spy:
        def __init__(self, data: bytes = b"") -> None:
            self._hash = hashlib.new("sha256", data)
            hashed.append(data)

        def update(self, part: bytes) -> None:
            hashed.append(part)
            self._hash.update(part)

        def hexdigest(self) -> str:
            return self._hash.hexdigest()

    body = b'{"prefix":"' + b"x" * 1000 + b'"}'
    url = "http://127.0.0.1/ListVectorBuckets"
    headers = signed_headers(Credentials("KEY", "secret-of-key"), "POST", url, body)
    monkeypatch.setattr(hashlib, "sha256", Spy)
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": body[:500], "more_body": True},
        {"type": "http.request", "body": body[500:]},
    ]
    app = HttpApp(State(), settings=GatewaySettings((PRINCIPAL,)))
    start, response = send(app, *messages, headers=headers)
    assert start["status"] == 400
    assert b"/prefix" in response["body"], "it must get as far as the validation"
    assert b"".join(hashed).count(body) == 1


# --- the access log ---


def test_the_access_log_has_a_line_for_each_request_and_no_secrets() -> None:
    """A line has principal, operation and result, but no vectors and no credentials."""
    stream = io.StringIO()
    with Server(GatewaySettings((PRINCIPAL,)), log=AccessLog(stream), clock=time.time) as server:
        with server.client("KEY", "secret-of-key") as client:
            client.create_vector_bucket(vectorBucketName="logged")
            with pytest.raises(client.exceptions.NotFoundException):
                client.put_vectors(
                    vectorBucketName="logged",
                    indexName="none",
                    vectors=[{"key": "k", "data": {"float32": [0.123456789]}}],
                )
        server.send(post("/nope", b"{}"))
    created, missing, unknown = (orjson.loads(line) for line in stream.getvalue().splitlines())
    assert (created["operation"], created["status"], created["code"]) == ("CreateVectorBucket", 200, "")
    assert (missing["operation"], missing["status"], missing["code"]) == (
        "PutVectors",
        404,
        "NotFoundException",
    )
    assert (unknown["operation"], unknown["status"]) == ("unknown", 403)
    assert unknown["code"] == "MissingAuthenticationTokenException"
    assert created["principal"] == "local"
    assert unknown["principal"] == ""
    assert created["bytes_in"] == len(b'{"vectorBucketName": "logged"}')
    assert created["bytes_out"] > 50
    assert missing["request_id"].startswith("1")
    assert 0 < created["ms"] < 10_000
    assert datetime.fromisoformat(created["time"]).tzinfo is not None
    assert "secret-of-key" not in stream.getvalue()
    assert "Signature" not in stream.getvalue()
    assert "0.1234" not in stream.getvalue()
