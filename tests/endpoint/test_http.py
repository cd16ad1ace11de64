from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import orjson
import pytest
from botocore.config import Config

from vecgate.endpoint.http import HttpDoor
from vecgate.endpoint.server import EndpointServer
from vecgate.endpoint.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

LIMIT = 20_971_520


class Server:
    """The endpoint on a socket of this process, in a thread."""

    def __init__(self) -> None:
        self.state = State()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._ready = threading.Event()
        self._server = EndpointServer(HttpDoor(self.state), on_ready=self._ready.set)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._listener])))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(self.address, timeout=10) as connection:
            yield connection

    def send(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send bytes as they are; status, headers and body of the answer."""
        with self.connection() as connection:
            connection.sendall(raw)
            return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = dict(line.decode().rstrip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
        return status, headers, stream.read(int(headers.get("content-length", 0)))


def post(path: str, body: bytes, *, length: int | None = None, extra: str = "") -> bytes:
    size = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n{extra}\r\n".encode() + body


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.stop()


def test_boto3_works_over_http(server: Server) -> None:
    """The whole way, with a client that knows nothing of us."""
    client: Any = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    )
    client.create_vector_bucket(vectorBucketName="http")
    address = {"vectorBucketName": "http", "indexName": "index"}
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
    client.close()


def test_boto3_is_told_that_a_body_is_too_large(server: Server) -> None:
    """It gets the 400 although it is still sending."""
    client: Any = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(client.exceptions.ValidationException, match="Request body exceeds max allowed size"):
        client.get_vectors(vectorBucketName="bucket", indexName="index", keys=["x" * LIMIT])
    client.close()


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
            501,
            "NotImplementedException",
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
    door: HttpDoor, *messages: dict[str, object], headers: list[tuple[bytes, bytes]] | None = None
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
        "raw_path": b"/ListVectorBuckets",
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
