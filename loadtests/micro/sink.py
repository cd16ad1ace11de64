"""A null HTTP server: takes each request whole and answers from a table. Run as `python sink.py ANSWERS`.

*ANSWERS* is a JSON file, operation → answer; what it does not name gets `{}`. The port is printed.
It runs in a process of its own, so that the CPU time of a benchmark is the client's alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import cast

import uvloop

HEAD_END = b"\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection. Bodies are counted, not kept."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self._answers = answers
        self._head = b""
        self._left = 0
        self._operation = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
        else:
            self._head += data
            head, end, rest = self._head.partition(HEAD_END)
            if not end:
                return
            self._head = b""
            self._operation = head.split(b" ", 2)[1].decode().lstrip("/")
            self._left = _content_length(head) - len(rest)
        if self._left == 0:
            self._transport.write(self._answers.get(self._operation, EMPTY))


def http_answer(body: bytes) -> bytes:
    """*body* as a whole HTTP answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _content_length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))


EMPTY = http_answer(b"{}")


async def _serve(answers: dict[str, bytes]) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Sink(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    canned = json.loads(Path(sys.argv[1]).read_text())
    uvloop.run(
        _serve({operation: http_answer(json.dumps(answer).encode()) for operation, answer in canned.items()})
    )
