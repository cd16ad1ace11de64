"""A null HTTP server: reads each request and sends a canned response. Run as `python sink.py RESPONSES`.

*RESPONSES* is a JSON file from operation to response, or to a list of responses that are sent in turn; other
operations get `{}`. The server prints its port.
It runs in a separate process, so that a benchmark measures the CPU time of the client alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import cycle, repeat
from pathlib import Path
from typing import cast

import uvloop

HEAD_END = b"\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection. Bodies are counted and dropped."""

    def __init__(self, responses: dict[str, Iterator[bytes]]) -> None:
        self._responses = responses
        self._head = b""
        self._remaining_bytes = 0
        self._operation = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._remaining_bytes:
            self._remaining_bytes -= len(data)
        else:
            self._head += data
            head, end, rest = self._head.partition(HEAD_END)
            if not end:
                return
            self._head = b""
            self._operation = head.split(b" ", 2)[1].decode().lstrip("/")
            self._remaining_bytes = _content_length(head) - len(rest)
        if self._remaining_bytes == 0:
            self._transport.write(next(self._responses.get(self._operation, EMPTY)))


def encode_response(body: bytes) -> bytes:
    """Return the HTTP response with *body*."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _content_length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))


EMPTY = repeat(encode_response(b"{}"))


async def _serve(responses: dict[str, Iterator[bytes]]) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Sink(responses), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    canned = json.loads(Path(sys.argv[1]).read_text())
    in_turn = {name: found if isinstance(found, list) else [found] for name, found in canned.items()}
    uvloop.run(
        _serve({
            name: cycle([encode_response(json.dumps(response).encode()) for response in responses])
            for name, responses in in_turn.items()
        })
    )  # fmt: skip
