"""The endpoint on a socket, served by a thread of this process. It starts faster than a child process, and
this process can change its settings.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from vecgate.endpoint.gateway import Gateway, GatewaySettings
from vecgate.endpoint.http.http_app import HttpApp, Observer
from vecgate.endpoint.http.server import EndpointServer, fastest_put_reader, listen
from vecgate.endpoint.local import DEFAULT_HOST
from vecgate.endpoint.storage.state import State
from vecgate.errors import NotReadyInTime
from vecgate.process import START_TIMEOUT_S

T = TypeVar("T")
#: More than the server waits for requests in flight.
STOP_TIMEOUT_S = 10.0


class ThreadServer:
    """The endpoint in a thread, without authentication, in memory, on a free port of this machine.

    clock            returns the time in epoch seconds
    observe          receives each request and its response before that is sent, in the thread of the server
    start_timeout_s  how long to wait until it is ready

    `url` is its address. Raises NotReadyInTime.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        observe: Observer | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self.url: str = ""
        self._clock, self._observe, self._start_timeout_s = clock, observe, start_timeout_s
        self._is_ready = threading.Event()
        # A daemon, so that a test run that ends without its clean-up ends nevertheless.
        self._thread = threading.Thread(target=self._run, name="vecgate-endpoint", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._is_ready.wait(self._start_timeout_s):
            raise NotReadyInTime(f"the local endpoint was not ready within {self._start_timeout_s:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(STOP_TIMEOUT_S)

    def call(self, change: Callable[[Gateway], T]) -> T:
        """Return the result of *change*, called with the gateway in the thread of the server."""

        async def run() -> T:
            return change(self._gateway)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(STOP_TIMEOUT_S)

    def _run(self) -> None:
        with listen(DEFAULT_HOST, 0) as listener:
            self.url = f"http://{DEFAULT_HOST}:{listener.getsockname()[1]}"
            app = HttpApp(
                State(),
                settings=GatewaySettings(),
                clock=self._clock,
                put_reader=fastest_put_reader(),
                observe=self._observe,
            )
            self._gateway = app.gateway
            self._server = EndpointServer(app, on_ready=self._is_ready.set)
            with asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
                self._loop = runner.get_loop()
                runner.run(self._server.serve([listener]))
