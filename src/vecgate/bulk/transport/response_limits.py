"""Limits on what a server may send: bytes, and seconds.

The timeout of a socket limits each wait for bytes, so a server that sends one byte every few seconds would
hold a request for ever, and one that never stops sending would fill the memory. Both senders read through
`LimitedResponse`, which stops at either limit, in the headers as well as in the body.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from vecgate.errors import ConfigError

MIB = 1024 * 1024
#: Bytes of interim responses, status line and headers. The headers of the service have less than 1 KiB.
HEAD_BYTES_MAX = 256 * 1024
#: Bytes of a head that are requested at once. Those of a body that come with them count as head.
HEAD_READ_BYTES = 8 * 1024
#: Bytes of a body that are requested at once, so that an announced length allocates little memory. A body
#: that fits is not copied again.
READ_BYTES = 8 * MIB
#: Bytes passed to a socket at once. The deadline is checked in between.
SENT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ResponseLimits:
    """Limits on one response. Raises ConfigError if one of them is not above 0.

    bytes_max   bytes of the body
    deadline_s  seconds from the end of the request to the last byte; sending the request may take as long
    """

    bytes_max: int = 64 * MIB
    deadline_s: float = 120.0

    def __post_init__(self) -> None:
        for name, value in (("bytes_max", self.bytes_max), ("deadline_s", self.deadline_s)):
            if not value > 0:
                raise ConfigError(f"{name} is {value}, allowed is a number above 0")


class ResponseLimitExceeded(Exception):
    """Raised while a request is sent or its response is read.

    Not an OSError: urllib3 and botocore would replace it by an exception that names no limit.
    """


class _LimitedReader(io.RawIOBase):
    """Reads from a socket within *limits*; first within those of a head, see `begin_body`."""

    def __init__(self, sock: socket.socket, limits: ResponseLimits) -> None:
        self._socket, self._limits = sock, limits
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._deadline_s = time.monotonic() + limits.deadline_s
        self._bytes_left, self._part = HEAD_BYTES_MAX, "head"

    def begin_body(self) -> None:
        """Apply the limit of a body from here on."""
        self._bytes_left, self._part = self._limits.bytes_max, "body"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:  # noqa: ANN401 - any writable buffer
        remaining_s = self._deadline_s - time.monotonic()
        if remaining_s <= 0:
            raise self._late()
        timeout_s = self._socket.gettimeout()
        is_shorter = timeout_s is None or remaining_s < timeout_s
        if is_shorter:
            self._socket.settimeout(remaining_s)
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if is_shorter:
                raise self._late() from None
            raise
        finally:
            if is_shorter:
                self._socket.settimeout(timeout_s)
        self._bytes_left -= count or 0
        if self._bytes_left < 0:
            limit = self._limits.bytes_max if self._part == "body" else HEAD_BYTES_MAX
            raise too_many_bytes(limit, self._part)
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the stream that `http.client.HTTPResponse` reads from."""
        return io.BufferedReader(self, HEAD_READ_BYTES)

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _late(self) -> ResponseLimitExceeded:
        return ResponseLimitExceeded(f"the response was not complete after {self._limits.deadline_s:g} s")


class LimitedResponse(http.client.HTTPResponse):
    """A response that is read within `limits`."""

    limits: ResponseLimits = ResponseLimits()

    def __init__(self, sock: socket.socket, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - passed on
        self._reader = _LimitedReader(sock, self.limits)
        super().__init__(self._reader, *arguments, **settings)  # type: ignore[arg-type]  # only makefile is used

    def begin(self) -> None:
        """Read the head. Raises ResponseLimitExceeded, also for a body that is announced as too large."""
        try:
            super().begin()
        except http.client.HTTPException as error:
            # Its subclasses are about what is not HTTP, itself about too many headers or interim responses.
            if type(error) is http.client.HTTPException:
                raise ResponseLimitExceeded(f"the head of the response is too large: {error}") from error
            raise
        self._reader.begin_body()
        # Checked before anything allocates memory for it.
        if (self.length or 0) > self.limits.bytes_max:
            raise too_many_bytes(self.limits.bytes_max)


def limited(connection: type[http.client.HTTPConnection], limits: ResponseLimits) -> type[Any]:
    """Return a subclass of *connection* that keeps to *limits*."""

    def send(self: Any, data: Any) -> None:  # noqa: ANN401 - what http.client sends
        if not isinstance(data, bytes):
            connection.send(self, data)
            return
        # The timeout of a socket applies to each record of TLS, and so not to a large request as a whole.
        deadline_s = time.monotonic() + limits.deadline_s
        for at in range(0, len(data), SENT_BYTES):
            if time.monotonic() > deadline_s:
                raise ResponseLimitExceeded(f"the request was not read within {limits.deadline_s:g} s")
            connection.send(self, data[at : at + SENT_BYTES])

    def getresponse(self: Any) -> Any:  # noqa: ANN401 - http.client's response, or urllib3's
        response = connection.getresponse(self)
        if stream := getattr(response, "stream", None):
            # botocore reads a body with it, in the pieces of 64 KiB that are its default.
            response.stream = partial(_stream, stream)  # type: ignore[attr-defined]
        return response

    response = type("LimitedResponse", (LimitedResponse,), {"limits": limits})
    members = {"response_class": response, "send": send, "getresponse": getresponse}
    return type(f"Limited{connection.__name__}", (connection,), members)


def _stream(stream: Callable[..., Any], amt: int = READ_BYTES, decode_content: bool | None = None) -> Any:  # noqa: ANN401, FBT001 - as urllib3 has it
    return stream(amt, decode_content)


def limit_responses(client: Any, limits: ResponseLimits | None) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Make the connections of a boto3 *client* keep to *limits*; by default to those that it has, or else to
    the default ones.

    A client that sends through something else than botocore's HTTP session is not changed.
    """
    # botocore has no public way to choose the class of a connection.
    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    pools = getattr(session, "_pool_classes_by_scheme", None)
    if session is None or pools is None:
        return
    found = getattr(pools["https"].ConnectionCls.response_class, "limits", None)
    limits = limits or found or ResponseLimits()
    if limits == found:
        return
    pools = {
        scheme: type(
            f"Limited{pool.__name__}", (pool,), {"ConnectionCls": limited(pool.ConnectionCls, limits)}
        )
        for scheme, pool in pools.items()
    }
    session._pool_classes_by_scheme = pools  # noqa: SLF001
    for manager in (session._manager, *session._proxy_managers.values()):  # noqa: SLF001
        manager.pool_classes_by_scheme = pools
        # Requests in flight are not affected; kept connections would not have the limits.
        manager.clear()


def too_many_bytes(limit: int, part: str = "body") -> ResponseLimitExceeded:
    """Return the error about a *part* of a response beyond *limit* bytes."""
    return ResponseLimitExceeded(f"the {part} of the response exceeds {limit:,} bytes")
