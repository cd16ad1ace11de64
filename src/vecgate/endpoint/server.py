"""The endpoint behind a real socket, in this process. `local` gives it one of its own."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from vecgate.endpoint.decoding import QuickRead, typed_read
from vecgate.endpoint.http import HttpDoor
from vecgate.endpoint.local import DEFAULT_HOST
from vecgate.endpoint.state import State
from vecgate.errors import UsageError
from vecgate.s3vectors.limits import MIB

DEFAULT_PORT = 7333
#: Clients pool connections: closing an idle one early makes their next request fail.
KEEP_ALIVE_S = 75
STOP_WITHIN_S = 5
BACKLOG = 2048
#: Parameters of glibc's mallopt, from its malloc.h. 32 MiB is the most that it takes for the second.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: `simdjson` or `msgspec`: how the bodies of PutVectors are read. Default: the first that is installed.
JSON_VARIABLE = "VECGATE_JSON"


class EndpointServer(uvicorn.Server):
    """A uvicorn server that says when it is ready, and leaves signals to `run_server`."""

    def __init__(self, app: HttpDoor, *, on_ready: Callable[[], None], access_log: bool = False) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                loop="auto",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_level="info" if access_log else "error",
                access_log=access_log,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOP_WITHIN_S,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: uvicorn would raise them anew once it has stopped."""
        yield


def run_server(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    state: State | None = None,
    on_ready: Callable[[str], None] = print,
    access_log: bool = False,
    until_stdin_closes: bool = False,
) -> None:
    """Serve *state* until SIGTERM or SIGINT. Port 0 is any free one; *on_ready* is told the URL.

    *until_stdin_closes* also stops when the other end of stdin goes away, as it does with the process that
    holds it, however that ends. Raises UsageError where the address cannot be had.
    """
    keep_freed_memory()
    with _listening(host, port) as listener:
        url = _url(host, listener.getsockname()[1])
        door = HttpDoor(state or State(), quick_read=quick_read())
        server = EndpointServer(door, on_ready=lambda: on_ready(url), access_log=access_log)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
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


async def _serve(server: EndpointServer, listener: socket.socket, *, until_stdin_closes: bool) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), stop)
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


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
