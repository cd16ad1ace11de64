"""The HTTP door: an ASGI callable, without a framework.

A body is judged by its declared length before a byte of it is read, as the service does, and by what has
come where no length is declared. Then: who asks, what befalls the request, the core, the answer. `/health`
and what is below `/_vecgate/` are ours.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from vecgate.endpoint.access_log import AccessLog
from vecgate.endpoint.admin import ADMIN_PREFIX, Admin, refuse_remote
from vecgate.endpoint.answers import Answer, Refused, Request
from vecgate.endpoint.connection import close_after, reset
from vecgate.endpoint.core import PUT_VECTORS, apply, refuse_too_large
from vecgate.endpoint.decoding import QuickRead, typed_read
from vecgate.endpoint.injection import ERRORS, Fault, Kind
from vecgate.endpoint.keeper import DoorSettings, Keeper, Visit
from vecgate.endpoint.sigv4 import SignedRequest
from vecgate.endpoint.state import State
from vecgate.s3vectors.limits import KIB

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEALTH_PATH = "/health"
HEALTHY = Answer(200, b'{"status":"ok"}', "")
#: In how many pieces a slow body is sent.
SLOW_PIECES = 10
#: From here on a second thread is worth its while.
LARGE_BODY_BYTES = 512 * KIB


class ClientGone(Exception):
    """The client left before its request was complete."""


class HttpDoor:
    """The endpoint as an ASGI application.

    state       what it serves; nothing else may touch it meanwhile
    settings    how requests are treated
    clock       gives epoch seconds
    quick_read  reads the bodies of PutVectors where it can
    log         is told of every request, None for no one
    """

    def __init__(
        self,
        state: State,
        *,
        settings: DoorSettings | None = None,
        clock: Callable[[], float] = time.time,
        quick_read: QuickRead = typed_read,
        log: AccessLog | None = None,
    ) -> None:
        self.keeper = Keeper(state, settings or DoorSettings())
        self._state, self._clock, self._quick_read, self._log = state, clock, quick_read, log
        self._admin = Admin(self.keeper)
        self._stalled_until_s = 0.0
        self._hurry = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["raw_path"].decode("latin-1")
        if path == HEALTH_PATH:
            await _send(send, HEALTHY)
        elif path.startswith(ADMIN_PREFIX):
            await self._administrate(scope, path, receive, send)
        else:
            await self._serve(scope, path, receive, send)

    def hurry(self) -> None:
        """Stop waiting for anything: what is in flight gets its answer now."""
        self._hurry.set()

    async def _administrate(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        page = refuse_remote(scope["client"], scope["headers"])
        try:
            if page is None:
                body = await _read_body(scope, receive)
                page = self._admin.page(scope["method"], path, body)
        except Refused as refused:
            await _send(send, self.keeper.refusal(refused, now=self._clock()), close=True)
        except ClientGone:
            return
        else:
            await _send_bytes(send, page.status, page.headers(), page.body)

    async def _serve(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        started_s, visit = time.perf_counter(), self.keeper.visit(scope["method"], path)
        try:
            visit.answer = await self._answer(scope, path, receive, visit)
            await self._deliver(scope, receive, send, visit)
        except ClientGone:
            return
        finally:
            seconds = time.perf_counter() - started_s
            self.keeper.note(visit, seconds=seconds)
            if self._log:
                self._log.write(visit, now=self._clock(), seconds=seconds)

    async def _answer(self, scope: Scope, path: str, receive: Receive, visit: Visit) -> Answer | None:
        """The answer, None for a request that is to have none. Raises ClientGone."""
        keeper, query = self.keeper, scope["query_string"].decode("latin-1")
        try:
            body = await _read_body(scope, receive)
            visit.is_read, visit.bytes_in = True, len(body)
            sha256, quick_read = await self._hash_and_read(body, visit)
            signed = SignedRequest(scope["method"], path, query, scope["headers"], sha256)
            visit.principal = keeper.identify(signed, now=self._clock())
        except Refused as refused:
            return keeper.refusal(refused, now=self._clock())
        visit.faults = keeper.injector.next_faults(visit.operation)
        await self._wait(visit)
        outcome = visit.outcome
        if outcome and outcome.kind in ERRORS:
            return keeper.refusal(Refused(*ERRORS[outcome.kind]), now=self._clock())
        if outcome and outcome.kind is Kind.RESET_BEFORE:
            return None
        now = self._clock()
        request = Request(scope["method"], path, body, query)
        return apply(self._state, request, now, quick_read=quick_read, admit=keeper.admit(visit, now=now))

    async def _hash_and_read(self, body: bytes, visit: Visit) -> tuple[str, QuickRead]:
        """The SHA-256 of *body* where signatures are checked, and what reads it.

        A large one is hashed on another core, while this one reads it already.
        """
        if self.keeper.verifier is None:
            return "", self._quick_read
        if len(body) < LARGE_BODY_BYTES or visit.operation != PUT_VECTORS:
            return _sha256(body), self._quick_read
        hashing = asyncio.get_running_loop().run_in_executor(None, _sha256, body)
        put = self._quick_read(body)
        return await hashing, lambda _: put

    async def _wait(self, visit: Visit) -> None:
        """Let the time pass that the request takes."""
        seconds = self.keeper.wait_s(visit)
        for fault in visit.faults:
            if fault.kind is Kind.LATENCY:
                seconds += fault.seconds
            elif fault.kind is Kind.STALL:
                self._stalled_until_s = max(self._stalled_until_s, time.perf_counter() + fault.seconds)
        if seconds:
            await self._pause(seconds)
        while (left_s := self._stalled_until_s - time.perf_counter()) > 0 and not self._hurry.is_set():
            await self._pause(left_s)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _deliver(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        """Send the answer, as far as the request's outcome lets it through."""
        answer, outcome = visit.answer, visit.outcome
        kind = outcome.kind if outcome else None
        if answer is None or kind is Kind.RESET_AFTER:
            await reset(scope, receive)
        elif kind is Kind.LOST:
            await close_after(scope, receive)
        elif kind is Kind.TRUNCATED:
            await _start(send, answer)
            await _send_part(send, answer.body[: len(answer.body) // 2])
            await close_after(scope, receive)
        else:
            if outcome and kind is Kind.SLOW_BODY:
                await self._send_slowly(send, answer, outcome)
            else:
                await _send(send, answer, close=_is_asking(scope, visit))
            visit.is_answered = True

    async def _send_slowly(self, send: Send, answer: Answer, fault: Fault) -> None:
        await _start(send, answer)
        size = -(-len(answer.body) // SLOW_PIECES)
        for start in range(0, len(answer.body), size):
            await self._pause(fault.seconds * size / len(answer.body))
            await _send_part(send, answer.body[start : start + size])
        await send({"type": "http.response.body"})


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


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _header(scope: Scope, name: bytes) -> bytes | None:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value for each, value in headers if each == name), None)


def _is_asking(scope: Scope, visit: Visit) -> bool:
    """Whether the client awaits "100 Continue" and is refused instead.

    It sends no body now: the next request must not be taken for it.
    """
    return not visit.is_read and _header(scope, b"expect") is not None


async def _send(send: Send, answer: Answer, *, close: bool = False) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers()]
    if close:
        headers.append((b"connection", b"close"))
    await _send_bytes(send, answer.status, headers, answer.body)


async def _send_bytes(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _start(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
