"""HTTP connections under uvicorn: limits before trust, and what HTTP does not offer.

A head is limited in its number of headers, its size and the time that it takes, a body in its time and in the
time without progress. Connections are limited in number: an idle one makes room for a new one. An offer to
change the protocol is ignored, as HTTP allows: the request is served with its body.
Head and body of a response leave together. `TransportProtocol` passes its transport to the application as an
ASGI extension of the scope; through it the application can also reset the connection.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, TypeAlias

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vecgate.s3vectors.limits import KIB, MIB

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

EXTENSION = "vecgate.transport"
#: The SDKs send about ten headers, and a session token makes the largest head: some KiB.
HEADERS_MAX, HEAD_BYTES_MAX = 100, 64 * KIB
HEAD_TIMEOUT_S = 10.0
#: Longest pause within a body, and longest time for all of it. The memory for bodies is shared, so one that
#: trickles in would hold up others.
BODY_PAUSE_S, BODY_TIMEOUT_S = 30.0, 300.0
#: After a refusal, what the client still sends is skipped, so that it reads the refusal instead of a reset.
SKIPPED_BYTES_MAX, SKIPPED_S = MIB, 2.0
#: SO_LINGER on with a timeout of 0: closing sends a reset.
NO_LINGER = struct.pack("ii", 1, 0)
#: The transport closes within a few turns of the loop. uvicorn reports it unless a pipelined request follows.
DISCONNECT_TIMEOUT_S = 1.0


#: Beyond this number, the connection is closed that has waited longest. Its client opens a new one.
CONNECTIONS_MAX = 4096
#: Of the files that this process may open, for its own use.
OWN_FILES = 100


class HeadTooLarge(Exception):
    """A head exceeds its limits."""


class SeveralHosts(Exception):
    """A head names two hosts, of which a proxy may have judged the other one."""


class Transport(asyncio.Transport):
    """A transport that can hold back the head of a response until its body is written.

    As a context manager it sends everything that the block writes at once.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._held: list[bytes] | None = None
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]  # called for each request
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.abort = transport.abort  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write *data*, or hold it back."""
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(bytes(data))

    def close(self) -> None:
        """Close after everything written has been sent."""
        self._flush()
        self._transport.close()

    def __enter__(self) -> None:
        self._held = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._held = None

    def _flush(self) -> None:
        if self._held:
            self._transport.writelines(self._held)
            self._held = []


class TransportProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits, with its transport in the scope, and without upgrades."""

    parser: httptools.HttpRequestParser
    transport: Transport
    timeout_keep_alive_task: asyncio.TimerHandle | None
    #: The latest request; None before the first.
    cycle: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of uvicorn
        super().__init__(*arguments, **options)
        self._in_head = self._in_body = self._is_refused = False
        self._head_bytes = self._idle_bytes = self._skipped_bytes = 0
        self._head_began_s = self._body_began_s = self.received_s = 0.0
        self._read_timer: asyncio.TimerHandle | None = None
        self._replayed: list[tuple[bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a connection that never sends a request is closed like an idle one."""
        super().connection_made(Transport(transport))
        self.received_s = self.loop.time()
        self._wait_for_request()
        if len(self.connections) > connections_max():
            self._close_longest_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._read_timer is not None:
            self._read_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse *data* within the limits."""
        if self._is_refused:
            self._skip(data)
            return
        self._unset_keepalive_if_required()
        self.received_s = self.loop.time()
        self._idle_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            is_large = isinstance(error.__context__, HeadTooLarge)
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_large else HTTPStatus.BAD_REQUEST,
                f"A request may have {HEADERS_MAX} headers of {HEAD_BYTES_MAX:,} bytes in total."
                if is_large
                else "Invalid HTTP request received.",
            )
            return
        if self._idle_bytes > HEAD_BYTES_MAX:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"A head or the framing of a body may have {HEAD_BYTES_MAX:,} bytes.",
            )
        elif not self.transport.is_closing():
            self._watch_reading()

    def on_message_begin(self) -> None:
        """Add the transport to the scope of a new request."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._head_began_s = True, 0, self.loop.time()
        self.scope["extensions"] = {EXTENSION: self.transport}  # type: ignore[dict-item]  # a private extension

    def on_url(self, url: bytes) -> None:
        """Count the bytes of the target."""
        self._head_bytes += len(url)
        if self._head_bytes > HEAD_BYTES_MAX:
            raise HeadTooLarge
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the header, also one that follows a body; such a one is ignored."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            raise HeadTooLarge
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is parsed again without the offer to upgrade."""
        if self.parser.should_upgrade():
            return
        self._in_head, self._in_body, self._idle_bytes = False, True, 0
        self._body_began_s = self.loop.time()
        if self._replayed is not None:
            self.headers[:], self._replayed = self._replayed, None
        if sum(name == b"host" for name, _ in self.headers) > 1:
            raise SeveralHosts
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Add to the body."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the body."""
        if not self.parser.should_upgrade():
            self._in_body, self._idle_bytes = False, 0
            super().on_message_complete()

    @property
    def is_waiting(self) -> bool:
        """True if no whole head of a request has arrived since the last answer."""
        return not self._in_body and (self.cycle is None or self.cycle.response_complete)

    def _close_longest_idle(self) -> None:
        """Close the connection that has waited longest for a request; this one if the others all work."""
        others = [each for each in self.connections if isinstance(each, TransportProtocol)]
        idle = [each for each in others if each.is_waiting and not each.transport.is_closing()]
        min(idle, key=lambda each: each.received_s, default=self).transport.close()

    def _feed(self, data: bytes) -> None:
        """Parse *data*. The parser stops behind an offer to upgrade: a new one parses that head without the
        offer, and the rest.
        """
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                head = self._head_without_upgrade()
                self._replayed, self.parser = self.headers, httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(head)
                rest = rest[upgrade.args[0] :]
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError(method)
        version = self.parser.get_http_version().encode()
        kept = [b"%b: %b" % each for each in self.headers if each[0] != b"upgrade"]
        return b"\r\n".join([b"%b %b HTTP/%b" % (method, self.url, version), *kept, b"", b""])

    def _watch_reading(self) -> None:
        """Set a timer if a request has begun and is not complete; a fast one needs none."""
        if self._in_head or self._in_body:
            if self._read_timer is None:
                self._read_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._check_reading)
        elif self.cycle is None or self.cycle.response_complete:
            self._wait_for_request()

    def _check_reading(self) -> None:
        """Close the connection if the client is too slow; otherwise check again in time."""
        self._read_timer = None
        if self.transport.is_closing() or not (self._in_head or self._in_body):
            return
        now_s, is_answering = self.loop.time(), self.cycle is not None and not self.cycle.response_complete
        if self._in_head and not is_answering:
            late_at_s = self._head_began_s + HEAD_TIMEOUT_S
            if now_s >= late_at_s:
                seconds = f"{HEAD_TIMEOUT_S:.0f} seconds"
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"The head of a request may take {seconds}.")
                return
        else:
            # While this side does not read, the client cannot send.
            if self.flow.read_paused or (self._in_head and is_answering):
                self.received_s = self._body_began_s = now_s
            late_at_s = min(self.received_s + BODY_PAUSE_S, self._body_began_s + BODY_TIMEOUT_S)
            if now_s >= late_at_s:
                self.transport.close()
                return
        self._read_timer = self.loop.call_later(max(late_at_s - now_s, 0.0), self._check_reading)

    def _wait_for_request(self) -> None:
        """Close the connection if no request begins."""
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer with *status*, skip what the client still sends, and close."""
        body, cycle = message.encode(), self.cycle
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self._is_refused = True
        if cycle is None or cycle.response_complete:
            self.transport.write(head.encode() + body)
            self.loop.call_later(SKIPPED_S, self.transport.close)
            return
        if self._in_body and not self.pipeline and not cycle.response_started:
            self.transport.write(head.encode() + body)
        self.transport.close()  # an application may be waiting for the rest of the body

    def _skip(self, data: bytes) -> None:
        self._skipped_bytes += len(data)
        if self._skipped_bytes > SKIPPED_BYTES_MAX:
            self.transport.close()


def connections_max() -> int:
    """Return how many connections may be open: CONNECTIONS_MAX, or fewer if the system allows fewer files."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if files_max < 0 else max(1, min(CONNECTIONS_MAX, files_max - OWN_FILES))


def one_write(scope: Scope) -> AbstractContextManager[None]:
    """Return a context in which everything written to the connection leaves at once."""
    transport: Transport | None = scope.get("extensions", {}).get(EXTENSION)
    return transport or nullcontext()


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection: the client reads "connection reset by peer"."""
    transport: Transport = scope["extensions"][EXTENSION]
    with suppress(OSError):  # the client has already closed it
        _disable_linger(transport.get_extra_info("socket").fileno())
    transport.abort()
    await _wait_for_disconnect(receive)


def _disable_linger(handle: int) -> None:
    # uvloop's socket object accepts no options; a duplicate handle refers to the same socket.
    with socket.socket(fileno=os.dup(handle)) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


async def close_after(scope: Scope, receive: Receive) -> None:
    """Close the connection normally after everything written has been sent."""
    transport: Transport = scope["extensions"][EXTENSION]
    transport.close()
    await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    """Wait until uvicorn notices; before that it would report a missing response as a failure."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
            while (await receive())["type"] != "http.disconnect":
                pass
