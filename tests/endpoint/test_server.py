from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from vecgate.endpoint import server
from vecgate.endpoint.decoding import typed_read
from vecgate.endpoint.server import quick_read, run_server
from vecgate.endpoint.state import State
from vecgate.errors import UsageError


def ask(url: str, method: str, path: str, body: bytes = b"") -> int:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, body)
    status = connection.getresponse().status
    connection.close()
    return status


def run_until_asked(host: str, state: State, stop: signal.Signals) -> list[int]:
    """Serve, send two requests from another thread, then stop the server with a signal; their statuses."""
    statuses: list[int] = []

    def use(url: str) -> None:
        statuses.append(ask(url, "GET", "/health"))
        statuses.append(ask(url, "POST", "/CreateVectorBucket", b'{"vectorBucketName":"bucket"}'))
        os.kill(os.getpid(), stop)

    run_server(host, 0, state=state, on_ready=lambda url: threading.Thread(target=use, args=(url,)).start())
    return statuses


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_server_serves_until_it_is_told_to_stop(host: str, stop: signal.Signals) -> None:
    """It says where it is, answers, and returns."""
    state = State()
    assert run_until_asked(host, state, stop) == [200, 200]
    assert list(state.buckets) == ["bucket"]


def test_a_server_stops_with_the_process_that_holds_its_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the other side of a pipe is seen however it comes."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        run_server("127.0.0.1", 0, on_ready=lambda _: os.close(writing), until_stdin_closes=True)


def test_a_port_in_use_is_a_usage_error() -> None:
    """One line, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}: ") as refused:
            run_server("127.0.0.1", port)
    assert "--port" in refused.value.hint


def test_an_address_that_is_not_ours_is_a_usage_error() -> None:
    """The same."""
    with pytest.raises(UsageError, match="cannot listen on"):
        run_server("192.0.2.1", 0)


def test_bodies_are_read_with_simdjson_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the environment says otherwise, or it is not there."""
    simd = pytest.importorskip(
        "vecgate.endpoint.simd", exc_type=ImportError, reason="no wheel for this Python"
    )
    monkeypatch.delenv(server.JSON_VARIABLE, raising=False)
    assert isinstance(quick_read(), simd.SimdRead)
    monkeypatch.setenv(server.JSON_VARIABLE, "msgspec")
    assert quick_read() is typed_read
    monkeypatch.delenv(server.JSON_VARIABLE)
    monkeypatch.setitem(sys.modules, "vecgate.endpoint.simd", None)
    assert quick_read() is typed_read
