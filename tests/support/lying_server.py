"""A proxy before an endpoint that answers well-formed lies: what each request is answered is decided by a function."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson
from hostile_server import operation_of


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the body is a JSON value."""

    status: int = 200
    body: Any = field(default_factory=dict)
    code: str = ""


Forward: TypeAlias = Callable[[Any], Reply]
#: Gets the operation, the body of the request, and a function that sends a body on to the endpoint.
Lie: TypeAlias = Callable[[str, Any, Forward], Reply]


class OnSome:
    """Calls *lie* for some operations, and is honest about the others."""

    def __init__(self, *operations: str, lie: Lie) -> None:
        self._operations, self._lie = operations, lie

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        return self._lie(operation, body, forward) if operation in self._operations else forward(body)


class EveryThird:
    """Calls *lie* for every third request."""

    def __init__(self, lie: Lie) -> None:
        self._lie, self._number, self._lock = lie, 0, threading.Lock()

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        with self._lock:
            self._number += 1
            is_third = self._number % 3 == 0
        return self._lie(operation, body, forward) if is_third else forward(body)


class Cached:
    """Answers a request that was answered before as it was then."""

    def __init__(self) -> None:
        self._answers: dict[bytes, Reply] = {}

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        key = orjson.dumps([operation, body])
        if key not in self._answers:
            self._answers[key] = forward(body)
        return self._answers[key]


class OfAnother:
    """Answers a request with the answer to the one before it, if that was a success."""

    def __init__(self) -> None:
        self._last: Reply | None = None

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        del operation
        own = forward(body)
        shown, self._last = self._last, own
        return shown if shown is not None and shown.status == own.status == 200 else own


def without_last_record(operation: str, body: Any, forward: Forward) -> Reply:
    """Store all vectors of a request but the last."""
    del operation
    records = body.get("vectors") if isinstance(body, dict) else None
    if isinstance(records, list) and len(records) > 1:
        body = {**body, "vectors": records[:-1]}
    return forward(body)


def without(member: str) -> Lie:
    """Return a lie that ignores *member* of a request."""

    def lie(operation: str, body: Any, forward: Forward) -> Reply:
        del operation
        return forward({name: value for name, value in body.items() if name != member} if body else body)

    return lie


def losing_one_per_page(operation: str, body: Any, forward: Forward) -> Reply:
    """Leave out the last vector of a page that is not the last page."""
    del operation
    reply = forward(body)
    is_page = reply.status == 200 and reply.body.get("nextToken")
    return replace(reply, body={**reply.body, "vectors": reply.body["vectors"][:-1]}) if is_page else reply


class RepeatingOnePerPage:
    """Begins each page with the last vector of the one before."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}

    def __call__(self, operation: str, body: Any, forward: Forward) -> Reply:
        del operation
        reply = forward(body)
        if reply.status != 200:
            return reply
        before = self._last.pop(str(body.get("nextToken")), None)
        vectors = reply.body["vectors"]
        if token := reply.body.get("nextToken"):
            self._last[token] = vectors[-1]
        return replace(reply, body={**reply.body, "vectors": [before, *vectors] if before else vectors})


def answer(reply: Reply) -> Lie:
    """Return a lie that is always the same, without any effect."""
    return lambda _operation, _body, _forward: reply


def answer_from(upstream: str, method: str, path: str, headers: Mapping[str, str], body: Any) -> Reply:
    """Send a request to *upstream* and return its answer."""
    data = b"" if body is None else orjson.dumps(body)
    sent = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    with closing(http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)) as connection:
        connection.request(method, path, data, sent)
        response = connection.getresponse()
        content = response.read()
    code = response.getheader("x-amzn-errortype") or ""
    return Reply(response.status, orjson.loads(content) if content else {}, code)


@contextmanager
def lying_server(upstream: str, lie: Lie) -> Iterator[str]:
    """Yield the URL of a server that answers as *lie* says. Requests that are no JSON reach it as None."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one segment
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                body = orjson.loads(content) if content else None
            except orjson.JSONDecodeError:
                body = None

            def forward(changed: Any) -> Reply:
                return answer_from(upstream, self.command, self.path, dict(self.headers.items()), changed)

            reply = lie(operation_of(self.command, self.path), body, forward)
            data = orjson.dumps(reply.body)
            self.send_response_only(reply.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            if reply.code:
                self.send_header("x-amzn-errortype", reply.code)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(data)
                self.wfile.flush()

        do_GET = do_DELETE = do_PUT = do_POST  # noqa: N815 - named by http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A request that the endpoint does not answer is a connection that is closed."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
