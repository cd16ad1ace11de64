"""The HTTP adapter: an ASGI application without a framework.

Before any of a body is read, web pages of other origins are refused, and the declared length is checked, as
the service does, and the headers of the signature. The body is hashed while it arrives, and the bodies in
memory are bounded. Then the request goes through the gateway. `/health` and the paths below `/_vecgate/` are
not part of the service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from vecgate.endpoint.auth.sigv4 import SignedRequest
from vecgate.endpoint.core import check_body_size
from vecgate.endpoint.faults.injection import Fault, FaultKind
from vecgate.endpoint.gateway import Gateway, GatewaySettings, RequestContext
from vecgate.endpoint.http.access_log import AccessLog
from vecgate.endpoint.http.admin import ADMIN_PREFIX, AdminAccess, AdminApi
from vecgate.endpoint.http.body import BodyHash, BodyMemory, ClientDisconnected
from vecgate.endpoint.http.browsers import is_foreign_page
from vecgate.endpoint.http.connection import Receive, Scope, close_after, one_write, reset
from vecgate.endpoint.requests.body_decoding import PutBodyReader, read_put_with_msgspec
from vecgate.endpoint.requests.messages import ApiError, Request, Response
from vecgate.endpoint.storage.state import State

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Observer: TypeAlias = Callable[[str, Request, Response | None], None]

HEALTH_PATH = "/health"
HEALTHY = Response(200, b'{"status":"ok"}', "")
#: A slow body is sent in this many pieces.
SLOW_PIECES = 10
FOREIGN_PAGE = ApiError(
    "AccessDeniedException", "The vecgate endpoint does not answer web pages of other origins"
)


class HttpApp:
    """The endpoint as an ASGI application.

    state       what it serves; nothing else may use it at the same time
    settings    how requests are treated
    clock       returns the time in epoch seconds
    put_reader  decodes the bodies of PutVectors that it supports
    log         receives every request; None for no log
    observe     receives the operation, the request and the response, None if a fault breaks the connection,
                before the response is sent
    admin       who may use the admin API
    """

    def __init__(
        self,
        state: State,
        *,
        settings: GatewaySettings | None = None,
        clock: Callable[[], float] = time.time,
        put_reader: PutBodyReader = read_put_with_msgspec,
        log: AccessLog | None = None,
        admin: AdminAccess | None = None,
        observe: Observer | None = None,
    ) -> None:
        self.gateway: Gateway = Gateway(state, settings or GatewaySettings())
        self._clock, self._put_reader, self._log, self._observe = clock, put_reader, log, observe
        self._admin, self._admin_access = AdminApi(self.gateway), admin or AdminAccess()
        self._body_memory = BodyMemory()
        self._stalled_until_s = 0.0
        self._is_stopping = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["raw_path"].decode("latin-1")
        if is_foreign_page(scope["headers"], scheme=scope.get("scheme", "http")):
            refusal = self.gateway.error_response(FOREIGN_PAGE, now=self._clock())
            await _send_response(scope, send, refusal, close=_find_header(scope, b"expect") is not None)
        elif path == HEALTH_PATH:
            await _send_response(scope, send, HEALTHY)
        elif path.startswith(ADMIN_PREFIX):
            await self._serve_admin(scope, path, receive, send)
        else:
            await self._serve(scope, path, receive, send)

    def stop_waiting(self) -> None:
        """End all simulated delays: requests in flight are answered now."""
        self._is_stopping.set()

    async def _serve_admin(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        method = scope["method"]
        response = self._admin_access.reject(method, path, scope["client"], scope["headers"])
        try:
            if response is None:
                body, _ = await self._read_body(scope, receive, is_hashed=False)
                response = await self._admin.respond(method, path, body)
        except ApiError as error:
            refusal = self.gateway.error_response(error, now=self._clock())
            await _send_response(scope, send, refusal, close=True)
        except ClientDisconnected:
            return
        else:
            await _send_bytes(scope, send, response.status, response.headers(), response.body)

    async def _serve(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        started_s, context = time.perf_counter(), self.gateway.start_request(scope["method"], path)
        try:
            context.response = await self._respond(scope, path, receive, context)
            await self._deliver(scope, receive, send, context)
        except ClientDisconnected:
            return
        finally:
            seconds = time.perf_counter() - started_s
            self.gateway.finish_request(context, seconds=seconds)
            if self._log:
                self._log.write(context, now=self._clock(), seconds=seconds)

    async def _respond(
        self, scope: Scope, path: str, receive: Receive, context: RequestContext
    ) -> Response | None:
        """Return the response, or None to break the connection. Raises ClientDisconnected."""
        gateway, method, query = self.gateway, scope["method"], scope["query_string"].decode("latin-1")
        try:
            _check_declared_size(scope)
            signer = gateway.identify(scope["headers"], now=self._clock())
            body, sha256 = await self._read_body(scope, receive, is_hashed=signer is not None)
            context.has_whole_body, context.bytes_in = True, len(body)
            if signer is not None:
                signed = SignedRequest(method, path, query, scope["headers"], sha256)
                context.principal = gateway.authenticate(signer, signed)
        except ApiError as error:
            return gateway.error_response(error, now=self._clock())
        gateway.select_faults(context)
        await self._delay(context)
        request = Request(method, path, body, query)
        response = gateway.respond(context, request, now=self._clock(), put_reader=self._put_reader)
        if self._observe:
            self._observe(context.operation, request, response)
        return response

    async def _read_body(self, scope: Scope, receive: Receive, *, is_hashed: bool) -> tuple[bytes, str]:
        """Return the whole body and its SHA-256, empty unless *is_hashed*.

        Raises ApiError if it is too large, ClientDisconnected if it never completes.
        """
        _check_declared_size(scope)
        parts, length, body_hash, owner = list[bytes](), 0, BodyHash() if is_hashed else None, object()
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnected
                part = message.get("body", b"")
                parts.append(part)
                length += len(part)
                check_body_size(length)
                if body_hash:
                    await body_hash.add(part)
                if not message.get("more_body", False):
                    break
                await self._body_memory.add(owner, len(part))
        finally:
            self._body_memory.release(owner)
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return body, await body_hash.hexdigest() if body_hash else ""

    async def _delay(self, context: RequestContext) -> None:
        """Wait for the simulated latency, injected latencies and stalls."""
        seconds = self.gateway.latency_s(context)
        for fault in context.faults:
            if fault.kind is FaultKind.LATENCY:
                seconds += fault.seconds
            elif fault.kind is FaultKind.STALL:
                self._stalled_until_s = max(self._stalled_until_s, time.perf_counter() + fault.seconds)
        if seconds:
            await self._sleep(seconds)
        while (stall_s := self._stalled_until_s - time.perf_counter()) > 0 and not self._is_stopping.is_set():
            await self._sleep(stall_s)

    async def _sleep(self, seconds: float) -> None:
        """Sleep for *seconds*, or until the server stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_stopping.wait(), seconds)

    async def _deliver(self, scope: Scope, receive: Receive, send: Send, context: RequestContext) -> None:
        """Send the response, unless a fault breaks the connection before, during or after it."""
        response, fault = context.response, context.final_fault
        kind = fault.kind if fault else None
        if response is None or kind is FaultKind.RESET_AFTER:
            await reset(scope, receive)
        elif kind is FaultKind.LOST:
            await close_after(scope, receive)
        elif kind is FaultKind.TRUNCATED:
            await _send_head(send, response)
            await _send_part(send, response.body[: len(response.body) // 2])
            await close_after(scope, receive)
        else:
            if fault and kind is FaultKind.SLOW_BODY:
                await self._send_slowly(send, response, fault)
            else:
                await _send_response(scope, send, response, close=_awaits_continue(scope, context))
            context.is_answered = True

    async def _send_slowly(self, send: Send, response: Response, fault: Fault) -> None:
        await _send_head(send, response)
        size = -(-len(response.body) // SLOW_PIECES)
        for start in range(0, len(response.body), size):
            await self._sleep(fault.seconds * size / len(response.body))
            await _send_part(send, response.body[start : start + size])
        await send({"type": "http.response.body"})


def _check_declared_size(scope: Scope) -> None:
    check_body_size(int(_find_header(scope, b"content-length") or 0))


def _find_header(scope: Scope, name: bytes) -> bytes | None:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value for each, value in headers if each == name), None)


def _awaits_continue(scope: Scope, context: RequestContext) -> bool:
    """Return whether the client still awaits "100 Continue" but gets an error instead.

    It will not send its body, so the connection must close: the next request would be read as the body.
    """
    return not context.has_whole_body and _find_header(scope, b"expect") is not None


async def _send_response(scope: Scope, send: Send, response: Response, *, close: bool = False) -> None:
    headers = _encode_headers(response)
    if close:
        headers.append((b"connection", b"close"))
    await _send_bytes(scope, send, response.status, headers, response.body)


async def _send_bytes(
    scope: Scope, send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    # Go's client may lose a response whose head arrives before its body.
    with one_write(scope):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _send_head(send: Send, response: Response) -> None:
    headers = _encode_headers(response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _encode_headers(response: Response) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in response.headers()]
