"""The endpoint behind a real socket, in this process. `local` gives it one of its own."""

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

from vecgate.endpoint.access_log import AccessLog
from vecgate.endpoint.connection import TransportProtocol
from vecgate.endpoint.decoding import QuickRead, typed_read
from vecgate.endpoint.http import HttpDoor
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.local import DEFAULT_HOST
from vecgate.endpoint.state import State
from vecgate.errors import UsageError
from vecgate.s3vectors.limits import MIB

DEFAULT_PORT = 7333
#: Clients pool connections: closing an idle one early makes their next request fail.
KEEP_ALIVE_S = 75
STOP_WITHIN_S = 5
BACKLOG = 2048
STOPPING = (signal.SIGTERM, signal.SIGINT)
#: Parameters of glibc's mallopt, from its malloc.h. 32 MiB is the most that it takes for the second.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: `simdjson` or `msgspec`: how the bodies of PutVectors are read. Default: the first that is installed.
JSON_VARIABLE = "VECGATE_JSON"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its private key, as files."""

    certfile: Path
    keyfile: Path

    def check(self) -> None:
        """Raise UsageError where no server can use it."""
        try:
            # A password is never asked for: nobody may be there.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certfile, self.keyfile, lambda: "")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{self.certfile} and {self.keyfile} are no certificate and its key: {error}",
                hint="Both are PEM files; the key has no password.",
            ) from None


class EndpointServer(uvicorn.Server):
    """A uvicorn server that says when it is ready, and leaves signals to `run_server`."""

    def __init__(
        self, door: HttpDoor, *, on_ready: Callable[[], None], certificate: Certificate | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                door,
                http=TransportProtocol,
                loop="auto",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_level="error",
                access_log=False,
                # The admin path goes by who is really there.
                proxy_headers=False,
                server_header=False,
                ssl_certfile=certificate.certfile if certificate else None,
                ssl_keyfile=certificate.keyfile if certificate else None,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOP_WITHIN_S,
            )
        )
        self._door, self._on_ready = door, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        await super().startup(sockets)
        self._on_ready()

    def stop(self) -> None:
        """Answer what is in flight, then stop; told a second time, stop at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._door.hurry()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: uvicorn would raise them anew once it has stopped."""
        yield


def run_server(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    state: State | None = None,
    settings: DoorSettings | None = None,
    certificate: Certificate | None = None,
    log: AccessLog | None = None,
    on_ready: Callable[[str], None] = print,
    until_stdin_closes: bool = False,
) -> None:
    """Serve *state* until SIGTERM or SIGINT. Port 0 is any free one; *on_ready* is told the URL.

    *settings* say how requests are treated, *log* is told of each. With a *certificate* it speaks TLS.
    *until_stdin_closes* also stops when the other end of stdin goes away, as it does with the process that
    holds it, however that ends. Raises UsageError where the address cannot be had.
    """
    keep_freed_memory()
    if certificate:
        certificate.check()
    with _listening(host, port) as listener:
        url = _url("https" if certificate else "http", host, listener.getsockname()[1])
        door = HttpDoor(state or State(), settings=settings, quick_read=quick_read(), log=log)
        server = EndpointServer(door, on_ready=lambda: on_ready(url), certificate=certificate)
        with (
            _signals_as_they_were(),
            asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner,
        ):
            runner.run(_serve(server, listener, until_stdin_closes=until_stdin_closes))


def keep_freed_memory() -> None:
    """Have glibc keep what is freed: a body of some MiB otherwise costs its page faults anew each time.

    That is a quarter of what a full batch costs here. Other C libraries are left as they are.
    """
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 32 * MIB)
        libc.mallopt(M_TRIM_THRESHOLD, 256 * MIB)


def quick_read() -> QuickRead:
    """The quickest way to read the bodies of PutVectors, or the one that the environment names."""
    if os.environ.get(JSON_VARIABLE, "simdjson") != "simdjson":
        return typed_read
    try:
        from vecgate.endpoint.simd import SimdRead  # noqa: PLC0415 - an extra that need not be there
    except ImportError:
        return typed_read
    return SimdRead()


@contextmanager
def _signals_as_they_were() -> Iterator[None]:
    """What the loop leaves behind must not keep Ctrl-C from whoever called."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _serve(server: EndpointServer, listener: socket.socket, *, until_stdin_closes: bool) -> None:
    loop = asyncio.get_running_loop()

    for number in STOPPING:
        loop.add_signal_handler(number, server.stop)
    if until_stdin_closes:
        stdin = sys.stdin.fileno()

        def starter_is_gone() -> None:
            loop.remove_reader(stdin)
            server.stop()

        loop.add_reader(stdin, starter_is_gone)
    await server.serve([listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=_family(host), backlog=BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="Give another --port, or 0 for any free one.",
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
