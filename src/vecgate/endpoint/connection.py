"""Ending a connection otherwise than HTTP would, under uvicorn.

`TransportProtocol` hands its transport to the application as an ASGI extension of the scope.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "vecgate.transport"
#: Close at once, and tell the other side by a reset.
NO_LINGER = struct.pack("ii", 1, 0)
#: The transport closes in the loop's next turns; with a pipelined request behind, uvicorn does not tell.
GONE_WITHIN_S = 1.0

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class TransportProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which shows the application its transport."""

    def on_message_begin(self) -> None:
        """A request begins: its scope is there to be filled."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self.transport}  # type: ignore[dict-item]  # an extension of our own


async def reset(scope: MutableMapping[str, Any], receive: Receive) -> None:
    """Reset the connection: the client reads "connection reset by peer"."""
    transport: asyncio.WriteTransport = scope["extensions"][EXTENSION]
    with suppress(OSError):  # the client was faster
        _tell_by_reset(transport.get_extra_info("socket").fileno())
    transport.abort()
    await _gone(receive)


def _tell_by_reset(handle: int) -> None:
    # The transport's socket takes no options under uvloop; a copy is the same socket.
    with socket.socket(fileno=os.dup(handle)) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


async def close_after(scope: MutableMapping[str, Any], receive: Receive) -> None:
    """Close the connection in order, once what was written has left."""
    transport: asyncio.WriteTransport = scope["extensions"][EXTENSION]
    transport.close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until uvicorn knows: it would take the application's silence for a failure."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GONE_WITHIN_S):
            while (await receive())["type"] != "http.disconnect":
                pass
