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
from serving import Server, read_answer, signed_headers

from vecgate.endpoint.access import new_principal
from vecgate.endpoint.access_log import AccessLog
from vecgate.endpoint.http import HttpDoor
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.state import State

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
    """The whole way, with a client that knows nothing of us."""
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


def test_boto3_is_told_that_a_body_is_too_large(server: Server) -> None:
    """It gets the 400 although it is still sending."""
    with (
        server.client() as client,
        pytest.raises(client.exceptions.ValidationException, match="Request body exceeds max allowed size"),
    ):
        client.get_vectors(vectorBucketName="bucket", indexName="index", keys=["x" * LIMIT])


def test_health_is_a_200(server: Server) -> None:
    """For whoever waits for us."""
    status, _, body = server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, orjson.loads(body)) == (200, {"status": "ok"})


def test_an_error_has_its_code_in_a_header_and_a_request_id(server: Server) -> None:
    """As the SDKs look for them."""
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
    """And the server goes on."""
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
def test_what_is_hardly_http_is_a_4xx_too(server: Server, raw: bytes) -> None:
    """Never a 5xx, and the server goes on."""
    with server.connection() as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        first = connection.recv(100)
    assert first.startswith(b"HTTP/1.1 4") or first == b""
    assert server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


def test_a_request_that_is_cut_off_harms_nobody(server: Server) -> None:
    """A client that leaves in the middle is forgotten."""
    with server.connection() as connection:
        connection.sendall(post("/PutVectors", b'{"vectors":', length=10_000))
    assert server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


def test_a_declared_length_is_judged_before_a_byte_of_the_body(server: Server) -> None:
    """No "100 Continue", the answer at once, and the connection ends: the client may send the body or not."""
    with server.connection() as connection:
        connection.sendall(post("/PutVectors", b"", length=LIMIT + 1, extra="Expect: 100-continue\r\n"))
        status, headers, _ = read_answer(connection)
        assert (status, headers["connection"]) == (400, "close")
        assert connection.recv(1) == b""


