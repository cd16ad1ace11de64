"""The HTTP door: an ASGI callable, without a framework.

A body is judged by its declared length before a byte of it is read, as the service does, and by what has
come where no length is declared. All answers are the core's, but for `/health`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from vecgate.endpoint.answers import Answer, Refused, Request
from vecgate.endpoint.core import apply, refuse_too_large, request_id_of
from vecgate.endpoint.decoding import QuickRead, typed_read
from vecgate.endpoint.state import State

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEALTH_PATH = "/health"


class ClientGone(Exception):
    """The client left before its request was complete."""


class HttpDoor:
    """The endpoint as an ASGI application.

    state       what it serves; nothing else may touch it meanwhile
    clock       gives epoch seconds
    quick_read  reads the bodies of PutVectors where it can
    """

    def __init__(
        self, state: State, *, clock: Callable[[], float] = time.time, quick_read: QuickRead = typed_read
    ) -> None:
        self._state, self._clock, self._quick_read = state, clock, quick_read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["raw_path"].decode("latin-1")
        if path == HEALTH_PATH:
            await _send(send, Answer(200, b'{"status":"ok"}', ""), close=False)
            return
        try:
            body = await _read_body(scope, receive)
        except Refused as refusal:
            # Who awaits "100 Continue" now sends no body: the next request must not be taken for it.
            answer = refusal.answer(request_id_of(self._next_serial(), self._clock()))
            await _send(send, answer, close=_header(scope, b"expect") is not None)
        except ClientGone:
            return
        else:
            request = Request(scope["method"], path, body, scope["query_string"].decode("latin-1"))
            answer = apply(self._state, request, self._clock(), quick_read=self._quick_read)
            await _send(send, answer, close=False)

    def _next_serial(self) -> int:
        self._state.serial += 1
        return self._state.serial


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises Refused for one that is too large, ClientGone for one that does not come."""
    refuse_too_large(int(_header(scope, b"content-length") or 0))
    parts, length = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        refuse_too_large(length)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _header(scope: Scope, name: bytes) -> bytes | None:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value for each, value in headers if each == name), None)


async def _send(send: Send, answer: Answer, *, close: bool) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers()]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
