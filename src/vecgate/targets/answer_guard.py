"""Limits for a server that hangs or never stops sending.

Each request has a deadline for its whole answer, and each answer a largest size. An operation that was not
answered UNANSWERED_MAX times is no longer sent, so that a run against such a server ends.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from vecgate.errors import TransportError

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
#: Larger than any answer of the service, which ends a page at about 1 MB.
ANSWER_BYTES_MAX = 64 * 2**20
#: Requests of one operation without a complete answer, after which it is no longer sent.
UNANSWERED_MAX = 3
#: The same for requests of any operation without an answer to another one between them.
UNANSWERED_IN_A_ROW_MAX = 6


class AnswerTooLarge(OSError):
    """An answer is larger than the limit."""


class AnswerGuard:
    """Limits the answers to the requests of some clients, and stops operations that are not answered.

    timeout_s  seconds until the last byte of an answer must have arrived
    bytes_max  largest answer, with its headers
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S, bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self.timeout_s, self.bytes_max = timeout_s, bytes_max
        self._unanswered: Counter[str] = Counter()
        self._in_a_row = 0
        self._lock = threading.Lock()

    @property
    def client_settings(self) -> dict[str, Any]:
        """The timeouts of a boto3 client, as settings of botocore's Config."""
        return {"connect_timeout": min(CONNECT_TIMEOUT_S, self.timeout_s), "read_timeout": self.timeout_s}

    def watch(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Apply the limits to all further requests of *client*."""
        # botocore has no public way to limit an answer as a whole.
        session = client._endpoint.http_session  # noqa: SLF001 - as above
        session._pool_classes_by_scheme["http"] = _pool_class(self)  # noqa: SLF001 - as above
        self.limit_context(session._manager.connection_pool_kw["ssl_context"])  # noqa: SLF001 - as above
        events = client.meta.events
        events.register_first("before-parameter-build.s3vectors", self._on_request)
        events.register("response-received.s3vectors", self._on_answer)

    def limit_context(self, context: ssl.SSLContext) -> None:
        """Apply the limits to the connections of *context*."""
        context.sslsocket_class = type("LimitedTls", (_Limited, ssl.SSLSocket), {"guard": self})

    def limit_socket(self, plain: socket.socket) -> socket.socket:
        """Return the connection *plain* with the limits."""
        limited = _LimitedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        limited.guard = self
        limited.settimeout(self.timeout_s)
        return limited

    def connection(self, host: str, port: int | None, context: ssl.SSLContext | None) -> HTTPConnection:
        """Return a connection with the limits, over TLS if there is a *context*."""
        if context is None:
            return _LimitedConnection(host, port, self)
        self.limit_context(context)
        return HTTPSConnection(host, port, timeout=self.timeout_s, context=context)

    def check(self, operation: str) -> None:
        """Raise TransportError if *operation* is no longer sent."""
        if self._unanswered[operation] >= UNANSWERED_MAX:
            reason = f"the operation does not answer: {UNANSWERED_MAX} requests {self._without_answer}"
        elif self._in_a_row >= UNANSWERED_IN_A_ROW_MAX:
            reason = f"the target does not answer: {UNANSWERED_IN_A_ROW_MAX} requests {self._without_answer}"
        else:
            return
        raise TransportError(operation, f"{reason}, so it is no longer sent", is_connect=True)

    def count(self, operation: str, error: BaseException | None) -> None:
        """Count a request of *operation* that ended with *error*, or was answered."""
        with self._lock:
            if error is None:
                self._in_a_row = 0
            elif _is_unanswered(error):
                self._unanswered[operation] += 1
                self._in_a_row += 1

    @property
    def _without_answer(self) -> str:
        return f"got no complete answer of at most {self.bytes_max:,} bytes within {self.timeout_s:g} s"

    def _on_request(self, model: Any, **_: object) -> None:  # noqa: ANN401 - boto3 has no types
        self.check(model.name)

    def _on_answer(self, exception: Exception | None, event_name: str, **_: object) -> None:
        self.count(event_name.rsplit(".", 1)[-1], exception)


class _Limited:
    """A socket that ends each answer at the deadline and at the size of its *guard*.

    A request begins with the first byte that is sent after bytes were received.
    """

    guard: AnswerGuard
    _deadline_s = 0.0
    _received = 0
    _is_answering = True

    def sendall(self, *arguments: Any) -> None:  # noqa: ANN401 - those of a socket
        self._begin()
        super().sendall(*arguments)  # type: ignore[misc]  # a socket's

    def recv_into(self, *arguments: Any, **more: Any) -> int:  # noqa: ANN401 - those of a socket
        self._is_answering = True
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"no complete answer within {self.guard.timeout_s:g} s")
        self.settimeout(left_s)  # type: ignore[attr-defined]  # a socket's
        number: int = super().recv_into(*arguments, **more)  # type: ignore[misc]  # a socket's
        self._received += number
        if self._received > self.guard.bytes_max:
            raise AnswerTooLarge(f"the answer is larger than {self.guard.bytes_max:,} bytes")
        return number

    def _begin(self) -> None:
        if self._is_answering:
            self._is_answering, self._received = False, 0
            self._deadline_s = time.monotonic() + self.guard.timeout_s


class _LimitedSocket(_Limited, socket.socket):
    """A connection without TLS."""


class _LimitedConnection(HTTPConnection):
    """A connection without TLS of the standard library."""

    def __init__(self, host: str, port: int | None, guard: AnswerGuard) -> None:
        super().__init__(host, port, timeout=guard.timeout_s)
        self._guard = guard

    def connect(self) -> None:
        super().connect()
        self.sock = self._guard.limit_socket(self.sock)


def _pool_class(guard: AnswerGuard) -> type:
    """Return a class of connection pools, as botocore creates them, whose connections have the limits."""

    class Connection(AWSHTTPConnection):  # type: ignore[misc]  # botocore has no types
        def _new_conn(self) -> socket.socket:
            return guard.limit_socket(super()._new_conn())

    class Pool(AWSHTTPConnectionPool):  # type: ignore[misc]  # botocore has no types
        ConnectionCls = Connection

    return Pool


def _is_unanswered(error: BaseException) -> bool:
    """Return whether *error* comes from a limit: other errors cost no time."""
    seen: list[BaseException] = [error]
    while seen:
        each = seen.pop()
        if isinstance(each, (TimeoutError, AnswerTooLarge, ReadTimeoutError, ConnectTimeoutError)):
            return True
        nested = [*each.args, *getattr(each, "kwargs", {}).values(), each.__cause__]
        seen += [cause for cause in nested if isinstance(cause, BaseException)]
    return False