def test_a_client_that_asks_first_is_told_to_go_on(server: Server) -> None:
    """Then the body is read."""
    with server.connection() as connection:
        connection.sendall(post("/ListVectorBuckets", b"", length=2, extra="Expect: 100-continue\r\n"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"{}")
        assert read_answer(connection)[0] == 200


def test_a_connection_survives_a_body_that_was_too_large(server: Server) -> None:
    """Sent all the same, it is read past, and the next request is answered."""
    with server.connection() as connection:
        connection.sendall(post("/PutVectors", b" " * (LIMIT + 1)))
        assert read_answer(connection)[0] == 400
        connection.sendall(post("/ListVectorBuckets", b"{}"))
        assert read_answer(connection)[0] == 200


def test_a_body_of_exactly_the_limit_is_read(server: Server) -> None:
    """20,971,520 bytes inclusive."""
    assert server.send(post("/ListVectorBuckets", b"{}".ljust(LIMIT)))[0] == 200


def test_a_chunked_body_is_read_and_bounded(server: Server) -> None:
    """Without a declared length, what has come counts."""
    head = b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert server.send(head + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")[0] == 200
    chunk = b"%x\r\n%b\r\n" % (LIMIT, b" " * LIMIT)
    status, headers, _ = server.send(head + chunk + b"1\r\n \r\n0\r\n\r\n")
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_pipelined_requests_are_answered_in_turn(server: Server) -> None:
    """Two at once, two answers."""
    with server.connection() as connection:
        connection.sendall(post("/ListVectorBuckets", b"{}") + post("/nope", b"{}"))
        got = b""
        while b"There is no operation" not in got:
            got += connection.recv(10_000)
    assert got.index(b"HTTP/1.1 200") < got.index(b'{"vectorBuckets"') < got.index(b"HTTP/1.1 404")


# --- the application itself, without a server ---


def ask(
    door: HttpDoor,
    *messages: dict[str, object],
    path: str = "/ListVectorBuckets",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> list[Any]:
    """What the door sends for these messages."""
    sent: list[MutableMapping[str, Any]] = []
    coming = iter(messages)

    async def receive() -> MutableMapping[str, Any]:
        return dict(next(coming))

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers or [],
    }
    asyncio.run(door(scope, receive, send))
    return sent


def test_a_body_in_pieces_is_put_together() -> None:
    """As a server hands it over."""
    start, body = ask(
        HttpDoor(State(), clock=lambda: 0.0),
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.request", "body": b"}", "more_body": True},
        {"type": "http.request"},
    )
    assert start["status"] == 200
    assert body["body"] == b'{"vectorBuckets":[]}'


def test_nothing_is_sent_to_a_client_that_is_gone() -> None:
    """Nor is anything done for it."""
    state = State()
    pieces: list[dict[str, object]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert ask(HttpDoor(state), *pieces) == []
    assert state.serial == 0


def test_a_body_declared_too_large_is_not_received() -> None:
    """The answer comes without one message from the client."""
    start, _ = ask(HttpDoor(State()), headers=[(b"content-length", b"20971521")])
    assert start["status"] == 400


# --- who asks ---

PRINCIPAL = new_principal("KEY", "secret-of-key")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with Server(DoorSettings((PRINCIPAL,))) as running:
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
def test_a_client_without_them_is_refused(
    guarded: Server, access_key: str, secret_key: str, settings: dict[str, str], code: str
) -> None:
    """403, and nothing is done."""
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
    """Whoever waits for us has no keys."""
    status, headers, _ = guarded.send(post("/ListVectorBuckets", b"{}"))
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    assert guarded.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


def test_a_body_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it comes, in whatever pieces; a body of some MiB costs milliseconds."""
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
    pieces: list[dict[str, object]] = [
        {"type": "http.request", "body": body[:500], "more_body": True},
        {"type": "http.request", "body": body[500:]},
    ]
    start, answer = ask(HttpDoor(State(), settings=DoorSettings((PRINCIPAL,))), *pieces, headers=headers)
    assert start["status"] == 400
    assert b"/prefix" in answer["body"], "it got as far as the framework's checks"
    assert b"".join(hashed).count(body) == 1


# --- the access log ---


def test_the_access_log_tells_of_each_request_and_of_no_secret() -> None:
    """One line of JSON: who, what, how it ended. No vectors, no credentials."""
    stream = io.StringIO()
    with Server(DoorSettings((PRINCIPAL,)), log=AccessLog(stream), clock=time.time) as server:
        with server.client("KEY", "secret-of-key") as client:
            client.create_vector_bucket(vectorBucketName="logged")
            with pytest.raises(client.exceptions.NotFoundException):
                client.put_vectors(
                    vectorBucketName="logged",
                    indexName="none",
                    vectors=[{"key": "k", "data": {"float32": [0.123456789]}}],
                )
        server.send(post("/nope", b"{}"))
    made, missing, nope = (orjson.loads(line) for line in stream.getvalue().splitlines())
    assert (made["operation"], made["status"], made["code"]) == ("CreateVectorBucket", 200, "")
    assert (missing["operation"], missing["status"], missing["code"]) == (
        "PutVectors",
        404,
        "NotFoundException",
    )
    assert (nope["operation"], nope["status"]) == ("unknown", 403)
    assert nope["code"] == "MissingAuthenticationTokenException"
    assert made["principal"] == "local"
    assert nope["principal"] == ""
    assert made["bytes_in"] == len(b'{"vectorBucketName": "logged"}')
    assert made["bytes_out"] > 50
    assert missing["request_id"].startswith("1")
    assert 0 < made["ms"] < 10_000
    assert datetime.fromisoformat(made["time"]).tzinfo is not None
    assert "secret-of-key" not in stream.getvalue()
    assert "Signature" not in stream.getvalue()
    assert "0.1234" not in stream.getvalue()
