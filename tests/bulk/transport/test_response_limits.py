"""Limits on what a server may send. `test_acknowledgement` applies them to both senders."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
import pytest
from urllib3.connection import HTTPConnection

from vecgate.bulk.accelerate import accelerate
from vecgate.bulk.transport.response_limits import (
    HEAD_BYTES_MAX,
    LimitedResponse,
    ResponseLimitExceeded,
    ResponseLimits,
    limit_responses,
    limited,
)
from vecgate.bulk.transport.sender import Boto3Sender
from vecgate.errors import ConfigError

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@contextmanager
def connected(
    data: bytes, limits: ResponseLimits, kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
) -> Iterator[Any]:
    """Yield a connection of *kind* to a server that sends *data* and closes."""

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            request = b""
            while not request.endswith(b"{}"):  # unread bytes would reset the connection
                request += peer.recv(65536)
            with suppress(OSError):  # the other side may have seen enough
                peer.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        connection = limited(kind, limits)("127.0.0.1", listener.getsockname()[1], timeout=20)
        yield connection
        connection.close()
        thread.join(5)


@pytest.mark.parametrize("bytes_max", [1, 1_000, 300_000])
def test_a_body_may_have_as_many_bytes_as_the_limit(bytes_max: int) -> None:
    """And not one more, wherever the reads of the socket end."""
    # The bytes of a body that arrive together with the head belong to that.
    limits = ResponseLimits(bytes_max=bytes_max)
    with connected(HEAD + b"x" * bytes_max, limits) as connection:
        connection.request("POST", "/", b"{}")
        assert len(connection.getresponse().read()) == bytes_max
    with connected(HEAD + b"x" * (bytes_max + 100_000), limits) as connection:
        connection.request("POST", "/", b"{}")
        with pytest.raises(
            ResponseLimitExceeded, match=f"the body of the response exceeds {bytes_max:,} bytes"
        ):
            connection.getresponse().read()


@pytest.mark.parametrize(("arguments", "pieces"), [((), [300_000]), ((200_000,), [200_000, 100_000])])
def test_botocore_reads_a_body_in_large_pieces(arguments: tuple[int, ...], pieces: list[int]) -> None:
    """Its default of 64 KiB would copy a page of vectors twice more; a size that is asked for is kept."""
    with connected(HEAD + b"x" * 300_000, ResponseLimits(), HTTPConnection) as connection:
        connection.request("POST", "/", b"{}", preload_content=False)
        assert [len(piece) for piece in connection.getresponse().stream(*arguments)] == pieces


def test_a_head_has_a_limit_of_its_own() -> None:
    """Interim responses count; recent versions of CPython have a limit for their number."""
    with connected(b"HTTP/1.1 100 Continue\r\n\r\n" * HEAD_BYTES_MAX, ResponseLimits()) as connection:
        connection.request("POST", "/", b"{}")
        with pytest.raises(
            ResponseLimitExceeded,
            match=r"head of the response (exceeds 262,144 bytes|is too large: got more)",
        ):
            connection.getresponse()


def test_a_body_announced_as_too_large_is_not_read() -> None:
    """So no memory is allocated for it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 68719476736\r\n\r\n"
    with connected(head, ResponseLimits()) as connection:
        connection.request("POST", "/", b"{}")
        with pytest.raises(ResponseLimitExceeded, match="exceeds 67,108,864 bytes"):
            connection.getresponse()


def test_a_server_that_reads_slowly_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is sent in parts, and the deadline is checked between them."""
    now_s = iter(range(0, 1_000, 50))
    monkeypatch.setattr("vecgate.bulk.transport.response_limits.time.monotonic", lambda: float(next(now_s)))
    sent: list[bytes] = []

    class Connection(http.client.HTTPConnection):
        def send(self, data: Any) -> None:
            sent.append(data)

    connection = limited(Connection, ResponseLimits(deadline_s=120.0))("localhost")
    with pytest.raises(ResponseLimitExceeded, match="the request was not read within 120 s"):
        connection.send(b"x" * 2**22)
    assert len(sent) == 2


@pytest.mark.parametrize("limits", [{"bytes_max": 0}, {"deadline_s": -1.0}, {"deadline_s": float("nan")}])
def test_a_limit_is_above_zero(limits: Any) -> None:
    """The error has the name and the value."""
    (name,) = limits
    with pytest.raises(ConfigError, match=f"{name} is .*, allowed is a number above 0"):
        ResponseLimits(**limits)


def client() -> Any:
    return boto3.client(
        "s3vectors", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


def limits_of(found: Any) -> Any:
    pools = found._endpoint.http_session._manager.pool_classes_by_scheme
    return {pool.ConnectionCls.response_class.limits for pool in pools.values()}


def test_a_client_keeps_the_limits_that_it_was_given() -> None:
    """A sender without limits of its own does not replace them; one with limits does."""
    small, large = ResponseLimits(bytes_max=10), ResponseLimits(bytes_max=20)
    found = accelerate(client(), limits=small)
    Boto3Sender(found)
    assert limits_of(found) == {small}
    Boto3Sender(found, limits=large)
    assert limits_of(found) == {large}
    assert limits_of(accelerate(client())) == {ResponseLimits()}
    assert LimitedResponse.limits == ResponseLimits()


def test_a_client_with_another_http_session_is_not_changed() -> None:
    """Such as one that a test double replaced."""
    found = client()
    found._endpoint.http_session = session = object()
    limit_responses(found, None)
    assert found._endpoint.http_session is session
