"""The endpoint on a socket of this process. `vecgate.endpoint.local` runs it in a child process."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.http.access_log import AccessLog
from vecgate.endpoint.http.admin import AdminAccess
from vecgate.endpoint.http.connection import TransportProtocol
from vecgate.endpoint.http.http_app import HttpApp
from vecgate.endpoint.local import DEFAULT_HOST, DEFAULT_PORT
from vecgate.endpoint.requests.body_decoding import PutBodyReader, read_put_with_msgspec
from vecgate.endpoint.storage.state import State
from vecgate.errors import UsageError
from vecgate.s3vectors.limits import MIB

#: Clients pool connections: closing an idle one early makes their next request fail.
KEEP_ALIVE_S = 75
STOP_TIMEOUT_S = 5
BACKLOG = 2048
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: Parameters of glibc's mallopt, from its malloc.h. The maximum of the second is 32 MiB.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: Selects the decoder of PutVectors bodies, `simdjson` or `msgspec`. Default: simdjson if it is installed.
JSON_VARIABLE = "VECGATE_JSON"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate chain and of its private key."""

    certfile: Path
    keyfile: Path

    def check(self) -> None:
        """Raise UsageError if a server cannot use them."""
        try:
            # Without the callback OpenSSL prompts for a password, and a server may have no user.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certfile, self.keyfile, lambda: "")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{self.certfile} and {self.keyfile} are not a certificate and its key: {error}",
                hint="Give two PEM files; the key must have no password.",
            ) from None


class EndpointServer(uvicorn.Server):
    """A uvicorn server that reports when it is ready and leaves signals to `run_server`."""

    force_exit: bool

    def __init__(
        self, app: HttpApp, *, on_ready: Callable[[], None], certificate: Certificate | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=TransportProtocol,
                loop="auto",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_level="error",
                access_log=False,
                # The admin API judges the real peer, not what a header claims.
                proxy_headers=False,
                server_header=False,
                ssl_certfile=certificate.certfile if certificate else None,
                ssl_keyfile=certificate.keyfile if certificate else None,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOP_TIMEOUT_S,
            )
        )
        self._app, self._on_ready = app, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then report readiness."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; what clients have not taken by then is discarded."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # The loop calls what `abort` has scheduled, which closes the sockets.
        await asyncio.sleep(0)

    def stop(self) -> None:
        """Answer the requests in flight, then stop. The second call stops at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._app.stop_waiting()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals: uvicorn would raise them again after it has stopped."""
        yield


def run_server(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    state: State | None = None,
    settings: GatewaySettings | None = None,
    certificate: Certificate | None = None,
    log: AccessLog | None = None,
    admin: AdminAccess | None = None,
    on_ready: Callable[[str], None] = print,
    until_stdin_closes: bool = False,
) -> None:
    """Serve *state* until SIGTERM or SIGINT. Port 0 selects a free one; *on_ready* receives the URL.

    *log* receives every request; *admin* says who may use the admin API. With a *certificate* the server
    speaks TLS. *until_stdin_closes* also stops it when stdin closes, which happens when the process that
    holds the other end exits, even by SIGKILL.
    Raises UsageError if it cannot listen on the address, or cannot wait for stdin to close.
    """
    keep_freed_memory()
    if certificate:
        certificate.check()
    with listen(host, port) as listener:
        url = _format_url("https" if certificate else "http", host, listener.getsockname()[1])
        app = HttpApp(
            state or State(), settings=settings, put_reader=fastest_put_reader(), log=log, admin=admin
        )
        server = EndpointServer(app, on_ready=lambda: on_ready(url), certificate=certificate)
        with (
            _signal_handlers_restored(),
            asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner,
        ):
            runner.run(_serve(server, listener, until_stdin_closes=until_stdin_closes))


def keep_freed_memory() -> None:
    """Make glibc keep freed memory: otherwise every body of some MiB pays for its page faults again.

    They are a quarter of the cost of a full batch here. No effect with other C libraries.
    """
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 32 * MIB)
        libc.mallopt(M_TRIM_THRESHOLD, 256 * MIB)


def fastest_put_reader() -> PutBodyReader:
    """Return the fastest decoder of PutVectors bodies that is installed, or the one that the environment
    names.
    """
    if os.environ.get(JSON_VARIABLE, "simdjson") != "simdjson":
        return read_put_with_msgspec
    try:
        from vecgate.endpoint.requests.simd_decoding import SimdjsonPutReader  # noqa: PLC0415 - of an optional extra
    except ImportError:
        return read_put_with_msgspec
    return SimdjsonPutReader()


@contextmanager
def _signal_handlers_restored() -> Iterator[None]:
    """Restore the caller's signal handlers: the loop removes them, and Ctrl-C would be lost."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _serve(server: EndpointServer, listener: socket.socket, *, until_stdin_closes: bool) -> None:
    loop = asyncio.get_running_loop()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, server.stop)
    if until_stdin_closes:
        stdin = sys.stdin.fileno() if sys.stdin else -1

        def on_stdin_closed() -> None:
            loop.remove_reader(stdin)
            server.stop()

        try:
            loop.add_reader(stdin, on_stdin_closed)
        except (OSError, ValueError):
            raise UsageError(
                "stdin cannot close: it is a file or not open",
                hint="Give a pipe that another process holds open.",
            ) from None
    await server.serve([listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Port 0 selects a free one. Raises UsageError if that is not possible."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="Give another --port, or 0 for any free one.",
        ) from None


def _format_url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
