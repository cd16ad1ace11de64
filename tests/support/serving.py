"""The endpoint on a socket of this process, for tests that examine its bytes or its state."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http.admin import AdminAccess
from vecgate.endpoint.http.http_app import HttpApp
from vecgate.endpoint.http.server import Certificate, EndpointServer
from vecgate.endpoint.metrics import Metrics
from vecgate.endpoint.storage.state import State

ADMIN_TOKEN = "token-of-the-tests"
ADMIN_HEADER = f"Authorization: Bearer {ADMIN_TOKEN}\r\n"

RawResponse = tuple[int, dict[str, str], bytes]


class Server:
    """The endpoint in a thread, for the duration of a `with` block."""

    def __init__(
        self,
        settings: GatewaySettings | None = None,
        *,
        certificate: Certificate | None = None,
        **options: Any,
    ) -> None:
        self.state = State()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._ready = threading.Event()
        options.setdefault("admin", AdminAccess(ADMIN_TOKEN))
        self.app = HttpApp(self.state, settings=settings, **options)
        self._scheme = "https" if certificate else "http"
        self._server = EndpointServer(self.app, on_ready=self._ready.set, certificate=certificate)
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
        self.request_stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def request_stop(self) -> None:
        """Stop the server in the way a signal does, if it still runs."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._server.stop)

    @property
    def metrics(self) -> Metrics:
        """The metrics, with every response included that was received: the loop counts it before it runs this
        callback.
        """
        is_counted = threading.Event()
        self._loop.call_soon_threadsafe(is_counted.set)
        assert is_counted.wait(10)
        return self.app.gateway.metrics

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve([self._listener])

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(self.address, timeout=10) as connection:
            yield connection

    def send(self, raw: bytes) -> RawResponse:
        """Send *raw* unchanged, and return status, headers and body of the response."""
        with self.connection() as connection:
            connection.sendall(raw)
            return read_response(connection)

    @contextmanager
    def client(self, access_key: str = "id", secret_key: str = "secret", **settings: Any) -> Iterator[Any]:  # noqa: S107 - opens nothing
        """A boto3 client without retries."""
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


def read_response(connection: socket.socket) -> RawResponse:
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = dict(line.decode().rstrip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
        return status, headers, stream.read(int(headers.get("content-length", 0)))


def raw_request(method: str, path: str, body: bytes = b"", *, headers: str = "") -> bytes:
    """Return a request as bytes. Every line of *headers* ends in CR LF."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def signed_headers(
    credentials: Credentials, method: str, url: str, body: bytes = b"", **headers: str
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request signed by botocore, as a server receives them."""
    request = AWSRequest(method, url, data=body, headers={**headers})
    SigV4Auth(credentials, "s3vectors", "us-east-1").add_auth(request)
    host = url.split("/")[2]
    named = {"host": host, **{name.lower(): value for name, value in request.headers.items()}}
    return [(name.encode(), value.encode()) for name, value in named.items()]
