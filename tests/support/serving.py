"""The endpoint on a socket of this process, for tests that look at the bytes or at what it holds."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from vecgate.endpoint.http import HttpDoor
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.metrics import Metrics
from vecgate.endpoint.server import Certificate, EndpointServer
from vecgate.endpoint.state import State

Answered = tuple[int, dict[str, str], bytes]


class Server:
    """The endpoint in a thread, within a `with` block."""

    def __init__(
        self, settings: DoorSettings | None = None, *, certificate: Certificate | None = None, **door: Any
    ) -> None:
        self.state = State()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._ready = threading.Event()
        self.door = HttpDoor(self.state, settings=settings, **door)
        self._scheme = "https" if certificate else "http"
        self._server = EndpointServer(self.door, on_ready=self._ready.set, certificate=certificate)
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask_to_stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def ask_to_stop(self) -> None:
        """As a signal does."""
        self._loop.call_soon_threadsafe(self._server.stop)

    @property
    def metrics(self) -> Metrics:
        """What is counted, every answer that was read included: the loop counts it before it turns to us."""
        is_counted = threading.Event()
        self._loop.call_soon_threadsafe(is_counted.set)
        assert is_counted.wait(10)
        return self.door.keeper.metrics

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve([self._listener])

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(self.address, timeout=10) as connection:
            yield connection

    def send(self, raw: bytes) -> Answered:
        """Send bytes as they are; status, headers and body of the answer."""
        with self.connection() as connection:
            connection.sendall(raw)
            return read_answer(connection)

    @contextmanager
    def client(self, access_key: str = "id", secret_key: str = "secret", **settings: Any) -> Iterator[Any]:  # noqa: S107 - opens nothing
        """A boto3 client that tries once."""
        client = boto3.client(
            "s3vectors",
            region_name=settings.pop("region_name", "us-east-1"),
            endpoint_url=self.url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(retries={"total_max_attempts": 1}),
            **settings,
        )
        try:
            yield client
        finally:
            client.close()


def read_answer(connection: socket.socket) -> Answered:
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = dict(line.decode().rstrip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
        return status, headers, stream.read(int(headers.get("content-length", 0)))


def raw_request(method: str, path: str, body: bytes = b"", *, headers: str = "") -> bytes:
    """A request as bytes; *headers* are lines that end in CR LF."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def signed_headers(
    credentials: Credentials, method: str, url: str, body: bytes = b"", **headers: str
) -> list[tuple[bytes, bytes]]:
    """The headers of a request that botocore has signed, as they arrive."""
    request = AWSRequest(method, url, data=body, headers={**headers})
    SigV4Auth(credentials, "s3vectors", "us-east-1").add_auth(request)
    host = url.split("/")[2]
    named = {"host": host, **{name.lower(): value for name, value in request.headers.items()}}
    return [(name.encode(), value.encode()) for name, value in named.items()]
