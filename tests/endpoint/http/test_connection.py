"""Limits of connections, with a transport and a clock of the tests, and through sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from serving import Server, raw_request, read_response
from uvicorn.server import ServerState

from vecgate.endpoint.http import connection as connection_module
from vecgate.endpoint.http.connection import (
    BODY_PAUSE_S,
    BODY_TIMEOUT_S,
    HEAD_TIMEOUT_S,
    TransportProtocol,
    connections_max,
)
from vecgate.endpoint.http.http_app import HttpApp
from vecgate.endpoint.http.server import KEEP_ALIVE_S
from vecgate.endpoint.storage.state import State

LISTED = b'{"vectorBuckets":[]}'
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n"
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"


class FakeTransport(asyncio.Transport):
    """Records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self._is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.writes.append(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        self._is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 1) if name in {"peername", "sockname"} else default


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still unless a test moves it."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


class Connection:
    """One connection to the endpoint, without a socket."""

    def __init__(self, loop: FakeTimeLoop) -> None:
        self._loop, self.transport = loop, FakeTransport()
        config = uvicorn.Config(
            HttpApp(State()), lifespan="off", log_level="error", timeout_keep_alive=KEEP_ALIVE_S
        )
        self._protocol = TransportProtocol(config, ServerState(), {}, loop)
        self._protocol.connection_made(self.transport)

    async def receive(self, data: bytes) -> None:
        """Deliver *data*, and let the application run."""
        self._protocol.data_received(data)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        self._loop.now_s += seconds
        await self.settle()


def run(check: Callable[[Connection], Any]) -> None:
    loop = FakeTimeLoop()
    try:

        async def begin() -> None:
            await check(Connection(loop))

        loop.run_until_complete(begin())
    finally:
        loop.close()


# --- responses ---


@pytest.mark.parametrize(
    "raw",
    [
        raw_request("POST", "/ListVectorBuckets", b"{}"),
        raw_request("POST", "/nope", b"{}"),
        raw_request("POST", "/ListVectorBuckets", b"{}", headers="Connection: close\r\n"),
        HEALTH + b"\r\n",
        HEALTH + b"Origin: http://evil\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_head_and_body_of_a_response_leave_in_one_write(raw: bytes) -> None:
    """Go's client may lose a response whose head arrives alone."""

    async def check(connection: Connection) -> None:
        await connection.receive(raw)
        (response,) = connection.transport.writes
        head, _, body = response.partition(b"\r\n\r\n")
        assert b"content-length: %d\r\n" % len(body) in head + b"\r\n"
        assert body

    run(check)


INNER = b"POST /DeleteVectorBucket HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + INNER),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n" + INNER),
        (b"Content-Length: 2\r\nContent-Length: 2", b"{}" + INNER),
        (b"Content-Length: 2\r\nContent-Length: 70", b"{}" + INNER),
        (b"Content-Length: 2, 2", b"{}" + INNER),
        (b"Content-Length: +2", b"{}" + INNER),
        (b"Content-Length: -2", b"{}" + INNER),
        (b"Content-Length: 0x2", b"{}" + INNER),
        (b"Content-Length : 2", b"{}" + INNER),
        (b"Content-Length:\r\n 2", b"{}" + INNER),
        (b"Content-Length: 99999999999999999999", b"{}" + INNER),
        (b"X: a\rContent-Length: 0\r\nContent-Length: 2", b"{}" + INNER),
        (b"X: a\x00b\r\nContent-Length: 2", b"{}" + INNER),
        (b"Transfer-Encoding: xchunked", b"2\r\n{}\r\n0\r\n\r\n" + INNER),
        (b"Transfer-Encoding: chunked, chunked", b"2\r\n{}\r\n0\r\n\r\n" + INNER),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"2\r\n{}\r\n0\r\n\r\n" + INNER),
        (b"Transfer-Encoding:\x0bchunked", b"2\r\n{}\r\n0\r\n\r\n" + INNER),
        (b"Transfer-Encoding: chunked", b"-2\r\n{}\r\n0\r\n\r\n" + INNER),
        (b"Transfer-Encoding: chunked", b"0x2\r\n{}\r\n0\r\n\r\n" + INNER),
        (b"Transfer-Encoding: chunked", b"2\n{}\n0\n\n" + INNER),
        (b"Host: y\r\nContent-Length: 2", b"{}" + INNER),
    ],
)
def test_a_request_that_a_proxy_may_read_otherwise_is_refused(headers: bytes, body: bytes) -> None:
    """Else a second request may be hidden in its body. Neither is served."""

    async def check(connection: Connection) -> None:
        await connection.receive(
            b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n" + body
        )
        (response,) = connection.transport.writes
        assert response.startswith(b"HTTP/1.1 400 ")
        assert b"\r\nconnection: close\r\n" in response

    run(check)


# --- time ---


def test_a_head_that_takes_too_long_is_refused() -> None:
    """408 after ten seconds, however steadily it arrives."""

    async def check(connection: Connection) -> None:
        await connection.receive(HEALTH)
        for _ in range(9):
            await connection.wait(HEAD_TIMEOUT_S / 10)
            await connection.receive(b"a: b\r\n")
        assert connection.transport.writes == []
        await connection.wait(HEAD_TIMEOUT_S / 10)
        assert connection.transport.writes[0].startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        await connection.wait(60)
        assert connection.transport.is_closing()

    run(check)


def test_a_body_may_be_slow_but_not_pause() -> None:
    """Each part may take half a minute."""

    async def check(connection: Connection) -> None:
        await connection.receive(b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        for part in (b"{", b"}", b" ", b" "):
            await connection.wait(BODY_PAUSE_S - 1)
            await connection.receive(part)
        assert not connection.transport.is_closing()
        await connection.wait(BODY_PAUSE_S)
        await connection.wait(BODY_PAUSE_S)
        assert connection.transport.is_closing()
        assert connection.transport.writes == []

    run(check)


def test_a_body_that_trickles_in_is_given_up() -> None:
    """A byte now and then would hold its memory, and others up, for months."""

    async def check(connection: Connection) -> None:
        await connection.receive(
            b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"
        )
        for _ in range(int(BODY_TIMEOUT_S / 20) - 1):
            await connection.wait(20)
            assert not connection.transport.is_closing()
            await connection.receive(b" ")
        await connection.wait(21)
        assert connection.transport.is_closing()
        assert connection.transport.writes == []

    run(check)


@pytest.mark.parametrize("sent", [b"", b"\r\n", HEALTH + b"\r\n"])
def test_an_idle_connection_is_closed(sent: bytes) -> None:
    """Also one that never sends a request, or only line ends."""

    async def check(connection: Connection) -> None:
        if sent:
            await connection.receive(sent)
        await connection.wait(KEEP_ALIVE_S - 1)
        assert not connection.transport.is_closing()
        await connection.wait(2)
        assert connection.transport.is_closing()

    run(check)


async def open_connections(
    number: int, state: ServerState, sent: bytes
) -> list[tuple[TransportProtocol, FakeTransport]]:
    """Open connections to one server, a second apart, each of which sends something."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, FakeTimeLoop)
    config = uvicorn.Config(HttpApp(State()), lifespan="off", log_level="error")
    opened = []
    for _ in range(number):
        protocol, transport = TransportProtocol(config, state, {}, loop), FakeTransport()
        protocol.connection_made(transport)
        if sent:
            protocol.data_received(sent)
        for _ in range(10):
            await asyncio.sleep(0)
        loop.now_s += 1
        opened.append((protocol, transport))
    return opened


@pytest.mark.parametrize("sent", [b"", HEALTH, HEALTH + b"\r\n"], ids=["nothing", "half a head", "a request"])
def test_an_idle_connection_makes_room_for_a_new_one(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that has waited longest is closed. Those that work are kept."""
    monkeypatch.setattr(connection_module, "CONNECTIONS_MAX", 5)
    working = b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"

    async def check(connection: Connection) -> None:
        state = ServerState()
        busy = await open_connections(2, state, working)
        idle = await open_connections(3, state, sent)
        idle[0][0].data_received(b"\r\n")
        (new,) = await open_connections(1, state, sent)
        assert [transport.is_closing() for _, transport in [*busy, *idle, new]] == [False] * 3 + [True] + [
            False
        ] * 2
        assert not connection.transport.is_closing()

    run(check)


def test_a_connection_is_closed_if_all_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was accepted is given up for it."""
    monkeypatch.setattr(connection_module, "CONNECTIONS_MAX", 2)

    async def check(_connection: Connection) -> None:
        state = ServerState()
        head = b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
        busy = await open_connections(2, state, head)
        (new,) = await open_connections(1, state, b"")
        assert [transport.is_closing() for _, transport in [*busy, new]] == [False, False, True]

    run(check)


@pytest.mark.parametrize(("files", "connections"), [(-1, 4096), (1_000_000, 4096), (1024, 924), (50, 1)])
def test_connections_leave_files_for_the_server(
    files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any, it could accept nothing and write nothing."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    assert connections_max() == connections


# --- size ---


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (HEALTH + b"a: b\r\n" * 99 + b"\r\n", 200),
        (HEALTH + b"a: b\r\n" * 100 + b"\r\n", 431),
        (HEALTH + b"a: b\r\n" * 40_000 + b"\r\n", 431),
        (HEALTH + b"a: b\r\n" * 40_000, 431),
        (HEALTH + b"a: " + b"b" * 65_400 + b"\r\n\r\n", 200),
        (HEALTH + b"a: " + b"b" * 65_536 + b"\r\n\r\n", 431),
        (HEALTH + b"a: " + b"b" * 1_000_000, 431),
        (HEALTH + b"b" * 1_000_000, 431),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"\r\n" * 500_000, 431),
        (b"POST /ListVectorBuckets HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"x" * 1_000_000, 431),
        (
            b"POST /ListVectorBuckets HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
            + b"a: b\r\n" * 40_000,
            431,
        ),
    ],
)
def test_the_head_is_limited_before_anything_else(raw: bytes, status: int) -> None:
    """A hundred headers of 64 KiB in total, chunk extensions and trailers too; then the server continues."""
    with Server() as server:
        assert server.send(raw)[0] == status
        assert server.send(HEALTH + b"\r\n")[0] == 200


def test_headers_behind_a_body_are_ignored() -> None:
    """A request is authenticated with the headers before it."""

    async def check(connection: Connection) -> None:
        head = b"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await connection.receive(head)
        headers = list(connection._protocol.headers)
        await connection.receive(b"2\r\n{}\r\n0\r\nAuthorization: late\r\nOrigin: late\r\n\r\n")
        assert connection.transport.writes[0].endswith(LISTED)
        assert connection._protocol.headers == headers

    run(check)


# --- upgrades ---


@pytest.mark.parametrize(
    "framing", ["Content-Length: 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
)
@pytest.mark.parametrize("cut", [None, 10, 60, 150, -1])
def test_an_offer_to_upgrade_is_ignored(framing: str, cut: int | None) -> None:
    """Java's HttpClient and `curl --http2` send it with a body, which is read."""
    raw = f"POST /ListVectorBuckets HTTP/1.1\r\nHost: x\r\n{H2C}{framing}".encode()

    async def check(connection: Connection) -> None:
        for part in [raw] if cut is None else [raw[:cut], raw[cut:]]:
            await connection.receive(part)
        assert [each.endswith(LISTED) for each in connection.transport.writes] == [True]
        await connection.receive(raw_request("POST", "/nope", b"{}"))
        assert connection.transport.writes[1].startswith(b"HTTP/1.1 404")
        assert not connection.transport.is_closing()

    run(check)


def test_the_body_of_an_upgrading_request_is_applied() -> None:
    """Several on one connection, with pipelined ones between."""
    upgrading = raw_request("POST", "/CreateVectorBucket", b'{"vectorBucketName":"one"}', headers=H2C)
    plain = raw_request("POST", "/CreateVectorBucket", b'{"vectorBucketName":"two"}')
    again = raw_request("POST", "/CreateVectorBucket", b'{"vectorBucketName":"three"}', headers=H2C)
    with Server() as server, server.connection() as connection:
        connection.sendall(upgrading + plain)
        received = b""
        while received.count(b"vectorBucketArn") < 2:
            received += connection.recv(10_000)
        connection.sendall(again)
        assert read_response(connection)[0] == 200
        assert list(server.state.buckets) == ["one", "two", "three"]


def test_many_upgrading_requests_at_once_are_answered() -> None:
    """Each has its own parser; none is nested in another."""
    raw = raw_request("POST", "/nope", b"{}", headers=H2C)
    with Server() as server, server.connection() as connection:
        connection.sendall(raw * 2_000)
        received = b""
        while received.count(b"HTTP/1.1 404") < 2_000:
            part = connection.recv(1_000_000)
            assert part
            received += part
